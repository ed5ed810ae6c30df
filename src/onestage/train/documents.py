"""The check that packing leaks nothing on this very model: a packed row against its samples."""

from typing import Any

import torch

from onestage.errors import InputError
from onestage.records import PackedRow
from onestage.train.batches import collate, row_fields


@torch.no_grad()
def packing_difference(model: Any, row: PackedRow) -> float:
    """Return the largest difference between logits of the packed row and of its samples alone.

    Relative to the largest logit of the row. Positions that restart must be enough for the
    model to keep samples apart; models without rotary positions (ALiBi) fail this.
    """
    device = next(model.parameters()).device
    packed = _logits(model, row, device)
    largest = packed.abs().max().item()
    worst = 0.0
    for sample in row.samples:
        alone = PackedRow(row.input_ids[sample.start : sample.end], [], row.phase)
        difference = packed[sample.start : sample.end] - _logits(model, alone, device)
        worst = max(worst, difference.abs().max().item())
    return worst / largest


def _logits(model: Any, row: PackedRow, device: torch.device) -> torch.Tensor:
    sources = {sample.source: 0 for sample in row.samples}
    fields = row_fields(row, sources)
    if not row.samples:
        fields["position_ids"] = list(range(len(row.input_ids)))
    batch = {name: tensor.to(device) for name, tensor in collate([fields]).items()}
    logits: torch.Tensor = model(
        input_ids=batch["input_ids"], position_ids=batch["position_ids"], use_cache=False
    ).logits
    return logits[0].float()


def require_separate_documents(model: Any, row: PackedRow, *, tolerance: float) -> None:
    """Refuse to train a model on which packed samples see one another.

    Raises:
        InputError: with the difference seen and the remedy.
    """
    training = model.training
    model.eval()
    difference = packing_difference(model, row)
    model.train(training)
    if difference > tolerance:
        raise InputError(
            f"base: {type(model).__name__} lets packed samples see one another (logits differ by "
            f"{difference:.1e}, at most {tolerance:.0e} allowed); use a base with rotary "
            "positions, or another train.attention"
        )
