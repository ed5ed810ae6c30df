"""What counts as the same text."""

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
    gram_hashes,
    jaccard,
    least_bands,
    ngrams,
    signatures,
)

_TEXTS = st.text("abc高血压", max_size=25)


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
    draw = np.random.default_rng(5)
    too_few = 0
    for _ in range(200):
        shared, *own = np.split(draw.integers(2**63, size=1000).astype(np.uint64), [810, 905])
        keys = band_keys(signatures([np.concatenate([shared, part]) for part in own], 1))
        too_few += int((keys[0] == keys[1]).sum()) < least_bands(0.8)
    assert too_few <= 1


def test_agreement_of_signatures_estimates_the_similarity() -> None:
    draw = np.random.default_rng(6)
    found = []
    for _ in range(200):
        shared, *own = np.split(draw.integers(2**63, size=1000).astype(np.uint64), [600, 800])
        one, other = signatures([np.concatenate([shared, part]) for part in own], 1)
        found.append((one == other).mean())
    assert np.mean(found) == pytest.approx(0.6, abs=0.015)  # 4.6 standard errors of 25,600 draws


@given(_TEXTS, st.integers(1, 6))
def test_hashes_tell_ngrams_apart(text: str, length: int) -> None:
    hashed = gram_hashes(text, length).tolist()
    assert len(set(hashed)) == len(ngrams(text, length))
    assert len(hashed) == max(1, len(text) - length + 1)
    first = {gram: place for place, gram in reversed(list(enumerate(_windows(text, length))))}
    assert all(
        hashed[place] == hashed[first[gram]] for place, gram in enumerate(_windows(text, length))
    )


def _windows(text: str, length: int) -> list[str]:
    return [text[at : at + length] for at in range(max(1, len(text) - length + 1))]


def test_different_sets_share_no_band() -> None:
    one, other = band_keys(signatures([gram_hashes(text, 2) for text in ("甲乙丙", "丁戊己")], 1))
    assert one.shape == (BANDS,)
    assert not np.intersect1d(one, other).size


def test_order_and_repetition_of_grams_do_not_matter() -> None:
    hashed = gram_hashes("高血压的诊断", 2)
    twice = np.concatenate([hashed[::-1], hashed])
    one, same = band_keys(signatures([hashed, twice], 1))
    assert (one == same).all()
