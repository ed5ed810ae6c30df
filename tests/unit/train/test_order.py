"""Which rows each rank reads: those of one rank, parted among all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onestage.errors import InputError
from onestage.train.order import Portions, RankBatches, require_even_ranks, row_numbers


class _Choices:
    def __init__(self, rows_per_step: int, rows_per_device: int) -> None:
        self.rows_per_step, self.rows_per_device = rows_per_step, rows_per_device


@given(
    ranks=st.integers(1, 5),
    rows_per_device=st.integers(1, 4),
    turns=st.integers(1, 4),
    step=st.integers(0, 50),
)
def test_all_ranks_of_a_step_see_what_one_rank_would(
    ranks: int, rows_per_device: int, turns: int, step: int
) -> None:
    rows_per_step = ranks * rows_per_device * turns
    sizes = {"rows_per_step": rows_per_step, "rows_per_device": rows_per_device}
    seen = [row_numbers(rank, ranks, step, **sizes) for rank in range(ranks)]
    assert all(len(batches) == turns for batches in seen)
    assert all(len(batch) == rows_per_device for batches in seen for batch in batches)
    # In the order of time: a turn of all ranks, then the next.
    together = [row for turn in zip(*seen, strict=True) for batch in turn for row in batch]
    assert together == list(range(step * rows_per_step, (step + 1) * rows_per_step))


@given(
    sizes=st.lists(st.integers(1, 20), min_size=1, max_size=4),
    ranks=st.sampled_from([1, 2, 4]),
    rows_per_device=st.integers(1, 3),
    turns=st.integers(1, 2),
)
def test_every_row_is_read_once_and_portions_begin_with_a_step(
    sizes: list[int], ranks: int, rows_per_device: int, turns: int
) -> None:
    rows_per_step = ranks * rows_per_device * turns
    portions = Portions(sizes, rows_per_step)
    assert len(portions) == sum(portions.steps) * rows_per_step
    read: list[int | None] = []
    for rank in range(ranks):
        batches = RankBatches(
            rank,
            ranks,
            sum(portions.steps),
            rows_per_step=rows_per_step,
            rows_per_device=rows_per_device,
        )
        assert len(batches) == len(list(batches))
        read += [portions[place] for batch in batches for place in batch]
    assert sorted(row for row in read if row is not None) == list(range(sum(sizes)))
    first = place = 0
    for size, steps in zip(sizes, portions.steps, strict=True):
        assert portions[place] == first
        first, place = first + size, place + steps * rows_per_step
        assert (steps - 1) * rows_per_step < size <= steps * rows_per_step


def test_a_portion_that_does_not_fill_its_last_step_is_filled() -> None:
    portions = Portions([3, 2], 2)
    assert [portions[place] for place in range(len(portions))] == [0, 1, 2, None, 3, 4]
    assert portions.steps == [2, 1]


def test_ranks_that_cannot_share_a_step_are_refused() -> None:
    choices = _Choices(rows_per_step=8, rows_per_device=2)
    require_even_ranks(4, choices)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"rows_per_step \(8\).*rows_per_device \(2\).*\(3\)"):
        require_even_ranks(3, choices)  # type: ignore[arg-type]
