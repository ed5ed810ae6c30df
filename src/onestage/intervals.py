"""Confidence intervals of proportions."""

import math
from statistics import NormalDist


def wilson_interval(right: int, total: int, *, confidence: float) -> tuple[float, float]:
    """Return Wilson's score interval of right / total (E. B. Wilson, JASA 1927).

    It stays within [0, 1] and is sound for small samples. Without items it is (0, 1).

    >>> [round(bound, 3) for bound in wilson_interval(5, 10, confidence=0.95)]
    [0.237, 0.763]
    """
    if not total:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = right / total
    centre = share + z * z / (2 * total)
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def tango_interval(
    only_first: int, only_second: int, total: int, *, confidence: float
) -> tuple[float, float]:
    """Return Tango's score interval of the difference of two paired proportions.

    `only_first` of `total` items were right by the first model alone, `only_second` by the
    second alone; the difference is the first's proportion less the second's (T. Tango,
    Statistics in Medicine 17, 1998). It stays within [-1, 1] and has a width where the models
    never differ. Without items it is (-1, 1).

    >>> [round(bound, 3) for bound in tango_interval(1, 7, 21, confidence=0.95)]
    [-0.517, -0.026]
    """
    if not total:
        return -1.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    upper = _largest_difference(only_first, only_second, total, z)
    return -_largest_difference(only_second, only_first, total, z), upper


_HALVINGS = 60  # of an interval of at most 2: below the spacing of floats around 1


def _largest_difference(only_first: int, only_second: int, total: int, z: float) -> float:
    """Return the largest difference that is at most z standard errors above the observed one."""
    low, high = (only_first - only_second) / total, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _standard_errors(only_first, only_second, total, middle) <= z:
            low = middle
        else:
            high = middle
    return low


def _standard_errors(only_first: int, only_second: int, total: int, difference: float) -> float:
    """Return how many standard errors, under `difference`, it lies above the observed one.

    The variance is that of the likeliest share of items right by the second alone.
    """
    linear = (2 * total - only_first + only_second) * difference - only_first - only_second
    constant = -only_second * difference * (1 - difference)
    root = math.sqrt(max(0.0, linear * linear - 8 * total * constant))
    second_alone = (root - linear) / (4 * total)
    variance = total * (2 * second_alone + difference * (1 - difference))
    excess = total * difference - (only_first - only_second)
    return excess / math.sqrt(variance) if variance > 0 else 0.0
