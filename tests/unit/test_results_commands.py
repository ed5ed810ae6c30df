"""The printed table, of what compare's own code made of known answers."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from onestage import outputs
from onestage.cli import main
from onestage.comparison.published import PublishedFigure
from onestage.comparison.settings import Compare
from onestage.comparison.tables import Context, comparison
from onestage.records import Prediction

CHOICES = Compare(confidence=0.95, reference="", published="", published_as={"exam": "paper"})
FIGURES = [
    PublishedFigure("paper", "GPT", 38.8, "doubtful", "s", "mind this"),
    PublishedFigure("paper", "Own", 50.0, "read", "s", ""),
]


def _answers(right: int) -> list[Prediction]:
    """Of 20 questions the first `right` ones, and of one with several answers half."""
    answers = [
        Prediction("exam", str(n), "tcm", "", "A", "A" if n < right else "B", n < right)
        for n in range(20)
    ]
    return [*answers, Prediction("exam", "several", "tcm", "", "AC", "C", False)]


@pytest.fixture
def metrics(tmp_path: Path) -> Path:
    answers = {"base": _answers(2), "own": _answers(18)}
    counts = {"exam": {"items": 21, "items_found": 2, "records": 5}}
    tables = comparison(answers, CHOICES, Context({"paper": FIGURES}, counts))
    outputs.write_json(tmp_path / "compare.json", tables)
    losses = {"heldout_loss": {"web": {"before": 7.0, "after": 5.0, "drop": 0.28}}}
    outputs.write_json(tmp_path / "train.json", losses)
    return tmp_path


def _lines(metrics: Path, *options: str) -> list[str]:
    result = CliRunner().invoke(main, ["results", "--metrics", str(metrics), *options])
    assert result.exit_code == 0, result.output
    return [" ".join(line.split()) for line in result.stdout.splitlines()]


def test_all_parts_are_told(metrics: Path) -> None:
    lines = _lines(metrics)
    assert "web 7.000 5.000" in lines
    assert "own exam 0.857 (0.654 to 0.950)" in lines
    assert "base exam 0.000 0.500 of 1 questions" in lines
    (test,) = [line for line in lines if line.startswith("own - base")]
    assert test.startswith("own - base exam +0.762 (+0.489 to +0.894)")
    assert test.endswith("p <.0001 <.0001")
    assert "exam GPT 0.388 doubtful: mind this" in lines
    assert "exam Own 0.500 read" in lines
    assert "exam 2 of 21, in 5 conversations" in lines


def test_groups_are_told_when_asked_for(metrics: Path) -> None:
    assert not [line for line in _lines(metrics) if "exam/tcm" in line]
    assert len([line for line in _lines(metrics, "--groups") if "exam/tcm" in line]) == 5


def test_a_table_of_an_earlier_version_is_told_as_well(metrics: Path) -> None:
    figures = {"items": 2, "right": 1, "accuracy": 0.5, "low": 0.1, "high": 0.9}
    (metrics / "compare.json").write_text(json.dumps({"own": {"mc": figures}}), encoding="utf-8")
    lines = _lines(metrics)
    assert "own mc 0.500 (0.100 to 0.900)" in lines
    assert not [line for line in lines if line.startswith(("Differences", "Published"))]
