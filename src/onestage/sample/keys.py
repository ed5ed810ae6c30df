"""Random numbers that a record's id fixes, and the sorting keys made of them, as arrays.

Ids are 96 bits of a hash already. Two lanes of splitmix64's finaliser (Steele, Lea and Flood,
2014; constants of Stafford's variant 13) mix them with 128 bits of BLAKE2b over what the number
is for. Everything after that is +, -, *, / and exact steps of IEEE 754, which give the same bits
on every machine; a library's logarithm differs in the last bit from one type of CPU to another.
"""

import hashlib
import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

# An id's 24 hexadecimal digits as 12 bytes, in two numbers that sort as the text does.
ID = np.dtype([("high", ">u8"), ("low", ">u4")])
Ids = NDArray[np.void]
Fractions = NDArray[np.float64]

_BLOCK = 2**15  # so that the arrays of one step stay in the processor's cache
_STEPS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
_LAST_SHIFT = 31
_FRACTION_BITS = 52  # (n + 1/2) / 2**52 is exact in a double, so it is never 0 and never 1
_SERIES_TERMS = 13  # the next one is below 2**-70 for a mantissa within a root of 2 of 1


def uniform(ids: Ids, *, seed: int, purpose: str, copy: int = 0) -> Fractions:
    """Return a number in (0, 1) for each id, uniform over the 2⁵² midpoints.

    Other seeds, purposes and copies give other, independent numbers; other ids change nothing.
    """
    said = f"{seed}\x1f{purpose}\x1f{copy}".encode()
    lanes = np.frombuffer(hashlib.blake2b(said, digest_size=16).digest(), dtype=">u8")
    first, second = lanes.astype(np.uint64)
    found = np.empty(len(ids))
    for part in _blocks(len(ids)):
        mixed = ids["high"][part].astype(np.uint64)
        mixed ^= first
        _mix(mixed)
        mixed ^= ids["low"][part].astype(np.uint64)
        mixed ^= second
        _mix(mixed)
        mixed >>= np.uint64(64 - _FRACTION_BITS)
        found[part] = (mixed.astype(np.float64) + 0.5) * 2.0**-_FRACTION_BITS
    return found


def waits(ids: Ids, *, weight: float, seed: int, copy: int) -> Fractions:
    """Return -log(u)/weight for each id: how long it waits for its draw (Efraimidis, Spirakis)."""
    found = uniform(ids, seed=seed, purpose="draw", copy=copy)
    for part in _blocks(len(ids)):
        found[part] = negative_log(found[part]) / weight
    return found


def negative_log(fractions: Fractions) -> Fractions:
    """Return -log(u) for u in (0, 1), to about two units in the last place.

    log(m * 2**e) = e log 2 + 2 artanh(s), s = (m - 1)/(m + 1), m within a root of 2 of 1.
    """
    mantissa, exponent = np.frexp(fractions)
    small = mantissa < math.sqrt(0.5)
    mantissa[small] *= 2
    exponent[small] -= 1
    ratio = (mantissa - 1) / (mantissa + 1)
    square = ratio * ratio
    series = np.full(len(fractions), 1 / (2 * _SERIES_TERMS - 1))
    for term in reversed(range(1, 2 * _SERIES_TERMS - 1, 2)):
        series *= square
        series += 1 / term
    series *= ratio
    series *= -2
    series -= exponent * math.log(2)
    return series


def _mix(numbers: NDArray[np.uint64]) -> None:
    for shift, factor in _STEPS:
        numbers ^= numbers >> np.uint64(shift)
        numbers *= np.uint64(factor)
    numbers ^= numbers >> np.uint64(_LAST_SHIFT)


def _blocks(length: int) -> Iterator[slice]:
    return (slice(start, start + _BLOCK) for start in range(0, length, _BLOCK))
