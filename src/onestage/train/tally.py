"""What passed through the model since the last point of the plots: losses and tokens."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self

import torch

from onestage.train.batches import PADDING, Group


class Counts(NamedTuple):
    """Tokens of samples, of these the trained ones, places of rows, keys that tokens attend to.

    Places hold tokens or padding. A token attends to itself and to those before it in its
    sample, whatever a sliding window then leaves out.
    """

    tokens: int
    trained: int
    places: int
    attended: int

    def plus(self, other: Self) -> "Counts":
        """Return the sums of both, field by field."""
        return Counts(*(mine + others for mine, others in zip(self, other, strict=True)))


NOTHING = Counts(0, 0, 0, 0)


class Tally:
    """Sums over micro-batches, on the device until a point of the plots is due."""

    def __init__(self, groups: Sequence[Group], device: Any) -> None:
        self._groups = groups
        self._losses = torch.zeros(2, len(groups), dtype=torch.float64, device=device)
        self._counts = torch.zeros(len(Counts._fields), dtype=torch.int64, device=device)

    def add(
        self, batch: dict[str, torch.Tensor], losses: torch.Tensor, groups: torch.Tensor
    ) -> None:
        """Add a micro-batch: the loss of each trained token, and its group's number."""
        summed = losses.detach().double()
        self._losses.index_add_(1, groups, torch.stack([summed, torch.ones_like(summed)]))
        real = batch["source_ids"] != PADDING
        keys = (batch["position_ids"] + 1) * real
        # In the order of Counts, and without a number from the host, for which a GPU would wait.
        parts = (real, torch.ones_like(groups), torch.ones_like(real), keys)
        self._counts += torch.stack([each.sum() for each in parts])

    def taken(
        self, reduced: Callable[[torch.Tensor], torch.Tensor]
    ) -> tuple[dict[Group, float], Counts]:
        """Return mean losses by group and the counts, summed over ranks, and begin anew."""
        totals, numbers = reduced(self._losses).tolist()
        means = {
            group: total / number
            for group, total, number in zip(self._groups, totals, numbers, strict=True)
            if number
        }
        counts = Counts(*map(int, reduced(self._counts).tolist()))
        self._losses.zero_()
        self._counts.zero_()
        return means, counts
