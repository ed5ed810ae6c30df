"""What packing must not change: logits, losses and gradients of every sample, on tiny models.

The reference runs each sample alone, without positions, batches or labels of the project's.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from given import parameters, write_records

pytestmark = [pytest.mark.xdist_group("torch"), pytest.mark.usefixtures("one_thread")]

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from onestage import jsonl  # noqa: E402
from onestage.errors import InputError, ParamError  # noqa: E402
from onestage.offline import go_offline  # noqa: E402
from onestage.params import section  # noqa: E402
from onestage.records import PackedRow, PackedSample  # noqa: E402
from onestage.train.settings import Train  # noqa: E402
from onestage.train.states import States  # noqa: E402

go_offline()

import torch  # noqa: E402
import transformers  # noqa: E402

from onestage import checkpoint  # noqa: E402
from onestage.train import batches, documents, trainer  # noqa: E402

TOLERANCE = 1e-5
VOCABULARY = 97
SOURCES = ["sft", "web"]

_SIZES = {"vocab_size": VOCABULARY, "hidden_size": 32, "num_hidden_layers": 2}
_HEADS = {**_SIZES, "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 64}
# Weights five times a fresh model's: attention is sharp, and a leak moves logits by more than 1.
_SHARP = {"initializer_range": 0.1}
_ENDS = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
CONFIGS: dict[str, dict[str, Any]] = {
    "llama": _HEADS,
    "qwen2": _HEADS,
    "qwen3": {**_HEADS, "head_dim": 8},
    "mistral": {**_HEADS, "sliding_window": 8},
    "mixtral": _HEADS,
    "gemma3_text": {**_HEADS, "head_dim": 8},
    "phi3": _HEADS,
    "bloom": {"vocab_size": VOCABULARY, "hidden_size": 32, "n_layer": 2, "n_head": 4},
    "mpt": {"vocab_size": VOCABULARY, "d_model": 32, "n_layers": 2, "n_heads": 4},
    "falcon": {**_SIZES, "num_attention_heads": 4, "alibi": True},
    "opt": {**_HEADS, "ffn_dim": 64, "word_embed_proj_dim": 32},
    "mamba": _SIZES,
}


def _model(kind: str, attention: str = "eager", *, sharp: bool = True) -> Any:
    """Return a tiny model with random weights; `sharp` makes them larger than usual."""
    torch.manual_seed(3)
    changes = {**CONFIGS[kind], **_ENDS, **(_SHARP if sharp else {})}
    config = transformers.AutoConfig.for_model(kind, **changes)
    return transformers.AutoModelForCausalLM.from_config(config, attn_implementation=attention)


def _in_training(kind: str, attention: str, *, use_reentrant: bool = False) -> Any:
    """Return a model in training mode that computes its layers again in the backward pass."""
    model = _model(kind, attention).train()
    model.activation_checkpointing_enable({"use_reentrant": use_reentrant})
    assert model.is_activation_checkpointing
    return model


def _row(*lengths: int, seed: int = 0) -> PackedRow:
    """Return a row of samples whose tokens are all marked as trained."""
    tokens = torch.randint(VOCABULARY, (sum(lengths),), generator=_generator(seed)).tolist()
    samples, start = [], 0
    for n, length in enumerate(lengths):
        end = start + length
        samples.append(PackedSample(f"{seed}-{n}", 0, SOURCES[n % 2], start, end, [(start, end)]))
        start = end
    return PackedRow(tokens, samples, 0)


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# A batch of two rows of unequal length; one sample is a single token, one fills most of its row.
ROWS = [_row(17, 1, 5, 40, 9, seed=1), _row(30, 12, seed=2)]


def _batch(rows: Sequence[PackedRow]) -> dict[str, torch.Tensor]:
    numbers = {source: number for number, source in enumerate(SOURCES)}
    return batches.collate([batches.row_fields(row, numbers) for row in rows])


def _tokens_alone(rows: Sequence[PackedRow]) -> list[list[int]]:
    return [row.input_ids[sample.start : sample.end] for row in rows for sample in row.samples]


def _alone(model: Any, tokens: list[int]) -> torch.Tensor:
    logits: torch.Tensor = model(input_ids=torch.tensor([tokens])).logits[0]
    return logits


def _pieces(packed: torch.Tensor, rows: Sequence[PackedRow]) -> list[torch.Tensor]:
    """Cut a batch's logits at the samples."""
    return [
        packed[n, sample.start : sample.end] for n, row in enumerate(rows) for sample in row.samples
    ]


def _difference(model: Any, rows: Sequence[PackedRow], packed: torch.Tensor) -> float:
    """Return how far packed logits are from those of the samples alone, at most."""
    alone = [_alone(model, tokens) for tokens in _tokens_alone(rows)]
    pairs = zip(_pieces(packed, rows), alone, strict=True)
    return max((piece - single).abs().max().item() for piece, single in pairs)


TYPES = pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3"])
ATTENTION = pytest.mark.parametrize("attention", ["sdpa", "eager"])


# Batches


def test_a_batch_tells_samples_and_padding_by_restarting_positions() -> None:
    batch = _batch([_row(3, 2), _row(2)])
    assert set(batch) == {"input_ids", "position_ids", "labels", "source_ids"}
    assert batch["position_ids"].tolist() == [[0, 1, 2, 0, 1], [0, 1, 0, 1, 2]]
    trained = (batch["labels"] != batches.IGNORED).tolist()
    assert trained == [[False, True, True, False, True], [False, True, False, False, False]]


# Logits


@TYPES
@ATTENTION
def test_logits_of_packed_rows_are_those_of_each_sample_alone(kind: str, attention: str) -> None:
    model = _in_training(kind, attention)
    assert _difference(model, ROWS, batches.logits_of(model, _batch(ROWS))) < TOLERANCE


@TYPES
@pytest.mark.long
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch compiles it with g++")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch, when it compiles
@torch.no_grad()
def test_flex_attention_keeps_samples_apart(kind: str) -> None:
    """Its gradients need an accelerator; the mask that it compiles is the same here.

    Rows of other lengths than multiples of 128, its block, gave NaN now and then (torch 2.13.0).
    """
    rows = [_row(17, 1, 5, 96, 9, seed=1), _row(30, 98, seed=2)]
    flex, alone = _model(kind, "flex_attention"), _model(kind, "sdpa")
    packed = batches.logits_of(flex, _batch(rows))
    assert _difference(alone, rows, packed) < TOLERANCE
    joined = flex(input_ids=_batch(rows)["input_ids"], use_cache=False).logits
    assert _difference(alone, rows, joined) > 10_000 * TOLERANCE


def test_flex_attention_is_refused_where_it_has_no_gradients() -> None:
    train = {**parameters()["train"], "attention": "flex_attention"}
    choices = section({"train": train}, "train", Train)
    with pytest.raises(InputError, match="flex_attention has gradients on an accelerator only"):
        documents.require_fit_for_packing(_model("llama", "flex_attention"), choices)


@TYPES
@ATTENTION
@pytest.mark.parametrize("what", ["attention_mask", "use_cache", "positions"])
def test_what_makes_samples_see_one_another_fails_that_comparison(
    kind: str, attention: str, what: str
) -> None:
    """A mask of ones, a cache or plain positions: each leaks without a word, and it shows."""
    model, batch = _model(kind, attention).train(), _batch(ROWS)
    call: dict[str, Any] = {"position_ids": batch["position_ids"], "use_cache": False}
    if what == "attention_mask":
        call["attention_mask"] = torch.ones_like(batch["input_ids"])
    elif what == "use_cache":
        call["use_cache"] = True
    else:
        del call["position_ids"]
    leaking = model(input_ids=batch["input_ids"], **call).logits
    assert _difference(model, ROWS, leaking) > 10_000 * TOLERANCE


@given(rows=st.lists(st.lists(st.integers(1, 20), min_size=1, max_size=6), min_size=1, max_size=3))
@settings(max_examples=25)
def test_any_lengths_of_samples_and_rows_keep_their_logits(rows: list[list[int]]) -> None:
    model = _SHARED.setdefault("qwen2", _model("qwen2", "sdpa"))
    packed = [_row(*lengths, seed=seed) for seed, lengths in enumerate(rows)]
    with torch.no_grad():
        logits = batches.logits_of(model, _batch(packed))
        assert _difference(model, packed, logits) < TOLERANCE


_SHARED: dict[str, Any] = {}


# Losses and gradients


def _losses_alone(model: Any, rows: Sequence[PackedRow]) -> torch.Tensor:
    """Return the loss of every token but each sample's first, sample after sample."""
    losses = []
    for tokens in _tokens_alone(rows):
        scores = torch.log_softmax(_alone(model, tokens), dim=-1)
        losses += [-scores[place - 1, tokens[place]] for place in range(1, len(tokens))]
    return torch.stack(losses)


@TYPES
@ATTENTION
def test_the_loss_is_the_mean_over_tokens_of_the_samples_alone(kind: str, attention: str) -> None:
    model = _in_training(kind, attention)
    losses, _ = batches.token_losses(model, _batch(ROWS))
    expected = _losses_alone(model, ROWS)
    assert len(expected) == sum(len(row.input_ids) - len(row.samples) for row in ROWS)
    torch.testing.assert_close(losses, expected, atol=TOLERANCE, rtol=0)
    torch.testing.assert_close(losses.mean(), expected.mean(), atol=TOLERANCE, rtol=0)


def test_the_head_is_asked_only_for_places_that_a_row_trains() -> None:
    model, batch = _model("llama"), _batch(ROWS)
    batch["labels"][0, :40] = batches.IGNORED
    batch["labels"][1, 20:] = batches.IGNORED
    asked = []
    model.lm_head.register_forward_hook(lambda _, given, __: asked.append(given[0].shape[1]))
    losses, groups = batches.token_losses(model, batch)
    counted = batch["labels"][:, 1:] != batches.IGNORED
    assert asked == [int(counted.any(0).sum())] != [batch["labels"].shape[1]]
    whole = torch.log_softmax(batches.logits_of(model, batch)[:, :-1][counted], dim=-1)
    expected = -whole.gather(1, batch["labels"][:, 1:][counted].unsqueeze(1)).squeeze(1)
    torch.testing.assert_close(losses, expected, atol=TOLERANCE, rtol=0)
    assert groups.tolist() == batch["source_ids"][:, 1:][counted].tolist()


def test_rows_that_train_nothing_give_gradients_of_zero() -> None:
    """As every rank takes part in a step, those of fillers too."""
    model, batch = _model("llama"), _batch(ROWS)
    batch["labels"].fill_(batches.IGNORED)
    losses, _ = batches.token_losses(model, batch)
    losses.sum().backward()
    assert losses.numel() == 0
    assert all(not weight.grad.any() for weight in model.parameters())


def test_a_samples_losses_do_not_depend_on_the_samples_beside_it() -> None:
    """So its first token, which follows another's last, is predicted from nothing."""
    model, (row, other) = _model("llama"), ROWS
    changed = msgspec.structs.replace(
        row, input_ids=_row(23, seed=9).input_ids + row.input_ids[23:]
    )
    before, after = (batches.token_losses(model, _batch([r, other]))[0] for r in (row, changed))
    trained_before_23 = 16 + 0 + 4
    assert not torch.allclose(before[:trained_before_23], after[:trained_before_23], atol=1e-2)
    assert torch.equal(before[trained_before_23:], after[trained_before_23:])


def _gradients(model: Any, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    loss.backward()
    return {name: tensor.grad.clone() for name, tensor in model.named_parameters()}


def _assert_same_gradients(
    found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]
) -> None:
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        largest = gradient.abs().max().item()
        assert largest > 1e-3, name  # or nothing would be compared
        assert (found[name] - gradient).abs().max() < TOLERANCE * largest, name


@TYPES
@ATTENTION
@pytest.mark.parametrize("use_reentrant", [True, False])
def test_gradients_of_a_batch_are_those_of_its_samples_alone(
    kind: str, attention: str, use_reentrant: bool
) -> None:
    model = _in_training(kind, attention, use_reentrant=use_reentrant)
    computed: list[int] = []
    watch = model.model.layers[0].mlp.register_forward_pre_hook(lambda *_: computed.append(1))
    found = _gradients(model, batches.token_losses(model, _batch(ROWS))[0].mean())
    assert len(computed) == 2  # once more in the backward pass: the layers were checkpointed
    watch.remove()
    _assert_same_gradients(found, _gradients(model, _losses_alone(model, ROWS).mean()))


# The Trainer


def _watch(model: Any) -> tuple[dict[str, torch.Tensor], list[dict[str, Any]]]:
    """Return the sum of gradients by parameter and the arguments of each call, as they come."""
    sums: dict[str, torch.Tensor] = {}
    calls: list[dict[str, Any]] = []

    def adding(name: str) -> Callable[[torch.Tensor], None]:
        def add(gradient: torch.Tensor) -> None:
            sums[name] = sums.get(name, torch.zeros_like(gradient)) + gradient

        return add

    for name, tensor in model.named_parameters():
        tensor.register_hook(adding(name))
    model.register_forward_pre_hook(lambda _, args, more: calls.append(more), with_kwargs=True)
    return sums, calls


def _one_step(folder: Path, rows: list[PackedRow], *, rows_per_device: int) -> tuple[Any, ...]:
    """Train one step on all rows; return its loss, its gradients and the calls of the model."""
    write_records(folder, rows, "rows")
    files = batches.RowFiles(jsonl.part_files(folder, "rows"), SOURCES)
    changes = {"rows_per_step": len(rows), "rows_per_device": rows_per_device, "cpu_threads": 1}
    document = {**parameters()["train"], **changes, "gradient_checkpointing": True}
    model = _model("qwen2", "sdpa")
    sums, calls = _watch(model)
    done, history = trainer.train(
        model,
        files,
        msgspec.convert(document, Train),
        states=States(folder / "scratch", keep=2),
    )
    assert done.state.global_step == 1
    assert model.is_activation_checkpointing
    return history.steps[0]["loss"], sums, calls


def test_a_step_on_packed_rows_is_a_step_on_single_samples(tmp_path: Path) -> None:
    singles = [
        PackedRow(tokens, [PackedSample(str(n), 0, "web", 0, len(tokens), [(0, len(tokens))])], 0)
        for n, tokens in enumerate(_tokens_alone(ROWS))
    ]
    loss, gradients, calls = _one_step(tmp_path / "packed", ROWS, rows_per_device=2)
    expected, alone, _ = _one_step(tmp_path / "singles", singles, rows_per_device=1)
    assert loss == pytest.approx(expected, abs=TOLERANCE)
    _assert_same_gradients(gradients, alone)
    (call,) = calls
    assert set(call) == {"input_ids", "position_ids", "use_cache", "logits_to_keep"}
    assert call["input_ids"].shape == (2, 72)
    assert call["use_cache"] is False


# The check before the first step


@pytest.mark.parametrize("kind", documents.SEPARATING_TYPES)
@ATTENTION
@pytest.mark.parametrize("rows", [1, 2, 16])
def test_a_type_that_keeps_samples_apart_is_accepted(kind: str, attention: str, rows: int) -> None:
    model = _model(kind, attention).train()
    documents.require_separate_documents(model, rows_per_device=rows, tolerance=TOLERANCE)
    assert model.training


@pytest.mark.parametrize("kind", ["bloom", "mpt", "falcon", "opt", "mamba"])
@pytest.mark.parametrize("sharp", [True, False])
def test_a_type_that_leaks_is_refused_by_name(kind: str, sharp: bool) -> None:
    """ALiBi knows no positions, others read the row as one text; fresh weights show it too."""
    model = _model(kind, sharp=sharp).eval()
    with pytest.raises(InputError, match=rf"of type {kind} .* at most 1e-04 allowed.*qwen2"):
        documents.require_separate_documents(model, rows_per_device=1, tolerance=1e-4)
    assert not model.training
    assert documents.packing_difference(model, rows=1) > 1e-3
    with torch.no_grad():
        packed = batches.logits_of(model, _batch(ROWS))
        assert _difference(model, ROWS, packed) > 100 * TOLERANCE


class _Wrapped(torch.nn.Module):
    """A model that answers as another one does to changed inputs or with changed logits."""

    def __init__(self, change: Callable[..., Any]) -> None:
        super().__init__()
        self.model = _model("llama", "sdpa")
        self.config = self.model.config
        self.change = change

    def forward(self, **inputs: Any) -> Any:
        return self.change(self.model, **inputs)


def _as_flash_attention(model: Any, position_ids: torch.Tensor, **inputs: Any) -> Any:
    """Read positions that restart in a batch of one row only."""
    apart = {"position_ids": position_ids} if len(position_ids) == 1 else {}
    return model(**apart, **inputs)


def test_a_leak_in_a_batch_of_several_rows_is_found() -> None:
    model = _Wrapped(_as_flash_attention)
    documents.require_separate_documents(model, rows_per_device=1, tolerance=1e-4)
    with pytest.raises(InputError, match="of type llama"):
        documents.require_separate_documents(model, rows_per_device=2, tolerance=1e-4)


def test_flash_attention_takes_one_row_at_a_time() -> None:
    train = {**parameters()["train"], "attention": "flash_attention_2", "rows_per_step": 4}
    section({"train": {**train, "rows_per_device": 1}}, "train", Train)
    with pytest.raises(ParamError, match=r"train.*rows_per_device \(2\) must be 1"):
        section({"train": {**train, "rows_per_device": 2}}, "train", Train)


@pytest.mark.parametrize("value", [0.0, float("nan"), float("inf")])
def test_weights_that_say_nothing_are_refused(value: float) -> None:
    model = _model("llama")
    torch.nn.init.constant_(model.lm_head.weight, value)
    with pytest.raises(InputError, match="of this llama model are not finite, or the same"):
        documents.require_separate_documents(model, rows_per_device=2, tolerance=1e-4)


def test_the_check_is_the_same_whatever_was_drawn_before() -> None:
    model = _model("bloom")
    first = documents.packing_difference(model, rows=2)
    torch.rand(5)
    assert documents.packing_difference(model, rows=2) == first


def test_an_added_offset_to_all_logits_hides_no_leak() -> None:
    """Softmax does not see it, and models with logits of several hundred exist."""

    def lifted(model: Any, position_ids: torch.Tensor, **inputs: Any) -> Any:
        found = model(**inputs)
        found.logits = found.logits + 1000.0
        return found

    plain = _Wrapped(lambda model, position_ids, **inputs: model(**inputs))
    difference = documents.packing_difference(plain, rows=1)
    assert documents.packing_difference(_Wrapped(lifted), rows=1) == pytest.approx(
        difference, rel=1e-2
    )


def test_the_type_is_the_one_in_the_configuration(tmp_path: Path) -> None:
    """Through the loader, as train gets its base."""
    config = {"model_type": "bloom", **CONFIGS["bloom"]}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    model = checkpoint.load_model(tmp_path, init="random", seed=1, attention="eager")
    with pytest.raises(InputError, match="of type bloom"):
        documents.require_separate_documents(model, rows_per_device=1, tolerance=1e-4)
