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
from numpy.typing import NDArray

from onestage.dedupe.judged import View, hashed_grams, judged_text, seen
from onestage.dedupe.settings import Dedupe
from onestage.dedupe.survey import Surveyed, band_column
from onestage.grouping import Numbers, firsts, groups_of_several, new_groups
from onestage.progress import progress
from onestage.similarity import BANDS, jaccard, least_agreeing
from onestage.workers import ordered_map

Reason = Literal[
    "exact_duplicate", "near_duplicate", "same_instruction", "same_output", "semantic_duplicate"
]
_IN_WHOLE = ("exact_duplicate", "near_duplicate")
# SFT that must be alike in both parts shares a key of both: each band of one with three of the
# other, so that parts of a similarity of .8 each are missed with a probability of 2 in 100,000.
_TURNS = 3
_ODD = np.uint64(0x9E3779B97F4A7C15)
# What stays is compared with several others; its n-grams are made once while it is.
_RECORDS_AT_ONCE = 4096
_PAIRS_AT_ONCE = 2**16
# So few are looked at one by one in less time than all at once.
_FEW = 8


class Match(NamedTuple):
    """The place of the record that stays, how similar the two are, and in what."""

    kept: int
    similarity: float
    reason: Reason


class Proposal(NamedTuple):
    """A place, the groups in which it looks for what it repeats, and those in which it is found."""

    place: int
    asks: Sequence[int]
    joins: Sequence[int]


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
    proposed, best = _proposed(found, ranked[is_first], comparison.parts), comparison.best
    if second_for is not None:
        proposed = _all_proposed(ranked[is_first], proposed)
        best = partial(_first_or_second, best, second_for(ranked[is_first]))
    fallen = near_duplicates(progress(proposed, "dedupe: compare", "record"), best)
    repeats, equals = ranked[~is_first], ranked[first[~is_first]]
    for place, equal in zip(repeats.tolist(), equals.tolist(), strict=True):
        fallen[place] = fallen.get(equal, Match(equal, 1.0, "exact_duplicate"))
    return fallen


def _all_proposed(distinct: Numbers, proposed: Iterator[Proposal]) -> Iterator[Proposal]:
    """Yield what is proposed, and between, in the order of rank, the places that share no band."""
    following = next(proposed, None)
    for place in distinct.tolist():
        if following and following.place == place:
            yield following
            following = next(proposed, None)
        else:
            yield Proposal(place, [], [])


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
    proposed: Iterable[Proposal],
    best: Callable[[int, Sequence[int]], Match | None],
) -> dict[int, Match]:
    """Return by place what each near-duplicate repeats.

    `proposed` comes in the order of rank; `best` returns the match of a place among others that
    stay, these in the order of rank.
    """
    staying: defaultdict[int, list[int]] = defaultdict(list)
    places: list[int] = []
    fallen: dict[int, Match] = {}
    for rank, (place, asks, joins) in enumerate(proposed):
        places.append(place)
        others = sorted(set().union(*(staying[group] for group in asks if group in staying)))
        match = best(place, [places[other] for other in others])
        if match is not None:
            fallen[place] = match
            continue
        for group in joins:
            staying[group].append(rank)
    return fallen


def _proposed(
    found: Surveyed, distinct: Numbers, parts: Sequence[Sequence[View]]
) -> Iterator[Proposal]:
    """Yield the places that share a band with others, by rank, each with its groups.

    SFT precedes all else and is compared with SFT by its parts alone, so it asks for nothing by
    the whole of its text; what comes later may find it there.
    """
    ranks, groups = [], []
    numbers = 0
    for views in parts:
        of_views = np.flatnonzero(found.sft[distinct]) if views[0] else np.arange(len(distinct))
        chosen = np.searchsorted(found.places(views[0]), distinct[of_views])
        np.save(found.folder / "chosen.npy", chosen)
        turns = BANDS if len(views) == 1 else BANDS * _TURNS
        known = np.empty(0, dtype=np.uint64)
        for members, names in ordered_map(
            partial(_band, found.folder, found.folders, views), range(turns)
        ):
            new, known = new_groups(members, names, known)
            ranks.append(of_views[members[new]].astype(np.uint32))
            groups.append(names[new] + numbers * len(found.ids))
            numbers += 1
    by_whole = BANDS * len(found.ids)
    pairs = _in_order(distinct, np.concatenate(ranks), np.concatenate(groups))
    for place, shared in groupby(pairs, key=lambda pair: pair[0]):
        joins = [group for _, group in shared]
        by_parts = [group for group in joins if group >= by_whole]
        yield Proposal(place, by_parts if found.sft[place] else joins, joins)


def _in_order(
    distinct: Numbers, ranks: NDArray[np.uint32], groups: Numbers
) -> Iterator[tuple[int, int]]:
    """Yield places and groups by rank, some at a time: as objects they take ten times the room."""
    order = np.argsort(ranks, kind="stable")
    for start in range(0, len(order), _PAIRS_AT_ONCE):
        part = order[start : start + _PAIRS_AT_ONCE]
        yield from zip(distinct[ranks[part]].tolist(), groups[part].tolist(), strict=True)


def _band(
    folder: Path, folders: Sequence[Path], views: Sequence[View], turn: int
) -> tuple[Numbers, Numbers]:
    """Return which of the chosen share a key, and the first with that key.

    It is that of one band, or of a band of one view with a band of another, each with several.
    """
    keys = band_column(folders, views[0], turn % BANDS)
    for view in views[1:]:
        keys = keys * _ODD + band_column(folders, view, (turn + turn // BANDS) % BANDS)
    return groups_of_several(keys[np.load(folder / "chosen.npy")])


class Comparison:
    """Compares records by what of them is judged; SFT with SFT by its parts."""

    def __init__(self, found: Surveyed, choices: Dedupe) -> None:
        self._found = found
        self._choices = choices
        self._threshold = choices.near_duplicates.threshold
        self._least = least_agreeing(self._threshold)
        self.parts: list[tuple[View, ...]] = [(View.WHOLE,)]
        if found.sft.any():
            self.parts += self._removing() or [(View.INSTRUCTION, View.OUTPUT)]
        self._sketches = {view: found.sketches(view) for view in View}
        self._among_sft = np.cumsum(found.sft) - 1
        self._grams = lru_cache(maxsize=_RECORDS_AT_ONCE)(self._grams_of)

    def _removing(self) -> list[tuple[View, ...]]:
        """Return the parts that need only be alike by themselves for SFT to be removed."""
        chosen = {
            View.INSTRUCTION: self._choices.sft.same_instruction,
            View.OUTPUT: self._choices.sft.same_output,
        }
        return [(view,) for view, choice in chosen.items() if choice == "remove"]

    def best(self, place: int, others: Sequence[int]) -> Match | None:
        """Return the most similar of the others that the place repeats, the first of equals."""
        if len(others) > _FEW:
            others = self._likely(place, np.array(others)).tolist()
        matches = [match for other in others if (match := self._match(place, other))]
        whole = [match for match in matches if match.reason in _IN_WHOLE]
        return max(whole or matches, key=lambda match: match.similarity, default=None)

    def _likely(self, place: int, others: Numbers) -> Numbers:
        """Return the others that the signatures do not deny, by a look at all of them at once."""
        both = self._found.sft[others] & self._found.sft[place]
        likely = np.empty(len(others), dtype=np.bool_)
        likely[~both] = self._agree(View.WHOLE, place, others[~both])
        if both.any():
            parts = (View.INSTRUCTION, View.OUTPUT)
            alike = {view: self._agree(view, place, others[both]) for view in parts}
            likely[both] = np.logical_and.reduce(list(alike.values()))
            for (view,) in self._removing():
                likely[both] |= alike[view]
        return others[likely]

    def _agree(self, view: View, place: int, others: Numbers) -> NDArray[np.bool_]:
        """Return which of the others agree with the place in enough numbers of a signature."""
        sketches = self._sketches[view]
        own, theirs = (self._among_sft[at] if view else at for at in (place, others))
        agreeing: NDArray[np.bool_] = (sketches[theirs] == sketches[own]).sum(1) >= self._least
        return agreeing

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
