"""The check that packing leaks nothing on this very model: packed samples against single ones."""

import math
from typing import Any

import torch

from onestage.errors import InputError
from onestage.records import PackedRow, PackedSample
from onestage.train.batches import Row, collate, logits_of, row_fields

# A leak is strongest over short distances, and a short row costs little on a large model.
_LENGTHS = (24, 17)

# Restarting positions alone say nothing: each of these was seen to keep samples apart.
SEPARATING_TYPES = ("llama", "qwen2", "qwen3", "mistral", "mixtral", "gemma3_text", "phi3")


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
    first, second = _made_up_tokens(model).split(_LENGTHS)
    packed = _logits(model, [_row(first, second), _row(second)][:rows])
    alone, again = _logits(model, [_row(first)]), _logits(model, [_row(second)])
    cut, end = _LENGTHS
    differences = (packed[:1, :cut] - alone, packed[:1, cut:] - again, packed[1:, :end] - again)
    worst = torch.cat([difference.flatten() for difference in differences]).abs().max()
    return (worst / (packed.amax(-1) - packed.amin(-1)).max()).item()


def _made_up_tokens(model: Any) -> torch.Tensor:
    vocabulary = model.config.get_text_config().vocab_size
    return torch.randint(vocabulary, (sum(_LENGTHS),), generator=torch.Generator().manual_seed(0))


def _row(*samples: torch.Tensor) -> Row:
    packed = PackedRow([], [], 0)
    for tokens in samples:
        start = len(packed.input_ids)
        packed.input_ids.extend(tokens.tolist())
        packed.samples.append(PackedSample("", 0, "", start, start + len(tokens), []))
    return row_fields(packed, {"": 0})


def _logits(model: Any, rows: list[Row]) -> torch.Tensor:
    device = next(model.parameters()).device
    batch = {name: tensor.to(device) for name, tensor in collate(rows).items()}
    return logits_of(model, batch).float()
