"""Every layout gives the same records; a broken one says what is broken and where."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as arrow
import pytest
from pyarrow import parquet
from raw_files import source, values

from onestage.collect.raw import BadRecord, Located
from onestage.collect.readers import read_source
from onestage.errors import InputError
from onestage.sources import Fields, Source

_ROWS = [{"title": "一", "text": "高血压，\n常见"}, {"title": "二", "text": "“糖尿病”"}]


def _source(path: Path, **more: Any) -> Source:
    given = {"format": path.suffix[1:], "fields": Fields(text=["text"], title="title"), **more}
    return Source(path=str(path), lexicon="", classifier="", kind="web", lang="zh", **given)


def _bytes(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _jsonl(folder: Path) -> Source:
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in _ROWS)
    return _source(_bytes(folder / "a.jsonl", b"\xef\xbb\xbf" + lines.encode()))


def _json(folder: Path) -> Source:
    return _source(_bytes(folder / "a.json", json.dumps(_ROWS).encode("gb18030")), encoding="gbk")


def _csv(folder: Path) -> Source:
    content = 'title,more,text\r\n一,x,"高血压，\n常见"\r\n二,y,“糖尿病”\r\n'
    return _source(_bytes(folder / "a.csv", content.encode("gb18030")), encoding="gb18030")


def _parquet(folder: Path) -> Source:
    parquet.write_table(arrow.Table.from_pylist(_ROWS), folder / "a.parquet")
    return _source(folder / "a.parquet")


@pytest.mark.parametrize("layout", [_jsonl, _json, _csv, _parquet])
def test_layouts_hold_the_same_records(tmp_path: Path, layout: Callable[[Path], Source]) -> None:
    source = layout(tmp_path)
    found = list(read_source(source))
    assert [(item.file, item.record) for item in found] == [
        (Path(source.path).name, 1),
        (Path(source.path).name, 2),
    ]
    for item, row in zip(found, _ROWS, strict=True):
        assert isinstance(item.value, dict)
        assert {key: item.value[key] for key in row} == row


def test_tsv_without_header_takes_quotes_as_text(tmp_path: Path) -> None:
    path = _bytes(tmp_path / "a.tsv", b'"Q" fever\tone\ntwo\tthree\n')
    source = _source(path, header=False, fields=Fields(text=["1"], title="0"))
    assert [item.value for item in read_source(source)] == [
        {"0": '"Q" fever', "1": "one"},
        {"0": "two", "1": "three"},
    ]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ("file", ["甲\n乙\n\n丙\n"]),
        ("line", ["甲\n", "乙\n", "\n", "丙\n"]),
        ("paragraph", ["甲\n乙\n", "丙\n"]),
    ],
)
def test_txt_has_three_units(tmp_path: Path, record: str, expected: list[str]) -> None:
    path = _bytes(tmp_path / "书.txt", "甲\n乙\n\n丙\n".encode())
    found = [item.value for item in read_source(_source(path, record=record))]
    assert found == [{"title": "书", "text": text} for text in expected]


def test_xml_records_by_xpath_without_prefixes(tmp_path: Path) -> None:
    xml = '<d xmlns="urn:x"><s><t>A</t><p>10<sup>9</sup></p><p>b</p></s><s><p>c</p></s></d>'
    source = _source(
        _bytes(tmp_path / "a.xml", xml.encode()),
        record="//s",
        fields=Fields(text=["p"], title="t"),
    )
    assert [item.value for item in read_source(source)] == [
        {"p": "10⁹\nb", "t": "A"},
        {"p": "c", "t": ""},
    ]


def test_xml_entities_are_not_expanded(tmp_path: Path) -> None:
    secret = _bytes(tmp_path / "secret", b"hidden")
    xml = f'<!DOCTYPE d [<!ENTITY e SYSTEM "{secret.as_uri()}">]><d><s><p>a&e;b</p></s></d>'
    source = _source(
        _bytes(tmp_path / "a.xml", xml.encode()), record="//s", fields=Fields(text=["p"])
    )
    assert "hidden" not in str(list(read_source(source)))


def test_a_folder_is_read_in_name_order_by_its_pattern(tmp_path: Path) -> None:
    for name in ("b/2.txt", "a/9.txt", "c.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        _bytes(tmp_path / name, name.encode())
    source = _source(tmp_path, format="txt", record="file", include="*.txt")
    assert [item.file for item in read_source(source)] == ["a/9.txt", "b/2.txt"]


def _bad(found: list[Located]) -> list[tuple[int, str]]:
    return [(item.record, item.value.reason) for item in found if isinstance(item.value, BadRecord)]


def test_bad_records_leave_their_neighbours_alone(tmp_path: Path) -> None:
    good, broken = [b'{"text": "a"}', b'"bare"'], [b'{"text": ', b'{"text": "\xff\xfe"}', b"7"]
    lines = [good[0], *broken, good[1], good[0]]
    source = _source(_bytes(tmp_path / "a.jsonl", b"\n".join(lines)))
    found = list(read_source(source))
    assert _bad(found) == [(2, "unparsable"), (3, "undecodable"), (4, "unmappable")]
    assert found[4].value == {"text": "bare"}
    assert found[5].value == {"text": "a"}


def test_half_a_surrogate_pair_is_a_bad_record(tmp_path: Path) -> None:
    source = _source(_bytes(tmp_path / "a.jsonl", b'{"text": "cut \\ud83d"}\n{"text": "b"}\n'))
    assert _bad(list(read_source(source))) == [(1, "undecodable")]


def test_a_row_with_too_many_cells_is_bad_unless_they_are_empty(tmp_path: Path) -> None:
    source = _source(_bytes(tmp_path / "a.csv", b"title,text\nx,y,, \nx,y,z\nx,y,,z\n"))
    found = list(read_source(source))
    assert _bad(found) == [(2, "unparsable"), (3, "unparsable")]
    assert found[0].value == {"title": "x", "text": "y"}


@pytest.mark.parametrize(
    ("name", "content", "more", "said"),
    [
        ("a.jsonl", None, {}, "no such file or folder"),
        ("a.jsonl", b"", {}, "the file is empty"),
        ("a.json", b'{"a": 1}', {}, "expected a JSON list, found dict"),
        ("a.json", b"[", {}, "cannot be read as json in utf-8"),
        ("a.csv", b"title,body\n1,2\n", {}, "no column 'text'; found 'title', 'body'"),
        ("a.csv", "标题,text\n".encode("gbk"), {}, "the header cannot be read"),
        ("a.parquet", b"PAR1 not", {}, "cannot be read as parquet"),
        ("a.xml", b"<a><b></a>", {"record": "//b"}, "cannot be read as xml"),
        ("a.xml", b"<a/>", {"record": "//["}, "cannot be used as an XPath"),
        ("a.txt", b"a", {"record": "file", "encoding": "klingon"}, "unknown encoding"),
        ("a.jsonl", b"\n\n", {}, "no records"),
        ("a.json", b"[]", {}, "no records"),
        ("a.json", b"[" + b"1" * 5000 + b"]", {}, "cannot be read as json"),
        ("a.csv", b"title,text\n", {}, "no records"),
        ("a.csv", b'title,text\na,b\n1,"x\n2,y\n', {}, "row at byte 15: unexpected end"),
        ("a.csv", b'title,text\n1,"x\n2,y\n3,"z\n', {}, "row at byte 11: ',' expected after"),
        ("a.xml", b"<a/>", {"record": "//b"}, "no records"),
        ("a.xml", b"<a><b>x</b></a>", {"record": "//b"}, "any of the fields 'text', 'title'"),
        ("a.xml", b"<a><b>x</b></a>", {"record": "//b/text()"}, "'//b/text()' gives no elements"),
        ("a.xml", b"<a/>", {"record": "count(//b)"}, "'count(//b)' gives no elements"),
        (
            "a.xml",
            b"<a><b>x</b></a>",
            {"record": "//b", "fields": Fields(text=["count(c)"])},
            "field 'count(c)' gives neither elements nor text",
        ),
    ],
)
def test_an_unreadable_container_is_an_error(
    tmp_path: Path, name: str, content: bytes | None, more: dict[str, Any], said: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=None) as caught:
        list(read_source(_source(path, **more)))
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "record", ["<q>What?</q>", "<q>What?</q><a></a>", "<q></q><a> </a>", "<q/><a/>"]
)
def test_xml_fields_may_be_absent_or_empty_where_one_is_found(tmp_path: Path, record: str) -> None:
    path = _bytes(tmp_path / "a.xml", f"<d><r>{record}</r><r/></d>".encode())
    source = _source(path, record="//r", fields=Fields(text=["a"], title="q"))
    assert [item.value for item in read_source(source)] == [
        {"a": "", "q": "What?" if "What" in record else ""},
        {"a": "", "q": ""},
    ]


def test_a_number_of_too_many_digits_is_a_bad_record(tmp_path: Path) -> None:
    lines = b'{"text": ' + b"1" * 5000 + b'}\n{"text": "b"}\n'
    found = list(read_source(_source(_bytes(tmp_path / "a.jsonl", lines))))
    assert _bad(found) == [(1, "unparsable")]
    assert found[1].value == {"text": "b"}


@pytest.mark.parametrize("encoding", ["utf8", "UTF_8", "utf-8", "U8"])
def test_a_byte_order_mark_is_no_text_whatever_utf_8_is_called(
    tmp_path: Path, encoding: str
) -> None:
    path = _bytes(tmp_path / "a.csv", b"\xef\xbb\xbftitle,text\na,b\n")
    (found,) = read_source(_source(path, encoding=encoding))
    assert found.value == {"title": "a", "text": "b"}


def test_a_heading_ends_before_its_line_does(tmp_path: Path) -> None:
    """The line break is no sign that a pattern may count."""
    path = tmp_path / "a.txt"
    path.write_text("一、即\n一、症状\n发热。\n", encoding="utf-8")
    given = source(path, record="section", heading="一、([^。]{2,})")
    assert [value["title"] for value in values(given)] == ["a", "症状"]
