"""Tests of paired answers, and the correction of many p-values."""

from collections.abc import Sequence


def mcnemar_mid_p(only_first: int, only_second: int) -> float:
    """Return the two-sided mid-p value of McNemar's test.

    `only_first` items were answered rightly by the first model alone, `only_second` by the
    second alone; had both the same accuracy, each such item would fall to either side like a
    fair coin. The mid-p value counts what was observed by half (Fagerland, Lydersen and Laake,
    BMC Medical Research Methodology 13:91, 2013). Without such items, or with as many on either
    side, it is 1. Computed in whole numbers, so it is exact for any count.

    >>> mcnemar_mid_p(1, 7)
    0.0390625
    """
    discordant = only_first + only_second
    ways = 1  # C(discordant, k)
    below = 0  # sum of them for k' < k
    for k in range(min(only_first, only_second)):
        below += ways
        ways = ways * (discordant - k) // (k + 1)
    return (2 * below + ways) / (1 << discordant)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected by Holm's step-down rule (Scand. J. Statistics 6, 1979).

    Rejecting where the corrected value is at most a makes any false rejection at all happen
    with a probability of at most a, however the tests depend on one another.

    >>> holm([0.02, 0.01, 0.5])
    [0.04, 0.03, 0.5]
    """
    corrected = [0.0] * len(p_values)
    largest = 0.0
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = largest
    return corrected
