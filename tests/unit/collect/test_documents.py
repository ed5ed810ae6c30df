from typing import Any

import pytest

from onestage.collect.documents import Document, to_document, to_messages, unwrapped
from onestage.collect.raw import BadRecord
from onestage.records import Message
from onestage.sources import Fields


def test_text_fields_are_joined_by_a_line_break() -> None:
    record = {"t": "标 题\n二", "a": "甲 ", "b": None, "c": "丙", "d": "  "}
    fields = Fields(text=["a", "b", "c", "d"], title="t")
    assert to_document(record, fields) == Document("标 题 二", "甲\n丙", {})


def test_nested_fields_and_a_name_with_a_point() -> None:
    assert to_document({"a": {"b": "甲"}}, Fields(text=["a.b"])).text == "甲"  # type: ignore[union-attr]
    assert to_document({"a.b": "乙"}, Fields(text=["a.b"])).text == "乙"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("record", "said"),
    [({"x": "甲"}, "no field 'a'; found 'x'"), ({"a": 3}, "a: expected a string, found int")],
)
def test_an_unmappable_record_is_bad(record: dict[str, Any], said: str) -> None:
    found = to_document(record, Fields(text=["a"]))
    assert isinstance(found, BadRecord)
    assert said in found.detail


def test_an_instruction_without_output_is_one_turn() -> None:
    turns = to_messages({"q": "发热", "more": "怎么办？"}, Fields(instruction=["q", "more"]))
    assert not isinstance(turns, BadRecord)
    assert turns.messages == [Message(role="user", content="发热\n怎么办？")]


def test_instruction_and_output_become_two_turns() -> None:
    record = {"q": "问", "more": "补充", "empty": "", "a": "答"}
    fields = Fields(instruction=["q", "more", "empty"], output="a")
    expected = [Message("user", "问\n补充"), Message("assistant", "答")]
    assert to_messages(record, fields) == (expected, {})


def test_personal_data_are_masked_and_counted_unless_it_is_unwanted() -> None:
    record = {"t": "致 a@b.cn", "a": "电话13800138000或13900139000", "b": "答 c@d.cn"}
    fields = Fields(text=["a"], title="t")
    masked = Document("致 [EMAIL]", "电话[PHONE]或[PHONE]", {"EMAIL": 1, "PHONE": 2})
    assert to_document(record, fields) == masked
    plain = Document(record["t"], record["a"], {})
    assert to_document(record, fields, mask_personal=False) == plain
    turns = to_messages(record, Fields(instruction=["a"], output="b"))
    assert turns == (
        [Message("user", "电话[PHONE]或[PHONE]"), Message("assistant", "答 [EMAIL]")],
        {"PHONE": 2, "EMAIL": 1},
    )


def test_a_number_broken_at_the_end_of_a_line_is_masked() -> None:
    wide = "阳" * 30
    found = to_document({"a": f"{wide}电话138\n00138000。"}, Fields(text=["a"]), wrapped=True)
    assert found == ("", f"{wide}电话[PHONE]。", {"PHONE": 1})


def _turn(role: str, content: object) -> dict[str, object]:
    return {"role": role, "content": content}


@pytest.mark.parametrize(
    "turns",
    [
        "text",
        [],
        [_turn("user", "a")],
        [_turn("assistant", "a"), _turn("user", "b")],
        [_turn("user", "a"), _turn("assistant", None)],
        [_turn("system", "a"), _turn("user", "b")],
        ["a", "b"],
    ],
)
def test_turns_must_alternate(turns: object) -> None:
    found = to_messages({"m": turns}, Fields(messages="m"))
    assert isinstance(found, BadRecord)
    assert found.reason == "unmappable"
    assert found.detail.startswith("m")


@pytest.mark.parametrize(
    ("before", "line", "joined"),
    [
        ("口服1", "0mg", "口服10mg"),
        ("口服1", ".5mg", "口服1.5mg"),
        ("口服10", "mg", "口服10 mg"),
        ("a" * 50 + " in 1995", "30 patients", "a" * 50 + " in 1995 30 patients"),
    ],
)
def test_a_number_broken_between_ideographs_is_joined(before: str, line: str, joined: str) -> None:
    wide = "阳" * 30 if before.startswith("口") else ""
    assert unwrapped(f"{wide}{before}\n{line}") == wide + joined
