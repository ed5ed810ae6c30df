"""Best-fit packing of samples into rows of a fixed length that keeps the curriculum's order.

A sample goes into the open row that it fills best. Rows stand in the order in which they were
opened, and when too many are open the oldest is closed, so that a sample is never far from
its place in the curriculum.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from onestage.params import Params, Positive
from onestage.records import Draw, PackedRow, PackedSample


class Pack(Params, frozen=True):
    """The `pack` section. A sample of more than `seq_len_tokens` tokens is rejected."""

    chat_template: str
    seq_len_tokens: Positive
    open_rows: Positive


class Sample(NamedTuple):
    """A drawn conversation as tokens; `trained` spans count from its own start."""

    draw: Draw
    input_ids: list[int]
    trained: list[tuple[int, int]]


class _OpenRow:
    def __init__(self, phase: int) -> None:
        self.phase = phase
        self.input_ids: list[int] = []
        self.samples: list[PackedSample] = []

    def add(self, sample: Sample) -> None:
        start = len(self.input_ids)
        self.input_ids += sample.input_ids
        self.samples.append(
            PackedSample(
                id=sample.draw.id,
                copy=sample.draw.copy,
                source=sample.draw.source,
                start=start,
                end=len(self.input_ids),
                trained=[(start + a, start + b) for a, b in sample.trained],
            )
        )

    def closed(self) -> PackedRow:
        return PackedRow(self.input_ids, self.samples, self.phase)


def pack_rows(
    samples: Iterable[Sample], *, seq_len_tokens: int, open_rows: int
) -> Iterator[PackedRow]:
    """Yield rows of at most `seq_len_tokens` tokens, in the order in which they were opened.

    No row holds samples of two phases. Samples must not be longer than a row.

    Rows of 8 and samples of 5, 4, 3, 4 tokens: the 3 joins the 5, the last 4 the first one:

        [5 5 5 5 5 3 3 3]
        [4 4 4 4 4 4 4 4]
    """
    rows: deque[_OpenRow] = deque()
    for sample in samples:
        if rows and rows[-1].phase != sample.draw.phase:
            yield from (row.closed() for row in rows)
            rows.clear()
        row = _best_fit(rows, len(sample.input_ids), seq_len_tokens)
        if row is None:
            if len(rows) == open_rows:
                yield rows.popleft().closed()
            row = _OpenRow(sample.draw.phase)
            rows.append(row)
        row.add(sample)
    yield from (row.closed() for row in rows)


def _best_fit(rows: Iterable[_OpenRow], tokens: int, seq_len_tokens: int) -> _OpenRow | None:
    """Return the fullest row that still has room, the oldest of equals."""
    best: _OpenRow | None = None
    for row in rows:
        if len(row.input_ids) + tokens <= seq_len_tokens and (
            best is None or len(row.input_ids) > len(best.input_ids)
        ):
            best = row
    return best
