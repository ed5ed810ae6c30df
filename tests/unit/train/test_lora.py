"""Adapters: few weights are trained, and the saved model has them merged and nothing else."""

import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from given import parameters, write_records
from training_runs import random_rows

pytestmark = [pytest.mark.xdist_group("torch"), pytest.mark.usefixtures("one_thread")]

from onestage import checkpoint, jsonl  # noqa: E402
from onestage.errors import InputError  # noqa: E402
from onestage.offline import go_offline  # noqa: E402
from onestage.train.settings import Lora, Train  # noqa: E402
from onestage.train.states import States  # noqa: E402

go_offline()

import torch  # noqa: E402
import transformers  # noqa: E402

from onestage.train import batches, trainer  # noqa: E402
from onestage.train.lora import merge_adapters, with_adapters  # noqa: E402

_SIZES = {
    "vocab_size": 256, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2,
    "num_attention_heads": 2, "num_key_value_heads": 1, "tie_word_embeddings": True,
}  # fmt: skip
_LORA = {"rank": 2, "alpha": 8, "dropout": 0.0, "targets": [], "weights": "fp32"}


def _model() -> Any:
    torch.manual_seed(3)
    config = transformers.AutoConfig.for_model("llama", **_SIZES, initializer_range=0.1)
    return transformers.AutoModelForCausalLM.from_config(config)


def _rows(folder: Path) -> batches.RowFiles:
    if not (folder / "rows").exists():
        write_records(folder / "rows", random_rows(16), "rows")
    return batches.RowFiles(jsonl.part_files(folder / "rows", "rows"), ["sft", "web"])


def _train(folder: Path, model: Any, *, precision: str = "fp32", **lora: Any) -> list[float]:
    """Train in place for 16 steps, and return the losses."""
    section = parameters()["train"] | {
        "save_every_steps": 4, "log_every_steps": 1, "learning_rate": 0.01, "rows_per_step": 1,
        "lora": _LORA | lora, "precision": precision,
    }  # fmt: skip
    choices = msgspec.convert(section, Train)
    if choices.lora.halved:
        checkpoint.halve_linear_layers(model)
    engine, history = trainer.train(
        model, _rows(folder), choices, states=States(folder / "states", keep=2)
    )
    engine.merge_adapters()
    return [step["loss"] for step in history.steps]


@pytest.mark.parametrize("rank", [1, 3])
def test_the_trained_model_is_the_base_and_a_change_of_low_rank(tmp_path: Path, rank: int) -> None:
    base, model = _model(), _model()
    losses = _train(tmp_path, model, rank=rank)
    assert sum(losses[-4:]) < sum(losses[:4])
    assert type(model) is type(base)
    before, after = base.state_dict(), model.state_dict()
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if "_proj." in name}
    for name in changed:
        change = (after[name] - before[name]).double()
        assert torch.linalg.matrix_rank(change, rtol=1e-4) == rank, name


def test_the_merged_model_is_the_one_that_was_trained() -> None:
    model = _model()
    choices = msgspec.convert(_LORA, Lora)
    trained = with_adapters(model, choices, seed=1)
    tokens = torch.arange(20)[None]
    before = trained(tokens).logits
    for name, weights in trained.named_parameters():
        assert weights.requires_grad == ("lora_" in name), name
        if "lora_B" in name:  # zeros at first: an adapter adds nothing
            torch.nn.init.normal_(weights)
    expected = trained(tokens).logits.detach()
    assert not torch.allclose(before, expected)
    merge_adapters(trained, choices)
    torch.testing.assert_close(model(tokens).logits, expected, rtol=1e-4, atol=1e-5)


def test_frozen_weights_in_bf16_are_what_autocast_reads(tmp_path: Path) -> None:
    base = _model()
    courses = [
        _train(tmp_path / weights, _model(), precision="bf16", weights=weights)
        for weights in ("fp32", "bf16")
    ]
    assert courses[1][0] == courses[0][0]
    # peft draws the adapters in the type of the weights beside them
    assert courses[1] == pytest.approx(courses[0], abs=5e-3)
    halved = _model()
    checkpoint.halve_linear_layers(halved)
    tokens = torch.arange(20)[None]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(halved(tokens).logits, base(tokens).logits, rtol=0, atol=0)
    bytes_of = [sum(p.nbytes for p in model.parameters()) for model in (base, halved)]
    linear = sum(p.nbytes for name, p in base.named_parameters() if "_proj." in name)
    assert bytes_of[0] - bytes_of[1] == linear // 2


def test_adapters_beside_bf16_are_merged_in_fp32() -> None:
    """A change far below the step between two numbers of bf16 is in the model."""
    base, model = _model(), _model()
    choices = msgspec.convert(_LORA | {"weights": "bf16"}, Lora)
    checkpoint.halve_linear_layers(model)
    trained = with_adapters(model, choices, seed=1)
    for name, weights in trained.named_parameters():
        assert weights.dtype == (torch.bfloat16 if ".base_layer." in name else torch.float32), name
        if "lora_" in name:
            torch.nn.init.normal_(weights, std=1e-3)
    merge_adapters(trained, choices)
    for name, before in base.state_dict().items():
        after = model.state_dict()[name]
        assert after.dtype == torch.float32
        change = (after - (before.bfloat16().float() if "_proj." in name else before)).abs().max()
        assert (0 < change < 1e-4) == ("_proj." in name), name


def test_only_chosen_layers_get_an_adapter(tmp_path: Path) -> None:
    base, model = _model(), _model()
    _train(tmp_path, model, targets=["q_proj", "v_proj"])
    before, after = base.state_dict(), model.state_dict()
    changed = {name.split(".")[-2] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"q_proj", "v_proj"}


@pytest.mark.parametrize(
    "choices",
    [{"dropout": 0.0}, {"dropout": 0.3}, {"weights": "bf16", "precision": "bf16"}],
    ids=str,
)
def test_an_interrupted_run_ends_as_an_undisturbed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, choices: dict[str, Any]
) -> None:
    whole, cut = _model(), _model()
    losses = _train(tmp_path / "whole", whole, **choices)
    original, calls = trainer.token_losses, []

    def failing(*given: Any) -> Any:
        calls.append(1)
        found, sources = original(*given)
        return (found * float("nan") if len(calls) == 11 else found), sources

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "token_losses", failing)
        with pytest.raises(InputError, match="step-00000008"):
            _train(tmp_path / "cut", cut, **choices)
    (state, *_) = sorted((tmp_path / "cut" / "states").glob("step-*"))
    assert {file.name for file in state.glob("*.safetensors")} == {"adapter_model.safetensors"}
    cut = _model()
    assert _train(tmp_path / "cut", cut, **choices) == losses
    for name, weights in whole.state_dict().items():
        assert torch.equal(weights, cut.state_dict()[name]), name


def test_names_that_fit_no_layer_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"train\.lora\.targets: \['W_pack'\] fit no") as caught:
        _train(tmp_path, _model(), targets=["W_pack"])
    assert "\n" not in str(caught.value)


def test_without_its_package_it_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(InputError, match=r"train\.lora needs the package peft; pip install"):
        _train(tmp_path, _model())
