"""Maps raw records onto documents and conversations, by the source's `fields`."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from onestage.collect.personal import mask
from onestage.collect.raw import BadRecord, RawRecord, placeholders
from onestage.normalise import normalise
from onestage.records import Message
from onestage.sources import Fields


class Document(NamedTuple):
    """A normalised document; `text` may be empty. `masked` counts personal data by kind."""

    title: str
    text: str
    masked: dict[str, int]


class Turns(NamedTuple):
    """The normalised messages of a conversation; `masked` counts personal data by kind."""

    messages: list[Message]
    masked: dict[str, int]


# Regular expressions and their replacements.
Edits = Sequence[tuple[str, str]]
# A wrapped line is nearly as long as the longest one, in columns, of which ideographs take
# two; one with many gaps is a row of items that may well end where it ends.
_WRAPPED_MIN_COLUMNS = 40
_WRAPPED_MIN_SHARE = 0.6
# What is so much longer than half of the long lines was joined before, or never broken.
_OUTLIER = 1.3
_ITEM_GAPS = 4
_TAIL_COLUMNS = 8
_SENTENCE_ENDS = tuple("。！？.!?…）)")
_NUMBER_GOES_ON = re.compile(r"[.,]?\d")
_NEVER_FIRST = tuple("，。、；：！？）》〉」』”’,.;:!?)")


def to_document(
    record: RawRecord,
    fields: Fields,
    *,
    replace: Edits = (),
    wrapped: bool = False,
    mask_personal: bool = True,
) -> Document | BadRecord:
    """Map a corpus record: text fields joined by a line break, edited, then normalised.

    Personal data are masked last, when a number broken at the end of a line is whole again.
    """
    edited = _edited(record, replace)
    texts = [_text(edited, name) for name in fields.text]
    title = _string(edited, fields.title) if fields.title else ""
    for value in (*texts, title):
        if isinstance(value, BadRecord):
            return value
    joined = normalise("\n".join(text for text in texts if isinstance(text, str) and text.strip()))
    return Document(
        *_masked(
            normalise(str(title)).replace("\n", " "),
            unwrapped(joined) if wrapped else joined,
            mask_personal=mask_personal,
        )
    )


def _masked(*texts: str, mask_personal: bool) -> tuple[Any, ...]:
    """Return the texts, masked if so wished, and after them how often each kind was masked."""
    if not mask_personal:
        return *texts, {}
    found = [mask(text) for text in texts]
    return *(text for text, _ in found), dict(sum((counts for _, counts in found), Counter()))


def unwrapped(text: str) -> str:
    """Join lines that were broken at a fixed width within a sentence; others stay.

    The width shows in the longest line, but for single ones that are no line of print. A line
    runs on if a bracket is open at its end, if the next one begins with a mark that cannot
    begin one, or if it is long (or the tail of a long one), has no sentence's end at its end
    and is no row of items. Ideographs are joined and a number's parts as they stand, words by
    a space.
    """
    lines = text.split("\n")
    width = _width(lines)
    joined = lines[:1]
    for before, line in pairwise(lines):
        if before and line and _runs_on(joined[-1], before, line, width):
            joined[-1] += _joint(before, line) + line
        else:
            joined.append(line)
    return "\n".join(joined)


def _width(lines: Sequence[str]) -> int:
    columns = sorted(map(_columns, lines))
    long = [width for width in columns if width >= _WRAPPED_MIN_COLUMNS] or columns
    return max(width for width in long if width <= _OUTLIER * long[len(long) // 2])


def _joint(before: str, line: str) -> str:
    """Return what joins two lines. Text with ideographs may be broken within a number."""
    if not (before[-1].isascii() and line[0].isascii()):
        return ""
    in_number = before[-1].isdigit() and _NUMBER_GOES_ON.match(line)
    return "" if in_number and not (before + line).isascii() else " "


def _runs_on(sentence: str, before: str, line: str, width: int) -> bool:
    is_tail = sentence != before and _columns(before) <= _TAIL_COLUMNS
    columns = width if is_tail else _columns(before)
    if columns < _WRAPPED_MIN_COLUMNS:
        return False
    if sentence.count("（") > sentence.count("）") or line.startswith(_NEVER_FIRST):
        return True
    return (
        columns >= _WRAPPED_MIN_SHARE * width
        and not before.endswith(_SENTENCE_ENDS)
        and before.count(" ") < _ITEM_GAPS
    )


def _columns(line: str) -> int:
    return sum(1 if character.isascii() else 2 for character in line)


def _edited(value: Any, replace: Edits) -> Any:
    """Return a nested raw value with each replacement made in each of its strings, in order."""
    if isinstance(value, str):
        for pattern, replacement in replace:
            value = re.sub(pattern, replacement, value, flags=re.MULTILINE)
        return value
    if isinstance(value, dict) and replace:
        return {key: _edited(item, replace) for key, item in value.items()}
    if isinstance(value, list) and replace:
        return [_edited(item, replace) for item in value]
    return value


def to_messages(
    record: RawRecord, fields: Fields, *, replace: Edits = (), mask_personal: bool = True
) -> Turns | BadRecord:
    """Map an SFT record: alternating user and assistant turns, each edited and normalised.

    A source without outputs gives the user turn alone.
    """
    edited = _edited(record, replace)
    contents = (
        _turns(_value(edited, fields.messages), fields.messages)
        if fields.messages
        else _question_and_answer(edited, fields)
    )
    if isinstance(contents, BadRecord):
        return contents
    *masked_contents, masked = _masked(*map(normalise, contents), mask_personal=mask_personal)
    messages = [
        Message(role="assistant" if index % 2 else "user", content=content)
        for index, content in enumerate(masked_contents)
    ]
    return Turns(messages, masked)


def _question_and_answer(record: RawRecord, fields: Fields) -> list[str] | BadRecord:
    """Return both turns, or the instruction alone where the source has no output."""
    names = [*fields.instruction, fields.output] if fields.output else fields.instruction
    parts = [_string(record, name) for name in names]
    for value in parts:
        if isinstance(value, BadRecord):
            return value
    texts = [str(part) for part in parts]
    asked = texts[: len(fields.instruction)]
    answered = texts[len(fields.instruction) :]
    return ["\n".join(text for text in asked if text.strip()), *answered]


def _turns(value: Any, name: str) -> list[str] | BadRecord:
    if isinstance(value, BadRecord):
        return value
    if not isinstance(value, list) or not value or len(value) % 2:
        return BadRecord("unmappable", f"{name}: expected pairs of user and assistant turns")
    contents: list[str] = []
    for index, turn in enumerate(value):
        expected = "assistant" if index % 2 else "user"
        content = turn.get("content") if isinstance(turn, dict) else None
        if not isinstance(content, str) or turn.get("role") != expected:
            return BadRecord("unmappable", f"{name}[{index}]: expected a turn of role {expected}")
        contents.append(content)
    return contents


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


def _text(record: RawRecord, template: str) -> str | BadRecord:
    """Return a field, or a sentence made of fields, empty where one of them is empty."""
    names = placeholders(template)
    if not names:
        return _string(record, template)
    values: dict[str, str] = {}
    for name in names:
        value = _string(record, name)
        if isinstance(value, BadRecord) or not value.strip():
            return value if isinstance(value, BadRecord) else ""
        values[name] = value.strip()
    return template.format_map(values)


def _string(record: RawRecord, name: str) -> str | BadRecord:
    value = _value(record, name)
    if value is None:
        return ""
    if isinstance(value, BadRecord | str):
        return value
    return BadRecord("unmappable", f"{name}: expected a string, found {type(value).__name__}")
