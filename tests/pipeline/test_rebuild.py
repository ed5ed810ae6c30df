"""A fresh clone rebuilds to what is committed, and stays clean."""

import re
from pathlib import Path
from typing import Any

import pytest
from pipeline.clones import ROOT, Clone, ran
from ruamel.yaml import YAML

pytestmark = pytest.mark.xdist_group("first")

UP_TO_DATE = "Data and pipelines are up to date."
# What another type of CPU may change: training is exact on one type only.
_OF_TRAINING = re.compile(
    r"dvc\.lock|metrics/(train|compare)\.json|metrics/evaluate/\w+\.json"
    r"|plots/train/\w+\.csv|plots/(accuracy|differences|subjects)\.csv"
)
_MAX_TRACKED_BYTES = 2**20


def toy_is_committed() -> bool:
    """Say whether dvc.lock and metrics, as committed, belong to the toy profile."""
    yaml = YAML(typ="safe")
    return bool(yaml.load(ROOT / "params.yaml") == yaml.load(ROOT / "profiles" / "toy.yaml"))


needs_toy = pytest.mark.skipif(
    not toy_is_committed(), reason="params.yaml is not the toy profile: dvc.lock is of another run"
)


def lock(text: str) -> dict[str, Any]:
    stages: dict[str, Any] = YAML(typ="safe").load(text)["stages"]
    return stages


def test_groups_keep_to_one_worker(request: pytest.FixtureRequest) -> None:
    """pytest 9.2 hides the group that pytest-xdist 3.8 writes into an item's id: pin 9.1."""
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("tests are not distributed by group")
    assert request.node.nodeid.endswith("@first")


def test_the_clones_own_code_ran(first: Clone) -> None:
    code = "import onestage, stages; print(onestage.__file__, stages.__file__, sep='\\n')"
    paths = first.run("python", "-c", code).stdout.split("\n")[:2]
    assert all(Path(path).is_relative_to(first.root) for path in paths)


def test_status_is_clean_after_repro(first: Clone) -> None:
    assert first.dvc("status").strip() == UP_TO_DATE
    assert first.dvc("status", "--json").strip() == "{}"


def test_second_repro_runs_nothing(first: Clone) -> None:
    before = (first.root / "dvc.lock").read_bytes()
    output = first.dvc("repro")
    assert ran(output) == []
    assert output.rstrip().endswith(UP_TO_DATE)
    assert (first.root / "dvc.lock").read_bytes() == before


@needs_toy
def test_git_sees_no_change_but_of_training(first: Clone) -> None:
    changed = first.git("status", "--porcelain", "-z").split("\0")
    assert all(not line or line.startswith(" M ") for line in changed), changed
    assert [line for line in changed if line and not _OF_TRAINING.fullmatch(line[3:])] == []


@needs_toy
def test_lock_differs_in_training_only(first: Clone) -> None:
    committed = lock(first.git("show", "HEAD:dvc.lock"))
    now = lock((first.root / "dvc.lock").read_text(encoding="utf-8"))
    assert list(committed) == list(now)
    differing = {stage for stage in now if committed[stage] != now[stage]}
    assert differing <= {"train", "evaluate@own", "evaluate@base", "compare"}


@needs_toy
def test_committed_lock_is_current(first: Clone, tmp_path: Path) -> None:
    bare = Clone(tmp_path / "bare", {**first.environment, "PYTHONPATH": ""})
    first.git("clone", "--quiet", str(first.root), str(bare.root))
    output = bare.dvc("repro", "--dry", "--allow-missing")
    assert ran(output) == []
    assert UP_TO_DATE in output.splitlines()


def test_no_absolute_path_in_pipeline_files() -> None:
    for name in ("dvc.yaml", "dvc.lock"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert re.findall(r"(?:^|[\s'\"=:])(?:/(?!/)|~|[A-Z]:\\)[^\s]*", text) == []


def test_no_large_file_is_tracked(first: Clone) -> None:
    names = first.git("ls-files", "-z").split("\0")[:-1]
    sizes = {name: (first.root / name).stat().st_size for name in names}
    assert {name: size for name, size in sizes.items() if size > _MAX_TRACKED_BYTES} == {}


def test_git_tracks_no_output_but_metrics_and_plots(first: Clone) -> None:
    stages = lock((first.root / "dvc.lock").read_text(encoding="utf-8"))
    outs = [out["path"] for stage in stages.values() for out in stage["outs"]]
    cached = [out for out in outs if not out.startswith(("metrics/", "plots/"))]
    assert len(cached) > len(stages)
    assert first.git("ls-files", "--", *cached) == ""
    small = sorted(set(outs) - set(cached))
    assert len(small) > len(stages)
    assert all(first.git("ls-files", "--", out) for out in small)


def test_every_output_is_ignored_by_a_static_rule(first: Clone) -> None:
    stages = lock((first.root / "dvc.lock").read_text(encoding="utf-8"))
    outs = [out["path"] for stage in stages.values() for out in stage["outs"]]
    cached = [out for out in outs if not out.startswith(("metrics/", "plots/"))]
    reported = first.git("check-ignore", "--verbose", *cached).splitlines()
    assert {line.split(":", 1)[0] for line in reported} == {".gitignore"}
    assert len(reported) == len(cached)
