from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onestage.unify.numerals import next_number, number_at, scale_at, values_of

VALUES = {
    "digits": ("1,000", (1000,)),
    "spaced": ("1 000 mg", (1000,)),
    "point": (".5", (Fraction(1, 2),)),
    "power": ("5×10⁹", (5 * 10**9,)),
    "mixed": ("1 1/2", (Fraction(3, 2),)),
    "vulgar": ("1½", (Fraction(3, 2),)),
    "ideographs": ("一百二十片", (120,)),
    "approximate": ("三五天", (3, 5)),
    "chinese-point": ("三点五克", (Fraction(7, 2),)),
    "chinese-below-one": ("零点二五毫克", (Fraction(1, 4),)),
    "clock": ("八点一片", (1,)),
    "clock-of-day": ("晚八点五毫克", (5,)),
    "share": ("百分之三点五", (Fraction(7, 2),)),
    "third": ("三分之一", (Fraction(1, 3),)),
    "word": ("twenty-four hours", (24,)),
    "part": ("two thirds", (Fraction(2, 3),)),
    "part-joined": ("one-third.", (Fraction(1, 3),)),
    "part-order": ("one third-line drug", None),
    "part-dose": ("one third dose", None),
    "half": ("半片", (Fraction(1, 2),)),
    "half-word": ("half a tablet", (Fraction(1, 2),)),
    "code": ("t.i.d.", (3,)),
    "every-second": ("隔日", (2,)),
    "every-other": ("every other day", (2,)),
    "between-days": ("隔日光", None),
    "long": ("9" * 41, ("9" * 41,)),
}


@pytest.mark.parametrize(("text", "expected"), VALUES.values(), ids=VALUES)
def test_a_number_has_an_exact_value(text: str, expected: tuple[object, ...] | None) -> None:
    found = next_number(f"\n{text}\0", 1)
    assert (values_of(found) if found else None) == expected


@pytest.mark.parametrize("text", ["纵隔日", "间隔天"])
def test_a_partition_is_no_interval(text: str) -> None:
    assert next_number(f"\n{text}\0", 1) is None


def test_scales() -> None:
    assert scale_at("1.5万单位", 3) == (10_000, 4)
    assert scale_at("2.5 million people", 3) == (10**6, 11)
    assert scale_at("3千克", 1) == (1, 1)


_WORDS = (
    "one two thirds half a half tablets mg once twice every other day alternate qod q.d b.i.d third"
    " of 隔日 半 三点五 克 百分之 十 次 零 一 1 0.5 .5 ½ 10⁹ 1/2 , . - ( \n é ß"
)
_TEXTS = st.lists(st.sampled_from([*_WORDS.split(" "), " "]), max_size=12).map("".join)


@given(_TEXTS | st.text(max_size=30))
def test_the_search_finds_what_a_try_at_every_place_finds(text: str) -> None:
    plain = f"\n{text.lower()}\0"
    for at in range(1, len(plain)):
        found = next_number(plain, at)
        tried = next((n for i in range(at, len(plain)) if (n := number_at(plain, i))), None)
        assert (found and found.span()) == (tried and tried.span())
