"""Packing of samples into rows of a fixed length, nearly in the curriculum's order.

Samples wait in a window. Each row takes the oldest ones in order, and closes with those of the
window that fill it best. The window's length bounds how far a sample gets from its place in
the curriculum.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from onestage.params import Params, Positive
from onestage.records import Draw, PackedRow, PackedSample

# So many of the samples that come in order may be left waiting for others that fill the row
# better. More of them fill no better and move more.
_EXCHANGED = 2


class Pack(Params, frozen=True):
    """The `pack` section.

    `too_long` says what becomes of a sample of more than `seq_len_tokens` tokens. Every sample
    is trained less than `max_displacement_rows` full rows away from its place in the
    curriculum; with 1 the order is kept as it is.
    """

    chat_template: str
    seq_len_tokens: Positive
    too_long: Literal["reject", "split", "truncate"]
    max_displacement_rows: Positive


class Sample(NamedTuple):
    """A drawn conversation as tokens; `trained` spans count from its own start."""

    draw: Draw
    input_ids: list[int]
    trained: list[tuple[int, int]]


class Packed(NamedTuple):
    """A row, and by how many tokens each of its samples moved: negative is earlier."""

    row: PackedRow
    moved_tokens: list[int]


class _Length(NamedTuple):
    """A waiting sample's length, and the number of tokens that arrived before it."""

    tokens: int
    arrival: int


class _Window:
    """The samples that wait: in order of arrival, and by length."""

    def __init__(self, seq_len_tokens: int, window_tokens: int) -> None:
        self._seq_len_tokens = seq_len_tokens
        self._window_tokens = window_tokens
        self._samples: dict[int, Sample] = {}  # by arrival, in this order
        self._lengths: list[_Length] = []  # sorted
        self._arrived_tokens = 0
        self._packed_tokens = 0

    def takes(self, sample: Sample) -> bool:
        """Return whether the sample ends within the window, which begins with the oldest."""
        if not self._samples:
            return True
        arrival, oldest = next(iter(self._samples.items()))
        tokens = self._arrived_tokens + len(sample.input_ids) - arrival
        return oldest.draw.phase == sample.draw.phase and tokens <= self._window_tokens

    def add(self, sample: Sample) -> None:
        self._samples[self._arrived_tokens] = sample
        insort(self._lengths, _Length(len(sample.input_ids), self._arrived_tokens))
        self._arrived_tokens += len(sample.input_ids)

    def rows(self) -> Iterator[Packed]:
        """Pack all that is left."""
        while self._samples:
            yield self.fill_row()

    def fill_row(self) -> Packed:
        """Pack the oldest sample and what goes best with it."""
        chosen = sorted(self._choice(), key=lambda length: length.arrival)
        ids: list[int] = []
        samples, moved = [], []
        for tokens, arrival in chosen:
            del self._lengths[bisect_left(self._lengths, (tokens, arrival))]
            sample = self._samples.pop(arrival)
            moved.append(self._packed_tokens + len(ids) - arrival)
            samples.append(_placed(sample, len(ids)))
            ids += sample.input_ids
        self._packed_tokens += len(ids)
        return Packed(PackedRow(ids, samples, sample.draw.phase), moved)

    def _choice(self) -> list[_Length]:
        """Return the samples in order that fit, the last of them exchanged if that fills better."""
        ordered = self._in_order()
        best: list[_Length] = []
        least = self._seq_len_tokens
        for kept in range(len(ordered), max(0, len(ordered) - _EXCHANGED - 1), -1):
            choice = ordered[:kept]
            room = self._seq_len_tokens - sum(length.tokens for length in choice)
            last = choice[-1].arrival
            others = [length for length in self._lengths if length.arrival > last]
            closing = _closing(others, room)
            left = room - sum(length.tokens for length in closing)
            if left < least:
                best, least = [*choice, *closing], left
        return best

    def _in_order(self) -> list[_Length]:
        ordered, room = [], self._seq_len_tokens
        for arrival, sample in self._samples.items():
            room -= len(sample.input_ids)
            if room < 0:
                break
            ordered.append(_Length(len(sample.input_ids), arrival))
        return ordered


def _placed(sample: Sample, start: int) -> PackedSample:
    return PackedSample(
        id=sample.draw.id,
        copy=sample.draw.copy,
        source=sample.draw.source,
        start=start,
        end=start + len(sample.input_ids),
        trained=[(start + a, start + b) for a, b in sample.trained],
    )


def _closing(lengths: list[_Length], room: int) -> list[_Length]:
    """Return the one or two of the sorted lengths that leave the least room; none if none fits."""
    high = bisect_right(lengths, room, key=lambda length: length.tokens) - 1
    if high < 0:
        return []
    best, most, low = [lengths[high]], lengths[high].tokens, 0
    while low < high and most < room:
        tokens = lengths[low].tokens + lengths[high].tokens
        if tokens > room:
            high -= 1
            continue
        if tokens > most:
            best, most = [lengths[low], lengths[high]], tokens
        low += 1
    return best


def pack_rows(
    samples: Iterable[Sample], *, seq_len_tokens: int, max_displacement_rows: int
) -> Iterator[Packed]:
    """Yield rows of at most `seq_len_tokens` tokens, each begun by the oldest waiting sample.

    No row holds samples of two phases, and in a row samples stand in the order of arrival. None
    may be empty or longer than a row. Only samples that arrived within
    `max_displacement_rows * seq_len_tokens` tokens wait together, so that each moves by less
    than that, either way.

    Rows of 8, a window of 16 and samples of 5, 4, 3, 4 tokens: after the 5 comes the 3, which
    closes the row.

        [5 5 5 5 5 3 3 3]   moved by 0, 5 - 9 = -4
        [4 4 4 4 4 4 4 4]   moved by 8 - 5 = 3, 12 - 12 = 0
    """
    window = _Window(seq_len_tokens, max_displacement_rows * seq_len_tokens)
    for sample in samples:
        while not window.takes(sample):
            yield window.fill_row()
        window.add(sample)
    yield from window.rows()
