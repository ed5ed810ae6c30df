"""Exact and near-duplicates: MinHash finds candidates, the exact Jaccard similarity decides."""

from collections.abc import Iterator
from typing import NamedTuple

from rensa import RMinHash, RMinHashLSH

from onestage.similarity import (
    BANDS,
    PERMUTATIONS,
    NearDuplicates,
    comparable,
    jaccard,
    minhash,
    ngrams,
)


class Match(NamedTuple):
    """The text that stayed, and how similar: 1.0 and `exact` for equal comparable texts."""

    kept: str
    similarity: float
    exact: bool


class DuplicateIndex:
    """Texts that stay; each new one is compared with them and joins them if it is new."""

    def __init__(self, choices: NearDuplicates) -> None:
        self._choices = choices
        self._lsh = RMinHashLSH(threshold=choices.threshold, num_perm=PERMUTATIONS, num_bands=BANDS)
        self._kept: list[tuple[str, str]] = []
        self._exact: dict[str, str] = {}

    def add(self, name: str, text: str) -> Match | None:
        """Return what the text duplicates, the most similar first, or keep it and return None."""
        seen = comparable(text)
        if seen in self._exact:
            return Match(self._exact[seen], 1.0, exact=True)
        grams = ngrams(seen, self._choices.ngram_chars)
        signature = minhash(grams, self._choices.seed)
        best = max(self._verified(grams, signature), default=None)
        if best is not None:
            similarity, place = best
            return Match(self._kept[-place][0], similarity, exact=False)
        self._lsh.insert(len(self._kept), signature)
        self._kept.append((name, seen))
        self._exact[seen] = name
        return None

    def _verified(self, grams: set[str], signature: RMinHash) -> Iterator[tuple[float, int]]:
        """Yield (similarity, -place) of real near-duplicates, so that the earliest wins a tie."""
        for place in self._lsh.query(signature):
            other = ngrams(self._kept[place][1], self._choices.ngram_chars)
            similarity = jaccard(grams, other)
            if similarity >= self._choices.threshold:
                yield similarity, -place
