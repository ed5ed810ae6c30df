"""Counts how often compare's intervals cover and how often its tests cry wolf.

    python benchmarks/comparison_calibration.py [--families 2000] [--seed 1]

Three parts. Coverage of Wilson's and Tango's intervals: exact, by adding up the probability of
every outcome, over a grid of sample sizes and true values. Size of the mid-p McNemar test at
5 % and at the levels that Holm's correction asks of the smallest p-value: exact as well. Error of
whole families: answers of several models are drawn, compared by the code of stage compare, and
families with any false difference are counted, before and after correction.
"""

import math
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product
from typing import Any, NamedTuple

import click
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from onestage.comparison.pairs import paired_tests
from onestage.comparison.settings import Compare
from onestage.intervals import tango_interval, wilson_interval
from onestage.records import Prediction
from onestage.significance import mcnemar_mid_p

Figures = NDArray[np.float64]
CONFIDENCE = 0.95
SIZES = (20, 50, 100, 300)
# Shares of items that one model alone answers rightly.
DISCORDANT = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7)
DIFFERENCES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3)


def wilson_coverage(size: int, share: float) -> float:
    """Return the probability that the interval of a sample holds the true share."""
    right = np.arange(size + 1)
    return float(stats.binom.pmf(right, size, share)[_wilson_covers(size, share)].sum())


def _wilson_covers(size: int, share: float) -> NDArray[np.bool_]:
    bounds = np.array([wilson_interval(n, size, confidence=CONFIDENCE) for n in range(size + 1)])
    return (bounds[:, 0] <= share) & (share <= bounds[:, 1])


@cache
def _tango_bounds(size: int) -> tuple[Figures, Figures, Figures]:
    """Return all (right by the first alone, by the second alone), with both bounds."""
    pairs = [(b, c) for b in range(size + 1) for c in range(size + 1 - b)]
    bounds = [tango_interval(b, c, size, confidence=CONFIDENCE) for b, c in pairs]
    low, high = np.array(bounds).T
    return np.array(pairs, dtype=np.float64), low, high


def tango_coverage(size: int, discordant: float, difference: float) -> float:
    """Return the probability that the interval of a sample holds the true difference."""
    pairs, low, high = _tango_bounds(size)
    shares = (discordant + difference) / 2, (discordant - difference) / 2
    counts = np.column_stack([pairs, size - pairs.sum(axis=1)])
    chances = stats.multinomial.pmf(counts, size, [*shares, 1 - discordant])
    return float(chances[(low <= difference) & (difference <= high)].sum())


def tango_grid(sizes: Sequence[int] = SIZES) -> Iterator[tuple[int, float, float, float]]:
    """Yield size, discordant share, difference and coverage over the grid."""
    for size, discordant, difference in product(sizes, DISCORDANT, DIFFERENCES):
        if difference <= discordant:
            yield size, discordant, difference, tango_coverage(size, discordant, difference)


@cache
def _p_values(discordant: int) -> Figures:
    return np.array([mcnemar_mid_p(b, discordant - b) for b in range(discordant + 1)])


def size_of_test(size: int, share: float, level: float) -> float:
    """Return how often p <= level, of `size` items with `share` discordant and no difference."""
    chances = stats.binom.pmf(np.arange(size + 1), size, share)
    rejected = [
        stats.binom.pmf(np.arange(n + 1), n, 0.5)[_p_values(n) <= level].sum()
        for n in range(size + 1)
    ]
    return float(chances @ np.array(rejected))


class Design(NamedTuple):
    """Models that answer the same items.

    `equal` models have the same accuracy and `better` ones `gain` more. Any two equal models
    give the same answer to a share `agreement` of the items, beyond what chance does.
    """

    equal: int
    better: int
    gain: float
    agreement: float
    items: tuple[int, ...] = (30, 100, 300)

    @property
    def models(self) -> int:
        """How many there are."""
        return self.equal + self.better


def drawn_answers(design: Design, rng: np.random.Generator) -> dict[str, list[Prediction]]:
    """Return one set of answers; the benchmarks have two tracks each."""
    found: dict[str, list[Prediction]] = {f"m{n}": [] for n in range(design.models)}
    for number, items in enumerate(design.items):
        ease = rng.beta(2.0, 2.0, items)
        shared = rng.random(items) < ease
        copies = rng.random(items) < design.agreement
        for model in range(design.models):
            gain = design.gain if model >= design.equal else 0.0
            alone = rng.random(items) < np.minimum(1.0, ease + gain)
            right = np.where(copies & (gain == 0.0), shared, alone)
            found[f"m{model}"] += [
                Prediction(f"b{number}", str(i), f"t{i % 2}", "", "A", "A" if ok else "B", bool(ok))
                for i, ok in enumerate(right)
            ]
    return found


class Errors(NamedTuple):
    """What was counted over families of tests.

    `raw` and `corrected` are shares of families with any false difference, before and after
    correction; `found` is the share of tests of a true difference that are significant after it.
    """

    raw: float
    corrected: float
    found: float
    tests: int


def family_errors(design: Design, families: int, seed: int) -> Errors:
    """Draw families and count the false differences among models of equal accuracy."""
    rng = np.random.default_rng(seed)
    choices = Compare(confidence=CONFIDENCE, reference="", published="", published_as={})
    raw = corrected = found = true = tests = 0
    for _ in range(families):
        result = paired_tests(drawn_answers(design, rng), choices)
        false = [one for (pair, _), one in result.items() if not _differs(pair, design)]
        real = [one for (pair, _), one in result.items() if _differs(pair, design)]
        raw += any(one["p"] <= 1 - CONFIDENCE for one in false)
        corrected += any(one["p_holm"] <= 1 - CONFIDENCE for one in false)
        found += sum(one["p_holm"] <= 1 - CONFIDENCE for one in real)
        true += len(real)
        tests = len(result)
    return Errors(raw / families, corrected / families, found / true if true else 0.0, tests)


def _differs(pair: Any, design: Design) -> bool:
    better = [int(key[1:]) >= design.equal for key in pair]
    return better[0] != better[1]


DESIGNS = (
    Design(equal=2, better=0, gain=0.0, agreement=0.0),
    Design(equal=4, better=0, gain=0.0, agreement=0.0),
    Design(equal=4, better=0, gain=0.0, agreement=0.8),
    Design(equal=8, better=0, gain=0.0, agreement=0.5),
    Design(equal=3, better=1, gain=0.1, agreement=0.5),
)


@click.command(help=__doc__)
@click.option("--families", default=2000, show_default=True, help="Families of each design.")
@click.option("--seed", default=1, show_default=True)
def main(families: int, seed: int) -> None:
    """Print the three parts."""
    shares = np.arange(0.02, 0.99, 0.02)
    print("coverage          size   mean    least   most")
    for size in SIZES:
        _told("wilson", size, [wilson_coverage(size, share) for share in shares])
    for size in SIZES:
        _told("tango", size, [coverage for *_, coverage in tango_grid([size])])
    print(
        "size of the test, as a share of its level: largest over discordant shares to 0.7, and mean"
    )
    for size, tests in product((20, 50, 100, 300), (1, 10, 100)):
        level = (1 - CONFIDENCE) / tests
        found = [size_of_test(size, share, level) / level for share in DISCORDANT]
        print(f"  items {size:4d}  level 0.05/{tests:<4d}{max(found):7.3f}{np.mean(found):7.3f}")
    print("families with a false difference   raw     corrected  (chance)  true ones found  tests")
    for design in DESIGNS:
        errors = family_errors(design, families, seed)
        chance = 1.96 * math.sqrt(0.05 * 0.95 / families)
        print(
            f"  {design.equal} equal, {design.better} better, agreement {design.agreement}"
            f"{errors.raw:12.3f}{errors.corrected:10.3f}   ± {chance:.3f}"
            f"{errors.found:12.3f}{errors.tests:10d}"
        )


def _told(name: str, size: int, coverage: list[float]) -> None:
    print(f"  {name:<14}{size:6d}{np.mean(coverage):8.4f}{min(coverage):8.4f}{max(coverage):8.4f}")


if __name__ == "__main__":
    main()
