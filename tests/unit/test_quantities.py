"""A quantity is found whole, and with nothing that follows it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onestage.quantities import LONGEST_QUANTITY, QUANTITY

_WHOLE = [
    *("10 mg", "12.5mg", "1,250 毫克", "0.9%", "5 %", "38.5 ℃", "5 µg/kg/min", "200 000 U"),
    *("100 万U", "100万单位", "1 000 000 IU", "5 ml/(kg·d)", "5ml/(kg·d)", "1：1000", "1:1000"),
    *("1∶1000", "1/2 片", "1/2片", "2～3 次/日", "3次/天", "10⁹/L", "5×10⁹/L", "5 × 10⁹/L"),
    *("7.35～7.45", "7.35-7.45", "2 - 3 mg", "120/80 mmHg", "1·5 g", "30 kg/m²", "2*3 cm"),
    *("2x3 cm", "10⁻³ mol/L", "12 个月", "6月", "3 天", "15 分钟", "1.5 两", "50 mg/片", "4 亿"),
    *("1.73 m²", "8:30", "5 ml/（kg·d）", "10 mg/(m2·24h)", "5mg/(kg.h)", "1: 1000", "10^9/L"),
    *("132.5 ± 12.3 mmHg", "120 / 80 mmHg", "5 mg / kg", "5 mg/100ml", "10－20 mg", "0．5 g"),
    *("1，000 ml", "250×10^9/L"),
]


@pytest.mark.parametrize("quantity", _WHOLE)
def test_a_quantity_is_found_whole(quantity: str) -> None:
    found = QUANTITY.search(f"每日服用{quantity}，餐后")
    assert found is not None
    assert found[0] == quantity
    assert len(quantity) <= LONGEST_QUANTITY


@pytest.mark.parametrize(
    ("text", "quantity"),
    [
        ("5 10 mg", "5"),
        ("2、3 次", "2"),
        ("8，12 岁", "8"),
        ("2024 年", "2024 年"),
        ("3 患者", "3"),
        ("见图1。2 例", "1"),
    ],
)
def test_what_follows_a_quantity_is_not_part_of_it(text: str, quantity: str) -> None:
    found = QUANTITY.search(text)
    assert found is not None
    assert found[0] == quantity


@given(st.text("15 .:/×-～万mg毫克片次(·)⁹", max_size=60))
def test_quantities_begin_with_a_digit_and_no_digit_is_outside_of_them(text: str) -> None:
    covered = {place for found in QUANTITY.finditer(text) for place in range(*found.span())}
    assert all(text[found.start()].isdecimal() for found in QUANTITY.finditer(text))
    assert {place for place, sign in enumerate(text) if sign.isdecimal()} <= covered
