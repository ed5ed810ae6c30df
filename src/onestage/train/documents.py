"""The check that packing leaks nothing on this very model: packed samples against single ones."""

import math
from typing import Any

import torch

from onestage.errors import InputError
from onestage.records import PackedRow, PackedSample
from onestage.train.batches import Row, collate, logits_of, row_fields
from onestage.train.devices import arithmetic
from onestage.train.settings import Train

# A leak is strongest over short distances, and a short row costs little on a large model.
_FIRST, _SECOND = 24, 17

# Restarting positions alone say nothing: each of these was seen to keep samples apart.
SEPARATING_TYPES = ("llama", "qwen2", "qwen3", "mistral", "mixtral", "gemma3_text", "phi3")


def require_fit_for_packing(model: Any, choices: Train) -> None:
    """Refuse a model on which samples that share a row would see one another in this training.

    Raises:
        InputError: as require_separate_documents; an attention that has no gradients here.
    """
    if choices.attention == "flex_attention" and not torch.cuda.is_available():
        raise InputError(
            "train.attention: flex_attention has gradients on an accelerator only, and here is "
            "none; take sdpa"
        )
    # Neither computes in anything else.
    half = choices.attention == "flash_attention_2" or choices.lora.halved
    with arithmetic("bf16" if half else "fp32"):
        require_separate_documents(
            model, rows_per_device=choices.rows_per_device, tolerance=1e-2 if half else 1e-4
        )


def require_separate_documents(model: Any, *, rows_per_device: int, tolerance: float) -> None:
    """Refuse to train a model on which packed samples see one another.

    Raises:
        InputError: with the model's type, the difference seen and the remedy.
    """
    training = model.training
    model.eval()
    difference = packing_difference(model, rows=min(rows_per_device, 2))
    model.train(training)
    kind = model.config.model_type
    if not math.isfinite(difference):
        raise InputError(
            f"base: the logits of this {kind} model are not finite, or the same for every token; "
            "look at its weights"
        )
    if difference > tolerance:
        raise InputError(
            f"base: packed samples see one another in a model of type {kind} (logits differ by "
            f"{difference:.1e} of their range, at most {tolerance:.0e} allowed); take a base of a "
            f"type that keeps them apart: {', '.join(SEPARATING_TYPES)}"
        )


@torch.no_grad()
def packing_difference(model: Any, *, rows: int) -> float:
    """Return by how much logits of packed samples differ from those of each alone, at most.

    Compared are 24 and 17 made-up tokens that share a row, and in a batch of two `rows` the 17
    once more, padded. The difference is a share of the range from a position's lowest to its
    highest logit. It says nothing on what begins beyond 41 tokens, such as attention by chunks.
    """
    tokens = _made_up_tokens(model)
    first, second = tokens[:_FIRST], tokens[_FIRST:]
    packed = _logits(model, [_row(first, second), _row(second)][:rows])
    alone, again = _logits(model, [_row(first)]), _logits(model, [_row(second)])
    parts = (packed[:1, :_FIRST] - alone, packed[:1, _FIRST:] - again)
    padded = packed[1:, :_SECOND] - again  # nothing with a single row
    worst = torch.cat([part.flatten() for part in (*parts, padded)]).abs().max()
    return (worst / (packed.amax(-1) - packed.amin(-1)).max()).item()


def _made_up_tokens(model: Any) -> list[int]:
    vocabulary = model.config.get_text_config().vocab_size
    drawing = torch.Generator().manual_seed(0)
    tokens: list[int] = torch.randint(vocabulary, (_FIRST + _SECOND,), generator=drawing).tolist()
    return tokens


def _row(*samples: list[int]) -> Row:
    packed = PackedRow([], [], 0)
    for tokens in samples:
        start = len(packed.input_ids)
        packed.input_ids.extend(tokens)
        packed.samples.append(PackedSample("", 0, "", start, start + len(tokens), []))
    return row_fields(packed, {"": 0})


def _logits(model: Any, rows: list[Row]) -> torch.Tensor:
    device = next(model.parameters()).device
    batch = {name: tensor.to(device) for name, tensor in collate(rows).items()}
    return logits_of(model, batch).float()
