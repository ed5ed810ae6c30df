"""What counts as the same text."""

import random
import re

import numpy as np
import pytest
from brute_force import similarity_by_windows
from hypothesis import given
from hypothesis import strategies as st

from onestage.similarity import (
    BANDS,
    band_keys,
    comparable,
    jaccard,
    least_bands,
    minhash,
    ngrams,
)


@given(st.text("abc", max_size=25), st.text("abc", max_size=25), st.integers(1, 6))
def test_similarity_is_exact(left: str, right: str, length: int) -> None:
    expected = similarity_by_windows(left, right, length)
    assert jaccard(ngrams(left, length), ngrams(right, length)) == pytest.approx(float(expected))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Ｔ细胞： CD4+, 10 mg", "t细胞cd4+10mg"),
        ("血压（140／90）", "血压140/90"),
        ("A\u200bB\nC", "abc"),
        ("“高血压”，", "高血压"),
        ("H₂O，CO₂ 5％", "H2O CO2 5%"),
        ("BCL-2 与 BCL‑2", "BCL2与BCL2"),
        ("——5 例 - 6 例", "5例6例"),
        ("7.35－7.45，1·5 g", "7.35-7.45 1.5g"),
        ("1∶1000", "1：1000"),
        ("10 - 5 mg", "10-5mg"),
        ("CD4⁺", "CD4+"),
    ],
)
def test_lay_out_hides_no_match(left: str, right: str) -> None:
    assert comparable(left) == comparable(right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("12.5 mg", "125 mg"),
        ("6,5 mmol/L", "65 mmol/L"),
        ("5%", "5"),
        ("3‰", "3"),
        ("10⁹/L", "109/L"),
        ("1½ 片", "112 片"),
        ("体温-5 ℃", "体温5 ℃"),
        ("(−5)", "(5)"),
        ("1·5 g", "15 g"),
        ("2、3 次", "23 次"),
        ("2。3 次", "23 次"),
        ("5 10 mg", "510 mg"),
        ("5\n10 mg", "510 mg"),
        ("1\u20112 片", "12 片"),
        ("1-2 片", "1、2 片"),
        ("1/2 片", "12 片"),
        ("1∶1000", "11000"),
        ("①5 mg", "15 mg"),
        ("5（3）", "53"),
        ("<5 mg", "≥5 mg"),
        ("3～5", "35"),
        ("10⁻⁹ mol/L", "10⁹ mol/L"),
        ("−½", "½"),
        (".5 mg", "5 mg"),
        ("P<.05", "P<05"),
        ("−.5", "−5"),
        ("−5 – −3", "−5 – 3"),
        ("5/-3", "5/3"),
        ("10, -5", "10-5"),
        ("5 (−3)", "5-3"),
        ("1. 5 mg", "1.5 mg"),
        ("2〜3 次", "2、3 次"),
        ("5′", "5″"),
        ("5‱", "5"),
    ],
)
def test_what_numbers_differ_by_is_seen(left: str, right: str) -> None:
    assert comparable(left) != comparable(right)


@given(st.text("甲a5⁹ .,-–/:、。%()\n", max_size=12), st.integers(0, 10**4), st.integers(0, 10**4))
def test_no_separator_joins_two_numbers(between: str, left: int, right: int) -> None:
    joined = comparable(f"{left}{between}{right}")
    numbers = [int(number) for number in re.findall(r"\d+", f"{left}{between}{right}")]
    assert [int(number) for number in re.findall(r"\d+", joined)] == numbers


def test_texts_as_similar_as_the_threshold_share_the_least_bands() -> None:
    """Of 200 pairs of similarity .8 to .82 at most one shares fewer."""
    draw = random.Random(5)
    too_few = 0
    for _ in range(200):
        shared = {f"{draw.random()}" for _ in range(810)}
        left, right = ({f"{draw.random()}" for _ in range(95)} for _ in "ab")
        assert 0.8 <= jaccard(shared | left, shared | right) <= 0.82
        keys = [band_keys(minhash(shared | own, 1)) for own in (left, right)]
        too_few += int((keys[0] == keys[1]).sum()) < least_bands(0.8)
    assert too_few <= 1


def test_equal_sets_share_every_band_and_different_ones_none() -> None:
    one = band_keys(minhash({"甲乙", "乙丙"}, 1))
    assert one.shape == (BANDS,)
    assert (one == band_keys(minhash({"乙丙", "甲乙"}, 1))).all()
    assert not np.intersect1d(one, band_keys(minhash({"丁戊", "戊己"}, 1))).size
