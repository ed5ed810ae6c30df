"""Density and probability as one verdict: the filter `both`.

Each filter errs where the other does not: the lexicon on words that it lacks or that other
fields share, the learned filter on text unlike its training passages. So what one finds beyond
its threshold makes up for what the other lacks, rather than both having to agree:

    odds / odds at min_probability  x  density / min_density  >=  1
"""

import math

# A passage without a term is judged by a twentieth of the density required, not by none.
_LEAST_SHARE = 0.05
_CERTAIN = 1e-9


def margin(
    *, density: float, min_density: float, probability: float, min_probability: float
) -> float:
    """Return the logarithm of that product; a passage from 0 on is kept.

    Where a threshold is 0 its filter keeps everything, and the other one decides.

    >>> round(margin(density=0.1, min_density=0.1, probability=0.6, min_probability=0.6), 6)
    0.0
    >>> margin(density=0.3, min_density=0.1, probability=0.5, min_probability=0.6) > 0
    True
    """
    found = 0.0
    if min_density > 0:
        found += math.log(max(density / min_density, _LEAST_SHARE))
    if min_probability > 0:
        found += _log_odds(probability) - _log_odds(min_probability)
    return found


def _log_odds(probability: float) -> float:
    bounded = min(max(probability, _CERTAIN), 1 - _CERTAIN)
    return math.log(bounded / (1 - bounded))
