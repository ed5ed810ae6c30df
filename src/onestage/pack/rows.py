"""Best-fit packing of samples into rows of a fixed length that keeps the curriculum's order.

A sample goes into the open row that it fills best. Rows stand in the order in which they were
opened, and only the last few are open, so that a sample is never far from its place in the
curriculum.
"""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from onestage.params import NotNegative, Params, Positive
from onestage.records import Draw, PackedRow, PackedSample


class Pack(Params, frozen=True):
    """The `pack` section.

    `too_long` says what becomes of a sample of more than `seq_len_tokens` tokens. No sample is
    trained more than `max_displacement_rows` full rows away from its place in the curriculum.
    """

    chat_template: str
    seq_len_tokens: Positive
    too_long: Literal["reject", "split", "truncate"]
    max_displacement_rows: NotNegative


class Sample(NamedTuple):
    """A drawn conversation as tokens; `trained` spans count from its own start."""

    draw: Draw
    input_ids: list[int]
    trained: list[tuple[int, int]]


class Packed(NamedTuple):
    """A row, and by how many tokens each of its samples moved: negative is earlier."""

    row: PackedRow
    moved_tokens: list[int]


class _OpenRow:
    def __init__(self, phase: int) -> None:
        self.phase = phase
        self.input_ids: list[int] = []
        self.samples: list[PackedSample] = []
        self.arrivals: list[int] = []

    def add(self, sample: Sample, arrival: int) -> None:
        start = len(self.input_ids)
        self.input_ids += sample.input_ids
        self.arrivals.append(arrival)
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

    def closed(self, tokens_before: int) -> Packed:
        moved = [
            tokens_before + sample.start - arrival
            for sample, arrival in zip(self.samples, self.arrivals, strict=True)
        ]
        return Packed(PackedRow(self.input_ids, self.samples, self.phase), moved)


class _Window:
    """The last rows opened, and where there is room in them."""

    def __init__(self, seq_len_tokens: int, size: int) -> None:
        self._seq_len_tokens = seq_len_tokens
        self._size = size
        self._rows: deque[_OpenRow] = deque()
        self._first = 0  # number of the oldest row
        self._rooms: list[tuple[int, int]] = []  # (tokens left, row's number), sorted
        self._arrived_tokens = 0
        self._closed_tokens = 0

    def add(self, sample: Sample) -> Iterator[Packed]:
        """Put a sample into the row with the least room for it, the oldest of equals."""
        tokens = len(sample.input_ids)
        if self._rows and self._rows[-1].phase != sample.draw.phase:
            yield from self.close()
        at = bisect_left(self._rooms, (tokens, 0))
        if at < len(self._rooms):
            room, number = self._rooms.pop(at)
        else:
            if len(self._rows) == self._size:
                yield self._close_oldest()
            room, number = self._seq_len_tokens, self._first + len(self._rows)
            self._rows.append(_OpenRow(sample.draw.phase))
        self._rows[number - self._first].add(sample, self._arrived_tokens)
        self._arrived_tokens += tokens
        insort(self._rooms, (room - tokens, number))

    def _close_oldest(self) -> Packed:
        row = self._rows.popleft()
        left = self._seq_len_tokens - len(row.input_ids)
        del self._rooms[bisect_left(self._rooms, (left, self._first))]
        self._first += 1
        closed = row.closed(self._closed_tokens)
        self._closed_tokens += len(row.input_ids)
        return closed

    def close(self) -> Iterator[Packed]:
        while self._rows:
            yield self._close_oldest()


def pack_rows(
    samples: Iterable[Sample], *, seq_len_tokens: int, max_displacement_rows: int
) -> Iterator[Packed]:
    """Yield rows of at most `seq_len_tokens` tokens, in the order in which they were opened.

    No row holds samples of two phases. Samples must be neither empty nor longer than a row.
    Besides the newest row `max_displacement_rows` are open, so that each sample moves by at most
    `max_displacement_rows * seq_len_tokens` tokens, either way; with 0 none moves.

    Rows of 8 and samples of 5, 4, 3, 4 tokens: the 3 joins the 5, the last 4 the first one:

        [5 5 5 5 5 3 3 3]   moved by 0, 5 - 9 = -4
        [4 4 4 4 4 4 4 4]   moved by 8 - 5 = 3, 12 - 12 = 0
    """
    window = _Window(seq_len_tokens, max_displacement_rows + 1)
    for sample in samples:
        yield from window.add(sample)
    yield from window.close()
