import pytest

from onestage.comparison.published import PublishedFigure
from onestage.comparison.settings import Compare
from onestage.comparison.tables import (
    DIFFERENCE_COLUMNS,
    SUBJECT_COLUMNS,
    Context,
    Tables,
    comparison,
    difference_rows,
    plot_rows,
    subject_rows,
    with_interval,
)
from onestage.models import Model
from onestage.records import Prediction

CHOICES = Compare(confidence=0.95, reference="", published="", published_as={"exam": "paper"})
MODELS = {key: Model(path="p", label=f"the {key}") for key in ("base", "own")}


def _answers(*chosen: str) -> list[Prediction]:
    """Two single-choice questions of an exam's track, one with several answers, one benchmark."""
    asked = [("exam", "tcm", "best", "A"), ("exam", "tcm", "best", "B"),
             ("exam", "tcm", "several", "AC"), ("mc", "", "", "D")]  # fmt: skip
    return [
        Prediction(benchmark, str(n), track, kind, answer, predicted, answer == predicted)
        for n, ((benchmark, track, kind, answer), predicted) in enumerate(
            zip(asked, chosen, strict=True)
        )
    ]


@pytest.fixture(scope="module")
def tables() -> Tables:
    answers = {"base": _answers("A", "C", "AB", "A"), "own": _answers("A", "B", "A", "D")}
    figure = PublishedFigure("paper/tcm", "GPT", 38.8, "doubtful", "s", "mind this")
    found = {name: {"items": 9, "items_found": 2, "records": 3} for name in ("exam", "mc")}
    return comparison(answers, CHOICES, Context({"paper/tcm": [figure]}, found))


def test_accuracies_have_their_intervals(tables: Tables) -> None:
    figures = with_interval({"items": 10, "right": 5, "accuracy": 0.5}, CHOICES)
    assert (figures["low"], figures["high"]) == pytest.approx((0.2366, 0.7634), abs=5e-5)
    exam = tables["own"]["exam"]
    assert (exam["items"], exam["right"], exam["accuracy"]) == (3, 2, pytest.approx(2 / 3))
    assert exam == exam | with_interval({f: exam[f] for f in ("items", "right")}, CHOICES)


def test_a_difference_stands_with_the_later_key_alone(tables: Tables) -> None:
    assert all("against" not in figures for figures in tables["base"].values())
    assert {name: one["against"]["base"]["only_model"] for name, one in tables["own"].items()} == {
        "exam": 1, "exam/tcm": 1, "exam/tcm/best": 1, "exam/tcm/several": 0, "mc": 1,
    }  # fmt: skip


def test_partial_credit_stands_by_exam_track_and_type(tables: Tables) -> None:
    for name in ("exam", "exam/tcm", "exam/tcm/several"):
        shown = [tables[key][name]["several_answers"] for key in ("base", "own")]
        assert [(one["items"], one["right"], one["partial_credit"]) for one in shown] == [
            (1, 0, 0.0), (1, 0, 0.5),
        ]  # fmt: skip
    assert "several_answers" not in tables["own"]["exam/tcm/best"]


def test_published_figures_and_contamination_stand_where_they_belong(tables: Tables) -> None:
    assert [name for name, one in tables["own"].items() if "published" in one] == ["exam/tcm"]
    (shown,) = tables["own"]["exam/tcm"]["published"]
    assert (shown["accuracy"], shown["warning"]) == (pytest.approx(0.388), "mind this")
    with_counts = [name for name, one in tables["own"].items() if "contamination" in one]
    assert with_counts == ["exam", "mc"]


def test_whole_benchmarks_and_tracks_are_plotted(tables: Tables) -> None:
    rows = plot_rows(tables, MODELS)
    assert [(row["benchmark"], row["model"]) for row in rows] == [
        (name, f"the {key}") for key in ("base", "own") for name in ("exam", "exam/tcm", "mc")
    ]


def test_subjects_have_a_row_for_each_model(tables: Tables) -> None:
    rows = subject_rows(tables, MODELS)
    assert all(tuple(row) == SUBJECT_COLUMNS for row in rows)
    assert [row["group"] for row in rows[::2]] == list(tables["own"])
    assert [row["model"] for row in rows[:2]] == ["the base", "the own"]
    several = rows[7]
    assert (several["group"], several["partial_credit"]) == ("exam/tcm/several", 0.5)
    assert [row["contaminated_items"] for row in rows[::2]] == [2, "", "", "", 2]


def test_differences_have_a_row_for_each_pair(tables: Tables) -> None:
    rows = difference_rows(tables, MODELS)
    assert all(tuple(row) == DIFFERENCE_COLUMNS for row in rows)
    assert {row["pair"] for row in rows} == {"the own − the base"}
    assert [(row["group"], row["difference"]) for row in rows][-1] == ("mc", 1.0)
    alone = comparison({"own": _answers("A", "B", "A", "D")}, CHOICES, Context({}, {}))
    assert difference_rows(alone, MODELS) == []
