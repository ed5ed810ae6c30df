"""What recurs across the documents of a source: equal texts, similar ones, boilerplate.

All answers refer to what came before, in the order of the raw records, so that the first of
several is the one that stays. Everything is sorted arrays: a few bytes a passage in memory.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onestage.grouping import Hashes, Numbers, grouped

# Keys of so many pairs are looked up at a time: of all they would be the larger part of memory.
_PAIRS_AT_ONCE = 2**20


class Match(NamedTuple):
    """The place of the passage that stays, and how similar it is."""

    kept: int
    similarity: float


def ordinals(hashes: Hashes) -> Numbers:
    """Return for each place how many equal hashes come before it.

    >>> ordinals(np.array([7, 9, 7, 7], dtype=np.uint64)).tolist()
    [0, 0, 1, 2]
    """
    order, starts = grouped(hashes)
    ranks = np.empty(len(hashes), dtype=np.int64)
    ranks[order] = np.arange(len(hashes)) - starts
    return ranks


def earlier_documents(hashes: Hashes, documents: Numbers) -> Numbers:
    """Return for each sentence in how many earlier documents its hash stands.

    `documents` never falls: it holds the place of each sentence's document.

    >>> earlier_documents(np.array([7, 7, 7, 7], dtype=np.uint64), np.array([0, 0, 1, 4])).tolist()
    [0, 0, 1, 2]
    """
    order, starts = grouped(hashes)
    document = documents[order]
    changes = np.zeros(len(hashes), dtype=np.int64)
    changes[1:] = document[1:] != document[:-1]
    seen = np.cumsum(changes)
    found = np.empty(len(hashes), dtype=np.int64)
    found[order] = seen - seen[starts]
    return found


def candidate_pairs(
    bands: Callable[[], Iterable[Hashes]], places: Numbers, least: int
) -> Iterator[tuple[int, int]]:
    """Yield (later, earlier) of places that share the keys of at least `least` bands, sorted.

    `places` are those of the keys, rising. Of each group with one key the pairs with its first
    and with the next before are looked at: pairs of all would be quadratic, and the others are
    reached through who stays for those.
    """
    found = np.empty(0, dtype=np.uint64)
    for keys in bands():
        order, starts = grouped(keys)
        later = np.flatnonzero(starts != np.arange(len(keys)))
        before = np.concatenate([starts[later], later - 1])
        pairs = order[np.tile(later, 2)].astype(np.uint64) << np.uint64(32)
        found = np.union1d(found, pairs | order[before].astype(np.uint64))
    found = found[_shared_bands(bands(), found) >= least]
    for pair in map(int, found):  # one at a time: a list of all is larger
        yield int(places[pair >> 32]), int(places[pair & 0xFFFFFFFF])


def _shared_bands(bands: Iterable[Hashes], pairs: Hashes) -> NDArray[np.uint8]:
    """Return for each pair in how many bands its keys are equal."""
    shared = np.zeros(len(pairs), dtype=np.uint8)
    for keys in bands:
        for first in range(0, len(pairs), _PAIRS_AT_ONCE):
            part = slice(first, first + _PAIRS_AT_ONCE)
            later, earlier = pairs[part] >> np.uint64(32), pairs[part] & np.uint64(0xFFFFFFFF)
            shared[part] += keys[later] == keys[earlier]
    return shared


def near_duplicates(
    pairs: Iterable[tuple[int, int]],
    similarity: Callable[[int, int], float],
    threshold: float,
) -> dict[int, Match]:
    """Return by place what each near-duplicate repeats; `pairs` are sorted.

    A passage falls only to one that stays: where a candidate has itself fallen, the one that
    it repeats is compared.
    """
    found: dict[int, Match] = {}
    for later, group in groupby(pairs, key=lambda pair: pair[0]):
        staying = {found[earlier].kept if earlier in found else earlier for _, earlier in group}
        for earlier in sorted(staying):
            similar = similarity(earlier, later)
            if similar >= threshold:
                found[later] = Match(earlier, similar)
                break
    return found


def boilerplate_chars(
    hashes: Hashes, documents: Numbers, chars: Numbers, *, min_documents: int
) -> Numbers:
    """Return for each sentence its characters where at least so many earlier documents hold it.

    `documents` holds the place of each sentence's document and never falls.
    """
    return np.where(earlier_documents(hashes, documents) >= min_documents, chars, 0)
