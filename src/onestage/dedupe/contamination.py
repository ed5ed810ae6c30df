"""Decontamination: training text that shares 64 or more characters with a benchmark item.

The rule of Med-PaLM 2 (arXiv 2305.09617), on comparable text (white space, punctuation, case
and width removed). Every 32-character window of the items is indexed; a text is read at
stride 32, since any run of 64 covers one whole aligned window of 32, and each hit is extended
to its full length and checked. The result is exact.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from onestage.benchmarks import LETTERS, Item
from onestage.dedupe.judged import seen
from onestage.similarity import comparable


class Shared(NamedTuple):
    """The longest run that a text shares with a benchmark item."""

    benchmark: str
    item: str
    text: str


def item_texts(item: Item) -> tuple[str, str]:
    """Return case, question and options end to end, without and with the options' letters."""
    stem = item.case + item.question
    lettered = (
        f"{letter}. {option}" for letter, option in zip(LETTERS, item.options, strict=False)
    )
    return comparable("".join((stem, *item.options))), comparable("".join((stem, *lettered)))


class ContaminationIndex:
    """All windows of all items; `min_chars` is the length of a run that counts."""

    def __init__(self, items: Iterable[Item], *, min_chars: int) -> None:
        self._min_chars = min_chars
        self._window = min_chars // 2
        self._items = [
            (item.benchmark, item.id, text) for item in items for text in item_texts(item)
        ]
        self._places: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        for number, (_, _, text) in enumerate(self._items):
            for start in range(len(text) - self._window + 1):
                self._places[text[start : start + self._window]].append((number, start))

    def find(self, text: str) -> Shared | None:
        """Return the longest run of at least `min_chars`, the first of equals, or None."""
        looked = seen(text)
        best: Shared | None = None
        for offset in range(0, len(looked) - self._window + 1, self._window):
            for number, start in self._places.get(looked[offset : offset + self._window], ()):
                benchmark, item, item_chars = self._items[number]
                run = _extended(looked, offset, item_chars, start, self._window)
                if len(run) >= self._min_chars and (best is None or len(run) > len(best.text)):
                    best = Shared(benchmark, item, run)
        return best


def _extended(text: str, i: int, other: str, j: int, length: int) -> str:
    """Return the maximal common run around text[i:i+length] == other[j:j+length]."""
    before = 0
    while before < min(i, j) and text[i - before - 1] == other[j - before - 1]:
        before += 1
    end, other_end = i + length, j + length
    while end < len(text) and other_end < len(other) and text[end] == other[other_end]:
        end, other_end = end + 1, other_end + 1
    return text[i - before : end]
