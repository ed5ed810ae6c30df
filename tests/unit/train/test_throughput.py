"""The operations of a model against torch's own counter, and the pace of a run."""

from typing import Any

import pytest

pytestmark = [pytest.mark.xdist_group("torch"), pytest.mark.usefixtures("one_thread")]

from onestage.offline import go_offline  # noqa: E402

go_offline()

import torch  # noqa: E402
import transformers  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from onestage.train import throughput  # noqa: E402
from onestage.train.tally import Counts  # noqa: E402
from onestage.train.throughput import ModelFlops, Throughput, peak_flops  # noqa: E402

TOKENS = 24


def _model(kind: str, **changes: Any) -> Any:
    sizes = {"vocab_size": 96, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2}
    config = transformers.AutoConfig.for_model(kind, **sizes, **heads, **changes)
    return transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager")


def _counted_by_torch(model: Any) -> int:
    """Return the operations of matrix products in a pass forward and backward."""
    ids = torch.arange(TOKENS).unsqueeze(0)
    with FlopCounterMode(display=False) as counter:
        model(input_ids=ids, use_cache=False).logits.sum().backward()
    return int(counter.get_total_flops())


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("llama", {}),
        ("llama", {"tie_word_embeddings": True}),
        ("qwen3", {"head_dim": 16}),
        ("gemma3_text", {"head_dim": 16}),
    ],
)
def test_operations_are_those_that_torch_counts(kind: str, changes: dict[str, Any]) -> None:
    model = _model(kind, **changes)
    # The counter sees scores for all keys, those after a token too.
    counts = Counts(tokens=TOKENS, trained=TOKENS, places=TOKENS, attended=TOKENS * TOKENS)
    ours, theirs = ModelFlops(model).of(counts), _counted_by_torch(model)
    # Weights of norms and rotary angles are no matrix products.
    assert ours == pytest.approx(theirs, rel=0.03)


def test_weights_that_are_not_trained_cost_no_gradient_of_their_own() -> None:
    model = _model("llama")
    counts = Counts(tokens=TOKENS, trained=TOKENS, places=TOKENS, attended=TOKENS * TOKENS)
    whole = ModelFlops(model).of(counts)
    model.lm_head.requires_grad_(requires_grad=False)
    fewer = ModelFlops(model).of(counts)
    assert whole - fewer == 2 * TOKENS * model.lm_head.weight.numel()


@pytest.mark.parametrize(
    ("device", "tera"),
    [
        ("NVIDIA A100-SXM4-80GB", 312),
        ("NVIDIA A100 80GB PCIe", 312),
        ("NVIDIA A10", 125),
        ("NVIDIA H100 80GB HBM3", 989),
        ("NVIDIA H100 PCIe", 756),
        ("NVIDIA H100 NVL", 835),
        ("NVIDIA H200", 989),
        ("NVIDIA H20", 148),
        ("NVIDIA L40S", 362),
        ("NVIDIA L4", 121),
        ("AMD Instinct MI300X", 1307),
    ],
)
def test_the_peak_of_a_device(device: str, tera: int) -> None:
    assert peak_flops(device, "bf16") == tera * 1e12
    assert peak_flops(device, "fp32") is None


def test_an_unknown_device_has_no_peak() -> None:
    assert peak_flops("cpu", "bf16") is None
    assert peak_flops("NVIDIA GeForce RTX 5090", "bf16") is None


def test_the_pace_since_the_last_point_and_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(throughput.time, "monotonic", lambda: clock[0])
    flops = ModelFlops(_model("llama"))
    pace = Throughput(flops, peak=1e9)
    first = Counts(tokens=600, trained=200, places=800, attended=6000)
    clock[0] = 102.0
    told = pace.since_last(first)
    assert told["tokens_per_second"] == 300
    assert told["trained_tokens_per_second"] == 100
    assert told["padding_share"] == 0.25
    assert told["model_flops_utilisation"] == pytest.approx(flops.of(first) / 2 / 1e9, abs=1e-4)
    clock[0] = 110.0
    assert pace.since_last(Counts(400, 400, 400, 4000))["tokens_per_second"] == 50
    assert pace.in_all()["tokens_per_second"] == 100
    assert pace.in_all()["padding_share"] == pytest.approx(1 / 6, abs=1e-6)
    assert pace.seconds_left(done=5, left=20) == 40


def test_without_a_peak_there_is_no_utilisation() -> None:
    pace = Throughput(ModelFlops(_model("llama")), peak=None)
    assert "model_flops_utilisation" not in pace.since_last(Counts(1, 1, 1, 1))


def test_a_process_that_trained_nothing_has_no_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that was killed after its last state goes on without a step, in no time."""
    monkeypatch.setattr(throughput.time, "monotonic", lambda: 100.0)
    assert Throughput(ModelFlops(_model("llama")), peak=1e9).in_all() == {}
