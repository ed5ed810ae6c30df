import pytest
from hypothesis import given
from hypothesis import strategies as st

from onestage.collect.evidence import margin

_SHARES = st.floats(0, 1)


@pytest.mark.parametrize(
    ("density", "probability", "kept"),
    [
        (0.1, 0.5, True),
        (0.09, 0.5, False),
        (0.1, 0.49, False),
        (0.3, 0.3, True),  # three times the density makes up for 3 : 7 odds, hardly
        (0.2, 0.3, False),
        (0.0, 0.96, True),  # a term is not needed where the classifier is sure
        (0.0, 0.94, False),
        (1.0, 0.0, False),
    ],
)
def test_one_filter_makes_up_for_the_other(density: float, probability: float, kept: bool) -> None:
    found = margin(density=density, min_density=0.1, probability=probability, min_probability=0.5)
    assert (found >= 0) == kept


@given(_SHARES, _SHARES)
def test_a_filter_without_threshold_leaves_it_to_the_other(density: float, odds: float) -> None:
    alone = margin(density=density, min_density=0.1, probability=odds, min_probability=0.0)
    assert (alone >= 0) == (density / 0.1 >= 1)
    alone = margin(density=density, min_density=0.0, probability=odds, min_probability=0.5)
    assert (alone >= 0) == (odds >= 0.5)
    assert margin(density=density, min_density=0, probability=odds, min_probability=0) == 0
