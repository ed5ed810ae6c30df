"""Runs of characters that a text shares with one of many others, found exactly and fast."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from zlib import crc32

import numpy as np

_FENCE = "\0"  # between the texts; comparable text never holds it
# Slots of the first look per window: one look in eight at a window that is nowhere goes on.
_SLOTS = 8


class SharedRuns:
    """All windows of half of `min_chars` of all texts, under 32-bit keys; about 24 bytes each.

    A run of `min_chars` in a text, wherever it begins, covers one whole window of half the
    length at a stride of that. So only these windows are looked up; each that is found is
    compared, extended to both sides as far as the texts agree, and counts if it is long enough.
    Texts are comparable ones (similarity.comparable).
    """

    def __init__(self, texts: Sequence[str], *, min_chars: int) -> None:
        self._min_chars = min_chars
        self._window = min_chars // 2
        self._all = _FENCE + _FENCE.join(texts) + _FENCE
        # Where each text begins; the place of a window tells its text by bisection.
        self._starts = list(accumulate((len(text) + 1 for text in texts), initial=1))
        places = np.fromiter(self._places(texts), dtype=np.int64)
        keys = np.fromiter(
            (crc32(self._all[place : place + self._window].encode()) for place in places),
            dtype=np.uint32,
        )
        order = np.argsort(keys, kind="stable")
        # Arrays of Python: one look into them is several times as fast as one into numpy's.
        self._keys = array("I", keys[order].tobytes())
        self._at = array("I", places[order].astype(np.uint32).tobytes())
        bits = (max(1, len(keys)) * _SLOTS).bit_length()
        self._shift = max(0, 32 - bits)
        self._slots = bytearray(1 << (32 - self._shift))
        np.frombuffer(self._slots, dtype=np.uint8)[keys >> self._shift] = 1

    def _places(self, texts: Sequence[str]) -> Iterator[int]:
        start = 1
        for text in texts:
            if len(text) >= self._min_chars:
                yield from range(start, start + len(text) - self._window + 1)
            start += len(text) + 1

    def find(self, seen: str) -> dict[int, str]:
        """Return the longest run of at least `min_chars` that `seen` shares with each text.

        By the text's number; texts that share none are left out. Of equally long runs the
        first in `seen`.
        """
        found: dict[int, str] = {}
        # Per shift between the two texts, how far `seen` has been compared: no run is walked
        # through twice, however many of its windows are found.
        reached: dict[int, int] = {}
        for offset, place in self._matches(seen):
            shift = place - offset
            if offset < reached.get(shift, 0):
                continue
            start, reached[shift] = self._extended(seen, offset, place)
            run = seen[start : reached[shift]]
            number = bisect_right(self._starts, place) - 1
            if len(run) >= self._min_chars and len(run) > len(found.get(number, "")):
                found[number] = run
        return found

    def _matches(self, seen: str) -> Iterator[tuple[int, int]]:
        """Yield the offset of a window in `seen` and a place among the texts that holds it."""
        if len(seen) < self._min_chars:
            return
        width, slots, drop = self._window, self._slots, self._shift
        for offset in range(0, len(seen) - width + 1, width):
            window = seen[offset : offset + width]
            key = crc32(window.encode())
            if slots[key >> drop]:
                for place in self._places_of(key):
                    if self._all.startswith(window, place):
                        yield offset, place

    def _places_of(self, key: int) -> Sequence[int]:
        low = bisect_left(self._keys, key)
        if low == len(self._keys) or self._keys[low] != key:
            return ()
        return self._at[low : bisect_right(self._keys, key, low)]

    def _extended(self, seen: str, offset: int, place: int) -> tuple[int, int]:
        """Return where in `seen` the run around a window begins and ends; a fence ends it.

        Forwards a window at a time; backwards it is less than one, or that had been found.
        """
        there, width = self._all, self._window
        start, other = offset, place
        while start and seen[start - 1] == there[other - 1]:
            start, other = start - 1, other - 1
        end, other = offset + width, place + width
        while end + width <= len(seen) and seen[end : end + width] == there[other : other + width]:
            end, other = end + width, other + width
        while end < len(seen) and seen[end] == there[other]:
            end, other = end + 1, other + 1
        return start, end
