"""Questions come in many layouts and leave as one."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from onestage.benchmarks import Benchmark, Item, read_all, read_items
from onestage.errors import InputError

_ITEM = {"q": "问题", "o": ["甲", "乙", "丙"], "a": "B"}


def _read(folder: Path, rows: list[Any], **more: Any) -> list[Item]:
    given = {"format": "jsonl", "question": "q", "options": ["o"], "answer": "a", **more}
    benchmark = Benchmark(file="b.jsonl", lang="zh", **given)
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (folder / "b.jsonl").write_text(lines, encoding="utf-8")
    return read_items("mc", benchmark, folder)


@pytest.mark.parametrize(
    ("options", "more"),
    [
        (["甲", "乙", "丙"], {}),
        ({"B": "乙", "A": "甲", "C": "丙"}, {}),
        ("甲\n乙\n丙", {}),
        ("A 甲\nB 乙\n\nC 丙\n", {}),
        ("A. 甲|B．乙|(C) 丙", {"options_separator": "|"}),
        ("A 甲\\nB 乙\\nC 丙", {"options_separator": "\\n"}),
        ("(A) 甲\n(B) 乙\n(C) 丙", {}),
        (["（a）甲", "（b） 乙", "（c）丙"], {}),
        (["[A] 甲", "【B】乙", "Ｃ．丙"], {}),
        (["甲", "乙", "丙", float("nan")], {}),
        (["甲", "乙", "丙", "nan", None], {}),
        (["A、甲", "B：乙", "C: 丙"], {}),
    ],
)
def test_options_in_one_field(tmp_path: Path, options: object, more: dict[str, str]) -> None:
    (item,) = _read(tmp_path, [{**_ITEM, "o": options}], **more)
    assert item.options == ("甲", "乙", "丙")
    assert item.answer == "B"


def test_a_letter_that_belongs_to_the_option_stays(tmp_path: Path) -> None:
    options = ["A beta blocker", "Bed rest", "C 反应蛋白"]
    (item,) = _read(tmp_path, [{**_ITEM, "o": options}])
    assert item.options == tuple(options)


def test_options_in_columns_of_a_csv_file(tmp_path: Path) -> None:
    text = "\ufeffno,Question,A,B,C,D,Key\n7,问题,甲,乙,丙,丁,D\n8,问题,甲,乙,,,a\n9,问题,甲,乙\n"
    (tmp_path / "b.csv").write_text(text, encoding="utf-8")
    benchmark = Benchmark(
        file="b.csv",
        lang="zh",
        format="csv",
        id="no",
        question="Question",
        options=["A", "B", "C", "D"],
        answer="Key",
        max_unanswered=1,
    )
    items = read_items("cmmlu", benchmark, tmp_path)
    assert [(item.id, item.options, item.answer) for item in items] == [
        ("7", ("甲", "乙", "丙", "丁"), "D"),
        ("8", ("甲", "乙"), "A"),
        ("9", ("甲", "乙"), ""),
    ]


@pytest.mark.parametrize(
    ("answer", "more", "expected"),
    [
        ("C", {}, "C"),
        (" c ", {}, "C"),
        ("CA", {}, "AC"),
        ("(C)", {}, "C"),
        ("（Ｃ）", {}, "C"),
        ("C.", {}, "C"),
        ("(CA)", {}, "AC"),
        ("C、A", {}, "AC"),
        ("C, A", {}, "AC"),
        (["C", "A"], {}, "AC"),
        (["(B)"], {}, "B"),
        ([], {"max_unanswered": 1}, ""),
        ("1.0", {"answer_base": 0}, "B"),
        (1.0, {"answer_base": 0}, "B"),
        ([2, 0], {"answer_base": 0}, "AC"),
        ("乙", {"answer_text": True}, "B"),
        (" C. 丙 ", {"answer_text": True}, "C"),
        (["丙", "甲"], {"answer_text": True}, "AC"),
        ("", {"answer_text": True, "max_unanswered": 1}, ""),
        ("ABC", {}, "ABC"),
        (0, {"answer_base": 0}, "A"),
        ("2", {"answer_base": 0}, "C"),
        (3, {"answer_base": 1}, "C"),
        (None, {"max_unanswered": 1}, ""),
        ("nan", {"max_unanswered": 1}, ""),
        (float("nan"), {"max_unanswered": 1}, ""),
        (float("nan"), {"max_unanswered": 1, "answer_base": 0}, ""),
        ("", {"max_unanswered": 1}, ""),
        (None, {"max_unanswered": 1, "answer_base": 1}, ""),
    ],
)
def test_answers(tmp_path: Path, answer: object, more: dict[str, int], expected: str) -> None:
    (item,) = _read(tmp_path, [{**_ITEM, "a": answer}], **more)
    assert item.answer == expected


def test_fields_that_are_not_there_stay_blank_and_ids_count(tmp_path: Path) -> None:
    first, second = _read(tmp_path, [_ITEM, {**_ITEM, "case": "病例", "t": "pharmacy"}])
    assert (first.id, second.id) == ("mc_00001", "mc_00002")
    assert (first.case, first.track, first.type) == ("", "", "")
    rows = [{**_ITEM, "no": 5, "case": "病例", "t": "pharmacy", "k": "matching"}]
    (item,) = _read(tmp_path, rows, id="no", case="case", track="t", type="k")
    assert (item.id, item.case, item.track, item.type) == ("5", "病例", "pharmacy", "matching")


def test_null_is_blank(tmp_path: Path) -> None:
    row = {**_ITEM, "no": None, "case": None, "t": None, "k": None}
    (item,) = _read(tmp_path, [row], id="no", case="case", track="t", type="k")
    assert (item.id, item.case, item.track, item.type) == ("mc_00001", "", "", "")


def test_a_stray_quote_swallows_no_question(tmp_path: Path) -> None:
    text = 'q,A,B,key\n一,甲,乙,A\n二,"甲,乙,A\n三,"甲,乙,A\n'
    (tmp_path / "b.csv").write_text(text, encoding="utf-8")
    benchmark = Benchmark(
        file="b.csv", lang="zh", format="csv", question="q", options=["A", "B"], answer="key"
    )
    with pytest.raises(InputError, match=r"b\.csv, line 3: not csv"):
        read_items("mc", benchmark, tmp_path)


@pytest.mark.parametrize(
    ("rows", "more", "said"),
    [
        ([_ITEM, {**_ITEM, "o": []}], {}, "question 2: expected 2 to 10 options, found 0"),
        ([{**_ITEM, "o": None}], {}, "question 1: expected 2 to 10 options"),
        ([{**_ITEM, "o": {}}], {}, "question 1: expected 2 to 10 options"),
        ([{**_ITEM, "o": "甲"}], {}, "question 1: expected 2 to 10 options, found 1"),
        ([{**_ITEM, "o": ["", None, " "]}], {}, "question 1: expected 2 to 10 options"),
        ([{**_ITEM, "o": list("一二三四五六七八九十百")}], {}, "2 to 10 options, found 11"),
        ([{"q": "问", "a": "A"}], {}, "question 1: no field 'o', found 'q', 'a'"),
        ([{**_ITEM, "a": "D"}], {}, "question 1: answer 'D' is none of the options A-C"),
        (
            [{**_ITEM, "a": 3}],
            {"answer_base": 0},
            "question 1: answer '3' is none of the 3 options",
        ),
        ([{**_ITEM, "a": -1}], {"answer_base": 0}, "answer '-1' is none of the 3 options"),
        ([{**_ITEM, "a": "B"}], {"answer_base": 0}, "answer 'B' is no number"),
        ([{**_ITEM, "a": 1.5}], {"answer_base": 0}, "answer '1.5' is no number"),
        ([{**_ITEM, "a": True}], {"answer_base": 0}, "answer 'True' is no number"),
        ([{**_ITEM, "a": "丁"}], {"answer_text": True}, "answer '丁' is the text of 0 options"),
        ([{"q": "问", "o": ["甲", "甲"], "a": "甲"}], {"answer_text": True}, "text of 2 options"),
        ([{**_ITEM, "a": "乙"}], {}, "answer '乙' is none of the options A-C"),
        ([{**_ITEM, "a": "()"}], {}, "answer '()' is none of the options A-C"),
        ([{**_ITEM, "o": ["甲", "nan", "丙"]}], {}, "question 1: option 2 of 3 is blank"),
        ([{**_ITEM, "o": "A 甲\\nB 乙"}], {}, "expected 2 to 10 options, found 1"),
        ([{**_ITEM, "a": ""}], {}, "1 questions without a usable answer, expected at most 0"),
        ([{**_ITEM, "n": 1}, {**_ITEM, "n": 1}], {"id": "n"}, "an id occurs twice"),
        ([7], {}, "question 1: expected an object, found int"),
        ([_ITEM, {**_ITEM, "q": None}], {}, "question 2: the question is empty"),
        ([{**_ITEM, "q": " "}], {}, "question 1: the question is empty"),
        ([{**_ITEM, "o": ["甲", "", "丙"]}], {}, "question 1: option 2 of 3 is blank"),
        ([{**_ITEM, "o": "甲||丙"}], {"options_separator": "|"}, "option 2 of 3 is blank"),
        ([{**_ITEM, "o": {"A": "甲", "C": "丙"}}], {}, "from A on, found A, C"),
        ([{**_ITEM, "o": {"1": "甲", "2": "乙"}}], {}, "from A on, found 1, 2"),
        ([], {}, "no questions"),
    ],
)
def test_a_question_that_cannot_be_asked_is_an_error(
    tmp_path: Path, rows: list[Any], more: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError) as caught:
        _read(tmp_path, rows, **more)
    assert said in str(caught.value)
    assert str(tmp_path / "b.jsonl") in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no such benchmark file"),
        (b'{"q": "x", "o": ["a", "b"], "a": "A"}\n{"q": ', "line 2: not jsonl in UTF-8"),
        ("问".encode("gbk"), "not jsonl in UTF-8"),
        (b'{"q": ' + b"1" * 5000 + b"}", "not jsonl in UTF-8"),
    ],
)
def test_an_unreadable_file_is_named(tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "b.jsonl").write_bytes(content)
    benchmark = Benchmark(
        file="b.jsonl", lang="zh", format="jsonl", question="q", options=["o"], answer="a"
    )
    with pytest.raises(InputError, match=said):
        read_all({"mc": benchmark}, tmp_path)


_ROWS = [
    {"q": "问题，一", "A": "甲", "B": "乙", "key": "B"},
    {"q": "二", "A": "丙", "B": "丁", "key": "A"},
]


def _layout(folder: Path, name: str, content: bytes, **more: Any) -> list[Item]:
    (folder / name).write_bytes(content)
    given = {"question": "q", "options": ["A", "B"], "answer": "key", "format": "csv", **more}
    return read_items("mc", Benchmark(file=name, lang="zh", **given), folder)


def _csv(codec: str, newline: str = "\n") -> bytes:
    lines = [",q,A,B,key", *(f'{n},"{r["q"]}",{r["A"]},{r["B"]},{r["key"]}'
                             for n, r in enumerate(_ROWS))]  # fmt: skip
    return (newline.join(lines) + newline).encode(codec)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("codec", "encoding"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-8-sig", "UTF-8"),
        ("gb18030", "gb18030"),
        ("utf-16", "utf-16"),
        ("utf-16-be", "utf-16-be"),
    ],
)
def test_encodings_and_line_ends(tmp_path: Path, codec: str, encoding: str, newline: str) -> None:
    items = _layout(tmp_path, "b.csv", _csv(codec, newline), encoding=encoding)
    assert [(i.question, i.options, i.answer) for i in items] == [
        ("问题，一", ("甲", "乙"), "B"),
        ("二", ("丙", "丁"), "A"),
    ]


def test_a_list_of_objects_and_a_file_without_header_hold_the_same(tmp_path: Path) -> None:
    items = _layout(tmp_path, "b.csv", _csv("utf-8"))
    listed = json.dumps(_ROWS, ensure_ascii=False, indent=1).encode()
    assert _layout(tmp_path, "b.json", listed, format="json") == items
    bare = _csv("utf-8").partition(b"\n")[2]
    by_number = {"question": "1", "options": ["2", "3"], "answer": "4"}
    assert _layout(tmp_path, "b.csv", bare, header=False, **by_number) == items


@pytest.mark.parametrize(
    ("content", "more", "said"),
    [
        (b'{"q": []}', {"format": "json"}, "expected one list of objects, found dict"),
        (b'{"q": 1}\n{"q": 2}', {"format": "json"}, "one object a line is format jsonl"),
        (b"[" * 100_000, {"format": "json"}, "not json in UTF-8"),
        (_csv("gb18030"), {}, "line 2: not csv in UTF-8"),
        (_csv("utf-8") + b"\n", {"encoding": "utf-16"}, "csv in UTF-16"),
        (b"q,A,B,key\n1,x,y,A\n2,x, y,z,A\n", {}, "line 3: 5 cells, expected 4"),
        (b"q,A,A,key\n1,x,y,A\n", {}, "column 'A' stands twice"),
        (b"x,A,B,key\n1,x,y,A\n", {}, "question 1: no field 'q', found 'x', 'A', 'B', 'key'"),
        (b"1,x,y,A\n", {"header": False}, "question 1: no field 'q', found '0', '1', '2', '3'"),
        (b"", {}, "no questions"),
    ],
)
def test_a_layout_that_is_not_the_declared_one_is_one_clear_line(
    tmp_path: Path, content: bytes, more: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError) as caught:
        _layout(tmp_path, "b.csv", content, **more)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"encoding": "gbkk"}, "encoding 'gbkk' is not known"),
        ({"answer_base": 0, "answer_text": True}, "answer_base"),
        ({"options_separator": "|"}, "options names several"),
        ({"header": False, "format": "json"}, "header: false is for csv"),
    ],
)
def test_an_entry_that_contradicts_itself_is_refused(more: dict[str, Any], said: str) -> None:
    entry = {"file": "b", "lang": "zh", "format": "csv", "question": "q", "options": ["A", "B"],
             "answer": "key", **more}  # fmt: skip
    with pytest.raises(msgspec.ValidationError, match=said):
        msgspec.convert(entry, Benchmark)
