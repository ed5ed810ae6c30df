"""Who duplicates whom: bands propose, the exact Jaccard similarity decides, rank says who stays.

Records are taken in the order of their rank; each is compared with those that stay so far and
share a band with it, and stays if it is similar to none of them. So nobody falls to one that has
fallen, and the outcome depends on neither the order of arrival nor on how the work was divided.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial
from itertools import groupby
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

import numpy as np

from onestage.dedupe.judged import View, hashed_grams, judged_text, seen
from onestage.dedupe.settings import Dedupe
from onestage.dedupe.survey import Surveyed, band_column
from onestage.grouping import Numbers, firsts, groups_of_several
from onestage.similarity import BANDS, jaccard, least_agreeing
from onestage.workers import ordered_map

Reason = Literal[
    "exact_duplicate", "near_duplicate", "same_instruction", "same_output", "semantic_duplicate"
]
_IN_WHOLE = ("exact_duplicate", "near_duplicate")
# What stays is compared with several others; its n-grams are made once while it is.
_RECORDS_AT_ONCE = 4096


class Match(NamedTuple):
    """The place of the record that stays, how similar the two are, and in what."""

    kept: int
    similarity: float
    reason: Reason


class Second(Protocol):
    """Another comparison, of every record that the first one does not make fall."""

    def best(self, place: int) -> Match | None:
        """Return what a place repeats among those that stay, asked in the order of rank."""

    def stays(self, place: int) -> None:
        """Learn that a place stays."""


def duplicates(
    found: Surveyed,
    ranked: Numbers,
    choices: Dedupe,
    second_for: Callable[[Numbers], Second] | None = None,
) -> dict[int, Match]:
    """Return by place what each duplicate repeats; `ranked` are the places, the best first.

    `second_for` returns a second comparison of the places that are no exact duplicates.
    """
    first = firsts(*found.digests[ranked].T)
    is_first = first == np.arange(len(ranked))
    comparison = Comparison(found, choices)
    proposed, best = _proposed(found, ranked[is_first], comparison.views), comparison.best
    if second_for is not None:
        proposed = _all_proposed(ranked[is_first], proposed)
        best = partial(_first_or_second, best, second_for(ranked[is_first]))
    fallen = near_duplicates(proposed, best)
    repeats, equals = ranked[~is_first], ranked[first[~is_first]]
    for place, equal in zip(repeats.tolist(), equals.tolist(), strict=True):
        fallen[place] = fallen.get(equal, Match(equal, 1.0, "exact_duplicate"))
    return fallen


def _all_proposed(
    distinct: Numbers, proposed: Iterator[tuple[int, list[int]]]
) -> Iterator[tuple[int, list[int]]]:
    """Yield what is proposed, and between, in the order of rank, the places that share no band."""
    following = next(proposed, None)
    for place in distinct.tolist():
        if following and following[0] == place:
            yield following
            following = next(proposed, None)
        else:
            yield place, []


def _first_or_second(
    first: Callable[[int, Sequence[int]], Match | None],
    second: Second,
    place: int,
    others: Sequence[int],
) -> Match | None:
    match = first(place, others) or second.best(place)
    if match is None:
        second.stays(place)
    return match


def near_duplicates(
    proposed: Iterable[tuple[int, Sequence[int]]],
    best: Callable[[int, Sequence[int]], Match | None],
) -> dict[int, Match]:
    """Return by place what each near-duplicate repeats.

    `proposed` yields places in the order of rank, each with the groups that it is in; `best`
    returns the match of a place among others that stay, these in the order of rank.
    """
    staying: defaultdict[int, list[int]] = defaultdict(list)
    places: list[int] = []
    fallen: dict[int, Match] = {}
    for rank, (place, groups) in enumerate(proposed):
        places.append(place)
        others = sorted(set().union(*(staying[group] for group in groups)))
        match = best(place, [places[other] for other in others])
        if match is not None:
            fallen[place] = match
            continue
        for group in groups:
            staying[group].append(rank)
    return fallen


def _proposed(
    found: Surveyed, distinct: Numbers, views: Sequence[View]
) -> Iterator[tuple[int, list[int]]]:
    """Yield the places that share a band with others, by rank, each with its groups."""
    ranks, groups = [], []
    for view in views:
        has_view = np.flatnonzero(found.sft[distinct]) if view else np.arange(len(distinct))
        chosen = np.searchsorted(found.places(view), distinct[has_view])
        np.save(found.folder / "chosen.npy", chosen)
        bands = ordered_map(partial(_band, found.folder, found.folders, view), range(BANDS))
        for band, (members, names) in enumerate(bands):
            ranks.append(has_view[members])
            groups.append(names + (view * BANDS + band) * len(found.ids))
    of_rank, of_group = np.concatenate(ranks), np.concatenate(groups)
    order = np.argsort(of_rank, kind="stable")
    pairs = zip(distinct[of_rank[order]].tolist(), of_group[order].tolist(), strict=True)
    for place, shared in groupby(pairs, key=lambda pair: pair[0]):
        yield place, [group for _, group in shared]


def _band(folder: Path, folders: Sequence[Path], view: View, band: int) -> tuple[Numbers, Numbers]:
    """Return which of the chosen share their key of a band, and the first with that key."""
    return groups_of_several(band_column(folders, view, band)[np.load(folder / "chosen.npy")])


class Comparison:
    """Compares records by what of them is judged; SFT with SFT by its parts."""

    def __init__(self, found: Surveyed, choices: Dedupe) -> None:
        self._found = found
        self._choices = choices
        self._threshold = choices.near_duplicates.threshold
        self._least = least_agreeing(self._threshold)
        self.views = [View.WHOLE]
        if found.sft.any():
            self.views.append(View.INSTRUCTION)
            if choices.sft.same_output == "remove":
                self.views.append(View.OUTPUT)
        self._sketches = {view: found.sketches(view) for view in View}
        self._among_sft = np.cumsum(found.sft) - 1
        self._grams = lru_cache(maxsize=_RECORDS_AT_ONCE)(self._grams_of)

    def best(self, place: int, others: Sequence[int]) -> Match | None:
        """Return the most similar of the others that the place repeats, the first of equals."""
        matches = [match for other in others if (match := self._match(place, other))]
        whole = [match for match in matches if match.reason in _IN_WHOLE]
        return max(whole or matches, key=lambda match: match.similarity, default=None)

    def _match(self, place: int, other: int) -> Match | None:
        if not (self._found.sft[place] and self._found.sft[other]):
            return self._whole_match(place, other)
        asked = self._similarity(View.INSTRUCTION, place, other)
        told = self._similarity(View.OUTPUT, place, other)
        if min(asked, told) >= self._threshold:
            return Match(other, min(asked, told), "near_duplicate")
        if asked >= self._threshold and self._choices.sft.same_instruction == "remove":
            return Match(other, asked, "same_instruction")
        if told >= self._threshold and self._choices.sft.same_output == "remove":
            return Match(other, told, "same_output")
        return None

    def _whole_match(self, place: int, other: int) -> Match | None:
        similar = self._similarity(View.WHOLE, place, other)
        if similar < self._threshold:
            return None
        if similar < 1:
            return Match(other, similar, "near_duplicate")
        texts = {seen(judged_text(self._found.record(at))) for at in (place, other)}
        return Match(other, similar, "exact_duplicate" if len(texts) == 1 else "near_duplicate")

    def _similarity(self, view: View, place: int, other: int) -> float:
        """Return the Jaccard similarity, or 0 where the signatures already deny the threshold."""
        sketches = self._sketches[view]
        rows = [self._among_sft[at] if view else at for at in (place, other)]
        if np.count_nonzero(sketches[rows[0]] == sketches[rows[1]]) < self._least:
            return 0.0
        return jaccard(self._grams(view, place), self._grams(view, other))

    def _grams_of(self, view: View, place: int) -> set[int]:
        record = self._found.record(place)
        text = judged_text(record, view)
        return set(hashed_grams(text, record.lang, self._choices.near_duplicates).tolist())
