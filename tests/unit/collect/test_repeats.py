"""Repeats within a source: verdicts against a comparison of all pairs, and boilerplate."""

import random

import pytest
from unit.collect.collecting import choices, collect, web_source

from onestage.collect import repeats
from onestage.collect.selection import Collect
from onestage.records import Passage, Rejection
from onestage.similarity import comparable, jaccard, ngrams

_ALL = choices(min_density={"zh": 0, "en": 0})


def _reasons(texts: list[str], section: Collect = _ALL) -> list[str]:
    found, _ = collect([texts[:3], texts[3:]], web_source(), section)
    return [item.reason if isinstance(item, Rejection) else "kept" for item in found]


def _variants() -> list[str]:
    """20 texts of 50 ideographs, each with two variants that change 1 to 10 of them."""
    draw = random.Random(3)
    texts = []
    for _ in range(20):
        stem = [chr(draw.randrange(0x4E00, 0x6000)) for _ in range(50)]
        for changes in (0, draw.randint(1, 2), draw.randint(3, 10)):
            variant = list(stem)
            for _ in range(changes):
                variant[draw.randrange(50)] = chr(draw.randrange(0x7000, 0x8000))
            texts.append("".join(variant) + "。")
    draw.shuffle(texts)
    return texts


def test_near_duplicates_are_those_that_all_pairs_show() -> None:
    texts = _variants()
    kept: list[set[str]] = []
    expected = []
    for text in texts:
        grams = ngrams(comparable(text), 5)
        repeats = any(jaccard(grams, other) >= 0.8 for other in kept)
        expected.append("near_duplicate" if repeats else "kept")
        if not repeats:
            kept.append(grams)
    assert _reasons(texts) == expected
    assert 5 < expected.count("near_duplicate") < 40


def test_a_duplicate_names_the_one_that_stays_and_punctuation_hides_nothing() -> None:
    found, _ = collect([["高血压的诊断标准。"], ["高血压 的诊断标准！"]], web_source(), _ALL)
    first, second = found
    assert isinstance(first, Passage)
    assert isinstance(second, Rejection)
    assert second.detail["kept"] == first.id
    assert second.detail["similarity"] == 1.0


def test_an_equal_of_a_near_duplicate_falls_to_the_same_one() -> None:
    stem = "".join(chr(code) for code in range(0x4E00, 0x4E32))
    found, _ = collect([[f"{stem}。", f"{stem}甲。", f"{stem}甲。"]], web_source(), _ALL)
    first, near, equal = found
    assert isinstance(near, Rejection)
    assert isinstance(equal, Rejection)
    assert near.detail["kept"] == equal.detail["kept"] == first.id


def test_a_changed_dose_in_a_short_text_is_no_duplicate() -> None:
    assert _reasons(["口服阿司匹林100mg每日一次。", "口服阿司匹林300mg每日一次。"]) == ["kept"] * 2


_PREFACE = "本书由编写组集体编写，版权归编写组所有，未经许可不得转载。"


@pytest.mark.parametrize("at_once", [1, 4_000_000])
def test_boilerplate_stays_as_often_as_is_allowed(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repeats, "_SENTENCES_AT_ONCE", at_once)
    bodies = ["高血压要低盐饮食。", "糖尿病要控制血糖。", "哮喘要避开过敏原。", "痛风要少喝啤酒。"]
    texts = [f"{_PREFACE}{body}" for body in bodies]
    section = choices(
        min_density={"zh": 0, "en": 0},
        near_duplicates={"threshold": 1.0, "ngram_chars": 5, "seed": 1},
        boilerplate={"min_documents": 2, "max_share": 0.5},
    )
    assert _reasons(texts, section) == ["kept", "kept", "boilerplate", "boilerplate"]
    found, counts = collect([texts], web_source(), section)
    assert counts.passages_rejected == {"boilerplate": 2}
    assert isinstance(found[2], Rejection)
    share = len(_PREFACE) / len(texts[2])
    assert found[2].detail["share"] == round(share, 4)


def test_duplicates_make_no_boilerplate_of_what_they_repeat() -> None:
    section = choices(
        min_density={"zh": 0, "en": 0}, boilerplate={"min_documents": 2, "max_share": 0.5}
    )
    same = "高血压要低盐饮食并坚持服药。"
    other = f"{same}此外还应当每天在家测量血压，并且记录下来，复诊时带给医生看。"
    assert _reasons([same, same, same, other], section)[-1] == "kept"
