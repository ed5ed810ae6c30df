"""`onestage mixture` says the course before anything runs, or what is wrong in one line."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from given import ROOT, write_params

from onestage import params
from onestage.cli import main

_COUNTS = {
    "web_zh": 641_000, "web_en": 394_000, "literature_zh": 177_000, "literature_en": 878_000,
    "encyclopedia_zh": 411_000, "encyclopedia_en": 147_000, "books_zh": 1_836_000,
    "books_en": 802_000, "sft_zh": 142_248, "sft_en": 0,
}  # fmt: skip


@pytest.fixture
def document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Enter a folder with the toy profile, nothing held out, and the protocol's counts."""
    monkeypatch.chdir(tmp_path)
    found = params.load_document(ROOT / "profiles" / "toy.yaml")
    found["sample"]["heldout_share"] = {}
    write_params(tmp_path, found)
    Path("counts.json").write_text(json.dumps(_COUNTS), encoding="utf-8")
    return found


def _mixture(*options: str) -> Result:
    return CliRunner().invoke(main, ["mixture", *options])


def _table(output: str, title: str, source: str) -> list[float]:
    after = output.split(title)[1]
    line = next(line for line in after.splitlines() if line.startswith(f"{source} "))
    return [float(figure) for figure in line.split()[2:]]


def test_the_protocols_counts_give_the_protocols_table(document: dict[str, Any]) -> None:
    result = _mixture("--counts", "counts.json")
    assert result.exit_code == 0
    header = next(line for line in result.output.splitlines() if line.startswith("source "))
    assert header.split()[2:] == ["0%", "10%", "25%", "50%", "75%", "90%", "95%", "99%"]
    half = {s: round(_table(result.output, "Consumed", s)[3]) for s in _COUNTS}
    assert half == {
        "web_zh": 94, "web_en": 94, "literature_zh": 75, "literature_en": 75,
        "encyclopedia_zh": 50, "encyclopedia_en": 50, "books_zh": 29, "books_en": 29,
        "sft_zh": 8, "sft_en": 0,
    }  # fmt: skip
    assert [round(f) for f in _table(result.output, "Share", "sft_zh")[5:]] == [16, 32, 95]
    assert "426,744" in result.output  # 142,248 x 3


def test_json_says_the_same(document: dict[str, Any]) -> None:
    Path("counts.yaml").write_text(
        "".join(f"{source}: {count}\n" for source, count in _COUNTS.items()), encoding="utf-8"
    )
    result = _mixture("--counts", "counts.yaml", "--json")
    found = json.loads(result.output)
    assert found["copies"] == {s: _COUNTS[s] * (3 if "sft" in s else 1) for s in found["copies"]}
    assert len(found["course"]) == 8 * len(_COUNTS)
    row = next(r for r in found["course"] if (r["progress"], r["source"]) == (0.9, "sft_zh"))
    assert row.keys() == {"progress", "source", "consumed", "share"}
    assert round(100 * row["share"]) == 16


@pytest.mark.parametrize("strategy", ["random", "sequential", "two_stage"])
def test_every_strategy_has_an_expectation(document: dict[str, Any], strategy: str) -> None:
    document["sample"]["strategy"] = strategy
    write_params(Path(), document)
    output = _mixture("--counts", "counts.json").output
    web, sft = (_table(output, "Consumed", source) for source in ("web_zh", "sft_zh"))
    at_50 = {"random": (50, 50), "sequential": (100, 0), "two_stage": (54, 0)}[strategy]
    assert (round(web[3]), round(sft[3])) == at_50


def test_without_counts_it_reads_the_metrics_of_dedupe(document: dict[str, Any]) -> None:
    result = _mixture()
    assert result.exit_code == 1
    assert "metrics/dedupe.json: no such file; run dvc repro first" in result.stderr
    Path("metrics").mkdir()
    kept = {s: {"records": 9 * n, "kept": n, "rejected": {}} for s, n in _COUNTS.items()}
    text = json.dumps({**kept, "a summary": {"kept": 1, "of": "something"}})
    Path("metrics/dedupe.json").write_text(text, encoding="utf-8")
    assert _mixture().output == _mixture("--counts", "counts.json").output


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"web": 3}, "web is no source of the params"),
        ({"web_zh": -1}, "expected `source: records` for each source .*>= 0"),
        ({"web_zh": "many"}, "expected `source: records` for each source"),
        ({"web_zh": 1.5}, "expected `source: records` for each source"),
        (dict.fromkeys(_COUNTS, 0), "no record to draw"),
    ],
)
def test_a_wrong_count_is_one_line(
    document: dict[str, Any], change: dict[str, object], said: str
) -> None:
    Path("counts.json").write_text(json.dumps({**_COUNTS, **change}), encoding="utf-8")
    result = _mixture("--counts", "counts.json")
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert re.search(f"Error: counts.json: .*{said}", result.stderr)


def test_a_source_without_count_is_named(document: dict[str, Any]) -> None:
    Path("counts.json").write_text(json.dumps({"web_zh": 1}), encoding="utf-8")
    result = _mixture("--counts", "counts.json")
    assert "counts.json: no count of source books_zh; add it, 0 if it has none" in result.stderr
