"""The test against every outcome of fair coins and scipy, the correction against its definition."""

from fractions import Fraction
from itertools import chain, combinations, product

import pytest
from comparison_calibration import DISCORDANT, size_of_test
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from onestage.significance import holm, mcnemar_mid_p


@pytest.mark.parametrize(
    ("only_first", "only_second", "p"),
    [
        # Fagerland, Lydersen, Laake, BMC Medical Research Methodology 13:91, and their tables
        (1, 7, 0.0390625),
        (6, 16, 0.034690),
    ],
)
def test_published_mid_p_values(only_first: int, only_second: int, p: float) -> None:
    assert mcnemar_mid_p(only_first, only_second) == pytest.approx(p, abs=5e-7)
    assert mcnemar_mid_p(only_second, only_first) == mcnemar_mid_p(only_first, only_second)


@pytest.mark.parametrize("discordant", range(11))
def test_the_mid_p_value_counts_fair_coins(discordant: int) -> None:
    """Every way the discordant items can fall: more lopsided ones whole, equally so by half."""
    falls = [sum(coins) for coins in product((0, 1), repeat=discordant)]
    for first in range(discordant + 1):
        lopsided = abs(2 * first - discordant)
        weights = {True: Fraction(1), False: Fraction(1, 2)}
        p = sum(
            weights[abs(2 * one - discordant) > lopsided]
            for one in falls
            if abs(2 * one - discordant) >= lopsided
        ) / Fraction(2**discordant)
        expected = 1.0 if lopsided == 0 else float(p)
        assert mcnemar_mid_p(first, discordant - first) == expected


@given(st.integers(0, 400), st.integers(0, 400))
def test_the_mid_p_value_is_the_exact_one_less_half_of_what_was_observed(b: int, c: int) -> None:
    if b == c:
        assert mcnemar_mid_p(b, c) == 1.0
        return
    exact = stats.binomtest(b, b + c, 0.5).pvalue
    observed = stats.binom.pmf(b, b + c, 0.5)
    assert mcnemar_mid_p(b, c) == pytest.approx(exact - observed, rel=1e-6, abs=1e-15)


def test_many_items() -> None:
    p = mcnemar_mid_p(4900, 5100)
    assert p == pytest.approx(2 * stats.norm.sf(2), rel=1e-3)
    assert mcnemar_mid_p(0, 5000) == 0.0


@pytest.mark.parametrize("tests", [1, 10])
@pytest.mark.parametrize("size", [20, 50])
def test_the_size_stays_below_its_level(size: int, tests: int) -> None:
    """Exactly, over all outcomes, at 5 % and at what a correction asks of the smallest value."""
    sizes = [size_of_test(size, share, 0.05 / tests) for share in DISCORDANT]
    assert 0.25 * 0.05 / tests < max(sizes) <= 0.05 / tests


def _closed(p_values: list[float]) -> list[float]:
    """Holm's values by closed testing: the worst Bonferroni test of any set that holds it."""
    places = range(len(p_values))
    sets = list(chain.from_iterable(combinations(places, n + 1) for n in places))
    return [
        max(min(1.0, len(s) * min(p_values[j] for j in s)) for s in sets if place in s)
        for place in places
    ]


@given(st.lists(st.floats(0, 1), max_size=7))
def test_holm_is_closed_testing_by_bonferroni(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(_closed(p_values))


def test_holm_keeps_places_and_ties() -> None:
    assert holm([]) == []
    assert holm([0.03]) == [0.03]
    assert holm([0.04, 0.001, 0.04]) == pytest.approx([0.08, 0.003, 0.08])
