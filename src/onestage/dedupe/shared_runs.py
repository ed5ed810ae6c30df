"""Runs of characters that a text shares with one of many others, found exactly and fast."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

import numpy as np

_FENCE = "\0"  # between the texts; comparable text never holds it
_KEY = 0xFFFFFFFF
# Bits a window, at least: of windows that are nowhere, 3 % or fewer are looked for further.
_BITS = 32


class SharedRuns:
    """All windows of half of `min_chars` of all texts, by 32 bits of their hash.

    A run of `min_chars` in a text, wherever it begins, covers one whole window of half the
    length at a stride of that. So only these windows are looked up; each that is found is
    compared, extended to both sides as far as the texts agree, and counts if it is long enough.
    Texts are comparable ones (similarity.comparable). About 16 bytes a window.
    """

    def __init__(self, texts: Sequence[str], min_chars: int) -> None:
        self._min_chars = min_chars
        self._window = min_chars // 2
        self._texts = texts
        self._all = _FENCE + _FENCE.join(texts) + _FENCE
        # Where each text begins; the place of a window tells its text by bisection.
        self._starts = list(accumulate((len(text) + 1 for text in texts), initial=1))
        places = np.fromiter(self._places(), dtype=np.uint32)
        keys = np.fromiter(map(self._key, places.tolist()), dtype=np.uint32)
        order = np.argsort(keys, kind="stable")
        # Arrays of Python: a single look into them is faster than into those of numpy.
        self._keys = array("I", keys[order].tobytes())
        self._at = array("I", places[order].tobytes())
        self._mask = (1 << (max(1, len(keys)) * _BITS).bit_length()) - 1 & _KEY
        bits = keys & np.uint32(self._mask)
        self._known = bytearray(self._mask // 8 + 1)
        into = np.frombuffer(self._known, dtype=np.uint8)
        np.bitwise_or.at(into, bits >> 3, (1 << (bits & 7)).astype(np.uint8))

    def __reduce__(self) -> tuple[type, tuple[Sequence[str], int]]:
        """Be built anew in another process, whose hashes are others."""
        return type(self), (self._texts, self._min_chars)

    def _places(self) -> Iterator[int]:
        for start, text in zip(self._starts, self._texts, strict=False):
            if len(text) >= self._min_chars:
                yield from range(start, start + len(text) - self._window + 1)

    def _key(self, place: int) -> int:
        return hash(self._all[place : place + self._window]) & _KEY

    def find(self, seen: str) -> dict[int, str]:
        """Return the longest run of at least `min_chars` that `seen` shares with each text.

        By the text's number; texts that share none are left out. Of equally long runs it is one.
        """
        matches = self._matches(seen)
        if not matches:
            return {}
        found: dict[int, str] = {}
        # Per shift between the two texts, how far `seen` has been compared: no run is walked
        # through twice, however many of its windows are found.
        reached: dict[int, int] = {}
        for offset, place in matches:
            shift = place - offset
            if offset < reached.get(shift, 0):
                continue
            start, reached[shift] = self._extended(seen, offset, place)
            run = seen[start : reached[shift]]
            number = bisect_right(self._starts, place) - 1
            if len(run) >= self._min_chars and len(run) > len(found.get(number, "")):
                found[number] = run
        return found

    def _matches(self, seen: str) -> list[tuple[int, int]]:
        """Return offsets of windows in `seen`, each with a place among the texts that holds it."""
        if len(seen) < self._min_chars:
            return []
        width, known, mask = self._window, self._known, self._mask
        offsets = range(0, len(seen) - width + 1, width)
        hits = [
            at
            for at in offsets
            if known[(bit := hash(seen[at : at + width]) & mask) >> 3] >> (bit & 7) & 1
        ]
        return [(at, place) for at in hits for place in self._holders(seen[at : at + width])]

    def _holders(self, window: str) -> list[int]:
        """Return the places of a window, in order."""
        key = hash(window) & _KEY
        low = bisect_left(self._keys, key)
        places = self._at[low : bisect_right(self._keys, key, low)]
        return [place for place in places if self._all.startswith(window, place)]

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
