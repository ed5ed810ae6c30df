"""Which passages of a source repeat an earlier one, over all its portions."""

from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onestage.collect.drafts import DraftStore
from onestage.collect.recurrence import (
    Match,
    boilerplate_chars,
    candidate_pairs,
    near_duplicates,
    ordinals,
)
from onestage.grouping import firsts
from onestage.params import Params, Positive, Share
from onestage.similarity import (
    BANDS,
    NearDuplicates,
    comparable,
    jaccard,
    least_bands,
    ngrams,
)

# Bands are read a few at a time: all of them would be 256 bytes a passage in memory.
_BANDS_AT_ONCE = 4
# Likewise sentences, by their hash: sorting takes some 50 bytes each.
_SENTENCES_AT_ONCE = 4_000_000
# A passage is compared with several others; its n-grams are made once while it is.
_GRAMS_AT_ONCE = 256


class Boilerplate(Params, frozen=True):
    """A sentence is boilerplate after so many documents; how much of a passage may be such."""

    min_documents: Positive
    max_share: Share


class Repeats:
    """Answers by the place of a passage among those that the rules left.

    `ordinals` says how many equal documents precede each; `kept` are the places of passages
    that others repeat.
    """

    def __init__(
        self, stores: Sequence[DraftStore], near: NearDuplicates, boilerplate: Boilerplate
    ) -> None:
        self._stores = stores
        self._offsets = [_starts(store.column("lengths")) for store in stores]
        self._bases = _starts(np.array([len(offsets) - 1 for offsets in self._offsets]))
        self.ordinals = ordinals(self._column("digests"))
        self._firsts = firsts(self._column("equals"))
        is_first = self._firsts == np.arange(len(self._firsts))
        self._near = self._near_duplicates(np.flatnonzero(is_first), near)
        self.kept = set(self._firsts[~is_first].tolist())
        self.kept.update(match.kept for match in self._near.values())
        self._boilerplate = self._boilerplate_shares(is_first, boilerplate.min_documents)
        self._max_share = boilerplate.max_share

    def match(self, place: int) -> Match | None:
        """Return the earlier passage that this one repeats, or None."""
        first = int(self._firsts[place])
        equal = None if first == place else Match(first, 1.0)
        return self._near.get(first, equal)

    def boilerplate_share(self, place: int) -> float | None:
        """Return the share of characters in boilerplate where it is too high, or None."""
        share = float(self._boilerplate[place])
        return share if share > self._max_share else None

    def _column(self, name: str) -> NDArray[Any]:
        return np.concatenate([store.column(name) for store in self._stores])

    def _near_duplicates(
        self, distinct: NDArray[np.int64], choices: NearDuplicates
    ) -> dict[int, Match]:
        @lru_cache(maxsize=_GRAMS_AT_ONCE)
        def grams(place: int) -> set[str]:
            return ngrams(comparable(self._text(place)), choices.ngram_chars)

        def similarity(earlier: int, later: int) -> float:
            return jaccard(grams(earlier), grams(later))

        pairs = candidate_pairs(
            partial(self._bands, distinct), distinct, least_bands(choices.threshold)
        )
        return near_duplicates(pairs, similarity, choices.threshold)

    def _bands(self, places: NDArray[np.int64]) -> Iterator[NDArray[np.uint64]]:
        for first in range(0, BANDS, _BANDS_AT_ONCE):
            few = slice(first, first + _BANDS_AT_ONCE)
            columns = [store.column("bands")[:, few].copy() for store in self._stores]
            yield from np.concatenate(columns)[places].T

    def _text(self, place: int) -> str:
        portion = int(np.searchsorted(self._bases, place, side="right")) - 1
        local = place - int(self._bases[portion])
        start, end = self._offsets[portion][local : local + 2].tolist()
        return self._stores[portion].text(start, end - start)

    def _boilerplate_shares(
        self, is_first: NDArray[np.bool_], min_documents: int
    ) -> NDArray[np.float64]:
        """Return the share for each passage; what duplicates say once more counts nothing."""
        stands = is_first.copy()
        stands[list(self._near)] = False
        documents = self._documents()
        found = np.zeros(len(is_first), dtype=np.int64)
        sentences = sum(len(store.column("sentences")) for store in self._stores)
        parts = sentences // _SENTENCES_AT_ONCE + 1
        for part in range(parts):
            hashes, where, chars = self._sentences(stands, part, parts)
            recurring = boilerplate_chars(
                hashes, documents[where], chars, min_documents=min_documents
            )
            np.add.at(found, where, recurring)
        shares: NDArray[np.float64] = found / np.maximum(1, self._column("sizes"))
        return shares

    def _sentences(
        self, stands: NDArray[np.bool_], part: int, parts: int
    ) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]:
        """Return hash, place of the passage and length of the sentences that fall to a part.

        Equal sentences fall to the same part; those of passages that do not stand to none.
        """
        columns = []
        for store, base in zip(self._stores, self._bases[:-1], strict=True):
            hashes, where = store.column("sentences"), store.column("passages") + base
            taken = stands[where] & (hashes % np.uint64(parts) == part)
            columns.append((hashes[taken], where[taken], store.column("chars")[taken]))
        hashes, where, chars = (np.concatenate(column) for column in zip(*columns, strict=True))
        return hashes, where, chars

    def _documents(self) -> NDArray[np.int64]:
        """Return the place of each passage's document within the source."""
        bases = _starts(np.array([len(store.column("digests")) for store in self._stores]))
        columns = zip(self._stores, bases[:-1], strict=True)
        return np.concatenate([store.column("documents") + base for store, base in columns])


def _starts(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where each of several runs starts, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
