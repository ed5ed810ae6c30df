"""Questions that stand in a text with all of their options."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_contamination import holds_question

from onestage.dedupe.questions import PutQuestions, Question

_TERSE = Question("", "肾在液为", ("唾", "泪", "涎", "尿"))
_TELLING = Question("", "下列属于β受体阻断药的是", ("美托洛尔", "比索洛尔", "硝苯地平"))


def _found(text: str, *items: Question) -> set[int]:
    return set(PutQuestions(items).find(text))


@pytest.mark.parametrize(
    "text",
    [
        "肾在液为唾泪涎尿",
        "肾在液为a唾b泪c涎d尿",
        "题3肾在液为选项a唾选项b泪选项c涎选项d尿答案a",
        "肾在液为什么肾在液为a唾b泪c涎d尿",  # the second time
        "肾在液为a唾泪珠b泪c涎d尿",  # the first 泪 leads on as well
    ],
)
def test_a_terse_item_is_found_in_its_order(text: str) -> None:
    assert _found(text, _TERSE) == {0}


@pytest.mark.parametrize(
    "text",
    [
        "心在液为汗肺在液为涕肝在液为泪脾在液为涎肾在液为唾",
        "肾在液为尿涎泪唾",
        "肾在液为唾泪涎",
        "肾在液是唾泪涎尿",
        "肾在液为" + "水" * 17 + "唾泪涎尿",
        "唾泪涎尿肾在液为",
    ],
)
def test_ordinary_text_of_the_same_words_is_not_a_terse_item(text: str) -> None:
    assert _found(text, _TERSE) == set()


def test_telling_parts_may_stand_anywhere() -> None:
    parts = (_TELLING.question, *_TELLING.options)
    far = "水" * 500
    assert _found(far.join(parts), _TELLING) == {0}
    assert _found(far.join(reversed(parts)), _TELLING) == {0}
    for left_out in range(len(parts)):
        assert _found(far.join(parts[:left_out] + parts[left_out + 1 :]), _TELLING) == set()


def test_options_within_others_tell_nothing() -> None:
    item = Question("", "关于高血压危象的叙述", ("高血压", "高血压危象", "危象", "压危"))
    text = "高血压危象" + "水" * 20
    assert _found(text + item.question, item) == set()
    assert _found(item.question + "a高血压b高血压危象c危象d压危", item) == {0}


@pytest.mark.parametrize(
    "item",
    [
        Question("", "高血压患者需要终身服药", ("是", "否")),
        Question("", "doesaspirininhibitplatelets", ("yes", "no")),
        Question("", "图中所示的结构是哪一个", ("a", "b", "c", "d")),
        Question("", "fdp", ("升高", "降低", "不变")),
        Question("", "", ("美托洛尔", "比索洛尔", "硝苯地平")),
    ],
)
def test_items_that_say_too_little_are_left_alone(item: Question) -> None:
    assert _found(item.question + "".join(item.options), item) == set()


def test_the_case_must_be_there_too() -> None:
    item = Question("男性56岁胸痛2小时", "首选的检查是", ("心电图", "胸片", "超声"))
    put = "首选的检查是a心电图b胸片c超声"
    assert _found(item.case + "问1诊断是a心梗b肺炎" + put, item) == {0}
    assert PutQuestions([item]).find(item.case + put) == {
        0: "男性56岁胸痛2小时…首选的检查是…心电图…胸片…超声"
    }
    assert _found(put, item) == set()


def test_items_that_begin_alike_are_told_apart() -> None:
    opening = "下列关于糖尿病足的叙述中错误的是" * 5
    items = [Question("", opening + tail, ("感染", "坏疽", f"截肢{tail}")) for tail in "甲乙丙"]
    short = Question("", opening[:16], items[1].options)
    text = opening + "乙a感染b坏疽c截肢乙"
    assert _found(text, *items, short) == {1, 3}


_PART = st.text("甲乙a", min_size=1, max_size=9)


@given(
    st.lists(
        st.tuples(st.text("甲乙", max_size=3), _PART, st.lists(_PART, min_size=2, max_size=4)),
        min_size=1,
        max_size=5,
    ),
    st.data(),
)
def test_the_plain_rule_finds_the_same(
    given_items: list[tuple[str, str, list[str]]], data: st.DataObject
) -> None:
    """On texts put together of the items' parts, in any order, with gaps about the bound."""
    items = [Question(case, question, tuple(options)) for case, question, options in given_items]
    parts = [part for item in items for part in (item.case, item.question, *item.options)]
    gaps = st.sampled_from(["", "a", "丙" * 15, "丙" * 16, "丙" * 17])
    one = items[data.draw(st.integers(0, len(items) - 1))]
    order = data.draw(
        st.just([one.case, one.question, *one.options])
        | st.permutations([one.case, one.question, *one.options])
        | st.lists(st.sampled_from(parts), max_size=8)
    )
    text = "".join(part + data.draw(gaps) for part in order)
    expected = {n for n, item in enumerate(items) if holds_question(text, tuple(item))}
    assert _found(text, *items) == expected


def test_many_ways_to_place_the_options_take_no_time() -> None:
    item = Question("", "丙" * 6, ("甲",) * 9 + ("乙",))
    assert _found("丙" * 6 + "甲" * 300 + "乙", item) == set()
    assert _found("丙" * 6 + "甲" * 60 + "乙", item) == {0}
