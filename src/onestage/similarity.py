"""When two texts count as the same: comparable form, character n-grams, Jaccard, MinHash."""

import re
import sys
import unicodedata
from collections.abc import Sequence
from math import comb
from typing import Annotated, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray
from rensa import RMinHash

from onestage.params import Params, Positive

PERMUTATIONS = 128
# 32 bands of 4 rows: a pair of similarity .8 becomes a candidate with probability
# 1 - (1 - .8⁴)³² > .9999; verification removes what comes up below the threshold.
BANDS = 32
_ROWS = PERMUTATIONS // BANDS
_MISSED = 1e-4
_ODD = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(32)
# Three characters fit into a word of 64 bits.
_CODE_BITS = np.uint64(21)
_CODES_A_WORD = 3
T = TypeVar("T")
Hashes = NDArray[np.uint64]
Signatures = NDArray[np.uint32]


class NearDuplicates(Params, frozen=True):
    """Jaccard similarity of character n-grams from which two texts count as near-duplicates."""

    threshold: Annotated[float, msgspec.Meta(gt=0, le=1)]
    ngram_chars: Positive
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


# What stands between the digits of two numbers, or of one, is kept: 12.5 is not 125, 6,5 not
# 65, 2、3 not 23. In the table these signs have codes of their own, all other separators one.
_SIGNS = ".-/:"
_SIGN_CODES = {sign: chr(1 + place) for place, sign in enumerate(_SIGNS)}
_SIGN_OF = (
    dict.fromkeys(".·‧・", ".") | dict.fromkeys("-‐‑‒–—−", "-") | {"/": "/", ":": ":", "∶": ":"}
)
_SEPARATOR = chr(1 + len(_SIGNS))
_CODES = _SEPARATOR + "".join(_SIGN_CODES.values())
_MINUS = _SIGN_CODES["-"]
# It begins with what is rare, and looks for the digit before that then.
_BETWEEN_DIGITS = re.compile(rf"[{_CODES}](?<=\d[{_CODES}])[{_CODES}]*(?=\d)")
_POINT = _SIGN_CODES["."]
# -5 ℃ and <.05, but neither BCL-2 nor a dash of two signs. Each begins with what is rare.
_NEGATIVE = re.compile(rf"{_MINUS}(?={_POINT}?[\d¼-¾⅐-⅞])(?<![a-zα-ω\d{_MINUS}]{_MINUS})")
_LEADING_POINT = re.compile(rf"{_POINT}(?=\d)(?<![a-zα-ω\d{_POINT}]{_POINT})")


# Accents are part of their letter (NFC); what is left over stands on none that has it. The others
# are blank (fillers, an empty braille cell) or draw lines of tables and quote code.
_MARKS = ("Mn", "Me")
_UNSEEN = frozenset("\u115f\u1160\u3164\uffa0\u2800|`")


class _Comparable(dict[int, str]):
    """Per character: its folded form, or the code of a separator (white space, punctuation).

    Numbers that are no digits (⁹, ½, ①) stay what they are, lest 10⁹ be 109, and so does their
    minus; only those below the line (H₂O) do not. Percent signs and primes are no punctuation.
    """

    def __missing__(self, code: int) -> str:
        self[code] = folded = self._folded(chr(code))
        return folded

    def _folded(self, character: str) -> str:
        if character in _SIGN_OF:
            return _SIGN_CODES[_SIGN_OF[character]]
        if character == "⁻" or (
            unicodedata.category(character) == "No" and not "₀" <= character <= "₉"
        ):
            return character
        if character == "〜":
            return "~"
        plain = unicodedata.normalize("NFKC", character)
        if plain in _SIGN_OF and plain != character:
            return self._folded(plain)
        return "".join(filter(_is_kept, plain)).casefold() or _SEPARATOR


def _is_kept(character: str) -> bool:
    """Return whether a character is neither white space nor punctuation, and is seen at all."""
    if character in "%‰‱′":
        return True
    category = unicodedata.category(character)
    return category[0] not in "PZC" and category not in _MARKS and character not in _UNSEEN


_COMPARABLE = _Comparable()
# The same as one array, for long texts. What it does not hold yet is 0, which no folded text has
# and no page of memory is needed for; what becomes of one character several has a mark of its own.
_NEW, _SEVERAL = "\0", "\U0010ffff"
_FOLDED = np.zeros(sys.maxunicode + 1, dtype="<u4")
_LONG_CHARS = 32


def _folded(text: str) -> str:
    """Return `text.translate(_COMPARABLE)`, which is slow but for short texts and ASCII."""
    if len(text) < _LONG_CHARS or text.isascii():
        return text.translate(_COMPARABLE)
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    folded = _FOLDED[codes].tobytes().decode("utf-32-le")
    if _NEW in folded:
        for character in set(text):
            plain = _COMPARABLE[ord(character)]
            _FOLDED[ord(character)] = ord(plain if len(plain) == 1 else _SEVERAL)
        return _folded(text)
    return text.translate(_COMPARABLE) if _SEVERAL in folded else folded


def comparable(text: str) -> str:
    """Return the text as comparisons see it; it is never written anywhere.

    White space, punctuation, case, width (NFKC), stray accents and what nobody sees do not hide a
    match. What doses differ by
    does: signs in and between numbers, a minus that follows no letter, a leading point, a
    percent sign, a superscript.

    >>> comparable("Ｔ细胞： CD4+, 10 mg."), comparable("12.5 mg, 1-2 片；2、3 次")
    ('t细胞cd4+10mg', '12.5mg1-2片2,3次')
    """
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)  # as it is, and at once, if it is so already
    text = _BETWEEN_DIGITS.sub(_sign_between, _folded(text))
    text = _LEADING_POINT.sub(".", _NEGATIVE.sub("-", text))
    for code in _CODES:
        text = text.replace(code, "")
    return text


def _sign_between(found: re.Match[str]) -> str:
    """Return what is kept of the separators between two digits.

    All signs; a comma where there is none or a point with a gap (a list's `1. 5 mg`), and
    before a minus that a gap parts from the digit before it.
    """
    run = found[0]
    signs = "".join(_SIGNS[ord(code) - 1] for code in run if code != _SEPARATOR)
    if signs in ("", ".") and _SEPARATOR in run:
        return ","
    gap = "," if run[0] == _SEPARATOR and run[-1] == _MINUS else ""
    return gap + signs


def ngrams(text: str, length: int) -> set[str]:
    """Return the character n-grams of a text; a shorter text is its own only n-gram."""
    return {text[i : i + length] for i in range(max(1, len(text) - length + 1))}


def jaccard(left: set[T], right: set[T]) -> float:
    """Return |left ∩ right| / |left ∪ right|, exactly."""
    shared = len(left & right)
    return shared / (len(left) + len(right) - shared)


def gram_hashes(text: str, length: int) -> Hashes:
    """Return 64 bits for each of the `ngrams`, in the order of the text, equal ones repeated."""
    encoded = (text or "\0").encode("utf-32-le", "surrogatepass")
    codes = np.frombuffer(encoded, dtype=np.uint32).astype(np.uint64)
    length = min(length, len(codes))
    count = len(codes) - length + 1
    hashes = np.zeros(count, dtype=np.uint64)
    for first in range(0, length, _CODES_A_WORD):
        word = codes[first : first + count].copy()
        for place in range(first + 1, min(first + _CODES_A_WORD, length)):
            word <<= _CODE_BITS
            word |= codes[place : place + count]
        hashes ^= word  # then multiply and shift: each step is a bijection and mixes
        hashes *= _ODD
        hashes ^= hashes >> _SHIFT
    return hashes


def signatures(hashed: Sequence[Hashes], seed: int) -> Signatures:
    """Return the MinHash signature of each text's n-grams, uint32 [texts, PERMUTATIONS]."""
    starts = np.cumsum([0, *map(len, hashed)], dtype=np.uint64)
    found = RMinHash.digest_matrix_from_flat_token_hashes(
        np.concatenate(hashed), starts, PERMUTATIONS, seed
    )
    return np.array(found.to_rows(), dtype=np.uint32)


def least_bands(threshold: float) -> int:
    """Return how many keys two texts as similar as the threshold share, at least.

    At most one such pair in 10,000 shares fewer, so that those that do need no closer look.
    Below a threshold of .71 more than that share none: 1.2 % at .6, 13 % at .5.

    >>> least_bands(0.8), least_bands(0.3)
    (4, 1)
    """
    return max(1, _least(BANDS, threshold**_ROWS))


def least_agreeing(threshold: float) -> int:
    """Return in how many places the signatures of two such texts agree, at least.

    At most one such pair in 10,000 agrees in fewer.

    >>> least_agreeing(0.8)
    84
    """
    return _least(PERMUTATIONS, threshold)


def _least(trials: int, chance: float) -> int:
    """Return the successes below which at most one in 10,000 of such trials stays."""
    missed = 0.0
    for successes in range(trials):
        missed += comb(trials, successes) * chance**successes * (1 - chance) ** (trials - successes)
        if missed > _MISSED:
            return successes
    return trials


def band_keys(signed: Signatures) -> Hashes:
    """Return one key a band, uint64 [texts, BANDS]; texts that share a key are candidates."""
    rows = signed.reshape(-1, BANDS, _ROWS)
    keys = np.zeros(rows.shape[:2], dtype=np.uint64)
    for row in range(_ROWS):  # a product of odd numbers mixes; unequal rows that meet cost one look
        keys = (keys ^ rows[:, :, row]) * _ODD
    return keys
