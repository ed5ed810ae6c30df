import math

import pytest
from comparison_calibration import tango_grid, wilson_coverage
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from onestage.intervals import tango_interval, wilson_interval


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    [
        # Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_published_intervals(right: int, total: int, low: float, high: float) -> None:
    assert wilson_interval(right, total, confidence=0.95) == pytest.approx((low, high), abs=5e-5)


def test_borders() -> None:
    assert wilson_interval(0, 0, confidence=0.95) == (0.0, 1.0)
    assert wilson_interval(7, 7, confidence=0.95)[1] == pytest.approx(1.0)
    narrow, wide = (wilson_interval(5, 10, confidence=c) for c in (0.5, 0.99))
    assert wide[0] < narrow[0] < 0.5 < narrow[1] < wide[1]


@pytest.mark.parametrize(
    ("only_first", "only_second", "total", "low", "high"),
    [
        # Fagerland, Lydersen, Laake, Statistical Analysis of Contingency Tables, chapter 8
        (1, 7, 21, -0.5172, -0.0260),
        (6, 16, 161, -0.1240, -0.0054),
    ],
)
def test_published_paired_intervals(
    only_first: int, only_second: int, total: int, low: float, high: float
) -> None:
    found = tango_interval(only_first, only_second, total, confidence=0.95)
    assert found == pytest.approx((low, high), abs=5e-5)


def _constrained_score(b: int, c: int, total: int, difference: float) -> float:
    """Tango's statistic, with the likeliest shares found by search and not by formula."""

    def surprise(share: float) -> float:  # of those right by the second alone
        shares = (share + difference, share, 1 - 2 * share - difference)
        return -sum(
            n * math.log(p) for n, p in zip((b, c, total - b - c), shares, strict=True) if n
        )

    least, most = max(0.0, -difference), (1 - difference) / 2
    margin = 1e-12
    share = optimize.minimize_scalar(
        surprise, bounds=(least + margin, most - margin), method="bounded", options={"xatol": 1e-12}
    ).x
    variance = (2 * share + difference * (1 - difference)) / total
    return float(((b - c) / total - difference) / math.sqrt(variance))


@pytest.mark.parametrize(
    ("b", "c", "total"),
    [(1, 7, 21), (6, 16, 161), (3, 3, 10), (5, 0, 30), (40, 2, 100), (9, 8, 17)],
)
@pytest.mark.parametrize("confidence", [0.5, 0.95])
def test_bounds_lie_where_the_score_of_constrained_shares_is_critical(
    b: int, c: int, total: int, confidence: float
) -> None:
    z = stats.norm.ppf(0.5 + confidence / 2)
    low, high = tango_interval(b, c, total, confidence=confidence)
    assert _constrained_score(b, c, total, low) == pytest.approx(z, abs=1e-3)
    assert _constrained_score(b, c, total, high) == pytest.approx(-z, abs=1e-3)


def test_paired_borders() -> None:
    assert tango_interval(0, 0, 0, confidence=0.95) == (-1.0, 1.0)
    same = tango_interval(0, 0, 50, confidence=0.95)
    z = stats.norm.ppf(0.975)
    assert same == pytest.approx((-(z**2) / (50 + z**2), z**2 / (50 + z**2)))
    low, high = tango_interval(50, 0, 50, confidence=0.95)
    assert (low > 0.8, high) == (True, 1.0)
    assert tango_interval(0, 50, 50, confidence=0.95) == (-1.0, -low)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_models_that_change_places_change_the_sign(b: int, c: int, same: int) -> None:
    low, high = tango_interval(b, c, b + c + same, confidence=0.95)
    assert tango_interval(c, b, b + c + same, confidence=0.95) == (-high, -low)
    difference = (b - c) / (b + c + same) if b + c + same else 0.0
    assert -1 <= low <= difference <= high <= 1


def test_paired_intervals_cover_as_often_as_they_say() -> None:
    """Exactly, over every outcome of 50 items, for 30 true values."""
    found = [coverage for *_, coverage in tango_grid([50])]
    assert len(found) > 20
    assert 0.94 <= sum(found) / len(found) <= 0.96
    assert min(found) >= 0.93


def test_intervals_of_accuracies_cover_as_often_as_they_say() -> None:
    found = [wilson_coverage(100, percent / 100) for percent in range(2, 99, 2)]
    assert 0.94 <= sum(found) / len(found) <= 0.96
    assert min(found) >= 0.93
