"""Exact and near-duplicates: MinHash finds candidates, the exact Jaccard similarity decides."""

from collections.abc import Iterator
from typing import Annotated, NamedTuple

import msgspec
from rensa import RMinHash, RMinHashLSH

from onestage.dedupe.judged import comparable
from onestage.params import NotNegative, Params, Positive

_PERMUTATIONS = 128
# 32 bands of 4 rows: a pair of similarity .8 becomes a candidate with probability
# 1 - (1 - .8⁴)³² > .9999; verification removes what comes up below the threshold.
_BANDS = 32


class NearDuplicates(Params, frozen=True):
    """Jaccard similarity of character n-grams from which two texts count as near-duplicates."""

    threshold: Annotated[float, msgspec.Meta(gt=0, le=1)]
    ngram_chars: Positive
    seed: NotNegative


class Match(NamedTuple):
    """The text that stayed, and how similar: 1.0 and `exact` for equal comparable texts."""

    kept: str
    similarity: float
    exact: bool


class DuplicateIndex:
    """Texts that stay; each new one is compared with them and joins them if it is new."""

    def __init__(self, choices: NearDuplicates) -> None:
        self._choices = choices
        self._lsh = RMinHashLSH(
            threshold=choices.threshold, num_perm=_PERMUTATIONS, num_bands=_BANDS
        )
        self._kept: list[tuple[str, str]] = []
        self._exact: dict[str, str] = {}

    def add(self, name: str, text: str) -> Match | None:
        """Return what the text duplicates, the most similar first, or keep it and return None."""
        seen = comparable(text)
        if seen in self._exact:
            return Match(self._exact[seen], 1.0, exact=True)
        grams = ngrams(seen, self._choices.ngram_chars)
        signature = RMinHash(num_perm=_PERMUTATIONS, seed=self._choices.seed)
        signature.update(sorted(grams))
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


def ngrams(text: str, length: int) -> set[str]:
    """Return the character n-grams of a text; a shorter text is its own only n-gram."""
    return {text[i : i + length] for i in range(max(1, len(text) - length + 1))}


def jaccard(left: set[str], right: set[str]) -> float:
    """Return |left ∩ right| / |left ∪ right|, exactly."""
    shared = len(left & right)
    return shared / (len(left) + len(right) - shared)
