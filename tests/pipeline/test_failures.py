"""A stage that fails leaves no partial output, and `dvc checkout` brings the former one back."""

import shutil
from pathlib import Path

import pytest
from pipeline.clones import Clone, digests, ran

pytestmark = pytest.mark.xdist_group("first")


@pytest.fixture
def clone(first: Clone, tmp_path: Path) -> Clone:
    return first.copied_to(tmp_path / "clone")


def error_lines(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith("Error: ")]


def partial_files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*.partial") if ".dvc" not in path.parts]


def test_a_source_that_breaks(clone: Clone, first: Clone) -> None:
    before = digests(clone.root, ("data/collect", "data/rejected"))
    corpus = clone.root / "data" / "toy" / "corpora" / "web_zh.jsonl"
    valid = corpus.read_bytes()
    # The first half is good, so that the stage has written records when it meets the rest.
    lines = valid.splitlines(keepends=True)
    corpus.write_bytes(b"".join(lines[: len(lines) // 2]) + b'{"title": "cut\n' * 5)

    output = clone.dvc("repro", "collect@web_zh", succeeds=False)
    assert ran(output) == ["collect@web_zh"]
    assert "failed to reproduce 'collect@web_zh'" in output
    assert len(error_lines(output)) == 1
    assert "web_zh.jsonl" in error_lines(output)[0]
    assert "Traceback" not in output
    for out in (
        "data/collect/web_zh",
        "data/rejected/collect/web_zh",
        "metrics/collect/web_zh.json",
    ):
        assert not (clone.root / out).exists(), out
    assert partial_files(clone.root) == []

    corpus.write_bytes(valid)
    clone.dvc("checkout")
    assert digests(clone.root, ("data/collect", "data/rejected")) == before
    counts = "metrics/collect/web_zh.json"  # git's to bring back, not DVC's
    shutil.copyfile(first.root / counts, clone.root / counts)
    assert ran(clone.dvc("repro", "collect")) == []


def test_a_fan_in_that_breaks(clone: Clone) -> None:
    before = digests(clone.root, ("data/dedupe", "data/rejected"))
    stray = clone.root / "data" / "unify" / "left_behind"
    stray.mkdir()
    (stray / "part-00000.jsonl").touch()

    output = clone.dvc("repro", "--single-item", "dedupe", succeeds=False)
    assert ran(output) == ["dedupe"]
    assert len(error_lines(output)) == 1
    assert "left_behind" in error_lines(output)[0]
    counts = ("metrics/dedupe.json", "metrics/contamination.json")
    for out in ("data/dedupe", "data/rejected/dedupe", *counts):
        assert not (clone.root / out).exists(), out
    assert partial_files(clone.root) == []

    shutil.rmtree(stray)
    clone.dvc("checkout")
    assert digests(clone.root, ("data/dedupe", "data/rejected")) == before
