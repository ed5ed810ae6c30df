"""Normalisation keeps what carries meaning in medicine, and is safe to repeat."""

import unicodedata

import pytest
from given import MEDICAL
from hypothesis import given
from hypothesis import strategies as st

from onestage.collect.normalise import normalise

# What raw text is likely to hold: signs that the tables map, white space, masks' neighbours.
_AWKWARD = st.sampled_from(
    ["\u00a0", "\u2000", "\u2001", "\u200b", "\ufeff", "\u3000", "\r", "\n", "\r\n", "\x85", "\t",
     "\u2028", "\x0b", "\x1c", "\u0301", "e", "Ａ", "５", "⼀", "∶", "@", ".", "a@b.cn",
     "13800138000", "+86", "-", "[EMAIL]", "110101199003074514", "中", " ", "１", "\u212a", "ﬁ",
     "&amp;", "amp;", "&", "lt;", "&lt;", "&gt;", "sup>", "<sup>", "</sup>", "9", "<br/>", "<i>",
     "</i>", "<sub>", "</sub>"]
)  # fmt: skip


@pytest.mark.parametrize("text", MEDICAL)
def test_medical_signs_stay_as_they_are(text: str) -> None:
    expected = text.replace("\u212b", "\u00c5").replace("\u2126", "\u03a9")  # NFC singletons
    assert normalise(text) == expected


@given(st.lists(st.one_of(_AWKWARD, st.text(max_size=4)), max_size=14).map("".join))
def test_normalising_twice_changes_nothing_more(raw: str) -> None:
    once = normalise(raw)
    assert normalise(once) == once


@given(st.text(st.characters(categories=["Ll", "Lu", "Nd", "No", "Sm", "So"]), max_size=30))
def test_compatibility_forms_survive(raw: str) -> None:
    """Only the full-width and Kangxi forms of the table may become something else."""
    seen = unicodedata.normalize("NFC", raw)
    for before in seen:
        if unicodedata.normalize("NFKC", before) != before and not (
            0xFF10 <= ord(before) <= 0xFF5A or 0x2F00 <= ord(before) <= 0x2FD5
        ):
            assert before in normalise(seen)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("ＷＢＣ １２．５", "WBC 12．5"),
        ("a\u00a0b\u3000c\u2009d", "a b c d"),
        ("心\u200b率\ufeff", "心率"),
        ("⼼⾎", "心血"),
        ("比例1∶2", "比例1：2"),
        ("e\u0301", "é"),
        ("一\r\n二\r三\u2028四", "一\n二\n三\n四"),
        ("一 \n\n\n\n 二", "一\n\n二"),
        ("a\tb", "a b"),
        ("  边  缘  ", "边 缘"),
        ("信箱 zhang.san@hospital.com.cn。", "信箱 [EMAIL]。"),
        ("邮箱zhang@hospital.cn，请写信", "邮箱[EMAIL]，请写信"),
        ("身份证110101199003074514号", "身份证[ID]号"),
        ("电话13800138000转2", "电话[PHONE]转2"),
        ("手机+86 138-0013", "手机+86 138-0013"),
        ("批号 138001380001", "批号 138001380001"),
        ("国药准字H13800138000", "国药准字H13800138000"),
        ("0.13800138000", "0.13800138000"),
        ("3&times;10<sup>9</sup>/L, P&lt;0.05", "3×10⁹/L, P<0.05"),
        ("H<sub>2</sub>O<br/>CO<sub>2</sub>", "H₂O\nCO₂"),
        ("10<sup><b>9</b></sup>/L", "10⁹/L"),
        ("10<sup><i>-3</i></sup> <b>H<sub>2</sub></b>O", "10⁻³ H₂O"),
        ("10<sup>9\n</sup>/L, 10<SUP> 9 </SUP>/L", "10⁹/L, 10⁹/L"),
        ("10<sup>a\n b</sup>", "10^(a b)"),
        ("x<sup>a<sub>2</sub></sup>", "x^(a₂)"),
        ("10<sup>9, 10</sub>", "10<sup>9, 10</sub>"),  # 109 would be another number
        ("x<y and y>z, p<0.05 或 >140", "x<y and y>z, p<0.05 或 >140"),
    ],
)
def test_mappings_and_masks(raw: str, expected: str) -> None:
    assert normalise(raw) == expected
