"""Halves are cut where a reader would cut, near the middle, and lose white space only."""

import pytest
from given import conversation
from hypothesis import given
from hypothesis import strategies as st

from onestage.pack.splitting import halves, own_chars
from onestage.records import Conversation


def _texts(parts: tuple[Conversation, ...]) -> list[str]:
    return [part.text or part.messages[-1].content for part in parts]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("甲甲。乙乙。丙丙。丁丁。", ["甲甲。乙乙。", "丙丙。丁丁。"]),
        ("甲。乙乙乙乙乙乙。丙。", ["甲。", "乙乙乙乙乙乙。丙。"]),
        ("Take 2.5 mg b.i.d. now. Then rest.\n\nCome back.", None),
        ("服5.0 mg。\n再服2.5 mg。", ["服5.0 mg。", "再服2.5 mg。"]),
        ("only one sentence, at 2.5 mg", []),
        ("动脉血的 pH 7。4 属于正常", []),
        ("每次服用 10\nmg 即可", []),
        ("每次服５．５ｍｇ。两次。", ["每次服５．５ｍｇ。", "两次。"]),
        ("每次服用 10\nmg 即可。\n两次。", ["每次服用 10\nmg 即可。", "两次。"]),
        ("共测 3\n\n收缩压高。", ["共测 3", "收缩压高。"]),
    ],
)
def test_text_is_cut_at_the_sentence_end_nearest_to_the_middle(
    text: str, expected: list[str] | None
) -> None:
    if expected is None:
        expected = ["Take 2.5 mg b.i.d. now.", "Then rest.\n\nCome back."]
    raw, chat = conversation(source="web", text=text), conversation("q", text)
    assert _texts(halves(raw, by_turns=False)) == expected
    parts = halves(chat, by_turns=False)
    assert _texts(parts) == expected
    assert [part.messages[0] for part in parts] == chat.messages[:1] * len(expected)
    assert all(part.id == chat.id for part in parts)


def test_a_conversation_is_cut_between_turns() -> None:
    chat = conversation("q1", "a" * 30, "q2", "a", "q3", "a", "q4", "a")
    first, second = halves(chat, by_turns=True)
    assert first.messages == chat.messages[:2]
    assert second.messages == chat.messages[2:]
    assert halves(first, by_turns=True) == ()


@given(st.text(st.sampled_from("甲5. \n。!?ab"), max_size=40))
def test_white_space_is_all_that_is_lost(text: str) -> None:
    parts = _texts(halves(conversation(source="web", text=text or "a"), by_turns=False))
    if parts:
        assert all(parts)
        assert text.startswith(parts[0])
        assert text.endswith(parts[1])
        assert text[len(parts[0]) : len(text) - len(parts[1])].strip() == ""


def test_own_characters_count_a_repeated_instruction_not_at_all() -> None:
    assert own_chars(conversation(source="web", text="甲乙"), by_turns=False) == 2
    assert own_chars(conversation("qqq", "答案"), by_turns=False) == 2
    assert own_chars(conversation("q", "a", "qq", "aa"), by_turns=True) == 6
