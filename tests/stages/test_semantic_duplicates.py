"""The dedupe stage with a model of sentences, and without one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import RunStage
from given import ROOT, conversation, parameters, read_lines, write_params, write_records

NAMES = {
    "conversations": "data/unify",
    "benchmarks_dir": "benchmarks",
    "contamination": "m/contamination.json",
    "out": "data/dedupe",
    "rejected": "rejected/dedupe",
    "metrics": "m/dedupe.json",
}
DIRECTIONS = {
    "高": [1.0, 0.0, 0.0], "亢": [1.0, 0.0, 0.0], "血": [0.0, 1.0, 0.0], "热": [0.0, 0.0, 1.0],
}  # fmt: skip


def _given(workplace: Path, *, model: str, threshold: float) -> None:
    texts = ["血高高高血高", "亢亢血血亢亢", "热热热热高热"]
    web = [conversation("问", "答", source="web", kind="web", passage=text) for text in texts]
    write_records(workplace / "data/unify/web", web)
    write_records(workplace / "data/unify/sft", [conversation("热热", "血血")])
    document = parameters()
    document["dedupe"]["semantic"] = {"threshold": threshold, "model": model, "exact_below": 10}
    write_params(workplace, document)


@pytest.mark.usefixtures("one_thread")
def test_passages_of_one_meaning_leave_one(
    workplace: Path, run_stage: RunStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("sentence_transformers")
    from small_embedders import token_table  # noqa: PLC0415

    monkeypatch.setenv("ONESTAGE_WORKERS", "1")
    token_table(workplace / "model", DIRECTIONS)
    _given(workplace, model="model", threshold=0.95)
    result = run_stage("dedupe", **NAMES)
    assert (result.exit_code, result.output) == (0, "")
    kept, (removed,) = read_lines(Path("data/dedupe")), read_lines(Path("rejected/dedupe"))
    assert len(kept) == 3
    assert removed["reason"] == "semantic_duplicate"
    assert removed["detail"]["similarity"] == 1.0
    assert removed["detail"]["kept"] in {line["id"] for line in kept}
    metrics = json.loads(Path("m/dedupe.json").read_text("utf-8"))
    assert metrics["web"] == {
        "records": 3, "kept": 2, "rejected": {"semantic_duplicate": 1},
        "embedded": {"texts": 3, "in_windows": 0},
    }  # fmt: skip
    assert metrics["sft"]["embedded"] == {"texts": 3, "in_windows": 0}
    assert sorted(path.name for path in Path("data/dedupe").iterdir()) == ["part-00000.jsonl"]


def test_a_model_that_is_not_there_is_told_before_anything_is_read(
    workplace: Path, run_stage: RunStage
) -> None:
    pytest.importorskip("sentence_transformers")
    _given(workplace, model="none", threshold=0.95)
    (workplace / "data/unify/web/part-00000.jsonl").write_text("{}\n")
    result = run_stage("dedupe", **NAMES)
    assert result.exit_code == 1
    assert "none/modules.json: missing" in result.output
    assert result.output.count("\n") == 1


def test_without_a_threshold_nothing_heavy_is_imported(workplace: Path) -> None:
    _given(workplace, model="none", threshold=0.0)
    arguments = [
        part for key, value in NAMES.items() for part in (f"--{key.replace('_', '-')}", value)
    ]
    code = (
        "import sys\nfrom stages.dedupe import main\n"
        f"main({arguments!r}, standalone_mode=False)\n"
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'usearch'}\n"
        "assert not heavy & set(sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "ONESTAGE_WORKERS": "1"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    assert len(read_lines(Path("data/dedupe"))) == 4
    assert "embedded" not in Path("m/dedupe.json").read_text("utf-8")
