"""The mixture along the course in closed form, from counts and priorities alone.

A copy of weight w waits an exponential time of rate w for its draw (Efraimidis and Spirakis,
2006). So at a time s each source has lost the share 1 - exp(-w s), and the next draw falls to it
in proportion to n w exp(-w s); s follows from how many copies are left, sum of n exp(-w s). This
is exact in the limit of many copies; counts of a few dozen scatter around it.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

from onestage.records import Kind
from onestage.sample.settings import Sample, Standing, standings


class Part(NamedTuple):
    """A source's part of the course: how many copies, and where the strategy puts them."""

    copies: float
    standing: Standing


class Point(NamedTuple):
    """What holds at a point of the course, for each source.

    `consumed` is the share of its copies that is drawn, `share` its share of the draws there.
    """

    consumed: dict[str, float]
    share: dict[str, float]


def expected_parts(
    records: Mapping[str, int], kinds: Mapping[str, Kind], choices: Sample
) -> dict[str, Part]:
    """Return the parts that so many records would have after holding out, cap and epochs.

    Raises:
        ParamError: a source has no priority or no epochs.
    """
    standing = standings({source: kinds[source] for source in records}, choices)
    parts = {}
    for source, number in records.items():
        trained = number * (1 - choices.heldout_share.get(source, 0.0))
        used = min(trained, choices.cap.get(source, 0) or math.inf)
        parts[source] = Part(used * choices.epochs[source], standing[source])
    return parts


def mixture_at(parts: Mapping[str, Part], progress: float) -> Point:
    """Return what is expected once the share `progress`, 0 to 1, of all copies is drawn.

    Where one turn ends and the next begins, the shares are those of the next draw. A source
    without copies has shares of 0.

    1,000 copies of weight 2 and 1,000 of weight 1: of the first draws 2/3 and 1/3; half-way,
    exp(-s) = (5 ** .5 - 1) / 2 = .618 of the second and .382 of the first source are left, and
    .553 of the draws come from the first.
    """
    copied = {source: part for source, part in parts.items() if part.copies}
    done = progress * sum(part.copies for part in copied.values())
    consumed = dict.fromkeys(parts, 0.0)
    share = dict.fromkeys(parts, 0.0)
    turns = sorted({part.standing.turn for part in copied.values()})
    for turn in turns:
        there = {s: part for s, part in copied.items() if part.standing.turn == turn}
        left = sum(part.copies for part in there.values()) - done
        time = _time(there, left)
        consumed |= {s: -math.expm1(-part.standing.weight * time) for s, part in there.items()}
        if left > 0 or turn == turns[-1]:
            share |= _shares(there, time)
            break
        done = -left
    return Point(consumed, share)


def _time(parts: Mapping[str, Part], left: float) -> float:
    """Return when so many copies are left, by halving the interval in which that must be."""
    total = sum(part.copies for part in parts.values())
    if left <= 0:
        return math.inf
    least = min(part.standing.weight for part in parts.values())
    low, high = 0.0, math.log(total / left) / least
    while low < (middle := (low + high) / 2) < high:
        if sum(n * math.exp(-place.weight * middle) for n, place in parts.values()) > left:
            low = middle
        else:
            high = middle
    return high


def _shares(parts: Mapping[str, Part], time: float) -> dict[str, float]:
    """Return shares of the draws; exponents are taken above the least, lest all become 0."""
    least = min(part.standing.weight for part in parts.values())
    rates = {
        source: copies * place.weight * _decay(place.weight - least, time)
        for source, (copies, place) in parts.items()
    }
    return {source: rate / sum(rates.values()) for source, rate in rates.items()}


def _decay(weight: float, time: float) -> float:
    return math.exp(-weight * time) if weight else 1.0
