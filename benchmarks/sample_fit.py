"""Tests drawn curricula against the closed form: chi-square at ten points, over many seeds.

    python benchmarks/sample_fit.py [--seeds 1000] [--scale 50]

The counts are the protocol's divided by --scale. At a point of the course the numbers drawn of each
source have a known mean and, for many copies, a known covariance (see `moments`), so that
their squared distance from the mean is chi-square distributed. Each seed gives one such distance;
their sum over all seeds is tested, and so are the first draws of all seeds. Mean and covariance
are computed here by themselves, with nothing taken from onestage.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import click
import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from onestage.sample.curriculum import draw_curriculum
from onestage.sample.keys import ID
from onestage.sample.pool import Pool
from onestage.sample.settings import Sample

# Records in thousands; kind, priority, epochs.
PROTOCOL: dict[str, tuple[float, Any, float, int]] = {
    "web": (641 + 394, "web", 32, 1),
    "literature": (177 + 878, "literature", 16, 1),
    "encyclopedia": (411 + 147, "encyclopedia", 8, 1),
    "books": (1836 + 802, "book", 4, 1),
    "sft": (142.248, "sft", 1, 3),
}
POINTS = (0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95)
# A class of draws needs some variance before its number is nearly normal.
_LEAST_VARIANCE = 5.0

Figures = NDArray[np.float64]


class Fit(NamedTuple):
    """A sum of squared distances with its degrees of freedom and its p-value."""

    point: str
    statistic: float
    degrees: int
    p: float


def moments(copies: Figures, weights: Figures, drawn: int) -> tuple[Figures, Figures, Figures]:
    """Return mean, covariance and variance at a fixed time of the numbers drawn by source.

    Every copy waits an exponential time. At the time s at which `drawn` are expected, the number
    of each source is binomial with p = 1 - exp(-w s). The course is read when exactly so many
    are drawn, a little sooner or later: deviations in total are taken back in proportion to
    the rates at which the sources are drawn then.
    """
    time = optimize.brentq(
        lambda s: float(np.sum(copies * np.exp(-weights * s))) - (copies.sum() - drawn), 0, 1e4
    )
    left = np.exp(-weights * time)
    variance = copies * left * (1 - left)
    rates = copies * weights * left
    taken_back = np.eye(len(copies)) - np.outer(rates / rates.sum(), np.ones(len(copies)))
    return copies * (1 - left), taken_back @ np.diag(variance) @ taken_back.T, variance


def classes(variance: Figures) -> Figures:
    """Return a matrix that adds up sources until each class has enough variance."""
    rows: list[Figures] = []
    waiting = np.zeros(len(variance))
    for source in np.argsort(variance):
        waiting[source] = 1
        if waiting @ variance >= _LEAST_VARIANCE:
            rows.append(waiting)
            waiting = np.zeros(len(variance))
    return np.array(rows)


def distances(observed: Figures, copies: Figures, weights: Figures) -> tuple[Figures, int]:
    """Return each row's squared distance from the mean, and its degrees of freedom.

    `observed` holds a row for each seed: the numbers drawn by source, of one sum.
    """
    mean, covariance, variance = moments(copies, weights, int(observed[0].sum()))
    gather = classes(variance)[:-1]  # the last follows from the sum
    apart = (observed - mean) @ gather.T
    inverse = np.linalg.inv(gather @ covariance @ gather.T)
    return np.einsum("ij,jk,ik->i", apart, inverse, apart), len(gather)


def pool_of_random_ids(counts: Mapping[str, int], kinds: Mapping[str, Any], seed: int) -> Pool:
    """Return a pool with so many records of each source."""
    sources = sorted(counts)
    numbers = np.repeat(np.arange(len(sources)), [counts[name] for name in sources])
    digits = np.random.default_rng(seed).bytes(12 * len(numbers))
    ids = np.frombuffer(digits, dtype=ID)
    return Pool(ids, numbers.astype(np.uint16), sources, {name: kinds[name] for name in sources})


def fits(pool: Pool, choices: Sample, seeds: range, weights: Mapping[str, float]) -> list[Fit]:
    """Draw a curriculum for each seed and test the first draws and ten points of the course."""
    places = np.array([weights[source] for source in pool.sources])
    copies = np.array([pool.records()[s] * choices.epochs[s] for s in pool.sources], float)
    total = int(copies.sum())
    ends = [round(total * point) for point in POINTS]
    observed = np.zeros((len(POINTS), len(seeds), len(copies)))
    firsts = np.zeros(len(copies))
    for row, seed in enumerate(seeds):
        chosen = Sample(seed, choices.strategy, choices.priority, choices.epochs)
        order = pool.source[draw_curriculum(pool, chosen).drawn.record]
        firsts[order[0]] += 1
        for point, end in enumerate(ends):
            observed[point, row] = np.bincount(order[:end], minlength=len(copies))
    expected = copies * places / (copies @ places) * len(seeds)
    first = stats.chisquare(firsts, expected)
    found = [Fit("first", float(first.statistic), len(copies) - 1, float(first.pvalue))]
    for point, numbers in zip(POINTS, observed, strict=True):
        squares, degrees = distances(numbers, copies, places)
        statistic, degrees = float(squares.sum()), degrees * len(seeds)
        p = float(stats.chi2.sf(statistic, degrees))
        found.append(Fit(f"{point:.0%}", statistic, degrees, p))
    return found


@click.command(help=__doc__)
@click.option("--seeds", default=1000, show_default=True)
@click.option("--scale", default=50.0, show_default=True, help="The protocol's counts over this.")
def main(seeds: int, scale: float) -> None:
    """Print a line for each point and strategy."""
    counts = {name: round(1000 * row[0] / scale) for name, row in PROTOCOL.items()}
    pool = pool_of_random_ids(counts, {name: row[1] for name, row in PROTOCOL.items()}, seed=1)
    priority = {name: row[2] for name, row in PROTOCOL.items()}
    epochs = {name: row[3] for name, row in PROTOCOL.items()}
    print(f"{len(pool.ids)} records, {seeds} seeds")
    for strategy, weights in (("priority", priority), ("random", dict.fromkeys(priority, 1.0))):
        choices = Sample(0, strategy, priority, epochs)
        for fit in fits(pool, choices, range(seeds), weights):
            print(
                f"{strategy:<10}{fit.point:>6}  chi-square {fit.statistic:10.1f}  "
                f"degrees {fit.degrees:6d}  p {fit.p:.3f}"
            )


if __name__ == "__main__":
    main()
