"""Portions, workers and interruptions leave no trace in what collect writes."""

import importlib.util
import json
import os
import random
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from conftest import RunStage
from given import ROOT, parameters, read_lines, write_lines, write_params

from onestage.collect import drafting
from onestage.collect.drafting import (
    DraftedPortion,
    Portion,
    Work,
    draft_portion,
    plan_portions,
)
from onestage.collect.raw import Shard
from stages import collect

_PORTION_BYTES = 4000
_WORDS = (
    "高血压", "糖尿病", "头痛", "咳嗽", "水肿", "心悸", "治疗", "检查", "病人", "每日", "服用",
    "医生",
    "注意", "饮食", "血糖", "复诊",
)  # fmt: skip
# The same command with smaller portions, so that a test need not write gigabytes.
_SMALL_PORTIONS = f"""
from functools import partial
from stages import collect
collect.plan_portions = partial(collect.plan_portions, portion_bytes={_PORTION_BYTES})
collect.main()
"""


def _write_corpus(folder: Path, documents: int) -> None:
    """Write texts of random words, some of which stand twice, and a bad record."""
    draw = random.Random(5)
    texts = ["".join(draw.choices(_WORDS, k=30)) + "。" for _ in range(documents)]
    texts += draw.choices(texts, k=documents // 10)
    draw.shuffle(texts)
    write_lines(folder / "web.jsonl", [{"title": "", "text": text} for text in texts])
    with (folder / "web.jsonl").open("a") as stream:
        stream.write("{\n")
    document = parameters()
    document["sources"]["web"]["max_bad_records"] = 1
    write_params(folder, document)


def _written(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _options(name: str) -> dict[str, str]:
    return {"out": f"{name}/out", "rejected": f"{name}/rejected", "metrics": f"{name}/m.json"}


@pytest.fixture
def small_portions(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    _write_corpus(workplace, 300)
    few = partial(plan_portions, portion_bytes=_PORTION_BYTES)
    monkeypatch.setattr(collect, "plan_portions", few)
    return workplace


def test_workers_and_portions_change_no_byte(
    small_portions: Path, run_stage: RunStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONESTAGE_WORKERS", "1")
    for workers in ("1", "2", "3"):
        monkeypatch.setenv("ONESTAGE_WORKERS", workers)
        result = run_stage("collect", source="web", **_options(workers))
        assert (result.exit_code, result.output) == (0, "")
    monkeypatch.setattr(collect, "plan_portions", plan_portions)
    assert run_stage("collect", source="web", **_options("whole")).exit_code == 0
    expected = _written(small_portions / "whole")
    assert all(_written(small_portions / workers) == expected for workers in ("1", "2", "3"))
    counts = json.loads(expected["m.json"])
    assert counts["passages_rejected"]["exact_duplicate"] >= 30
    assert counts["bad_records"] == {"unparsable": 1}


def test_an_interrupted_run_goes_on_at_the_last_finished_portion(
    small_portions: Path, run_stage: RunStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONESTAGE_WORKERS", "1")
    done: list[Portion] = []

    def interrupted(work: Work, portion: Portion) -> DraftedPortion:
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(portion)
        return draft_portion(work, portion)

    monkeypatch.setattr(collect, "draft_portion", interrupted)
    assert run_stage("collect", source="web", **_options("first")).exit_code != 0
    assert not any((small_portions / "first").rglob("*"))
    monkeypatch.setattr(collect, "draft_portion", draft_portion)
    read: list[Shard] = []

    def counted(shard: Shard, *args: object) -> object:
        read.append(shard)
        return read_shard(shard, *args)

    read_shard = drafting.read_shard
    monkeypatch.setattr(drafting, "read_shard", counted)
    assert run_stage("collect", source="web", **_options("second")).exit_code == 0
    portions = collect.plan_portions(collect_source())
    assert len(portions) > 5
    assert read == [shard for portion in portions[3:] for shard in portion]
    assert not Path("scratch/collect/web").exists()
    monkeypatch.setattr(drafting, "read_shard", read_shard)
    assert run_stage("collect", source="web", **_options("whole")).exit_code == 0
    assert _written(Path("second")) == _written(Path("whole"))


def collect_source() -> collect.Source:
    document = collect.params.load_document(Path("params.yaml"))
    return collect.params.section(document, "sources.web", collect.Source)


def test_small_files_go_together_and_keep_their_numbers(
    workplace: Path, run_stage: RunStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nine files of 1 to 9 texts: at most two or three of the small ones fit into a portion."""
    for number in range(1, 10):
        texts = [f"高血压病人第{number}人要注意第{n}件事情。" for n in range(number)]
        write_lines(
            workplace / "folder" / f"{number}.jsonl", [{"title": "", "text": t} for t in texts]
        )
    document = parameters()
    document["sources"]["web"]["path"] = "folder"
    document["collect"]["near_duplicates"]["threshold"] = 1.0
    write_params(workplace, document)
    sizes = [len(portion) for portion in plan_portions(collect_source(), portion_bytes=700)]
    assert max(sizes) > 1
    assert len(sizes) > 3
    monkeypatch.setattr(collect, "plan_portions", partial(plan_portions, portion_bytes=700))
    assert run_stage("collect", source="web", **_options("o")).exit_code == 0
    places = [(line["file"], line["record"]) for line in read_lines(workplace / "o" / "out")]
    assert places == [(f"{n}.jsonl", record) for n in range(1, 10) for record in range(1, n + 1)]


def test_drafts_of_other_parameters_are_not_taken(
    small_portions: Path, run_stage: RunStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything that a draft depends on is in its name."""
    work = drafting.work_on(collect_source(), _choices(), Path("scratch"))
    portion = collect.plan_portions(work.source)[1]
    names = {draft_portion(work, portion).store.folder.name}
    document = parameters()
    document["collect"]["max_chars"]["zh"] = 61
    write_params(small_portions, document)
    names.add(draft_portion(work._replace(choices=_choices()), portion).store.folder.name)
    Path("lexicon.txt").write_text("高血压\n", encoding="utf-8")
    renewed = drafting.work_on(collect_source(), work.choices, Path("scratch"))
    names.add(draft_portion(renewed, portion).store.folder.name)
    monkeypatch.setattr(drafting, "code_digest", lambda: "other code")
    names.add(draft_portion(work, portion).store.folder.name)
    raw = Path("web.jsonl").read_bytes()
    Path("web.jsonl").write_bytes(raw.replace("血".encode(), "皿".encode()))
    names.add(draft_portion(work, portion).store.folder.name)
    assert len(names) == 5


def _choices() -> collect.Collect:
    document = collect.params.load_document(Path("params.yaml"))
    return collect.params.section(document, "collect", collect.Collect)


def _start(folder: Path, name: str, **environment: str) -> subprocess.Popen[str]:
    options = [part for key, value in _options(name).items() for part in (f"--{key}", value)]
    return subprocess.Popen(
        [sys.executable, "-c", _SMALL_PORTIONS, "--source", "web", *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_killed_run_leaves_no_worker_and_loses_no_finished_portion(workplace: Path) -> None:
    _write_corpus(workplace, 3000)
    killed = _start(workplace, "killed", ONESTAGE_WORKERS="2")
    scratch = workplace / "scratch" / "collect" / "web"
    while len(list(scratch.glob("*/summary.json"))) < 4:
        assert killed.poll() is None
        time.sleep(0.01)
    killed.kill()
    killed.communicate()
    time.sleep(1)
    before = sorted(scratch.glob("*/summary.json"))
    assert len(before) >= 4
    time.sleep(1)  # nobody works on
    assert sorted(scratch.glob("*/summary.json")) == before
    for name in ("killed", "whole"):
        done = _start(workplace, name, ONESTAGE_WORKERS="2")
        assert done.communicate()[1] == ""
        assert done.returncode == 0
    assert _written(workplace / "killed") == _written(workplace / "whole")


@pytest.mark.long
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray is an optional extra")
def test_a_ray_cluster_writes_the_same_bytes(workplace: Path) -> None:
    _write_corpus(workplace, 600)
    for name, address in (("here", ""), ("ray", "local")):
        done = _start(workplace, name, RAY_ADDRESS=address, ONESTAGE_WORKERS="2")
        told = done.communicate()[1]
        assert done.returncode == 0, told
        assert ("Ray" in told) == bool(address)
    assert _written(workplace / "ray") == _written(workplace / "here")
