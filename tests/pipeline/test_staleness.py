"""Each section of params.yaml makes stale what reads it, and nothing else."""

import json
import re
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pipeline.artifacts import SOURCES
from pipeline.clones import Clone, digests
from ruamel.yaml import YAML

pytestmark = pytest.mark.xdist_group("first")

COLLECT = {f"collect@{source}" for source in SOURCES}
UNIFY = {f"unify@{source}" for source in SOURCES}
EVALUATE = {"evaluate@own", "evaluate@base"}
FROM_TRAIN = {"train", "evaluate@own", "compare"}
FROM_PACK = {"pack"} | FROM_TRAIN
FROM_SAMPLE = {"sample"} | FROM_PACK
FROM_DEDUPE = {"dedupe"} | FROM_SAMPLE


class Change(NamedTuple):
    """A changed value, the stages that read it, and those that follow from them."""

    name: str
    value: Any
    stale: set[str]
    follow: set[str]


# dedupe reads `sources` for their ranks, so every change of a source touches it as well.
CHANGES = (
    Change(
        "benchmarks_dir",
        "data/toy/other_benchmarks",
        {"dedupe"} | EVALUATE,
        FROM_DEDUPE | EVALUATE,
    ),
    Change(
        "sources.web_zh.path",
        "data/toy/other_web_zh.jsonl",
        {"collect@web_zh", "dedupe"},
        {"collect@web_zh", "unify@web_zh"} | FROM_DEDUPE,
    ),
    Change(
        "sources.books_zh.max_bad_records",
        2,
        {"collect@books_zh", "dedupe"},
        {"collect@books_zh", "unify@books_zh"} | FROM_DEDUPE,
    ),
    Change("collect.min_density.zh", 0.03, COLLECT, COLLECT | UNIFY | FROM_DEDUPE),
    Change("unify.seed", 2, UNIFY, UNIFY | FROM_DEDUPE),
    Change("dedupe.contamination.min_chars", 60, {"dedupe"}, FROM_DEDUPE),
    Change(
        "benchmarks.mc_zh.lang",
        "en",
        {"dedupe"} | EVALUATE,
        FROM_DEDUPE | EVALUATE,
    ),
    Change("sample.priority.web_zh", 16, {"sample"}, FROM_SAMPLE),
    Change("pack.max_displacement_rows", 16, {"pack"}, FROM_PACK),
    Change("base.seed", 2, {"pack", "train"}, FROM_PACK),
    Change("train.weight_decay", 0.05, {"train"}, FROM_TRAIN),
    Change(
        "models.base.label",
        "the base",
        {"evaluate@base", "compare"},
        {"evaluate@base", "compare"},
    ),
    Change("models.own.label", "ours", {"evaluate@own", "compare"}, {"evaluate@own", "compare"}),
    Change("evaluate.batch_size", 8, EVALUATE, EVALUATE | {"compare"}),
    Change("compare.confidence", 0.9, {"compare"}, {"compare"}),
)


# These name files: commands and dependencies change with them, so each is asked on its own.
PATHS = ("benchmarks_dir", "sources.web_zh.path")

Verdicts = dict[str, set[str]]


@pytest.fixture(scope="module")
def stale(first: Clone, tmp_path_factory: pytest.TempPathFactory) -> Verdicts:
    """Return, for every change, the stages that `dvc status` calls stale in a copy."""
    clone = first.copied_to(tmp_path_factory.mktemp("staleness") / "clone")
    toy = clone.root / "data" / "toy"
    shutil.copytree(toy / "benchmarks", toy / "other_benchmarks")
    shutil.copyfile(toy / "corpora" / "web_zh.jsonl", toy / "other_web_zh.jsonl")
    original = (clone.root / "params.yaml").read_bytes()
    verdicts: Verdicts = {}
    for name in PATHS:
        clone.set_param(name, next(change.value for change in CHANGES if change.name == name))
        verdicts[name] = set(status(clone))
        (clone.root / "params.yaml").write_bytes(original)
    return verdicts | stale_by_values(clone)


def status(clone: Clone) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(clone.dvc("status", "--json"))
    return found


def stale_by_values(clone: Clone) -> Verdicts:
    """Make all other changes at once: DVC says for each stage which of its params they hit."""
    names = [change.name for change in CHANGES if change.name not in PATHS]
    for change in CHANGES:
        if change.name in names:
            clone.set_param(change.name, change.value)
    verdicts: Verdicts = {name: set() for name in names}
    for stage, reasons in status(clone).items():
        assert len(reasons) == 1, f"{stage}: {reasons}"
        assert reasons[0].keys() == {"changed deps"}, f"{stage}: {reasons}"
        assert reasons[0]["changed deps"].keys() == {"params.yaml"}, f"{stage}: {reasons}"
        modified = reasons[0]["changed deps"]["params.yaml"]
        assert set(modified.values()) == {"modified"}, f"{stage}: {modified}"
        hit = [name for name in names if any(is_within(name, key) for key in modified)]
        assert hit, f"{stage} reads {sorted(modified)}, which nobody changed"
        for name in hit:
            verdicts[name].add(stage)
    return verdicts


def is_within(name: str, section: str) -> bool:
    return name == section or name.startswith(f"{section}.")


@pytest.fixture(scope="module")
def consumers(first: Clone) -> Verdicts:
    """Return, for every stage, the stages that take its outputs, as `dvc dag` has it."""
    edges = re.findall(r'"([^"]+)" -> "([^"]+)"', first.dvc("dag", "--dot"))
    found: Verdicts = {}
    for producer, consumer in edges:
        found.setdefault(producer, set()).add(consumer)
    return found


def following(stages: set[str], consumers: Verdicts) -> set[str]:
    """Return the stages and all that come after them."""
    found: set[str] = set()
    waiting = list(stages)
    while waiting:
        stage = waiting.pop()
        if stage not in found:
            found.add(stage)
            waiting += consumers.get(stage, ())
    return found


def test_every_section_is_in_the_table(first: Clone) -> None:
    assert {change.name.split(".")[0] for change in CHANGES} == first.params().keys()


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_what_a_change_makes_stale(stale: Verdicts, change: Change) -> None:
    assert stale[change.name] == change.stale


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_what_follows_from_a_change(stale: Verdicts, consumers: Verdicts, change: Change) -> None:
    assert following(stale[change.name], consumers) == change.follow


def test_nothing_depends_on_the_order_of_keys(first: Clone, tmp_path: Path) -> None:
    """DVC compares sections without the order of their keys: a new order makes nothing stale."""
    clone = first.copied_to(tmp_path / "clone")
    yaml, params = YAML(), clone.root / "params.yaml"
    document = yaml.load(params)
    for section in ("sources", "benchmarks"):
        document[section] = dict(list(document[section].items())[::-1])
    yaml.dump(document, params)
    assert status(clone) == {}
    clone.dvc("repro", "--force", "--single-item", "dedupe")
    folders = ("data/dedupe", "data/rejected/dedupe")
    assert digests(clone.root, folders) == digests(first.root, folders)
