import json
from pathlib import Path
from typing import Any

import pytest
from import_closure import ROOT

from onestage.comparison.published import beside, read_published, require_published_names
from onestage.comparison.settings import Compare
from onestage.errors import InputError, ParamError

FIGURE = {
    "benchmark": "exam/tcm", "model": "m", "percent": 47.5, "certainty": "read",
    "source": "s", "warning": "",
}  # fmt: skip
OURS = ROOT / "data" / "published.jsonl"


def _file(folder: Path, *figures: dict[str, Any]) -> Path:
    path = folder / "published.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in figures), encoding="utf-8")
    return path


def _choices(**published_as: str) -> Compare:
    return Compare(confidence=0.95, reference="", published="p", published_as=published_as)


def test_figures_stand_beside_the_group_of_the_declared_name(tmp_path: Path) -> None:
    published = read_published(_file(tmp_path, FIGURE, {**FIGURE, "model": "n"}))
    found = beside("ours/tcm", _choices(ours="exam"), published)
    assert [(one["model"], one["accuracy"]) for one in found] == [("m", 0.475), ("n", 0.475)]
    assert beside("ours", _choices(ours="exam"), published) == []
    assert beside("ours/tcm/matching", _choices(ours="exam"), published) == []
    assert beside("exam/tcm", _choices(ours="exam"), published) == []  # no key, no match


def test_an_empty_file_has_no_figures(tmp_path: Path) -> None:
    assert read_published(_file(tmp_path)) == {}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"percent": 475}, "percent"),
        ({"percent": "47.5"}, "percent"),
        ({"certainty": "sure"}, "certainty"),
        ({"certainty": "doubtful"}, "doubtful needs a warning"),
        ({"certainty": "second_hand"}, "second_hand needs a warning"),
        ({"more": 1}, "more"),
    ],
)
def test_a_line_that_is_no_figure_is_told(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    path = _file(tmp_path, FIGURE, {**FIGURE, **change})
    with pytest.raises(InputError, match=r"published.jsonl, line 2: .*mend the line") as caught:
        read_published(path)
    assert said in str(caught.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none: cannot be read .*mend compare.published"):
        read_published(tmp_path / "none")


def test_names_must_be_known_on_both_sides(tmp_path: Path) -> None:
    published = read_published(_file(tmp_path, FIGURE))
    require_published_names(_choices(ours="exam"), published, ["ours"])
    with pytest.raises(
        ParamError, match=r"published_as\.other: no benchmark.*expected one of ours"
    ):
        require_published_names(_choices(other="exam"), published, ["ours"])
    with pytest.raises(ParamError, match=r"p has no figures of mmlu; expected one of exam"):
        require_published_names(_choices(ours="mmlu"), published, ["ours"])


def test_rows_in_doubt_carry_their_warning() -> None:
    """The shipped figures: two rows that seem to belong elsewhere are never without a word."""
    figures = [one for group in read_published(OURS).values() for one in group]
    doubtful = {(one.model, one.benchmark) for one in figures if one.certainty == "doubtful"}
    names = {"medqa", "medmcqa", "cmb", "cmexam", "mmlu", "cmmlu", "ceval"}
    assert doubtful == {(model, name) for model in ("GPT-4", "HuatuoGPT-II 7B") for name in names}
    assert all("almost certainly" in one.warning for one in figures if one.certainty == "doubtful")
    read = {one.benchmark.split("/")[0] for one in figures if one.certainty == "read"}
    assert read == {"pharmacist_2023"}


def test_shipped_figures_are_those_of_the_protocol() -> None:
    published = read_published(OURS)
    by_model = {
        (one.model, one.benchmark, one.certainty): one.percent
        for group in published.values()
        for one in group
    }
    assert by_model["HuatuoGPT-II 34B", "pharmacist_2023/tcm", "read"] == 62.5
    assert by_model["GPT-4", "pharmacist_2023/pharmacy/matching", "read"] == 59.6
    assert by_model["HuatuoGPT-II 13B", "cmexam", "second_hand"] == 68.98
    assert by_model["HuatuoGPT-II 7B", "cmexam", "second_hand"] == 67.4
    assert by_model["HuatuoGPT-II 7B", "cmexam", "doubtful"] == 31.07
    assert len(by_model) == sum(map(len, published.values())) == 61
