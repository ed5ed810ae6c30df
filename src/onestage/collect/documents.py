"""Maps raw records onto documents and conversations, by the source's `fields`."""

from typing import Any, NamedTuple

from onestage.collect.normalise import normalise
from onestage.collect.readers import BadRecord, RawRecord
from onestage.records import Message
from onestage.sources import Fields


class Document(NamedTuple):
    """A normalised document; `text` may be empty."""

    title: str
    text: str


def to_document(record: RawRecord, fields: Fields) -> Document | BadRecord:
    """Map a corpus record: text fields joined by a line break, then normalised."""
    texts = [_string(record, name) for name in fields.text]
    title = _string(record, fields.title) if fields.title else ""
    for value in (*texts, title):
        if isinstance(value, BadRecord):
            return value
    joined = "\n".join(text for text in texts if isinstance(text, str) and text.strip())
    return Document(normalise(str(title)).replace("\n", " "), normalise(joined))


def to_messages(record: RawRecord, fields: Fields) -> list[Message] | BadRecord:
    """Map an SFT record: alternating user and assistant turns, each normalised."""
    if fields.messages:
        return _turns(_value(record, fields.messages), fields.messages)
    parts = [_string(record, name) for name in (*fields.instruction, fields.output)]
    for value in parts:
        if isinstance(value, BadRecord):
            return value
    texts = [str(part) for part in parts]
    instruction = "\n".join(text for text in texts[:-1] if text.strip())
    return [
        Message(role="user", content=normalise(instruction)),
        Message(role="assistant", content=normalise(texts[-1])),
    ]


def _turns(value: Any, name: str) -> list[Message] | BadRecord:
    if isinstance(value, BadRecord):
        return value
    if not isinstance(value, list) or not value or len(value) % 2:
        return BadRecord("unmappable", f"{name}: expected pairs of user and assistant turns")
    messages: list[Message] = []
    for index, turn in enumerate(value):
        expected = "assistant" if index % 2 else "user"
        content = turn.get("content") if isinstance(turn, dict) else None
        if not isinstance(content, str) or turn.get("role") != expected:
            return BadRecord("unmappable", f"{name}[{index}]: expected a turn of role {expected}")
        messages.append(
            Message(role="assistant" if index % 2 else "user", content=normalise(content))
        )
    return messages


def _value(record: RawRecord, name: str) -> Any:
    """Return a field by its name, or by a path of keys parted by points."""
    if name in record:
        return record[name]
    value: Any = record
    for key in name.split("."):
        if not isinstance(value, dict) or key not in value:
            found = ", ".join(map(repr, record))
            return BadRecord("unmappable", f"no field {name!r}; found {found}")
        value = value[key]
    return value


def _string(record: RawRecord, name: str) -> str | BadRecord:
    value = _value(record, name)
    if value is None:
        return ""
    if isinstance(value, BadRecord | str):
        return value
    return BadRecord("unmappable", f"{name}: expected a string, found {type(value).__name__}")
