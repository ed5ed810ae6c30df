"""Changes rerun what they touch, for real, and DVC's commands tell of them.

The first change also caps every source at two records, so that the trainings here are short.
"""

import json
import re
import shutil
from typing import Any, NamedTuple

import pytest
from pipeline.artifacts import SOURCES
from pipeline.clones import Clone, digests, ran

pytestmark = pytest.mark.xdist_group("second")

_RECORDS_A_SOURCE = 2
FROM_SAMPLE = ["sample", "pack", "train", "evaluate@own", "compare"]


class Rerun(NamedTuple):
    """The stages that ran, and those that should: compare only where answers changed."""

    stages: list[str]
    expected: list[str]


class Changes(NamedTuple):
    """A copy of the clone after three changes, one rerun each."""

    clone: Clone
    priority: Rerun
    path: Rerun
    model: Rerun


def answers(clone: Clone) -> dict[str, str]:
    return digests(clone.root, ("data/evaluate",))


def rerun(clone: Clone, command: tuple[str, ...], expected: list[str]) -> Rerun:
    """Run a command; leave `compare` out of what is expected if its inputs are as before."""
    before = answers(clone)
    stages = ran(clone.dvc(*command))
    if answers(clone) == before:
        expected = [stage for stage in expected if stage != "compare"]
    return Rerun(stages, expected)


def changed_priority(clone: Clone) -> Rerun:
    caps = ", ".join(f"{source}: {_RECORDS_A_SOURCE}" for source in SOURCES)
    changes = ("sample.priority.web_zh=16", "sample.epochs.sft_zh=1", f"+sample.cap={{{caps}}}")
    options = [part for change in changes for part in ("--set-param", change)]
    return rerun(clone, ("exp", "run", *options), FROM_SAMPLE)


def changed_path(clone: Clone) -> Rerun:
    """Point a source to a copy of its file in which every text has one more sentence."""
    corpora = clone.root / "data" / "toy" / "corpora"
    text = (corpora / "web_zh.jsonl").read_text(encoding="utf-8")
    (corpora / "web_zh_2.jsonl").write_text(text.replace('"}\n', '全文完。"}\n'), encoding="utf-8")
    clone.set_param("sources.web_zh.path", "data/toy/corpora/web_zh_2.jsonl")
    return rerun(clone, ("repro",), ["collect@web_zh", "unify@web_zh", "dedupe", *FROM_SAMPLE])


def changed_model(clone: Clone) -> Rerun:
    clone.set_param("models.base.label", "the base")
    return Rerun(ran(clone.dvc("repro")), ["evaluate@base", "compare"])


@pytest.fixture(scope="module")
def changes(second: Clone, tmp_path_factory: pytest.TempPathFactory) -> Changes:
    clone = second.copied_to(tmp_path_factory.mktemp("changes") / "clone")
    return Changes(clone, changed_priority(clone), changed_path(clone), changed_model(clone))


def test_a_priority_reruns_from_sample_on(changes: Changes) -> None:
    assert changes.priority.stages == changes.priority.expected


def test_a_path_reruns_its_source_and_what_follows(changes: Changes) -> None:
    assert sorted(changes.path.stages) == sorted(changes.path.expected)


def test_a_model_reruns_its_evaluation(changes: Changes) -> None:
    assert changes.model.stages == changes.model.expected


def test_changes_are_in_effect(changes: Changes) -> None:
    counts = json.loads((changes.clone.root / "metrics" / "sample.json").read_bytes())
    assert counts["sft_zh"]["epochs"] == 1
    assert all(found["drawn"] <= 2 * found["epochs"] for found in counts.values())
    passages = (changes.clone.root / "data" / "collect" / "web_zh").glob("*.jsonl")
    assert "全文完。" in "".join(path.read_text(encoding="utf-8") for path in passages)


def test_params_diff_names_the_change(changes: Changes, second: Clone) -> None:
    found = json.loads(changes.clone.dvc("params", "diff", "--json"))["params.yaml"]
    former = second.params()["sample"]["epochs"]["sft_zh"]
    assert found["sample.epochs.sft_zh"] == {"old": former, "new": 1, "diff": 1 - former}
    assert found["sample.priority.web_zh"]["new"] == 16
    caps = {f"sample.cap.{source}" for source in SOURCES}
    others = {"sources.web_zh.path", "models.base.label"}
    assert found.keys() == {"sample.epochs.sft_zh", "sample.priority.web_zh"} | caps | others


def test_metrics_diff_names_the_losses(changes: Changes) -> None:
    found: dict[str, Any] = json.loads(changes.clone.dvc("metrics", "diff", "--json"))
    losses = found["metrics/train.json"]
    assert {f"heldout_loss.{source}.after" for source in SOURCES} <= losses.keys()
    assert found["metrics/sample.json"]["sft_zh.epochs"]["new"] == 1


def test_metrics_show_lists_every_stage(second: Clone) -> None:
    found: dict[str, Any] = json.loads(second.dvc("metrics", "show", "--json"))
    shown = set(found[""]["data"])
    names = ("dedupe", "contamination", "sample", "pack", "train", "compare")
    expected = {f"metrics/{name}.json" for name in names}
    expected |= {f"metrics/{stage}/{key}.json" for stage in ("collect", "unify") for key in SOURCES}
    expected |= {f"metrics/evaluate/{model}.json" for model in ("own", "base")}
    assert shown == expected
    assert second.dvc("metrics", "show").count("metrics/") == len(expected)


def test_plots_show_writes_a_page(changes: Changes) -> None:
    output = changes.clone.dvc("plots", "show", "--out", "dvc_plots")
    page = changes.clone.root / "dvc_plots" / "index.html"
    assert page.as_uri() in output
    text = page.read_text(encoding="utf-8")
    drawn = set(re.findall(r"vegaEmbed\('#(\w+)'", text))
    plots = [
        path.relative_to(changes.clone.root) for path in changes.clone.root.glob("plots/**/*.csv")
    ]
    assert drawn == {re.sub(r"\W", "_", str(plot)) for plot in plots}


def test_dag_draws_every_stage(second: Clone) -> None:
    drawn = second.dvc("dag", "--dot")
    for stage in ("collect@web_zh", "unify@sft_en", "dedupe", *FROM_SAMPLE, "evaluate@base"):
        assert f'"{stage}"' in drawn
    assert '"data/unify"' not in drawn
    assert '"unify@web_zh" -> "dedupe"' in drawn
    assert '"evaluate@base" -> "compare"' in drawn
    assert "dedupe" in second.dvc("dag")


def test_the_cache_still_holds_the_former_outputs(changes: Changes, second: Clone) -> None:
    clone = changes.clone
    shutil.copyfile(second.root / "dvc.lock", clone.root / "dvc.lock")
    clone.dvc("checkout")
    assert digests(clone.root, ("data/model", "data/pack")) == digests(
        second.root, ("data/model", "data/pack")
    )
