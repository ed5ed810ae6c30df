"""weigh-lexicon, train-filter and calibrate as they are typed."""

import csv
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from onestage.cli import main
from onestage.collect.classifier import load_classifier
from onestage.collect.density import load_lexicon


def _run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [
        {"text": f"患者{n}血压升高，给予药物治疗，意识清楚。", "label": 1}
        for n in "甲乙丙丁戊" * 12
    ]
    rows += [
        {"text": f"比赛{n}市场价格，今天的电影，意识不同。", "label": 0} for n in "甲乙丙丁戊" * 24
    ]
    for place, row in enumerate(rows):
        row["text"] = f"{row['text']}{chr(0x4E00 + place)}"
    lines = [msgspec.json.encode(row) for row in rows]
    (tmp_path / "rows.jsonl").write_bytes(b"\n".join(lines))
    (tmp_path / "text.jsonl").write_bytes(b"\n".join(lines * 3))
    (tmp_path / "lexicon.txt").write_text("血压\n药物治疗\n意识\n", encoding="utf-8")
    return tmp_path


def test_a_lexicon_is_weighed_and_calibrated(folder: Path) -> None:
    rows, lexicon, out = folder / "rows.jsonl", folder / "lexicon.txt", folder / "weighted.tsv"
    result = _run("weigh-lexicon", "--lexicon", lexicon, "--labelled", rows, "--out", out)
    assert result.exit_code == 0, result.output
    assert "3 terms, 1 of which weigh less than a half" in result.output
    assert load_lexicon(out).weights["意识"] < 0.3
    plot = folder / "curve.svg"
    result = _run("calibrate", "--labelled", rows, "--lexicon", out, "--plot", plot)
    assert result.exit_code == 0, result.output
    assert "60 domain and 120 general passages" in result.output
    assert "plain density: recommended" in result.output
    assert "weighted density: recommended" in result.output
    assert plot.read_text(encoding="utf-8").startswith("<svg")
    with plot.with_suffix(".csv").open(encoding="utf-8") as stream:
        listed = list(csv.DictReader(stream))
    assert {row["score"] for row in listed} == {"plain density", "weighted density"}
    assert sum(row["recommended"] == "1" for row in listed) == 2


def test_a_filter_is_trained_alike_twice_and_calibrated_beside_the_lexicon(folder: Path) -> None:
    rows, lexicon = folder / "rows.jsonl", folder / "lexicon.txt"
    outs = [folder / "one.safetensors", folder / "two.safetensors"]
    for out in outs:
        result = _run("train-filter", "--labelled", rows, "--out", out)
        assert result.exit_code == 0, result.output
    assert "60 domain and 120 general" in result.output
    assert outs[0].read_bytes() == outs[1].read_bytes()
    result = _run("calibrate", "--labelled", rows, "--lexicon", lexicon, "--classifier", outs[0])
    assert result.exit_code == 0, result.output
    assert "classifier: recommended" in result.output
    assert "both: at the recommended thresholds of plain density and classifier" in result.output


def test_a_filter_is_trained_without_labels(folder: Path) -> None:
    lexicon, out = folder / "lexicon.txt", folder / "filter.safetensors"
    text = folder / "text.jsonl"
    result = _run("train-filter", "--text", text, "--lexicon", lexicon, "--out", out)
    assert result.exit_code == 1
    assert "at least 50 different passages of label 1" in result.output
    more = [f"今天的比赛{chr(0x5000 + place)}市场价格。" for place in range(400)]
    (folder / "more.txt").write_text("\n".join(more), encoding="utf-8")
    texts = ("--text", text, "--text", folder / "more.txt")
    result = _run("train-filter", *texts, "--lexicon", lexicon, "--out", out)
    assert result.exit_code == 0, result.output
    assert "as the lexicon labels them" in result.output
    found = load_classifier(out).probabilities(["血压升高，药物治疗", "市场价格"])
    assert found[0] > 0.5 > found[1]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["calibrate", "--labelled", "ROWS"], 2, "give --lexicon, --classifier or both"),
        (["calibrate", "--labelled", "ROWS", "--lexicon", "none"], 1, "none: no such lexicon"),
        (["calibrate", "--labelled", "LEXICON", "--lexicon", "LEXICON"], 1, "line 1: expected"),
        (
            ["calibrate", "--labelled", "ROWS", "--lexicon", "LEXICON", "--plot", "a.png"],
            1,
            "a.png: expected a name that ends in .svg",
        ),
        (["train-filter", "--out", "a.safetensors"], 2, "give either --labelled, or both"),
        (["train-filter", "--labelled", "ROWS", "--out", "a"], 1, "a: expected a file name with"),
        (
            ["train-filter", "--labelled", "ROWS", "--lexicon", "LEXICON", "--out", "a.st"],
            2,
            "give either --labelled, or both",
        ),
    ],
)
def test_wrong_usage_is_one_line(folder: Path, arguments: list[str], code: int, said: str) -> None:
    names = {"ROWS": str(folder / "rows.jsonl"), "LEXICON": str(folder / "lexicon.txt")}
    result = _run(*[names.get(argument, argument) for argument in arguments])
    assert result.exit_code == code
    assert said in result.output
    assert "Traceback" not in result.output
