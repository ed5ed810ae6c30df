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
