"""Sentences of either language are found in any text, with nothing lost between them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onestage.sentences import sentences

_WORDS = st.sampled_from(
    ["患者", "好", "the dose", "Dr.", "et al.", "Fig.", "e.g.", "b.i.d.", "E.", "12", "3.5",
     "mg", "。", "！", "？", ".", "!", "?", "...", "……", "…", "，", "；", ",", "（", "）", "(", ")",
     "“", "”", '"', "'", "「", "」", "[", "]", "\n", "\n\n", " ", "  ", "\u3000", "\t", "1.", "A",
     "The", "vs."]
)  # fmt: skip
_TEXTS = st.lists(_WORDS, max_size=60).map("".join) | st.text(max_size=60)


def _split(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


@given(_TEXTS)
def test_spans_are_ordered_trimmed_and_cover_all_but_white_space(text: str) -> None:
    end_before = 0
    for start, end in sentences(text):
        assert end_before <= start < end
        assert text[end_before:start].strip() == ""
        assert text[start:end] == text[start:end].strip()
        assert "\n" not in text[start:end]
        end_before = end
    assert text[end_before:].strip() == ""


@given(_TEXTS)
def test_a_number_is_never_cut(text: str) -> None:
    for start, _ in sentences(text):
        before, after = text[max(0, start - 2) : start], text[start : start + 1]
        assert not (before[-1:] in {".", ","} and before[:1].isdigit() and after.isdigit())


@given(_TEXTS, _TEXTS)
def test_lines_do_not_affect_each_other(first: str, second: str) -> None:
    assert _split(f"{first}\n{second}") == _split(first) + _split(second)


@pytest.mark.parametrize(
    "text",
    [
        "Take 5.0 mg b.i.d. with food.| Rest.",
        "Take 5.0 mg b.i.d.| The dose is low.",
        "Dr. Smith et al. found it.| Prof. Li agreed.",
        "It was seen by Smith et al.| The others saw nothing.",
        "See Fig. 2 and Figs. 3 to 5.| Next.",
        "E. coli and S. aureus grew.| So did H. pylori.",
        "Drug A vs. placebo, approx. 5 ml, i.e. one spoon, e.g. at noon.",
        "At pH 7.4.| It was P<0.05.| Next.",
        "Take vitamin D.| Some people lack it.",
        "J. A. Smith, B. C. Li, and D. A. Roe wrote it.",
        "It was stored at 5 °C.| High values were rare.",
        "It is unlike MS.| First, it spreads.",
        "The U.S. Food and Drug Administration.| St. John's wort.",
        "The dose was 5 mcg/kg/min.| Therefore it was low.| Give it for 5 min. or so.",
        "It was mixed with figs.| Our patients ate them (ref. 3).",
        "It is for adults with ASDs.|Other studies follow.| It is the patient's.| So be it.",
        "He said no.| Then he left by bus No. 3.",
        "In 2015.| 20 patients were lost.",
        "1. Wash hands.| 2. Dry them.| a. Use soap.",
        "Causes:1. myalgia by statins.| 2. panic disorder.| 3. age.",
        "I suggest paroxetine 12. 5 mg once daily.",  # as typed, for 12.5
        "We used two methods 1. following the procedure, and 2. analysing all.| It failed.",
        "It began at 17: 30.| The patient slept.",
        "it is normal.| do not worry.| take care.",
        "It is done.|You may go.| See www.a-b.com/x?y=1 or Node.js.",
        "About half of the cases are mild.1| The rest are not.2,3| All recover.",
        'He said "Stop. Now."| Then he left.',
        '"Stop now." he said.| "Why?" she asked.',
        "He left (see above.) and came back.| (A whole one. Or two.)| Next.",
        "He waited...| Then he left.| It was, well... enough.",
        "What?!| Really!| Yes.| Who is ill?|More is said at a.com/x?Name=1.",
        "The ratio was high (P = .018).|Serum was low.",
        "患者好转。|2015年出院。|3天后复诊！|10例？|无。",
        "（见第3章。）然后出院。|他好转（体温正常。无咳嗽。）后出院。",
        "他说：“你好。明天见。”|她走了。|“好。”，他说。",
        "真的？！|假的。。。|好了！！！",
        "有效。”）。|无效。】|完。",
        "1. 发热。|2. 咳嗽。|3、乏力。",
        "①头痛；②恶心。|③呕吐。",
        "更新内容1.修正；2.其他；3.完善细节。",
        "差异显著(P<0.05).|结论成立.|方法有效.",
        "口服5.0 mg b.i.d.，疗程3.5 d，见图1。|白细胞10×10⁹/L。",
        "体温38.5℃。|The patient was well.| He left.|白细胞10×10⁹/L。| Dr. Wang said so.|好。",
        "软件.|YOYO天气",
        '有生命的欲望.|"信息"很多.|“信息”不少.',
        "电位为(41.53±0.15)mV.|HPLC法测定。",
        "他说……不知道。|《你好吗？》很好看。|「是吗？」|是。",
    ],
)
def test_a_sentence_ends_at_each_bar_and_nowhere_else(text: str) -> None:
    assert _split(text.replace("|", "")) == [part.strip() for part in text.split("|")]


@pytest.mark.parametrize("text", ["", " ", "\n \n", "\u3000"])
def test_white_space_has_no_sentences(text: str) -> None:
    assert _split(text) == []


@pytest.mark.parametrize(
    "piece",
    ["a", "甲", "（", "“", '"', "' ", ".", "。", "1. ", "Ab c. ", "“a. ”", "x\n", "\n", " ",
     "…", "（(【“", "e.g. ", "()", "?!", "[1].", "a: ", "!="],
)  # fmt: skip
def test_time_is_linear_on_hostile_text(piece: str) -> None:
    def seconds(chars: int) -> float:
        text = piece * (chars // len(piece))
        begin = time.process_time()
        for _ in sentences("x" + text):
            pass
        return time.process_time() - begin

    # Twenty times the text takes twenty times as long, four hundred times if it is quadratic.
    assert seconds(200_000) < 60 * seconds(10_000) + 0.05
