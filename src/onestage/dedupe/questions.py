"""Benchmark questions that stand in a text together with their options, however short."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import ahocorasick_rs

# Bytes are of UTF-8, in which one ideograph weighs as much as three letters.
_LEAST_ITEM_BYTES = 24
_LEAST_OPTIONS_BYTES = 8
_TELLING_OPTIONS_BYTES = 24
_TELLING_ITEM_BYTES = 60
# What may stand before an option: `(A)`, `选项 A：`, `Option A:`, a word or two.
_GAP_CHARS = 16
# So much of a question is searched for at once; those that begin alike are told apart after.
_OPENING_CHARS = 64


class Question(NamedTuple):
    """The comparable texts of an item's parts; an option of signs alone is an empty string."""

    case: str
    question: str
    options: tuple[str, ...]


class PutQuestions:
    """Finds the items of which a text holds the case, the question and all options.

    A question alone would be too little: exam questions are alike (`下列说法正确的是`), and short
    ones stand in many texts (`FDP`). So each part must be there, whole, and either

    - anywhere in the text and in any order, if the parts are telling: 24 bytes of options, less
      those that are part of the question or of another option, and 60 with the question; or
    - the options in their order after the question, each beginning at most 16 characters after
      the end of what precedes it. The case may stand anywhere.

    An item is left to the other rules if its options come to less than 8 bytes (yes and no, 是
    and 否, letters of pictures), or question and options to less than 24.
    """

    def __init__(self, questions: Sequence[Question]) -> None:
        self._questions = questions
        self._items: defaultdict[str, list[tuple[int, Question]]] = defaultdict(list)
        for number, given in enumerate(questions):
            item = given._replace(options=tuple(filter(None, given.options)))
            if _says_enough(item):
                self._items[item.question[:_OPENING_CHARS]].append((number, item))
        self._openings = list(self._items)
        self._search = ahocorasick_rs.AhoCorasick(self._openings)

    def __reduce__(self) -> tuple[type, tuple[Sequence[Question]]]:
        """Send the questions to other processes; the automaton cannot be sent."""
        return type(self), (self._questions,)

    def find(self, seen: str) -> dict[int, str]:
        """Return by its number each item that a comparable text holds, its parts joined by `…`."""
        found: dict[int, str] = {}
        for opening, start, _ in self._search.find_matches_as_indexes(seen, overlapping=True):
            for number, item in self._items[self._openings[opening]]:
                if number not in found and _holds(seen, start, item):
                    parts = (item.case, item.question, *item.options)
                    found[number] = "…".join(filter(None, parts))
        return found


def _bytes(text: str) -> int:
    return len(text.encode())


def _says_enough(item: Question) -> bool:
    options = sum(map(_bytes, item.options))
    whole = _bytes(item.question) + options
    return bool(item.question) and options >= _LEAST_OPTIONS_BYTES and whole >= _LEAST_ITEM_BYTES


def _is_telling(item: Question) -> bool:
    """Whether its parts could hardly meet in one text by chance."""
    options = set(item.options)
    own = sum(
        _bytes(option)
        for option in options
        if not any(option in part for part in (item.question, *(options - {option})))
    )
    whole = _bytes(item.question) + own
    return own >= _TELLING_OPTIONS_BYTES and whole >= _TELLING_ITEM_BYTES


def _holds(seen: str, start: int, item: Question) -> bool:
    """Whether the item's parts stand in a text that may hold its question at `start`."""
    # The options first: of the items that share an opening, most fall by the first of them.
    return (
        all(option in seen for option in item.options)
        and seen.startswith(item.question, start)
        and item.case in seen
        and (_is_telling(item) or _follow(seen, start + len(item.question), item.options))
    )


def _follow(seen: str, end: int, options: Sequence[str]) -> bool:
    """Whether the options stand in order after `end`, with small gaps.

    All ends that an option can have are kept: the first occurrence of one may be too far from
    the next.
    """
    ends = {end}
    for option in options:
        ends = {
            begin + len(option)
            for last in ends
            for begin in range(last, last + _GAP_CHARS + 1)
            if seen.startswith(option, begin)
        }
    return bool(ends)
