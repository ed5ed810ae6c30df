"""Figures of displacement, counted by hand."""

from hypothesis import given
from hypothesis import strategies as st

from onestage.pack.displacement import Displacement


def test_figures() -> None:
    displacement = Displacement(100)
    displacement.add([0, 0, -250])
    displacement.add([40, 60])
    assert displacement.metrics() == {"mean": 0.7, "p50": 0.4, "p90": 2.5, "p99": 2.5, "max": 2.5}
    assert displacement.histogram() == [
        {"rows": -2, "samples": 1},
        {"rows": -1, "samples": 0},
        {"rows": 0, "samples": 3},
        {"rows": 1, "samples": 1},
        {"rows": 2, "samples": 0},
    ]


def test_nothing_packed_moved_nowhere() -> None:
    displacement = Displacement(100)
    assert displacement.metrics() == {"mean": 0.0, "p50": 0.0, "p90": 0.0, "p99": 0.0, "max": 0.0}
    assert displacement.histogram() == [{"rows": 0, "samples": 0}]


@given(st.lists(st.integers(-5000, 5000), min_size=1, max_size=50))
def test_quantiles_are_those_of_the_sorted_list(moved: list[int]) -> None:
    displacement = Displacement(100)  # one part is one token
    displacement.add(moved)
    far = sorted(map(abs, moved))
    found = displacement.metrics()
    for name, percent in (("p50", 50), ("p90", 90), ("p99", 99)):
        assert found[name] == far[-(-percent * len(far) // 100) - 1] / 100
    assert found["max"] == far[-1] / 100
    assert abs(found["mean"] - sum(far) / len(far) / 100) < 1e-9
