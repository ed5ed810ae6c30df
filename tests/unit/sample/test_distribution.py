"""Over many seeds, draws are distributed as the protocol's formula says.

Seeds and ids are fixed, so these tests have one outcome; another weight, key or hash fails them.
"""

from itertools import product

import numpy as np
import pytest
from sample_fit import PROTOCOL, fits
from scipy import stats

from onestage.records import Kind
from onestage.sample.curriculum import draw_curriculum
from onestage.sample.keys import ID
from onestage.sample.pool import Pool
from onestage.sample.settings import Sample, Strategy

_PRIORITY = {name: row[2] for name, row in PROTOCOL.items()}
_EPOCHS = {name: row[3] for name, row in PROTOCOL.items()}
# Twenty-three p-values, both sides of each: one choice of seeds in 2,000 fails.
_LEAST_P = 1e-5


def _pool_of_counted_ids(counts: dict[str, int]) -> Pool:
    """Return a pool whose ids are the numbers from 0, the worst there are for a hash."""
    sources = sorted(counts)
    numbers = np.repeat(np.arange(len(sources), dtype=np.uint16), [counts[s] for s in sources])
    digits = b"".join(n.to_bytes(12, "big") for n in range(len(numbers)))
    kinds: dict[str, Kind] = {name: row[1] for name, row in PROTOCOL.items()}
    kinds = {source: kinds.get(source, "web") for source in sources}
    return Pool(np.frombuffer(digits, dtype=ID), numbers, sources, kinds)


@pytest.mark.parametrize("strategy", ["priority", "random"])
def test_first_draws_and_shares_consumed_fit_the_closed_form(strategy: Strategy) -> None:
    """A hundred seeds of a four-hundredth of the protocol's counts, at ten points of the course."""
    counts = {name: round(1000 * row[0] / 400) for name, row in PROTOCOL.items()}
    weights = _PRIORITY if strategy == "priority" else dict.fromkeys(_PRIORITY, 1.0)
    pool = _pool_of_counted_ids(counts)
    choices = Sample(0, strategy, _PRIORITY, _EPOCHS)
    found = fits(pool, choices, range(100), weights)
    assert [fit.point for fit in found] == [
        "first", "5%", "15%", "25%", "35%", "45%", "55%", "65%", "75%", "85%", "95%",
    ]  # fmt: skip
    assert all(fit.degrees >= 100 or fit.point == "first" for fit in found)
    assert all(_LEAST_P < fit.p < 1 - _LEAST_P for fit in found), found


def test_the_fit_fails_for_a_slightly_different_weight() -> None:
    """Books at 4.2 instead of 4: what such a test can tell."""
    counts = {name: round(1000 * row[0] / 400) for name, row in PROTOCOL.items()}
    wrong = {**_PRIORITY, "books": 4.2}
    choices = Sample(0, "priority", wrong, _EPOCHS)
    found = fits(_pool_of_counted_ids(counts), choices, range(100), _PRIORITY)
    assert sum(fit.p < _LEAST_P for fit in found) >= 5


def test_the_first_two_draws_have_the_probabilities_of_the_formula() -> None:
    """All pairs of eight copies, by P(x) and then P(y) among what is left, over 3,000 seeds."""
    counts, priority = {"a": 1, "b": 2, "c": 1}, {"a": 8.0, "b": 2.0, "c": 1.0}
    epochs = {"a": 1, "b": 2, "c": 3}
    pool = _pool_of_counted_ids(counts)
    weights = [
        ((record, copy), priority[source])
        for record, source in enumerate("abbc")
        for copy in range(epochs[source])
    ]
    total = sum(weight for _, weight in weights)
    expected = {
        (x, y): wx / total * wy / (total - wx)
        for (x, wx), (y, wy) in product(weights, weights)
        if x != y
    }
    seeds = 3000
    observed = dict.fromkeys(expected, 0)
    for seed in range(seeds):
        drawn = draw_curriculum(pool, Sample(seed, "priority", priority, epochs)).drawn
        x, y = zip(drawn.record[:2].tolist(), drawn.copy[:2].tolist(), strict=True)
        observed[x, y] += 1
    test = stats.chisquare(
        [observed[pair] for pair in expected], [seeds * p for p in expected.values()]
    )
    assert _LEAST_P < test.pvalue < 1 - _LEAST_P
