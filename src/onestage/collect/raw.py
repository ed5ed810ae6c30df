"""What reading a raw file gives: records, what is wrong with a bad one, and where each lies."""

import re
from typing import Any, NamedTuple

from onestage.sources import Source

# No line or record is held that is longer; it is rejected and its bytes are passed over.
MAX_RECORD_BYTES = 16 * 2**20
# Deeper values are no data but an attack on whatever walks them; corpora have less than 10.
_MAX_DEPTH = 100

RawRecord = dict[str, Any]


class BadRecord(NamedTuple):
    """A record that could not be read: why, and what was seen."""

    reason: str
    detail: str


class Located(NamedTuple):
    """A raw record (or what is wrong with it) and its place: file and number from 1."""

    file: str
    record: int
    value: RawRecord | BadRecord


class Shard(NamedTuple):
    """A part of one file that is read by itself.

    `file` is relative to the source's path, `encoding` and `format` are resolved. `start` and
    `stop` are row groups of parquet, otherwise bytes on disk: a record belongs to the shard in
    which its first byte lies. A compressed file is one shard, from 0 to its size.
    """

    file: str
    path: str
    encoding: str
    format: str
    start: int
    stop: int


def oversized(offset: int, limit: int) -> BadRecord:
    """Return what is wrong with a record that begins at a byte offset and is too long."""
    return BadRecord("oversized", f"the record at byte {offset} is longer than {limit} bytes")


def undecodable(byte: int, offset: int, codec: str) -> BadRecord:
    """Return what is wrong with a record in which a byte, at this offset, does not decode."""
    return BadRecord(
        "undecodable", f"byte 0x{byte:02x} at byte {offset} does not decode as {codec}"
    )


def as_record(value: Any) -> RawRecord | BadRecord:
    """Return a value of JSON as a record; a bare string has one field, `text`."""
    if isinstance(value, str):
        return {"text": value}
    if isinstance(value, dict):
        return value
    return BadRecord("unmappable", f"expected an object or a string, found {type(value).__name__}")


def half_pair(value: Any) -> BadRecord | None:
    r"""Return what is wrong with a value of JSON that holds half of a pair (`\ud83d`).

    It has no form in UTF-8 and cannot be written.
    """
    try:
        "".join(_strings(value)).encode()
    except UnicodeEncodeError as error:
        return BadRecord(
            "undecodable", f"half of a surrogate pair, U+{ord(error.object[error.start]):04X}"
        )
    return None


def too_deep(value: Any) -> BadRecord | None:
    """Return what is wrong with a value that is nested too deeply to be walked."""
    level, depth = [value], 0
    while level:
        if depth > _MAX_DEPTH:
            return BadRecord("unparsable", f"nested more than {_MAX_DEPTH} levels deep")
        walked = (outer for outer in level if isinstance(outer, dict | list))
        level = [item for outer in walked for item in _items(outer)]
        depth += 1
    return None


def _items(outer: dict[str, Any] | list[Any]) -> list[Any]:
    return list(outer.values()) if isinstance(outer, dict) else outer


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for item in (*value, *value.values()) for text in _strings(item)]
    if isinstance(value, list):
        return [text for item in value for text in _strings(item)]
    return []


def wanted_fields(source: Source) -> list[str]:
    """Return every field name that the source's mapping asks for."""
    fields = source.fields
    texts = [name for text in fields.text for name in placeholders(text) or [text]]
    named = [*texts, fields.title, fields.messages, *fields.instruction, fields.output]
    return [name for name in named if name]


def placeholders(text: str) -> list[str]:
    """Return the field names in braces of a sentence made of fields.

    >>> placeholders("{name} is treated by {department}.")
    ['name', 'department']
    """
    return re.findall(r"\{([^{}]+)\}", text)
