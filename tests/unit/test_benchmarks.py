"""Questions come in many layouts and leave as one."""

import json
from pathlib import Path
from typing import Any

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
        ([{**_ITEM, "a": 3}], {"answer_base": 0}, "question 1: answer 3 is none of the 3 options"),
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
