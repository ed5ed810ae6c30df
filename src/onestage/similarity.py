"""When two texts count as the same: comparable form, character n-grams, Jaccard, MinHash."""

import re
import unicodedata
from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray
from rensa import RMinHash

from onestage.params import NotNegative, Params, Positive

PERMUTATIONS = 128
# 32 bands of 4 rows: a pair of similarity .8 becomes a candidate with probability
# 1 - (1 - .8⁴)³² > .9999; verification removes what comes up below the threshold.
BANDS = 32


class NearDuplicates(Params, frozen=True):
    """Jaccard similarity of character n-grams from which two texts count as near-duplicates."""

    threshold: Annotated[float, msgspec.Meta(gt=0, le=1)]
    ngram_chars: Positive
    seed: NotNegative


# Signs that change a number when they stand in it: 12.5 and 1.25, 1-2 and 12, 1:1000, 1/2.
_SIGNS = {".": ".", "-": "-", "–": "-", "—": "-", "/": "/", ":": ":", "∶": ":"}
_SIGNS_OUTSIDE_NUMBERS = re.compile(r"(?<!\d)[-./:]|[-./:](?!\d)")


class _Comparable(dict[int, str | None]):
    """Per character: None for white space and punctuation, otherwise its folded form."""

    def __missing__(self, code: int) -> str | None:
        character = unicodedata.normalize("NFKC", chr(code))
        kept = "".join(part for part in character if unicodedata.category(part)[0] not in "PZC")
        folded = kept.casefold() or _SIGNS.get(character)
        self[code] = folded
        return folded


_COMPARABLE = _Comparable()


def comparable(text: str) -> str:
    """Return the text as comparisons see it; it is never written anywhere.

    White space, punctuation, case and width (NFKC) do not hide a match; the signs within
    numbers stay, since doses differ by them.

    >>> comparable("Ｔ细胞： CD4+, 10 mg."), comparable("12.5 mg, 1-2 片")
    ('t细胞cd4+10mg', '12.5mg1-2片')
    """
    return _SIGNS_OUTSIDE_NUMBERS.sub("", text.translate(_COMPARABLE))


def ngrams(text: str, length: int) -> set[str]:
    """Return the character n-grams of a text; a shorter text is its own only n-gram."""
    return {text[i : i + length] for i in range(max(1, len(text) - length + 1))}


def jaccard(left: set[str], right: set[str]) -> float:
    """Return |left ∩ right| / |left ∪ right|, exactly."""
    shared = len(left & right)
    return shared / (len(left) + len(right) - shared)


def minhash(grams: set[str], seed: int) -> RMinHash:
    """Return the signature of a set of n-grams."""
    signature = RMinHash(num_perm=PERMUTATIONS, seed=seed)
    signature.update(list(grams))
    return signature


def band_keys(signature: RMinHash) -> NDArray[np.uint64]:
    """Return one key a band, uint64 [BANDS]; texts that share a key are candidates."""
    digest = np.array(signature.digest(), dtype=np.uint32).reshape(BANDS, -1)
    keys = np.zeros(BANDS, dtype=np.uint64)
    for row in digest.T:  # a product of odd numbers mixes; unequal rows that meet cost one look
        keys = (keys ^ row) * np.uint64(0x9E3779B97F4A7C15)
    return keys
