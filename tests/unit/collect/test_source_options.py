"""What a source may say of its layout: edits, wrapped lines, sections, sentences, thresholds."""

import json
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from unit.collect.collecting import choices, collect, web_source

from onestage.collect.documents import to_document, to_messages, unwrapped
from onestage.collect.raw import BadRecord
from onestage.collect.readers import read_source
from onestage.errors import InputError, ParamError
from onestage.markup import element_text
from onestage.normalise import normalise
from onestage.params import section
from onestage.records import Passage
from onestage.sources import Fields, Source


def source(path: Path, **more: Any) -> Source:
    given = {"format": "txt", "record": "file", "fields": Fields(text=["text"]), **more}
    return Source(path=str(path), lexicon="", classifier="", kind="book", lang="zh", **given)


def values(given: Source) -> list[Any]:
    return [located.value for located in read_source(given)]


def test_edits_are_made_in_order_at_line_breaks_in_every_field() -> None:
    record = {"title": "<a>T", "text": "x\n[more]\n<a>y"}
    edits = [(r"^\[more\]$", "<a>"), ("<a>", "")]
    document = to_document(record, Fields(text=["text"], title="title"), replace=edits)
    assert document == ("T", "x\n\ny", {})


def test_edits_reach_turns() -> None:
    turns = [{"role": "user", "content": "q<link>"}, {"role": "assistant", "content": "a"}]
    found = to_messages({"m": turns}, Fields(messages="m"), replace=[("<link>", "")])
    assert not isinstance(found, BadRecord)
    assert found.messages[0].content == "q"


def test_a_sentence_is_made_of_fields_unless_one_is_empty() -> None:
    fields = Fields(text=["{name}又称{alias}。", "{name}属{part}。"])
    found = to_document({"name": "感冒", "alias": None, "part": " 呼吸科 "}, fields)
    assert found == ("", "感冒属呼吸科。", {})
    assert isinstance(to_document({"name": "感冒"}, fields), BadRecord)


LONG = "阳" * 30


@pytest.mark.parametrize(
    ("lines", "joined"),
    [
        ([LONG + "不", "足。"], [LONG + "不足。"]),  # within a sentence
        ([LONG + "。", "足。"], [LONG + "。", "足。"]),  # after one
        (["桂枝汤", LONG + "。"], ["桂枝汤", LONG + "。"]),  # a heading is short
        ([LONG + "，", "足。"], [LONG + "，足。"]),
        ([LONG + "（见", "上。）"], [LONG + "（见上。）"]),  # a bracket is open
        ([LONG + "。", "，足。"], [LONG + "。，足。"]),  # a comma cannot begin a line
        (["人参 黄芩 甘草 桂枝 生姜 " + "大" * 14, "枣"], None),  # a row of items
        ([LONG, "与", "之。"], [LONG + "与之。"]),  # the tail of a long line
        (["word " * 11 + "and", "more."], ["word " * 11 + "and", "more."]),
    ],
)
def test_wrapped_lines(lines: list[str], joined: list[str] | None) -> None:
    assert unwrapped("\n".join(lines)).split("\n") == (joined or lines)


def test_wrapped_words_are_joined_by_a_space() -> None:
    text = "a" * 50 + "\nword"
    assert unwrapped(text) == "a" * 50 + " word"


def test_sections_begin_at_headings_and_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "book.txt"
    path.write_bytes("前言\r\n<篇名>甲\r\r\n一\r\n\r\n二\r\n<篇名>乙\r\n".encode("gb18030"))
    given = source(path, record="section", heading="<篇名>(.*)", encoding="gb18030")
    assert values(given) == [
        {"title": "book", "text": "前言\n"},
        {"title": "甲", "text": "一\n\n二\n"},
        {"title": "乙", "text": ""},
    ]


def test_lines_end_alike_whatever_their_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"a\r\nb\r\r\nc\rd\n")
    assert [value["text"] for value in values(source(path, record="line"))] == [
        *("a\n", "b\n", "c\n", "d\n")
    ]


def test_json_records_below_keys(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"data": [{"parts": [{"text": "a"}]}, {"parts": ["b"]}]}))
    given = source(path, format="json", record="data.parts")
    assert values(given) == [{"text": "a"}, {"text": "b"}]
    with pytest.raises(InputError, match="no key 'none'"):
        values(source(path, format="json", record="data.none"))


@pytest.mark.parametrize(
    "more", [{"record": "section"}, {"heading": "x"}, {"replace": [["(", ""]]}]
)
def test_options_that_do_not_fit_are_refused(more: dict[str, Any]) -> None:
    given = {
        "path": "p",
        "lexicon": "l",
        "classifier": "c",
        "kind": "book",
        "lang": "zh",
        "format": "txt",
    }
    document = {"a": {**given, "record": "file", "fields": {"text": ["text"]}, **more}}
    with pytest.raises(ParamError, match=r"params: a"):
        section(document, "a", Source)


@pytest.mark.parametrize(("own", "kept"), [(None, 0), (0.1, 1), (0.9, 0)])
def test_a_source_may_have_its_own_density(own: float | None, kept: int) -> None:
    params = choices(min_density={"zh": 0.5, "en": 0.5})
    given = web_source(min_density=own)
    found, _ = collect([["春天里易患感冒的人不少"]], given, params, terms=["感冒"])
    assert sum(isinstance(item, Passage) for item in found) == kept


@pytest.mark.parametrize(
    ("xml", "text"),
    [
        ("<p>see <link target-id='fig-1'/>.</p>", "see [fig-1]."),
        ("<p>a <link target-id='fig-1'>picture</link></p>", "a picture"),
        ("<p><mfrac><mn>1</mn><mn>2</mn></mfrac> h</p>", "1/2 h"),
        ("<p><mfrac><mrow>500 mg</mrow><mn>2</mn></mfrac></p>", "(500 mg)/2"),
        ("<p>m<msup><mi>x</mi><mn>2</mn></msup></p>", "mx²"),
    ],
)
def test_references_and_formulas_stay_readable(xml: str, text: str) -> None:
    assert element_text(etree.fromstring(xml)) == text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("3&times;10<sup>9</sup>/L", "3×10⁹/L"),
        ("H<sub>2</sub>O, <i>E. coli</i>", "H₂O, E. coli"),
        ("P&lt;0.05&nbsp;mg", "P<0.05 mg"),
        ("a<br/>b", "a\nb"),
        ("x <y> z &unknown; &#xD800;", "x <y> z &unknown; &#xD800;"),
        ("k<sub>B</sub>", "k_(B)"),
    ],
)
def test_inline_html_is_resolved_once_and_for_all(raw: str, text: str) -> None:
    assert normalise(raw) == text
    assert normalise(text) == text
