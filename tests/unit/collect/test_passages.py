"""Passages are exact cuts of whole sentences, cover the text and never cut a number."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onestage.collect.normalise import normalise
from onestage.collect.passages import cut_passages

_WORDS = st.sampled_from(
    ["患者", "收缩压", "12.5", "1,250", "0.9%", "10⁹/L", "3.14159", "2024", "。", "！", "，", "；",
     "\n", "\n\n", " ", "Dr. ", "mg", "the patient ", "was well. ", "e.g. ", "? ", "“好”",
     "（", "）", "123456789", "7.35～7.45", "1:1000", "p<0.05"]
)  # fmt: skip
_TEXTS = st.lists(_WORDS, max_size=60).map("".join).map(normalise)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@given(_TEXTS, st.sampled_from(["zh", "en"]), st.integers(20, 60), st.integers(0, 20))
def test_spans_are_bounded_ordered_and_cover_all_but_white_space(
    text: str, lang: str, max_chars: int, min_chars: int
) -> None:
    spans = cut_passages(text, lang=lang, min_chars=min_chars, max_chars=max_chars)
    end_before = 0
    for start, end in spans:
        assert text[end_before:start].strip() == ""
        assert 0 < end - start <= max_chars + min_chars
        assert text[start:end] == text[start:end].strip()
        end_before = end
    assert text[end_before:].strip() == ""


_UNMARKED = st.lists(
    st.sampled_from(["甲乙丙丁", "12.5", "1,250.75", "0.9%", "10⁹/L", "123456", "7.35～7.45"]),
    min_size=10,
    max_size=40,
).map("中".join)


@given(st.one_of(_TEXTS, _UNMARKED), st.sampled_from(["zh", "en"]))
def test_no_border_lies_inside_of_a_number(text: str, lang: str) -> None:
    inside = {
        place
        for found in _NUMBER.finditer(text)
        if len(found[0]) < 20  # a longer run of digits than a passage is no dose
        for place in range(found.start() + 1, found.end())
    }
    for start, end in cut_passages(text, lang=lang, min_chars=5, max_chars=40):
        assert start not in inside
        assert end not in inside


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("一二三四五六七八九。甲乙丙丁。", ["一二三四五六七八九。", "甲乙丙丁。"]),
        ("甲。乙。丙。", ["甲。乙。丙。"]),
        ("甲乙丙丁戊己，庚辛壬癸子丑寅", ["甲乙丙丁戊己，", "庚辛壬癸子丑寅"]),
        ("甲乙丙丁戊己庚辛壬癸子丑寅卯", ["甲乙丙丁戊己庚辛壬癸", "子丑寅卯"]),
        ("甲乙丙丁戊1,250毫克药", ["甲乙丙丁戊1,250", "毫克药"]),
        ("甲乙丙丁戊己庚1.25 mg", ["甲乙丙丁戊己庚", "1.25 mg"]),
        ("甲乙丙丁戊己口服10mg", ["甲乙丙丁戊己口服", "10mg"]),  # nor parted from its unit
        ("甲乙丙丁戊口服10 mg", ["甲乙丙丁戊口服", "10 mg"]),
        ("甲乙丙丁戊口服1 mg/日", ["甲乙丙丁戊口服", "1 mg/日"]),
        ("甲乙丙丁戊己庚辛5×10⁹/L", ["甲乙丙丁戊己庚辛", "5×10⁹/L"]),
        ("甲乙丙丁戊己庚5.5～7.5%", ["甲乙丙丁戊己庚", "5.5～7.5%"]),
        ("12345×10⁹mmol/L", ["12345×10⁹m", "mol/L"]),  # longer than a passage
    ],
)
def test_small_cases(text: str, expected: list[str]) -> None:
    spans = cut_passages(text, lang="zh", min_chars=0, max_chars=10)
    assert [text[start:end] for start, end in spans] == expected


def test_a_short_end_joins_the_passage_before_it() -> None:
    text = "一二三四五六七八九。丙丁。"
    assert cut_passages(text, lang="zh", min_chars=5, max_chars=10) == [(0, len(text))]
    assert len(cut_passages(text, lang="zh", min_chars=2, max_chars=10)) == 2
