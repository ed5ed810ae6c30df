import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onestage.unify.units import _UNITS, UNIT, alternation, name_of, per, unit_of

FORMS = {
    "mass": ("mg", ((("g", 1),), Fraction(1, 1000))),
    "chinese": ("毫克", ((("g", 1),), Fraction(1, 1000))),
    "whole-factor": ("公斤", ((("g", 1),), 1000)),
    "per-weight-and-day": ("mg/(kg·d)", ((("d", -1), ("g", -1), ("g", 1)), Fraction(1, 10**6))),
    "powers": ("mg·kg⁻¹·d⁻¹", ((("d", -1), ("g", -1), ("g", 1)), Fraction(1, 10**6))),
    "per-hundred": ("mg/100 ml", ((("g", 1), ("l", -1)), Fraction(1, 100))),
    "per-none": ("mg/0 ml", ((("g", 1), ("l", -1)), 1)),
    "area": ("g/m²", ((("g", 1), ("m2", -1)), 1)),
    "per-dose": ("mg/次", ((("g", 1),), Fraction(1, 1000))),
    "minute": ("次/分", ((("min", -1), ("次", 1)), 1)),
    "unknown": ("/xyz", ((("xyz", -1),), 1)),
}


@pytest.mark.parametrize(("written", "expected"), FORMS.values(), ids=FORMS)
def test_a_unit_has_one_form_and_an_exact_factor(written: str, expected: object) -> None:
    assert unit_of(written) == expected


@pytest.mark.parametrize("spelling", sorted(_UNITS))
def test_every_spelling_of_the_table_is_found_whole(spelling: str) -> None:
    found = UNIT.match(f"{spelling} ")
    assert found is not None
    assert found[0] == spelling
    assert unit_of(spelling)[1] == _UNITS[spelling][1]


def test_whole_factors_are_int() -> None:
    factors = {spelling: unit_of(spelling)[1] for spelling in _UNITS}
    assert all(isinstance(factor, int) or factor.denominator > 1 for factor in factors.values())


def test_words_that_begin_like_a_unit_are_none() -> None:
    assert not any(UNIT.match(word) for word in ("克隆", "月经", "mgx", "days2", "次要", "天花"))
    assert name_of("毫升") == "l"
    assert per((("次", 1),), "d") == unit_of("次/日")[0]


@given(st.lists(st.text("ab/", min_size=1, max_size=4), min_size=1), st.text("ab/", max_size=6))
def test_the_tree_finds_the_longest_spelling_that_no_letter_follows(
    spellings: list[str], text: str
) -> None:
    fitting = [
        spelling
        for spelling in spellings
        if text.startswith(spelling)
        and not (spelling[-1].isalnum() and text[len(spelling) :][:1].isalnum())
    ]
    found = re.match(alternation(spellings), text)
    assert (found[0] if found else None) == max(fitting, key=len, default=None)
