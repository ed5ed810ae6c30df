from collections import Counter

import msgspec
import pytest
from given import MEDICAL
from hypothesis import given
from hypothesis import strategies as st

from onestage.collect.quality import (
    Quality,
    digit_share,
    letter_share,
    navigation_share,
    rejected_for,
    repeat_share,
    repeated_lines_share,
    unfinished,
)

_RULES = Quality(
    min_letter_share=0.6,
    max_digit_share=0.5,
    max_repeat_share=0.2,
    max_repeated_lines_share=0.3,
    max_navigation_share=0.3,
)
_SYMPTOMS = "症状：\n发热\n咳嗽\n头痛\n乏力\n咽痛\n鼻塞\n腹泻\n呕吐"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("血压高", "too_short"),
        ("—— ## —— ** —— 血压", "symbols"),
        ("欢迎来到本网站的主页" * 4, "repetition"),
        ("1 2 3 4 5 6 7 8 9 10 11 12 例", "digits"),
        ("暂无资料\n头痛、头晕，恶心\n暂无资料\n就诊科室：神经内科", "repeated_lines"),
        ("首页 > 内科 > 高血压\n血压高于正常。\n下一篇：糖尿病", "navigation"),
        ("缺铁性贫血病人应补充铁剂，并查明失血原因。", None),
        ("口服，一次0.5～1.0g，一日3次；儿童20～40mg/(kg·d)，分3～4次服。", None),
        ("抗体滴度：1:20，1:20，1:40，1:40，1:80，1:160，其集中趋势用几何均数", None),
        (_SYMPTOMS, None),
        ("Amlodipine 5 mg\nLisinopril 10 mg\nMetformin 500 mg\nAspirin 81 mg", None),
        ("见效最快的是：\n更多病人在2周内好转。\n联系我们日常所见，首页的说法并不都对。", None),
    ],
)
def test_rules(text: str, reason: str | None) -> None:
    verdict = rejected_for(text, min_chars=10, rules=_RULES)
    assert (verdict and verdict[0]) == reason


def test_each_rule_has_its_limit_and_says_the_figure() -> None:
    lenient = Quality(0.0, 1.0, 1.0, 1.0, 1.0)
    broken = {
        "min_letter_share": ("——##——**——血压", {"letter_share": 0.1667}),
        "max_digit_share": ("1234 56789甲", {"digit_share": 0.9}),
        "max_repeat_share": ("abcdefghij" * 6, {"repeat_share": 1.0}),
        "max_repeated_lines_share": (
            "甲乙丙丁戊\n甲乙丙丁戊\n己庚",
            {"repeated_lines_share": 0.8333},
        ),
        "max_navigation_share": ("返回首页\n血压高于正常值", {"navigation_share": 0.3636}),
    }
    assert set(broken) == set(Quality.__struct_fields__)
    for name, (text, detail) in broken.items():
        assert rejected_for(text, min_chars=1, rules=lenient) is None
        strict = msgspec.structs.replace(lenient, **{name: float(name == "min_letter_share")})
        if name == "max_repeat_share":
            strict = msgspec.structs.replace(lenient, max_repeat_share=0.5)
        verdict = rejected_for(text, min_chars=1, rules=strict)
        assert verdict is not None
        assert verdict[1] == pytest.approx(detail, abs=1e-4)


@given(
    st.text(
        st.characters(exclude_categories=["Zs", "Zl", "Zp", "Cc"]) | st.sampled_from(" \n_5"),
        max_size=80,
    )
)
def test_shares_are_those_of_a_plain_count(text: str) -> None:
    visible = [character for character in text if not character.isspace()]
    count = max(1, len(visible))
    letters = sum(character.isalnum() for character in visible)
    digits = sum(character in "0123456789" for character in visible)
    assert letter_share(text) == pytest.approx(letters / count)
    assert digit_share(text) == pytest.approx(digits / count)


@given(st.lists(st.sampled_from(["", "a", "bb", "甲乙"]), max_size=8).map("\n".join))
def test_repeated_lines_are_those_of_a_plain_count(text: str) -> None:
    lines = [line for line in text.split("\n") if line]
    repeated = [line for line in lines if lines.count(line) > 1]
    expected = len("".join(repeated)) / max(1, len("".join(lines)))
    assert repeated_lines_share(text) == pytest.approx(expected)


def _counted(text: str, gram_chars: int) -> float:
    grams = Counter(text[i : i + gram_chars] for i in range(len(text) - gram_chars + 1))
    return sum(count for count in grams.values() if count > 1) / max(1, grams.total())


def test_repeat_share_counts_every_occurrence() -> None:
    # 11 characters hold two 10-grams; the first occurs again in none
    assert repeat_share("abcdefghijk") == 0.0
    # abcde five-grams of abcdeabcde: abcde twice, bcdea cdeab deabc eabcd once: 2 of 6
    assert repeat_share("abcdeabcde", gram_chars=5) == pytest.approx(2 / 6)
    assert repeat_share("short") == 0.0


@pytest.mark.parametrize("alphabet", ["ab", "abcdefgh", "ab血", "血压高低", "a血𠀀", "\ud800血a"])
@given(data=st.data(), gram_chars=st.integers(2, 34))
def test_repeat_share_is_that_of_a_plain_count(
    data: st.DataObject, gram_chars: int, alphabet: str
) -> None:
    piece = st.text(st.sampled_from(alphabet), max_size=60)
    text = "".join(data.draw(st.lists(piece, max_size=4)))
    assert repeat_share(text, gram_chars=gram_chars) == pytest.approx(_counted(text, gram_chars))
    doubled = text + text
    assert repeat_share(doubled, gram_chars=gram_chars) == pytest.approx(
        _counted(doubled, gram_chars)
    )


def test_n_grams_that_differ_in_two_late_characters_are_not_taken_for_equal() -> None:
    texts = [f"abc{chr(0x4E00 + i)}efg{chr(0x9FFF - i)}ij" for i in range(3000)]
    text = "".join(texts)
    assert repeat_share(text) == pytest.approx(_counted(text, 10))


@pytest.mark.parametrize(
    "line",
    ["上一篇：高血压的治疗", "下一篇：糖尿病", "返回首页", "版权所有 © 某某网", "相关阅读：冠心病",
     "相关文章",
     "您现在的位置：首页 > 内科", "首页 | 内科 | 外科", "点击查看更多", "责任编辑：小王",
     "文章来源：某网",
     "粤ICP备12345678号", "首页 登录 注册 帮助中心", "阅读全文 >>", "分享到微信", "联系我们",
     "Home > Diseases > Asthma", "You are here: Home", "Copyright © 2020 All rights reserved.",
     "Click here to learn more", "Read more", "Related articles", "Share on Facebook",
     "Back to top",
     "Home | About us | Contact | Log in", "Skip to main content", "» Next", "Privacy Policy"],
)  # fmt: skip
def test_navigation_is_known(line: str) -> None:
    assert navigation_share(line) == 1.0


@pytest.mark.parametrize(
    "line",
    ["来源：为菊科植物艾的干燥叶。", "上一节讨论了高血压的病因。", "下一页的图中可见病灶。", "首页",
     "更多的病人有乏力", "注册护士", "联系电话", "分享到的经验有三条：早查、早治、早防。",
     "并发症：肺炎、心衰",
     "Next, check the airway.", "Previous: appendectomy 2003",
     "Cookies and cakes are high in sugar.",
     "Share this information with your doctor.", "Home care", "Search for a source of bleeding",
     "fever",
     "Print and keep: your list of medicines", "Help the patient to sit up",
     "A > B > C in potency"],
)  # fmt: skip
def test_text_is_not_taken_for_navigation(line: str) -> None:
    assert navigation_share(line) == (1.0 if line == "首页" else 0.0)


@pytest.mark.parametrize("text", [_SYMPTOMS, *MEDICAL])
def test_medical_lines_are_not_taken_for_navigation(text: str) -> None:
    assert navigation_share(text) == 0.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("口服阿司匹林，每日...", True),
        ("口服阿司匹林，每日……", True),
        ("他说“每日一次……”", True),
        ("头孢克肟、布洛芬 [详细]", True),
        ("头孢克肟【更多】", True),
        ("可以试试。。。", True),
        ("血压升高，查看更多>>", True),
        ("血压升高。点击阅读全文", True),
        ("Take one tablet... Read more »", True),
        ("It may help to. . .", True),
        ("See the doctor [...]", True),
        ("To be continued.", True),
        ("口服阿司匹林。", False),
        ("口服阿司匹林", False),
        ("详情请到医院了解更多。", False),
        ("Patients should read more.", False),
        ("见图1...3。", False),
        ("", False),
    ],
)
def test_a_text_that_breaks_off_is_unfinished(text: str, expected: bool) -> None:
    assert unfinished(text) is expected
