"""Conversations made from a passage: the parts that all forms share, and raw text."""

from onestage.identity import content_id
from onestage.records import Conversation, Message, Passage


def as_raw(passage: Passage) -> Conversation:
    """Return the passage itself as training text: no instruction, all of it is output."""
    return conversation(passage, messages=[], text=passage.text, via="raw")


def is_unanswered(record: Conversation) -> bool:
    """Return whether a conversation ends with an instruction."""
    return bool(record.messages) and record.messages[-1].role == "user"


def turns(instruction: str, output: str) -> list[Message]:
    """Return one user turn and one assistant turn."""
    return [Message(role="user", content=instruction), Message(role="assistant", content=output)]


def conversation(passage: Passage, *, messages: list[Message], text: str, via: str) -> Conversation:
    """Return a conversation made from a passage.

    Its id depends on the passage alone: whatever the mode, the same duplicates go, the same
    records are held out, and the rest stands in the same order.
    """
    return Conversation(
        id=content_id(passage.id, "conversation"),
        source=passage.source,
        kind=passage.kind,
        lang=passage.lang,
        messages=messages,
        text=text,
        passage=passage.text,
        parent=passage.id,
        file=passage.file,
        record=passage.record,
        via=via,
    )
