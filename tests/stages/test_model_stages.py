"""train, evaluate and compare through their commands, with the toy base; needs torch."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from conftest import RunStage
from given import (
    QUESTIONS,
    TOY_BASE,
    conversation,
    parameters,
    read_lines,
    write_params,
    write_records,
)

from onestage.records import Draw

pytestmark = [pytest.mark.xdist_group("torch"), pytest.mark.usefixtures("one_thread")]


def _rows(run_stage: RunStage, *, heldout: bool = True) -> None:
    """Write a small curriculum and pack it."""
    sources = ("web", "sft")
    records = [
        conversation(f"第{n}问？", f"第{n}答，请就医。", source=sources[n % 2]) for n in range(12)
    ]
    draws = [Draw(n, record.id, 0, record.source, 0) for n, record in enumerate(records)]
    write_records(Path("curated"), records)
    write_records(Path("drawn"), draws[: 8 if heldout else 12])
    write_records(Path("drawn"), draws[8:] if heldout else [], "heldout")
    names = {"sample": "drawn", "conversations": "curated", "out": "rows"}
    result = run_stage("pack", **names, rejected="rejected", metrics="pack.json", plot="pack.csv")
    assert result.exit_code == 0, result.output


def _train(run_stage: RunStage) -> Result:
    return run_stage("train", rows="rows", out="model", plots="plots/train", metrics="m/train.json")


def _evaluate(run_stage: RunStage, model: str) -> Result:
    out, metrics = f"predictions/{model}", f"m/{model}.json"
    return run_stage("evaluate", model=model, benchmarks_dir="benchmarks", out=out, metrics=metrics)


def _json(path: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    return found


def _use_own_model(workplace: Path) -> None:
    document = parameters()
    document["models"] = {"own": {"path": "model", "label": "one-stage"}, **document["models"]}
    write_params(workplace, document)


def _config(path: Path, **changes: Any) -> None:
    config = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**config, **changes}), encoding="utf-8")


def test_from_rows_to_a_comparison(workplace: Path, run_stage: RunStage) -> None:
    document = parameters()
    document["train"] |= {"rows_per_step": 1, "warmup_share": 0.0}
    write_params(workplace, document)
    _rows(run_stage)
    result = _train(run_stage)
    assert (result.exit_code, result.output) == (0, "")
    found = _json("m/train.json")
    assert found["rows"] == len(read_lines(Path("rows"), "rows"))
    assert found["steps"] == found["rows"] > 1
    for losses in found["heldout_loss"].values():
        assert losses["after"] < losses["before"]
        assert losses["drop"] == pytest.approx(1 - losses["after"] / losses["before"], abs=1e-5)
    assert {path.name for path in Path("model").iterdir()} >= {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "chat_template.jinja",
    }
    for name in ("loss", "source_loss", "heldout_loss"):
        assert len(Path(f"plots/train/{name}.csv").read_text("utf-8").splitlines()) > 1

    _use_own_model(workplace)
    for model in ("own", "base"):
        result = _evaluate(run_stage, model)
        assert result.exit_code == 0, result.output
        lines = read_lines(Path("predictions") / model)
        assert [line["item"] for line in lines] == [item["id"] for item in QUESTIONS]
        report = _json(f"m/{model}.json")
        assert (report["items"], report["asked"], report["without_answer"]) == (2, 2, 0)
        right = sum(line["correct"] for line in lines)
        assert report["accuracy"]["mc"]["right"] == right
    counts = {"mc": {"items": 2, "items_found": 1, "sources": {"web": {"records": 3, "items": 1}}}}
    Path("contamination.json").write_text(json.dumps(counts), encoding="utf-8")
    result = run_stage(
        "compare",
        predictions="predictions",
        contamination="contamination.json",
        plot="a.csv",
        differences="d.csv",
        subjects="s.csv",
        metrics="m/compare.json",
    )
    assert (result.exit_code, result.output) == (0, "")
    table = _json("m/compare.json")
    assert list(table) == ["base", "own"]
    assert 0 <= table["own"]["mc"]["low"] <= table["own"]["mc"]["accuracy"]
    assert "one-stage" in Path("a.csv").read_text("utf-8")
    shown = table["own"]["mc"]
    assert shown["contamination"] == {"items": 2, "items_found": 1, "records": 3}
    assert shown["several_answers"]["items"] == 1
    against = shown["against"]["base"]
    assert against["difference"] == shown["accuracy"] - table["base"]["mc"]["accuracy"]
    assert -1 <= against["low"] <= against["difference"] <= against["high"] <= 1
    assert Path("d.csv").read_text("utf-8").count("one-stage − base") == 3
    assert len(Path("s.csv").read_text("utf-8").splitlines()) == 1 + 3 * 2


def test_training_twice_gives_the_same_weights(workplace: Path, run_stage: RunStage) -> None:
    _rows(run_stage)
    assert _train(run_stage).exit_code == 0
    first = Path("model/model.safetensors").read_bytes()
    metrics = Path("m/train.json").read_bytes()
    assert _train(run_stage).exit_code == 0
    assert Path("model/model.safetensors").read_bytes() == first
    assert Path("m/train.json").read_bytes() == metrics


def test_nothing_held_out_leaves_the_losses_empty(workplace: Path, run_stage: RunStage) -> None:
    _rows(run_stage, heldout=False)
    result = _train(run_stage)
    assert (result.exit_code, result.output) == (0, "")
    assert _json("m/train.json")["heldout_loss"] == {}
    assert Path("plots/train/heldout_loss.csv").read_text("utf-8") == "source,when,loss\n"


def test_the_base_to_evaluate_has_the_weights_that_training_starts_from(
    workplace: Path, run_stage: RunStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch  # noqa: PLC0415  (only this worker pays for it)

    from onestage import checkpoint  # noqa: PLC0415

    loaded: list[dict[str, Any]] = []
    load = checkpoint.load_model

    def watched(*args: Any, **more: Any) -> Any:
        model = load(*args, **more)
        loaded.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
        return model

    monkeypatch.setattr(checkpoint, "load_model", watched)
    _rows(run_stage)
    assert _train(run_stage).exit_code == 0
    assert _evaluate(run_stage, "base").exit_code == 0
    start, base = loaded
    assert start.keys() == base.keys()
    assert all(torch.equal(start[name], base[name]) for name in start)


def _one_line(result: Result, *parts: str) -> None:
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    assert len(result.stderr.splitlines()) == 1
    for part in parts:
        assert part in result.stderr
    assert not list(Path().rglob("*.partial"))
    assert not Path("model").exists()
    assert not Path("m").exists() or not list(Path("m").iterdir())


def test_base_without_weights(workplace: Path, run_stage: RunStage) -> None:
    _rows(run_stage)
    document = parameters()
    document["base"]["init"] = "pretrained"
    document["models"]["base"]["init"] = "pretrained"
    write_params(workplace, document)
    _one_line(_train(run_stage), str(TOY_BASE), "no *.safetensors", "set init: random")
    _one_line(_evaluate(run_stage, "base"), str(TOY_BASE), "no *.safetensors")


@pytest.mark.parametrize(
    ("attention", "said"),
    [
        ("eager", ("packed samples see one another", "type bloom", "at most 1e-04", "llama")),
        ("sdpa", ("BloomForCausalLM does not support", "with attention sdpa")),
    ],
)
def test_base_that_lets_packed_samples_see_one_another(
    workplace: Path, run_stage: RunStage, attention: str, said: tuple[str, ...]
) -> None:
    _rows(run_stage)
    shutil.copytree(TOY_BASE, "alibi")
    vocabulary = _json("alibi/config.json")["vocab_size"]
    config = {"model_type": "bloom", "hidden_size": 32, "n_layer": 2, "n_head": 4}
    Path("alibi/config.json").write_text(json.dumps({**config, "vocab_size": vocabulary}))
    document = parameters()
    document["base"]["path"] = "alibi"
    document["train"]["attention"] = attention
    write_params(workplace, document)
    _one_line(_train(run_stage), *said)


def test_model_without_tokenizer(workplace: Path, run_stage: RunStage) -> None:
    shutil.copytree(TOY_BASE, "bare")
    Path("bare/tokenizer.json").unlink()
    document = parameters()
    document["models"]["base"]["path"] = "bare"
    write_params(workplace, document)
    _one_line(_evaluate(run_stage, "base"), "bare/tokenizer.json: missing")


def test_only_held_out_rows(workplace: Path, run_stage: RunStage) -> None:
    _rows(run_stage)
    write_records(Path("rows"), [], "rows")
    _one_line(_train(run_stage), "rows: no rows to train on")


def test_question_beyond_the_length(workplace: Path, run_stage: RunStage) -> None:
    document = parameters()
    document["evaluate"]["max_length_tokens"] = 20
    write_params(workplace, document)
    _one_line(_evaluate(run_stage, "base"), "evaluate.max_length_tokens", "raise it")
