"""Items are found in text as it comes, by rules that a plain reading of them confirms."""

from typing import Literal
from unicodedata import normalize

import msgspec
import pytest
from given import ROOT
from hypothesis import given
from hypothesis import strategies as st
from plain_contamination import Parts, holds_question, holds_run, plain_form, telling

from onestage.benchmarks import Benchmark, Item, read_all
from onestage.dedupe.contamination import ContaminationIndex, Rule, Shared
from onestage.dedupe.settings import Contamination
from onestage.params import load_document, mapping
from onestage.similarity import comparable

_CHOICES = Contamination(min_chars=64, short_questions=True, ngram_chars=5, ngram_share=0.0)
# 200 ideographs, no two alike.
_LONG = "".join(chr(0x4E00 + n) for n in range(200))


def _item(name: str, question: str, *options: str, case: str = "") -> Item:
    return Item("mc", name, "zh", case, question, options, "A", "", "")


def _parts(item: Item) -> Parts:
    return item.case, item.question, item.options


def _rules(text: str, *items: Item, choices: Contamination = _CHOICES) -> dict[str, Rule]:
    return {shared.item: shared.rule for shared in ContaminationIndex(items, choices).find(text)}


@pytest.mark.parametrize(
    "disguised",
    [
        "血压 140／90 ｍｍＨｇ，服 β-Blocker\n5mg！",
        "血压140/90mmhg服Β-BLOCKER 5 mg",
        "血压：１４０/９０ mm Hg。【服】β blocker (5 mg)",
        "血\u200b压\ufe0f140/90 mm|Hg，\U000e0100服`β-block\u034fer` 5 m\u3164g\u2800",
        "血\u0301压140/90 mmHg，服β-blocke\u20ddr 5 mg",
    ],
)
def test_white_space_width_case_and_punctuation_hide_nothing(disguised: str) -> None:
    question = "血压140/90 mmHg，服β-blocker 5 mg"
    item = _item("1", question, "甲", "乙")
    choices = msgspec.structs.replace(_CHOICES, min_chars=len(comparable(question)))
    assert _rules(f"前文。{disguised}后文", item, choices=choices) == {"1": "shared_run"}
    for changed in (
        disguised.replace("5", ".5"),
        disguised.translate({ord(c): "～" for c in "9９"}),
    ):
        assert not _rules(f"前文。{changed}后文", item, choices=choices)


def test_every_item_in_a_text_is_named_once_under_the_clearest_rule() -> None:
    items = [
        _item("both", _LONG[:70], "美托洛尔", "比索洛尔", "硝苯地平"),
        _item("short", "下列属于β受体阻断药的是", "美托洛尔", "比索洛尔", "硝苯地平"),
        _item("long", _LONG[100:170], "一", "二"),
        _item("other", "下列属于利尿药的是", "呋塞米", "螺内酯", "甘露醇"),
    ]
    text = f"{_LONG[:70]}。{_LONG[100:168]}。下列属于β受体阻断药的是：美托洛尔、硝苯地平、比索洛尔"
    found = ContaminationIndex(items, _CHOICES).find(text)
    assert [(shared.item, shared.rule, shared.chars) for shared in found] == [
        ("both", "shared_run", 70),
        ("long", "shared_run", 68),
        ("short", "question_and_options", 24),
    ]
    without = msgspec.structs.replace(_CHOICES, short_questions=False)
    assert set(_rules(text, *items, choices=without)) == {"both", "long"}


def test_a_share_of_n_grams_is_looked_for_where_it_is_asked_for() -> None:
    item = _item("1", _LONG[:20], "甲子", "乙丑")
    choices = msgspec.structs.replace(_CHOICES, ngram_share=0.4)
    text = f"{_LONG[:9]}、{_LONG[9:15]}，{_LONG[25:30]}"
    assert ContaminationIndex([item], choices).find(text) == [
        Shared("mc", "1", "ngram_share", _LONG[:15])
    ]
    assert _rules(text, item) == {}
    assert _rules(_LONG[:8], item, choices=choices) == {}


def test_options_that_are_numbers_are_found_as_they_are_put() -> None:
    """Joined without a gap they would be one number."""
    item = _item("1", "世界上第一个网络诞生于哪一年", "1969", "1977", "1973", "1946")
    choices = msgspec.structs.replace(_CHOICES, min_chars=30, short_questions=False)
    put = "世界上第一个网络诞生于哪一年？1969、1977、1973、1946"
    assert _rules(put, item, choices=choices) == {"1": "shared_run"}
    lettered = "世界上第一个网络诞生于哪一年\nA. 1969\nB. 1977\nC. 1973\nD. 1946"
    assert _rules(lettered, item, choices=choices) == {"1": "shared_run"}


def test_every_toy_item_is_found_as_it_is_put_to_a_model() -> None:
    document = load_document(ROOT / "profiles" / "toy.yaml")
    benchmarks = mapping(document, "benchmarks", Benchmark)
    items = read_all(benchmarks, ROOT / document["benchmarks_dir"])
    index = ContaminationIndex(items, _CHOICES)
    for item in items:
        stem = f"{item.case}\n{item.question}\n"
        lettered = zip("ABCDE", item.options, strict=False)
        shown = "\n".join(f"({letter}) {option}" for letter, option in lettered)
        shuffled = "；".join(reversed(item.options))
        ways = ["\n".join(item.options), shown]
        ways += [shuffled] * telling(
            plain_form(item.question), [plain_form(option) for option in item.options]
        )
        for options in ways:
            found = {shared.item for shared in index.find(f"before {stem}{options} after")}
            assert item.id in found, (item, options)


_SEPARATORS = st.sampled_from(["", " ", "\n", "，", "。", "、", "“", "…", "\u200b", "　", "（"])
_WORDS = st.sampled_from([*"患者咳嗽发热mg5０Ａb％", "β", "Ｈ₂O", "10⁹/L"])


def _disguise(data: st.DataObject, text: str) -> str:
    """Wide or upper-case letters and separators between, which comparison does not see.

    None beside a digit, where they count.
    """
    wide = {chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)}
    out = []
    for character in text:
        forms = [character, character.upper(), wide.get(character, character)]
        shown = data.draw(st.sampled_from(forms))
        out.append(shown if comparable(shown) == comparable(character) else character)
        if not character.isdecimal():
            out.append(data.draw(_SEPARATORS))
    return "".join(out)


@given(st.data())
def test_planted_runs_about_the_bound_are_found_as_a_plain_reading_does(
    data: st.DataObject,
) -> None:
    """Runs of 62 to 66 characters in disguise, with noise around them."""
    question = "".join(data.draw(st.lists(_WORDS, min_size=40, max_size=90)))
    item = _item("1", question, *data.draw(st.lists(_WORDS, min_size=2, max_size=4)))
    seen = comparable(question)
    chars = data.draw(st.integers(62, 66))
    start = data.draw(st.integers(0, max(0, len(seen) - chars)))
    noise = st.lists(_WORDS | st.just("甲"), max_size=40).map("".join)
    planted = _disguise(data, seen[start : start + chars])
    text = f"{data.draw(noise)}{planted}{data.draw(noise)}"
    expected = holds_run(text, _parts(item), 64)
    assert ("shared_run" in _rules(text, item).values()) == expected


@given(st.data())
def test_short_questions_in_disguise_are_found_as_a_plain_reading_does(data: st.DataObject) -> None:
    options = data.draw(st.lists(st.lists(_WORDS, min_size=1, max_size=4), min_size=2, max_size=4))
    item = _item(
        "1",
        "".join(data.draw(st.lists(_WORDS, min_size=2, max_size=8))),
        *("".join(option) for option in options),
        case="".join(data.draw(st.lists(_WORDS, max_size=2))),
    )
    pieces = [item.case, item.question, *item.options]
    if data.draw(st.booleans()):
        pieces = data.draw(st.permutations(pieces))
    text = "。".join(_disguise(data, piece) for piece in pieces)
    text = text[: data.draw(st.sampled_from([len(text), len(text) - 3]))]
    plain = (
        plain_form(item.case),
        plain_form(item.question),
        tuple(plain_form(option) for option in item.options),
    )
    expected = holds_question(plain_form(text), plain)
    assert bool(_rules(text, item)) == expected


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_an_item_is_seen_as_a_corpus_would_have_it(form: Literal["NFC", "NFD"]) -> None:
    """Its file may hold entities, scripts as tags, or accents apart from their letters."""
    question = "Sjögren syndrome with a pH &lt; 7.1 and 10<sup>9</sup>/L"
    item = _item("1", normalize(form, question), "α", "β")
    passage = "Sjögren syndrome with a pH < 7.1 and 10⁹/L"
    choices = msgspec.structs.replace(_CHOICES, min_chars=len(comparable(passage)))
    for kind in ("NFC", "NFD"):
        assert _rules(normalize(kind, passage), item, choices=choices) == {"1": "shared_run"}
    assert not _rules(passage.replace("10⁹", "109"), item, choices=choices)
    assert not _rules(passage.replace("<", ">"), item, choices=choices)


@given(st.text(".-/:，；5２a中β½⁻⁹% \n·—|`\u0301", max_size=12) | st.text(max_size=12))
def test_comparable_text_is_what_a_plain_reading_makes_of_it(text: str) -> None:
    assert comparable(text) == plain_form(text)
