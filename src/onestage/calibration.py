"""Precision, recall and F1 of a score as a filter, by threshold, and which threshold to take."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# F1 is averaged over so large a share of the domain's passages before and after a threshold,
# so that a peak which hangs on a passage or two is not taken.
_SMOOTHED_SHARE = 0.03


@dataclass(frozen=True)
class Point:
    """What a threshold does: a passage is kept from it on."""

    threshold: float
    precision: float
    recall: float
    f1: float


def point(scores: Sequence[float], labels: Sequence[bool], threshold: float) -> Point:
    """Return the figures at one threshold; precision is 1 where nothing is kept."""
    kept = np.asarray(scores) >= threshold
    of_domain = np.asarray(labels, bool)
    right, kept_count, domain_count = (int(x.sum()) for x in (kept & of_domain, kept, of_domain))
    precision = right / kept_count if kept_count else 1.0
    recall = right / domain_count if domain_count else 1.0
    total = kept_count + domain_count
    return Point(threshold, precision, recall, 2 * right / total if total else 1.0)


def recommended(scores: Sequence[float], labels: Sequence[bool]) -> Point:
    """Return the threshold of the best smoothed F1; of equals the lowest, which keeps most.

    It lies between two scores, and has as few digits as that allows.

    >>> recommended([0.1, 0.2, 0.62, 0.9], [False, False, True, True])
    Point(threshold=0.4, precision=1.0, recall=1.0, f1=1.0)
    """
    order = np.argsort(-np.asarray(scores), kind="stable")
    falling = np.asarray(scores, float)[order]
    right = np.cumsum(np.asarray(labels, bool)[order])
    ranks = np.arange(len(falling))
    f1 = 2 * right / (ranks + 1 + right[-1])
    # A threshold can lie only where the score changes: equal scores share the F1 of their last.
    borders = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))
    shared = f1[borders[np.searchsorted(borders, ranks)]]
    smooth = _smoothed(shared, round(_SMOOTHED_SHARE * int(right[-1])))[borders]
    border = int(borders[np.flatnonzero(smooth >= smooth.max() - 1e-12)[-1]])
    above = float(falling[border])
    below = float(falling[border + 1]) if border + 1 < len(falling) else 0.0
    return point(scores, labels, _between(below, above))


def _smoothed(values: npt.NDArray[np.float64], width: int) -> npt.NDArray[np.float64]:
    """Return means over up to `width` neighbours on either side."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    places = np.arange(len(values))
    first, last = np.maximum(places - width, 0), np.minimum(places + width + 1, len(values))
    return np.asarray((sums[last] - sums[first]) / (last - first))


def _between(below: float, above: float) -> float:
    """Return a number over `below` and not over `above` with few digits, near the middle."""
    for digits in range(1, 12):
        rounded = round((below + above) / 2, digits)
        if below < rounded <= above:
            return rounded
    return above


def thresholds(scores: Sequence[float], count: int = 20) -> list[float]:
    """Return up to about `count` round thresholds that span the scores, highest outliers aside.

    Before the first step are a quarter and a half of it, since the best threshold of a density
    is often far below its highest values.
    """
    top = float(np.quantile(np.asarray(scores), 0.99)) or 1.0
    step = round_step(top, count)
    steps = [round(step * place, 6) for place in range(1, int(top / step + 1e-9) + 1)] or [step]
    return [round(step / 4, 6), round(step / 2, 6), *steps]


def round_step(top: float, count: int) -> float:
    """Return the least of 1, 2, 2.5, 5 times a power of ten of which `count` reach `top`."""
    magnitude = 10.0 ** np.floor(np.log10(top / count))
    units = (1, 2, 2.5, 5, 10)
    return float(next(magnitude * unit for unit in units if magnitude * unit * count >= top))
