"""Passages are exact cuts of whole sentences; headings stay with their text, numbers whole."""

import locale
import re
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onestage.collect.passages import cut_passages
from onestage.normalise import normalise
from onestage.sentences import Span, sentences

_WORDS = st.sampled_from(
    ["患者", "收缩压", "12.5", "1,250", "0.9%", "10⁹/L", "3.14159", "2024", "。", "！", "，", "；",
     "\n", "\n\n", " ", "Dr. ", "mg", "the patient ", "was well. ", "e.g. ", "? ", "“好”",
     "（", "）", "123456789", "7.35～7.45", "1:1000", "p<0.05", "\n治疗\n",
     "\n二、剂量\n", "症状：\n", "\n- 发热", "\n1. Rest. ", "\n| a | b. | c |", "\nDosage\n"]
)  # fmt: skip
_TEXTS = st.lists(_WORDS, max_size=60).map("".join).map(lambda text: normalise(text)[:2000])
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def _cut(text: str, *, min_chars: int, max_chars: int) -> list[Span]:
    return cut_passages(text, sentences(text), min_chars=min_chars, max_chars=max_chars)


def _passages(text: str, *, max_chars: int, min_chars: int = 0) -> list[str]:
    spans = _cut(text, min_chars=min_chars, max_chars=max_chars)
    return [text[start:end] for start, end in spans]


@given(_TEXTS, st.integers(20, 60), st.integers(0, 20))
def test_spans_are_bounded_ordered_and_cover_all_but_white_space(
    text: str, max_chars: int, min_chars: int
) -> None:
    end_before = 0
    for start, end in _cut(text, min_chars=min_chars, max_chars=max_chars):
        assert text[end_before:start].strip() == ""
        assert 0 < end - start <= max_chars + min_chars
        assert text[start:end] == text[start:end].strip()
        end_before = end
    assert text[end_before:].strip() == ""


def test_a_full_passage_ends_before_its_last_heading_where_it_stays_half_full() -> None:
    first, second = "甲方\n" + "水煎服。" * 6, "乙方\n" + "水煎服。" * 3
    assert _passages(f"{first}\n{second}", max_chars=40) == [first, second]
    recipe = "乙方\n治咳。\n麻黄（三钱） 杏仁\n水煎服。日二服。"
    assert _passages(f"{first}\n{recipe}", max_chars=50) == [first, recipe]
    last_item = "乙方\n治咳。\n桂心（一两）\n水煎服。日二服。"
    assert _passages(f"{first}\n{last_item}", max_chars=45) == [first, last_item]
    half_empty = "丙方\n水煎服。"
    assert _passages(f"{half_empty}\n{first}", max_chars=30)[0] != half_empty


@given(_TEXTS, st.integers(20, 60))
def test_a_passage_that_fits_is_not_cut_again(text: str, max_chars: int) -> None:
    for passage in _passages(text, max_chars=max_chars):
        assert _passages(passage, max_chars=max_chars) == [passage]


@given(_TEXTS, st.integers(20, 60))
def test_only_the_given_sentences_are_covered(text: str, max_chars: int) -> None:
    found = list(sentences(text))[:-1]
    spans = cut_passages(text, found, min_chars=0, max_chars=max_chars)
    assert bool(spans) == bool(found)
    if found:
        assert (spans[0][0], spans[-1][1]) == (found[0][0], found[-1][1])


@pytest.fixture
def turkish() -> Iterator[None]:
    """A locale with letter rules of its own, where the machine has one."""
    before = locale.setlocale(locale.LC_ALL)
    for name in ("tr_TR.UTF-8", "C"):
        try:
            locale.setlocale(locale.LC_ALL, name)
        except locale.Error:
            continue
        break
    yield
    locale.setlocale(locale.LC_ALL, before)


_MIXED = "I. GİRİŞ\nDr. Inan took 5.0 mg. It was fine.\n二、剂量\n每日10 mg，见图1。患者İ好转。" * 3


def test_the_locale_does_not_matter(turkish: None) -> None:
    passages = _passages(_MIXED, max_chars=40)
    assert passages[:2] == [
        "I. GİRİŞ\nDr. Inan took 5.0 mg.",
        "It was fine.\n二、剂量\n每日10 mg，见图1。患者İ好转。",
    ]


_UNMARKED = st.lists(
    st.sampled_from(["甲乙丙丁", "12.5", "1,250.75", "0.9%", "10⁹/L", "123456", "7.35～7.45"]),
    min_size=10,
    max_size=40,
).map("中".join)


@given(st.one_of(_TEXTS, _UNMARKED))
def test_no_border_lies_inside_of_a_number(text: str) -> None:
    inside = {
        place
        for found in _NUMBER.finditer(text)
        if len(found[0]) < 20  # a longer run of digits than a passage is no dose
        for place in range(found.start() + 1, found.end())
    }
    for start, end in _cut(text, min_chars=5, max_chars=40):
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
        ("甲乙丙丁戊1,250毫克药", ["甲乙丙丁戊", "1,250毫克药"]),
        ("甲乙丙丁戊己100 万U", ["甲乙丙丁戊己", "100 万U"]),
        ("甲乙丙丁200 000 U", ["甲乙丙丁", "200 000 U"]),
        ("甲乙丙丁戊己1：1000", ["甲乙丙丁戊己", "1：1000"]),
        ("甲乙丙丁戊己1/2 片", ["甲乙丙丁戊己", "1/2 片"]),
        ("甲乙丙丁戊，5ml/(kg·d)", ["甲乙丙丁戊，", "5ml/(kg·d)"]),
        ("甲乙丙丁戊己庚1.25 mg", ["甲乙丙丁戊己庚", "1.25 mg"]),
        ("甲乙丙丁戊己口服10mg", ["甲乙丙丁戊己口服", "10mg"]),  # nor parted from its unit
        ("甲乙丙丁戊口服10 mg", ["甲乙丙丁戊口服", "10 mg"]),
        ("甲乙丙丁戊口服1 mg/日", ["甲乙丙丁戊口服", "1 mg/日"]),
        ("甲乙丙丁戊己庚辛5×10⁹/L", ["甲乙丙丁戊己庚辛", "5×10⁹/L"]),
        ("甲乙丙丁戊己庚5.5～7.5%", ["甲乙丙丁戊己庚", "5.5～7.5%"]),
        ("12345×10⁹mmol/L", ["12345×10⁹m", "mol/L"]),  # longer than a passage
        ("“甲乙丙丁戊。己庚辛壬癸。”子丑。", ["“甲乙丙丁戊。", "己庚辛壬癸。”子丑。"]),
        ("甲乙丙丁戊己；（庚，辛）壬癸子丑", ["甲乙丙丁戊己；", "（庚，辛）壬癸子丑"]),
        ("甲乙丙丁戊己庚（辛，壬癸子）丑", ["甲乙丙丁戊己庚", "（辛，壬癸子）丑"]),
        ("甲乙丙丁戊（己庚，辛壬癸子）。", ["甲乙丙丁戊（己庚，", "辛壬癸子）。"]),
    ],
)
def test_small_cases(text: str, expected: list[str]) -> None:
    assert _passages(text, max_chars=10) == expected


def test_a_short_end_joins_the_passage_before_it() -> None:
    text = "一二三四五六七八九。丙丁。"
    assert _cut(text, min_chars=5, max_chars=10) == [(0, len(text))]
    assert len(_cut(text, min_chars=2, max_chars=10)) == 2


_BEFORE = "The patient was seen at noon."
_TEXT = "It is treated with rest."


@pytest.mark.parametrize(
    "heading",
    [
        "Treatment", "3.2 Dosage", "# Uses", "= = Uses = =", "Chapter 2\nUses", "Uses\nDose\nRoute",
        "Symptoms:", "See the list of all its signs:", "二、临床表现", "【用法用量】", "［诊断］",
        "（一）隐性感染", "第二章 病毒", "症状：", "第一节\n一、概念", "1.感染", "剂量（mg）",
    ],
)  # fmt: skip
def test_a_heading_goes_with_the_text_below_it(heading: str) -> None:
    text = f"{_BEFORE}\n{heading}\n{_TEXT}"
    assert _passages(text, max_chars=len(text) - 1) == [_BEFORE, f"{heading}\n{_TEXT}"]


_HEADINGS = ["Treatment", "3.2 Dosage", "二、临床表现", "【诊断】", "症状："]
_PARAGRAPHS = [
    "It is treated with rest. Food helps.",
    "患者好转。三天后出院，未见复发。",
    "- fever.",
    "Rest.",
]


@given(st.lists(st.sampled_from(_HEADINGS * 2 + _PARAGRAPHS), max_size=30), st.integers(60, 90))
def test_no_passage_ends_between_a_heading_and_its_text(lines: list[str], max_chars: int) -> None:
    passages = _passages("\n".join(lines), max_chars=max_chars, min_chars=20)
    for passage, following in pairwise(passages):
        if following.startswith(tuple(_PARAGRAPHS)):
            assert not passage.endswith(tuple(_HEADINGS))


@pytest.mark.parametrize(
    "line",
    ["- fever", "• 发热", "（李兰娟）", "It ended.", "发热；", "1. Rest.", "a | b | c", "发热，"],
)
def test_other_short_lines_stay_with_the_text_above_them(line: str) -> None:
    text = f"{_BEFORE}\n{line}\n{_TEXT}"
    assert _passages(text, max_chars=50) == [f"{_BEFORE}\n{line}", _TEXT]


def test_of_many_short_lines_only_the_last_ones_can_be_headings() -> None:
    items = "fever\ncough\nrash\npain"
    assert _passages(f"{items}\nTreatment\n{_TEXT}", max_chars=36) == [
        items,
        f"Treatment\n{_TEXT}",
    ]
    assert _passages(f"{items}\n\nDrugs\nDose\n{_TEXT}", max_chars=36) == [
        items,
        f"Drugs\nDose\n{_TEXT}",
    ]
    assert _passages(f"{items}\n2. Drugs\nDose\n{_TEXT}", max_chars=40) == [
        items,
        f"2. Drugs\nDose\n{_TEXT}",
    ]


def test_headings_without_end_are_cut_all_the_same() -> None:
    passages = _passages("\n".join(["剂量："] * 100), max_chars=40)
    assert all(len(passage) <= 40 for passage in passages)
    assert sum(passage.count("剂量") for passage in passages) == 100


def test_a_heading_stays_with_a_sentence_that_is_too_long() -> None:
    long = "甲乙丙丁戊己庚辛，" * 5 + "完。"
    passages = _passages(f"前文在此。\n剂量\n{long}", max_chars=24)
    assert passages[:2] == ["前文在此。", "剂量\n" + "甲乙丙丁戊己庚辛，" * 2]


@pytest.mark.parametrize(
    "lead", ["Common side effects:", "常见症状：", "Its signs include", "此病的症状有"]
)
def test_a_line_that_leads_to_a_list_stays_with_its_first_item(lead: str) -> None:
    text = f"{_BEFORE}\n{lead}\n- fever of 39 °C\n- cough"
    assert _passages(text, max_chars=50) == [_BEFORE, f"{lead}\n- fever of 39 °C\n- cough"]
    paragraph = f"{_BEFORE} {lead}\n- fever of 39 °C\n- cough"
    if lead.endswith(":"):
        assert _passages(paragraph, max_chars=50) == [_BEFORE, text[len(_BEFORE) + 1 :]]


def test_a_list_is_cut_between_its_items() -> None:
    items = ["1. Wash hands. Use soap.", "2. Dry them. Use towels.", "3. Rest now. Sleep well."]
    assert _passages("\n".join(items), max_chars=60) == ["\n".join(items[:2]), items[2]]


def test_a_long_item_is_cut_between_its_sentences() -> None:
    item = "- Wash hands with soap. Use much of it. Dry them well then."
    assert _passages(f"{_BEFORE}\n{item}", max_chars=60) == [
        f"{_BEFORE}\n- Wash hands with soap.",
        "Use much of it. Dry them well then.",
    ]


def test_a_row_of_a_table_is_not_cut_where_it_fits() -> None:
    row = "| Aspirin | Take 5 mg. Rest. | Bleeding. Pain. |"
    assert _passages(f"{_BEFORE}\n{row}\n{row}", max_chars=60) == [_BEFORE, row, row]


@pytest.mark.parametrize(
    "piece",
    ["a", "（", "“a. ”", ".", "1. ", "\n", "a\n", "a:\n", "- a\n", "- a. b. ", "| a |\n", "1",
     "甲，", "“", "()", "|a", "1,"],
)  # fmt: skip
def test_time_is_linear_on_hostile_text(piece: str) -> None:
    def seconds(chars: int) -> float:
        text = piece * (chars // len(piece))
        taken = []
        for _ in range(3):  # the least is what other work on the machine disturbs least
            begin = time.process_time()
            _cut(text, min_chars=80, max_chars=800)
            taken.append(time.process_time() - begin)
        return min(taken)

    # Twenty times the text takes twenty times as long, four hundred times if it is quadratic.
    assert seconds(100_000) < 60 * seconds(5_000) + 0.05
