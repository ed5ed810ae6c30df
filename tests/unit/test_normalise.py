"""Normalisation keeps what carries meaning in medicine, and is safe to repeat."""

import unicodedata

import pytest
from given import MEDICAL
from hypothesis import given
from hypothesis import strategies as st

from onestage.collect.personal import mask
from onestage.normalise import normalise

# What raw text is likely to hold: signs that the tables map, white space, masks' neighbours.
_AWKWARD = st.sampled_from(
    ["\u00a0", "\u2000", "\u2001", "\u200b", "\ufeff", "\u3000", "\r", "\n", "\r\n", "\x85", "\t",
     "\u2028", "\x0b", "\x1c", "\u0301", "e", "Ａ", "５", "⼀", "∶", "@", ".", "a@b.cn",
     "13800138000", "+86", "-", "[EMAIL]", "110101199003074514", "中", " ", "１", "\u212a", "ﬁ",
     "&amp;", "amp;", "&", "lt;", "&lt;", "&gt;", "sup>", "<sup>", "</sup>", "9", "<br/>", "<i>",
     "</i>", "<sub>", "</sub>", "<td>", "</td>", "</td><td>", "<li>", "<p class='a'>", "<!--",
     "-->",
     "a\u0302", "â", "\u0080", "\u0099", "\u008b", "\u00ad", "\u00a0", "⻓", "\ufa0e", "\uf900"]
)  # fmt: skip
_RAW = st.lists(st.one_of(_AWKWARD, st.text(max_size=4)), max_size=14).map("".join)


@pytest.mark.parametrize("text", MEDICAL)
def test_medical_signs_stay_as_they_are(text: str) -> None:
    expected = text.replace("\u212b", "\u00c5").replace("\u2126", "\u03a9")  # NFC singletons
    assert normalise(text) == expected
    assert normalise(f"甲 {text} 乙") == f"甲 {expected} 乙"
    assert mask(expected) == (expected, {})


@given(_RAW)
def test_normalising_twice_changes_nothing_more(raw: str) -> None:
    once = normalise(raw)
    assert normalise(once) == once


@given(_RAW)
def test_white_space_that_is_left_is_single_spaces_and_line_breaks(raw: str) -> None:
    text = normalise(raw)
    assert {character for character in text if character.isspace()} <= {" ", "\n"}
    assert "  " not in text
    assert "\n\n\n" not in text


@given(_RAW.filter(lambda raw: "\ufffd" not in raw))
def test_no_replacement_character_is_brought_in(raw: str) -> None:
    assert "\ufffd" not in normalise(raw)


@given(st.text(st.characters(categories=["Ll", "Lu", "Nd", "No", "Sm", "So"]), max_size=30))
def test_compatibility_forms_survive(raw: str) -> None:
    """Only the full-width and radical forms of the table may become something else."""
    seen = unicodedata.normalize("NFC", raw)
    for before in seen:
        if unicodedata.normalize("NFKC", before) != before and not (
            0xFF10 <= ord(before) <= 0xFF5A or 0x2E80 <= ord(before) <= 0x2FD5
        ):
            assert before in normalise(seen)


def test_every_kangxi_radical_becomes_its_ideograph() -> None:
    for code in range(0x2F00, 0x2FD6):
        (ideograph,) = normalise(chr(code))
        assert unicodedata.name(ideograph).startswith("CJK UNIFIED IDEOGRAPH")
        assert ideograph == unicodedata.normalize("NFKC", chr(code))


def test_supplementary_radicals_become_the_whole_character_that_they_are_or_stay() -> None:
    mapped = {chr(c): normalise(chr(c)) for c in range(0x2E80, 0x2EF4) if chr(c) != "\u2e9a"}
    changed = {radical: ideograph for radical, ideograph in mapped.items() if radical != ideograph}
    assert len(changed) == 35
    for radical, ideograph in changed.items():
        assert unicodedata.name(ideograph).startswith("CJK UNIFIED IDEOGRAPH")
        equal = unicodedata.normalize("NFKC", radical)  # Unicode says it of two alone
        assert equal in (radical, ideograph)
    assert normalise("⻓骨、⻣折、⽛⻮、⻩疸") == "长骨、骨折、牙齿、黄疸"
    assert normalise("⺡⺘⻊⺾") == "⺡⺘⻊⺾"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        # forms that differ in look only
        ("ＷＢＣ １２．５", "WBC 12．5"),
        ("ｐＨ７．４", "pH7．4"),
        ("a\u00a0b\u3000c\u2009d", "a b c d"),
        ("TG\u200a≥\u200a1.4 mmol/L, 10\u2005kg", "TG ≥ 1.4 mmol/L, 10 kg"),
        ("心\u200b率\ufeff", "心率"),
        ("\u202a血\u202c\u200e压", "血压"),
        ("⼼⾎", "心血"),
        ("比例1∶2", "比例1：2"),
        ("1∶1000稀释", "1：1000稀释"),
        ("歧伯曰∶善", "歧伯曰：善"),
        ("e\u0301", "é"),
        ("10\u00b5g 与 10\u03bcg", "10\u00b5g 与 10\u03bcg"),
        ("\uf9dc\ufa1b", "隆福"),  # canonical mappings, which NFC makes
        ("doesn\u00e2\u0080\u0099t, \u00e2\u0089\u00a5 7, 37\u00e2\u0084\u0083",
        "doesn’t, ≥ 7, 37℃"),
        ("Châtel-âge", "Châtel-âge"),
        # lines
        ("一\r\n二\r三\u2028四", "一\n二\n三\n四"),
        ("一\r\r\n二\n\r\n三", "一\n二\n\n三"),
        ("一 \n\n\n\n 二", "一\n\n二"),
        ("a\tb", "a b"),
        ("  边  缘  ", "边 缘"),
        # entities
        ("3&times;10<sup>9</sup>/L, P&lt;0.05", "3×10⁹/L, P<0.05"),
        ("P&nbsp;&lt;&nbsp;0.01", "P < 0.01"),
        ("10&micro;g, m&#178;, cm&#179;, &#x2265;7", "10µg, m², cm³, ≥7"),
        ("&alpha;-受体, &deg;C, &frac12;片", "α-受体, °C, ½片"),
        ("A&amp;E, &amp;lt;5", "A&E, <5"),
        ("R&D, AT&T; &unknown;", "R&D, AT&T; &unknown;"),
        ("&#0; &#xFFFD; &#xD800;", "&#0; &#xFFFD; &#xD800;"),
        # scripts
        ("10<sup>9</sup>/L", "10⁹/L"),
        ("10<SUP>12</SUP>/L", "10¹²/L"),
        ("H<sub>2</sub>O<br/>CO<sub>2</sub>", "H₂O\nCO₂"),
        ('C<sub class="x">6</sub>H<sub>12</sub>', "C₆H₁₂"),
        ("mg·kg<sup>-1</sup>·d<sup>−1</sup>", "mg·kg⁻¹·d⁻¹"),
        ("Ca<sup>2+</sup>, HCO<sub>3</sub><sup>-</sup>", "Ca²⁺, HCO₃⁻"),
        ("10<sup><b>9</b></sup>/L", "10⁹/L"),
        ("10<sup><i>-3</i></sup> <b>H<sub>2</sub></b>O", "10⁻³ H₂O"),
        ("10<sup>9\n</sup>/L, 10<SUP> 9 </SUP>/L", "10⁹/L, 10⁹/L"),
        ("10<sup>a\n b</sup>", "10^(a b)"),
        ("x<sup>a<sub>2</sub></sup>", "x^(a₂)"),
        ("10<sup>9, 10</sub>", "10<sup>9, 10</sub>"),  # 109 would be another number
        # styles, links, comments
        ("<i>E. coli</i> <em>O157</em>", "E. coli O157"),
        ('<span style="color:red">禁忌</span>：<font size=2>孕妇</font>', "禁忌：孕妇"),
        ('见<a href="/d/12.html">高血压</a>条', "见高血压条"),
        ("5<!-- 广告 --> mg", "5 mg"),
        # lines and cells
        ("<ul><li>咳嗽</li><li>发热</li></ul>", "咳嗽\n\n发热"),
        ("<p>甲</p><p class='b'>乙</p>", "甲\n\n乙"),
        ("<h2>用法</h2>口服<div>禁忌</div>", "用法\n口服\n禁忌"),
        (
            "<table><tr><th>WBC</th><th>Hb</th></tr>\n<tr><td>12</td> <td>95</td></tr></table>",
            "WBC | Hb\n\n12 | 95",
        ),
        ("<tr><td>1</td><td>1/2</td></tr>", "1 | 1/2"),
        # what only looks like a tag
        ("x<y and y>z, p<0.05 或 >140", "x<y and y>z, p<0.05 或 >140"),
        ("a<b, p < q and p > r, TG<p or b>c", "a<b, p < q and p > r, TG<p or b>c"),
        ("a<b>c, x<i>y; <U>甲</u>", "a<b>c, x<i>y; 甲"),
        ('<b class="x">甲', "甲"),
        ("<b>定义</b>：若 a<b>c 则", "定义：若 a<b>c 则"),
        ("<b>甲<i>乙</i></b><a>丙</a>", "甲乙丙"),
        ("ALB<35g/L,A/G<I.0", "ALB<35g/L,A/G<I.0"),
        ("<unk> <link>", "<unk> <link>"),
        # numbers of persons are not this module's task
        ("电话13800138000", "电话13800138000"),
    ],
)  # fmt: skip
def test_mappings(raw: str, expected: str) -> None:
    assert normalise(raw) == expected


def test_a_long_text_of_unclosed_marks_takes_no_time_of_note() -> None:
    for part in ("<!--", "<p ", "<sup>", "</td>", "<a b=", "&amp", "â\u0080"):
        text = normalise(part * 20_000 + "x")
        assert text.endswith("x")
