"""Records of JSON Lines and of JSON lists, each parsed by itself.

Lists are read through `json` piece by piece rather than with an event parser: those turn half
of a surrogate pair into a question mark, and end at the first record that is broken.
"""

import json
import re
from collections.abc import Iterator
from json import JSONDecodeError
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from onestage.collect.encodings import byte_order_mark, decoded, is_ascii_safe, newline
from onestage.collect.lines import ByteLines, shard_lines
from onestage.collect.opening import open_raw
from onestage.collect.raw import (
    MAX_RECORD_BYTES,
    BadRecord,
    RawRecord,
    Shard,
    as_record,
    half_pair,
    oversized,
    too_deep,
    undecodable,
)
from onestage.sources import Source

_fast = msgspec.json.Decoder().decode
# So many brackets cannot be nested more deeply than is read.
_FEW_BRACKETS = 100


def read_jsonl(shard: Shard, source: Source, limit: int) -> Iterator[RawRecord | BadRecord]:  # noqa: ARG001
    """Yield one record a line; blank lines are none."""
    is_utf8 = shard.encoding == "utf-8"
    with shard_lines(shard, limit) as lines:
        for offset, line in lines:
            if line is None:
                yield oversized(offset, limit)
                continue
            if is_utf8 and line.count(b"[") + line.count(b"{") <= _FEW_BRACKETS:
                # Only an accelerator: whatever it refuses is judged by `json`.
                try:
                    yield as_record(_fast(line))
                    continue
                except (msgspec.MsgspecError, UnicodeDecodeError):
                    pass
            text = decoded(line, shard.encoding, offset)
            if isinstance(text, BadRecord):
                yield text
            elif text.strip():
                yield _parsed(text, offset)


def _parsed(text: str, offset: int) -> RawRecord | BadRecord:
    try:
        value = json.loads(text)
    except JSONDecodeError as error:
        return BadRecord("unparsable", f"at byte {offset}: invalid JSON: {error.msg}")
    except RecursionError:
        return BadRecord("unparsable", f"at byte {offset}: nested too deeply")
    except ValueError as error:  # a number of more digits than are read
        return BadRecord("unparsable", f"at byte {offset}: {error}")
    return _checked(value)


def _checked(value: Any) -> RawRecord | BadRecord:
    return too_deep(value) or half_pair(value) or as_record(value)


def holds_json_lines(path: Path, codec: str) -> bool:
    """Say whether a .json file has a whole value on its first line and something after it.

    So has a file of JSON Lines, and no JSON document. The first lines are looked at.
    """
    with open_raw(path) as stream:
        lines = ByteLines(stream, codec, stop=2**63, limit=MAX_RECORD_BYTES)
        filled = (line for _, line in lines if line is None or not _is_blank(line, codec))
        first, second = next(filled, None), next(filled, b"")
    if first is None or second == b"":
        return False
    text = decoded(first, codec, 0)
    return isinstance(text, str) and not isinstance(_parsed(text, 0), BadRecord)


def _is_blank(line: bytes, codec: str) -> bool:
    return not (line.strip() if is_ascii_safe(codec) else line.decode(codec, "replace").strip())


def read_json(shard: Shard, source: Source, limit: int) -> Iterator[RawRecord | BadRecord]:
    """Yield the items of the list to which the source's `record` leads.

    Raises:
        ValueError: invalid JSON, or no list there; a broken item is the file's fault.
    """
    keys = source.record.split(".") if source.record else []
    with open_raw(Path(shard.path)) as stream:
        text = _Text(MarkedText(stream, shard.encoding), limit)
        yield from _below(text, keys)
        if text.next_character():
            raise ValueError(
                f"more follows at character {text.place}; "
                "a file with one JSON value a line needs format: jsonl"
            )


def _below(text: "_Text", keys: list[str]) -> Iterator[RawRecord | BadRecord]:
    """Walk down to the list of records; a list on the way is walked item by item."""
    opening = text.next_character()
    if opening == "[":
        for _ in text.items():
            if keys:
                yield from _below(text, keys)
            else:
                yield text.record()
    elif opening == "{" and keys:
        found = False
        for key in text.members():
            if key == keys[0]:
                found = True
                yield from _below(text, keys[1:])
            else:
                text.skip()
        if not found:
            raise ValueError(f"no key {keys[0]!r} on the way to the records; mend its record")
    else:
        kind = {"{": "dict", '"': "str", "": "nothing"}.get(opening, "no list")
        raise ValueError(
            f"expected a JSON list, found {kind}; "
            "name the keys that lead to it in the source's record"
        )


class MarkedText:
    """Text of a stream in blocks; a byte that does not decode gives one surrogate.

    `faults` holds for each such character, by its place in the text, the byte and its offset.
    """

    _BLOCK_BYTES = 2**20
    # A block with more is no damaged text but one in another encoding.
    _MAX_FAULTS = 10_000
    # An ASCII character of these is never part of a longer one nor of an escape of JSON.
    _CUTS = (b",", b" ", b'"', b"\n")

    def __init__(self, stream: BinaryIO, codec: str) -> None:
        self.codec = codec
        self.faults: dict[int, tuple[int, int]] = {}
        self._stream = stream
        self._rest = b""
        self._offset = 0
        self._chars = 0
        mark = byte_order_mark(codec)
        if mark and stream.peek(len(mark)).startswith(mark):  # type: ignore[attr-defined]
            self._offset = len(stream.read(len(mark)))

    def block(self) -> str:
        """Return some more text, "" at the end."""
        while True:
            read = self._stream.read(self._BLOCK_BYTES)
            data = self._rest + read
            cut = self._cut(data) if read else len(data)
            text = self._decode(data[:cut])
            self._rest = data[cut:]
            self._chars += len(text)
            self._offset += cut
            if text or not read:
                return text

    def _cut(self, data: bytes) -> int:
        """Return where the last whole character ends, and with it no escape is open."""
        width = len(newline(self.codec))
        if width > 1:
            cut = len(data) - len(data) % width
            last = data[cut - width : cut].decode(self.codec, "surrogatepass")
            return cut - width if "\ud800" <= last <= "\udbff" else cut
        cut = max(data.rfind(mark) for mark in self._CUTS) + 1
        return cut if cut or len(data) < MAX_RECORD_BYTES else len(data)

    def _decode(self, data: bytes) -> str:
        parts, begin, chars = list[str](), 0, self._chars
        while True:
            try:
                parts.append(data[begin:].decode(self.codec))
                return "".join(parts)
            except UnicodeDecodeError as error:
                good = data[begin : begin + error.start].decode(self.codec)
                place, width = begin + error.start, error.end - error.start
            parts += [good, "\udc80"]
            chars += len(good) + 1
            self.faults[chars - 1] = (data[place], self._offset + place)
            begin = place + width
            if len(self.faults) > self._MAX_FAULTS:
                raise ValueError(f"does not decode from byte {min(self.faults.values())[1]} on")


_BLANK = re.compile(r"[ \t\n\r]*+")
_STRING_REST = re.compile(r'(?:[^"\\]++|\\.)*+', re.DOTALL)
_STRUCTURE = re.compile(r'["\[\]{}]')


class _Text:
    """A window on JSON text: as much as the value needs that is read, and never much more."""

    def __init__(self, source: MarkedText, limit: int) -> None:
        self._source = source
        self._limit = limit
        self._buffer = ""
        self._at = 0
        self._base = 0
        self._decode = json.JSONDecoder().raw_decode

    @property
    def place(self) -> int:
        """Place of the next character in the whole text."""
        return self._base + self._at

    def _more(self) -> bool:
        """Drop what was read, append a block; False at the end."""
        block = self._source.block()
        faults = self._source.faults
        for place in [place for place in faults if place < self.place]:
            del faults[place]
        self._base += self._at
        self._buffer, self._at = self._buffer[self._at :] + block, 0
        return bool(block)

    def next_character(self) -> str:
        """Return the next character that is not blank, without passing it; "" at the end."""
        while True:
            match = _BLANK.match(self._buffer, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._more():
                return ""

    def _pass(self, expected: str) -> str:
        """Pass one of the expected characters and return it."""
        found = self.next_character()
        if not found or found not in expected:
            raise ValueError(
                f"invalid JSON at character {self.place}: expected {' or '.join(expected)}, "
                f"found {found!r}"
            )
        self._at += 1
        return found

    def items(self) -> Iterator[None]:
        """Stop before each item of the list that begins here; the caller passes it."""
        self._pass("[")
        if self.next_character() == "]":
            self._pass("]")
            return
        yield
        while self._pass(",]") == ",":
            yield

    def members(self) -> Iterator[str]:
        """Stop before each value of the object that begins here and yield its key."""
        self._pass("{")
        if self.next_character() == "}":
            self._pass("}")
            return
        while True:
            self.next_character()
            key = self._value()
            if not isinstance(key, str):
                raise ValueError(f"invalid JSON before character {self.place}: expected a key")
            self._pass(":")
            yield key
            if self._pass(",}") == "}":
                return

    def skip(self) -> None:
        """Pass a value."""
        self.next_character()
        if self._value() is _TOO_LONG:
            self._skip_long()

    def record(self) -> RawRecord | BadRecord:
        """Pass a value and return it as a record."""
        self.next_character()
        begin = self.place
        value = self._value()
        if value is _TOO_LONG:
            self._skip_long()
            return BadRecord(
                "oversized",
                f"the record at character {begin} is longer than {self._limit} characters",
            )
        end = self.place
        places = (place for place in self._source.faults if begin <= place < end)
        fault = min(places, default=None) if self._source.faults else None
        if fault is not None:
            return undecodable(*self._source.faults[fault], self._source.codec)
        return _checked(value)

    def _value(self) -> Any:
        """Parse the value that begins here and pass it; stay where it is too long."""
        while True:
            value, end = self._attempt()
            # At the end of the buffer a number may go on.
            if end < len(self._buffer) or len(self._buffer) - self._at > self._limit:
                break
            if not self._more():
                value, end = self._last()
                break
        if end - self._at > self._limit:
            return _TOO_LONG
        self._at = end
        return value

    def _attempt(self) -> tuple[Any, int]:
        """Parse a value; the end lies beyond the buffer if more of the text is needed."""
        try:
            return self._decode(self._buffer, self._at)
        except JSONDecodeError as error:
            if self._is_cut(error):
                return None, len(self._buffer) + 1
            raise ValueError(
                f"invalid JSON at character {self._base + error.pos}: {error.msg}"
            ) from error

    def _is_cut(self, error: JSONDecodeError) -> bool:
        """Say whether a value is invalid for want of the text that follows."""
        return error.msg.startswith("Unterminated") or error.pos > len(self._buffer) - 16

    def _last(self) -> tuple[Any, int]:
        try:
            return self._decode(self._buffer, self._at)
        except JSONDecodeError as error:
            raise ValueError(f"invalid JSON, the file ends early: {error.msg}") from error

    def _skip_long(self) -> None:
        """Pass a list, object or string by its brackets and quotes alone."""
        depth = 0
        while True:
            opening = self.next_character() if depth == 0 else self._structure()
            if not opening:
                raise ValueError("invalid JSON, the file ends early")
            if opening not in '"[]{}':
                raise ValueError(f"invalid JSON at character {self.place}")
            self._at += 1
            if opening == '"':
                self._skip_string()
            else:
                depth += 1 if opening in "[{" else -1
            if depth == 0:
                return

    def _structure(self) -> str:
        while True:
            match = _STRUCTURE.search(self._buffer, self._at)
            self._at = match.start() if match else len(self._buffer)
            if match or not self._more():
                return match[0] if match else ""

    def _skip_string(self) -> None:
        while True:
            match = _STRING_REST.match(self._buffer, self._at)
            self._at = match.end() if match else self._at
            if self._buffer[self._at : self._at + 1] == '"':
                self._at += 1
                return
            if not self._more():
                raise ValueError("invalid JSON, the file ends early")


_TOO_LONG = object()
