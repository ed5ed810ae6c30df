import pytest

from onestage.intervals import wilson_interval


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
