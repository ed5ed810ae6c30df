"""A learned filter: a linear classifier over the character n-grams of a passage.

An n-gram counts once, however often it occurs, and the sum of the weights is divided by the
root of how many different ones there are, so that short and long passages are comparable.
Weights are whole numbers: their sum does not depend on the order of adding, so a passage has
the same probability in whatever batch it comes.

Which n-grams: of one and two characters where a Chinese character (or another of U+2E80 and
above) is among them, of three to five characters elsewhere, blanks at the ends of words
included. Before, letters are lower-cased, digits become 0, full-width forms their plain ones
and white space one blank. N-grams are hashed; `BUCKETS` weights serve all of them.
"""

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from onestage.errors import InputError

FORMAT = 1
_BUCKET_BITS = 18
BUCKETS = 2**_BUCKET_BITS
_WIDE_FROM = 0x2E80
_WIDE_LENGTHS = (1, 2)
_NARROW_LENGTHS = (3, 4, 5)
# Odd constants of multiplicative hashing: of one character, of a sequence, of each length.
_MIX = np.uint32(0x85EBCA6B)
_STEP = np.uint32(0x01000193)
_OF_LENGTH = [np.uint32((0x9E3779B1 + 0x3C6EF372 * n) % 2**32) for n in range(6)]

Hashes = npt.NDArray[np.uint32]


class Facts(msgspec.Struct, frozen=True):
    """What a filter says of itself.

    `scale` is the log-odds of one unit of weight, `threshold` the probability from which
    training recommends to keep a passage, `trained_on` the hash of its training passages.
    """

    format: int
    buckets: int
    scale: float
    bias: float
    threshold: float
    trained_on: str


class Classifier:
    """Says how probable it is that a passage belongs to the domain."""

    def __init__(self, weights: npt.NDArray[np.int8], facts: Facts) -> None:
        self.weights = weights
        self.facts = facts

    def probabilities(self, texts: Sequence[str]) -> list[float]:
        """Return one probability a text; 0 where a text is too short for any n-gram."""
        return [self._probability(text) for text in texts]

    def _probability(self, text: str) -> float:
        buckets = features(text)
        if not buckets.size:
            return 0.0
        total = int(self.weights[buckets].sum(dtype=np.int64))
        log_odds = self.facts.bias + self.facts.scale * total / math.sqrt(buckets.size)
        return sigmoid(log_odds)

    def encoded(self) -> bytes:
        """Return the file's content; the same filter gives the same bytes."""
        # One entry, since the order of several is not fixed.
        metadata = {"onestage": msgspec.json.encode(self.facts).decode()}
        return save({"weights": self.weights}, metadata=metadata)


def sigmoid(log_odds: float) -> float:
    """Return the probability that log-odds stand for."""
    if log_odds < 0:
        return math.exp(log_odds) / (1 + math.exp(log_odds))
    return 1 / (1 + math.exp(-log_odds))


def features(text: str) -> Hashes:
    """Return the buckets of the different n-grams of a text, sorted; dtype uint32."""
    codes = _folded(text)
    wide = codes >= _WIDE_FROM
    each = codes.astype(np.uint32) * _MIX
    each ^= each >> np.uint32(15)
    found = _hashes(each, wide)
    found.sort()
    different = np.ones(found.size, bool)
    np.not_equal(found[1:], found[:-1], out=different[1:])
    return found[different]


def _hashes(each: Hashes, wide: npt.NDArray[np.bool_]) -> Hashes:
    """Return the bucket of each n-gram that counts, from the hashes of the characters."""
    parts: list[Hashes] = []
    some_wide = bool(wide.any())
    rolling, any_wide = each, wide
    for length in range(1, min(_NARROW_LENGTHS[-1], each.size) + 1):
        if length > 1:
            rolling = rolling[:-1] * _STEP + each[length - 1 :]
            any_wide = any_wide[:-1] | wide[length - 1 :]
        if length in _WIDE_LENGTHS and some_wide:
            parts.append(_buckets(rolling[any_wide], length))
        elif length in _NARROW_LENGTHS:
            parts.append(_buckets(rolling[~any_wide] if some_wide else rolling, length))
    return np.concatenate(parts) if parts else np.empty(0, np.uint32)


def _buckets(rolling: Hashes, length: int) -> Hashes:
    return (rolling * _OF_LENGTH[length]) >> np.uint32(32 - _BUCKET_BITS)


def _folded(text: str) -> npt.NDArray[np.uint16]:
    encoded = f" {text} ".encode("utf-32-le", "surrogatepass")
    # Characters beyond the first plane are rare ones and share one code.
    codes = _folding()[np.minimum(np.frombuffer(encoded, np.uint32), 0xFFFF)]
    blank = codes == ord(" ")
    if codes.size == np.count_nonzero(blank):
        return codes[:0]
    repeated = np.zeros(codes.size, bool)
    np.logical_and(blank[1:], blank[:-1], out=repeated[1:])
    return codes[~repeated]


@cache
def _folding() -> npt.NDArray[np.uint16]:
    """Return what each code point of the first plane is read as."""
    table = np.arange(0x10000, dtype=np.uint16)
    for code in range(0x530):  # Latin, Greek, Cyrillic
        lowered = chr(code).lower()
        if len(lowered) == 1:
            table[code] = ord(lowered)
    table[0xFF01:0xFF5F] = table[0x21:0x7F]
    for digits in (0x30, 0xFF10):
        table[digits : digits + 10] = ord("0")
    for blank in (*range(0x09, 0x0E), 0x85, 0xA0, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x3000):
        table[blank] = ord(" ")
    return table


def load_classifier(path: Path) -> Classifier:
    """Read a filter that `onestage train-filter` wrote.

    Raises:
        InputError: the file is missing, no such filter, or of another format.
    """
    remedy = "train it with onestage train-filter"
    if not path.is_file():
        raise InputError(f"{path}: no such learned filter; mend the path, or {remedy}")
    if path.stat().st_size < 8 and not path.read_bytes().strip():
        raise InputError(
            f"{path}: a blank file, as for a source without a learned filter; name one as the "
            f"source's classifier, or {remedy}"
        )
    try:
        with safe_open(str(path), framework="numpy") as stored:
            metadata = stored.metadata() or {}
            facts = msgspec.json.decode(metadata.get("onestage", "{}"), type=Facts)
            weights = stored.get_tensor("weights")
    except (SafetensorError, OSError, msgspec.DecodeError) as error:
        raise InputError(f"{path}: not a learned filter of onestage ({error}); {remedy}") from error
    _require_shape(path, weights, facts, remedy)
    return Classifier(weights, facts)


def _require_shape(path: Path, weights: npt.NDArray[Any], facts: Facts, remedy: str) -> None:
    found = (facts.format, facts.buckets, weights.shape, str(weights.dtype))
    expected = (FORMAT, BUCKETS, (BUCKETS,), "int8")
    if found != expected:
        raise InputError(
            f"{path}: expected format, buckets, shape and type {expected}, found {found}; {remedy}"
        )
