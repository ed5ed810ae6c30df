import pytest

from onestage.comparison import Compare, plot_rows, require_same_items, with_interval
from onestage.errors import InputError
from onestage.models import Model
from onestage.records import Prediction


def _predictions(*items: str) -> list[Prediction]:
    return [Prediction("mc", item, "", "", "A", "A", True) for item in items]


def test_models_must_have_answered_the_same_items() -> None:
    require_same_items({"a": _predictions("1", "2"), "b": _predictions("1", "2")})
    with pytest.raises(InputError, match="models a and b answered different items"):
        require_same_items({"a": _predictions("1", "2"), "b": _predictions("1")})


def test_figures_get_their_interval_and_whole_benchmarks_and_tracks_are_plotted() -> None:
    figures = with_interval({"items": 10, "right": 5, "accuracy": 0.5}, Compare(confidence=0.95))
    assert (figures["low"], figures["high"]) == pytest.approx((0.2366, 0.7634), abs=5e-5)
    tables = {"own": dict.fromkeys(("exam", "exam/tcm", "exam/tcm/matching"), figures)}
    rows = plot_rows(tables, {"own": Model(path="p", label="one-stage")})
    assert [(row["benchmark"], row["model"]) for row in rows] == [
        ("exam", "one-stage"),
        ("exam/tcm", "one-stage"),
    ]
