"""Which rows a rank reads in which micro-batch: the curriculum's order on any number of ranks."""

from collections.abc import Iterator, Sequence

from torch.utils.data import Dataset, Sampler

from onestage.errors import InputError
from onestage.train.batches import FILLER, Row, RowFiles
from onestage.train.settings import Train


def row_numbers(
    rank: int, ranks: int, step: int, *, rows_per_step: int, rows_per_device: int
) -> list[list[int]]:
    """Return the micro-batches of one rank in one optimizer step, as numbers of rows.

    Step s of all ranks together is rows [s x rows_per_step, (s + 1) x rows_per_step), whatever
    the number of ranks. Two ranks, 8 rows a step, 2 a device, in step 0:

        rank 0   0 1   4 5
        rank 1   2 3   6 7
    """
    first = step * rows_per_step + rank * rows_per_device
    end = (step + 1) * rows_per_step
    return [
        list(range(start, start + rows_per_device))
        for start in range(first, end, ranks * rows_per_device)
    ]


def require_even_ranks(ranks: int, choices: Train) -> None:
    """Refuse a number of ranks that cannot share a step evenly.

    Raises:
        InputError: rows_per_step is no multiple of rows_per_device x ranks.
    """
    if choices.rows_per_step % (choices.rows_per_device * ranks):
        raise InputError(
            f"train.rows_per_step ({choices.rows_per_step}) must be a multiple of "
            f"train.rows_per_device ({choices.rows_per_device}) times the number of ranks "
            f"({ranks}); change one of the three"
        )


class Portions:
    """Portions of the rows, trained one after the other, each in whole steps.

    A portion whose rows do not fill its last step is filled with rows that train nothing, so
    that none is repeated. Rows of 3 and 2 at 2 rows a step (. is a filler):

        step   0     1     2
        rows   0 1   2 .   3 4
    """

    def __init__(self, sizes: Sequence[int], rows_per_step: int) -> None:
        self.steps = [-(-size // rows_per_step) for size in sizes]
        self._places: list[int | None] = []
        first = 0
        for size, steps in zip(sizes, self.steps, strict=True):
            self._places.extend(range(first, first + size))
            self._places.extend([None] * (steps * rows_per_step - size))
            first += size

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, place: int) -> int | None:
        return self._places[place]


class OrderedRows(Dataset[Row]):
    """The rows by their place in the run, with fillers where a portion's last step has room."""

    def __init__(self, rows: RowFiles, portions: Portions) -> None:
        self._rows = rows
        self._portions = portions

    def __len__(self) -> int:
        return len(self._portions)

    def __getitem__(self, place: int) -> Row:
        number = self._portions[place]
        return FILLER if number is None else self._rows[number]


class RankBatches(Sampler[list[int]]):
    """The micro-batches of one rank over all steps, for a DataLoader."""

    def __init__(
        self, rank: int, ranks: int, steps: int, *, rows_per_step: int, rows_per_device: int
    ) -> None:
        self._rank, self._ranks, self._steps = rank, ranks, steps
        self._rows_per_step, self._rows_per_device = rows_per_step, rows_per_device

    def __len__(self) -> int:
        return self._steps * self._rows_per_step // (self._ranks * self._rows_per_device)

    def __iter__(self) -> Iterator[list[int]]:
        for step in range(self._steps):
            yield from row_numbers(
                self._rank,
                self._ranks,
                step,
                rows_per_step=self._rows_per_step,
                rows_per_device=self._rows_per_device,
            )
