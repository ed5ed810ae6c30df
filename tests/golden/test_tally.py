"""Counts and mean losses of a small batch, counted by hand."""

import pytest

pytestmark = pytest.mark.xdist_group("torch")

import torch  # noqa: E402

from onestage.records import PackedRow, PackedSample  # noqa: E402
from onestage.train.batches import FILLER, Group, collate, row_fields  # noqa: E402
from onestage.train.tally import NOTHING, Counts, Tally  # noqa: E402

# web of 3 tokens, of which 2 are trained, and sft of 4, of which 3 are
ROW = PackedRow(
    [11, 12, 13, 21, 22, 23, 24],
    [
        PackedSample("a", 0, "web", 0, 3, [(1, 3)]),
        PackedSample("b", 0, "sft", 3, 7, [(3, 7)]),
    ],
    0,
)
GROUPS = [Group(0, "sft"), Group(0, "web"), Group(1, "sft")]


def _same(tensor: torch.Tensor) -> torch.Tensor:
    return tensor


def test_losses_by_group_and_tokens_places_and_keys() -> None:
    tally = Tally(GROUPS, "cpu")
    batch = collate([row_fields(ROW, {"sft": 0, "web": 1}), FILLER])
    losses = torch.tensor([1.0, 3.0, 2.0, 4.0, 6.0])
    tally.add(batch, losses, torch.tensor([1, 1, 0, 0, 0]))
    tally.add(batch, torch.tensor([8.0]), torch.tensor([0]))
    means, counts = tally.taken(_same)
    assert means == {Group(0, "sft"): 5.0, Group(0, "web"): 2.0}
    # Two batches of 2 rows of 7 places; a sample of n tokens attends to 1 + ... + n keys.
    assert counts == Counts(tokens=14, trained=6, places=28, attended=2 * (6 + 10))
    assert tally.taken(_same) == ({}, NOTHING)


def test_sums_of_other_ranks_count_too() -> None:
    tally = Tally(GROUPS, "cpu")
    batch = collate([row_fields(ROW, {"sft": 0, "web": 1})])
    tally.add(batch, torch.tensor([1.0]), torch.tensor([2]))
    other = Tally(GROUPS, "cpu")
    other.add(batch, torch.tensor([3.0, 5.0]), torch.tensor([2, 1]))
    theirs = iter([other._losses, other._counts])
    means, counts = tally.taken(lambda mine: mine + next(theirs))
    assert means == {Group(1, "sft"): 2.0, Group(0, "web"): 5.0}
    assert counts == Counts(tokens=14, trained=3, places=14, attended=32)
