"""Records of plain text: a whole file, its sections, paragraphs or lines."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from onestage.collect.encodings import decoded, newline
from onestage.collect.lines import ByteLines, shard_lines
from onestage.collect.opening import stem
from onestage.collect.raw import BadRecord, RawRecord, Shard, oversized
from onestage.sources import Source


class _Line(NamedTuple):
    r"""A line that ends with `\n`, its offset, and what is wrong with it."""

    text: str
    offset: int
    fault: BadRecord | None


class _Unit:
    """The lines of one record; nothing is held of a record that is too long."""

    def __init__(self, title: str, limit: int, *, headed: bool = False) -> None:
        self.title = title
        self.headed = headed
        self.filled = False
        self._limit = limit
        self._texts: list[str] = []
        self._chars = 0
        self._begin: int | None = None
        self._fault: BadRecord | None = None

    def add(self, line: _Line) -> None:
        """Append a line."""
        self._begin = line.offset if self._begin is None else self._begin
        self._chars += len(line.text)
        self._fault = self._fault or line.fault
        self.filled = self.filled or line.fault is not None or not line.text.isspace()
        if self._chars > self._limit:
            self._texts, self._fault = [], oversized(self._begin, self._limit)
        elif self._fault is None:
            self._texts.append(line.text)

    def fail(self, line: _Line) -> None:
        """Let a heading that does not decode spoil the section that it begins."""
        self._begin, self._fault = line.offset, line.fault

    def record(self) -> RawRecord | BadRecord:
        """Return what the lines make."""
        return self._fault or {"title": self.title, "text": "".join(self._texts)}


def read_txt(shard: Shard, source: Source, limit: int) -> Iterator[RawRecord | BadRecord]:
    """Yield one record a file, section, blank-line paragraph or line.

    `title` is a section's heading, otherwise the file's stem.
    """
    title = stem(Path(shard.path))
    with shard_lines(shard, limit) as byte_lines:
        lines = _lines(byte_lines)
        if source.record == "line":
            for line in lines:
                yield line.fault or {"title": title, "text": line.text}
        elif source.record == "paragraph":
            yield from _paragraphs(lines, title, limit)
        elif source.record == "section":
            yield from _sections(lines, re.compile(source.heading), title, limit)
        else:
            unit = _Unit(title, limit)
            for line in lines:
                unit.add(line)
            yield unit.record()


def _lines(byte_lines: ByteLines) -> Iterator[_Line]:
    r"""Yield lines that end with `\n`, whether they ended with LF, CR LF, CR CR LF or CR."""
    codec = byte_lines.codec
    for offset, data in byte_lines:
        if data is None:
            yield _Line("", offset, oversized(offset, byte_lines.limit))
            continue
        text = decoded(data, codec, offset)
        if isinstance(text, BadRecord):
            yield from _damaged(data, codec, offset)
        elif "\r" not in text:
            yield _Line(text if text[-1:] == "\n" else f"{text}\n", offset, None)
        else:
            for part in text.rstrip("\r\n").split("\r"):
                yield _Line(f"{part}\n", offset, None)


def _damaged(data: bytes, codec: str, offset: int) -> Iterator[_Line]:
    """Part bytes that do not decode at lone CRs, so that few lines are lost."""
    if len(newline(codec)) > 1:
        fault = decoded(data, codec, offset)
        replaced = data.decode(codec, "replace").rstrip("\r\n")
        yield _Line(f"{replaced}\n", offset, fault if isinstance(fault, BadRecord) else None)
        return
    for part in data.rstrip(b"\r\n").split(b"\r"):
        text = decoded(part, codec, offset)
        if isinstance(text, BadRecord):
            yield _Line(f"{part.decode(codec, 'replace')}\n", offset, text)
        else:
            yield _Line(f"{text}\n", offset, None)
        offset += len(part) + 1


def _sections(
    lines: Iterator[_Line], heading: re.Pattern[str], title: str, limit: int
) -> Iterator[RawRecord | BadRecord]:
    """Yield what stands under each heading; what precedes the first one has the file's name."""
    unit = _Unit(title, limit)
    for line in lines:
        match = heading.match(line.text.removesuffix("\n"))
        if match is None:
            unit.add(line)
            continue
        if unit.headed or unit.filled:
            yield unit.record()
        unit = _Unit(match[1] or "", limit, headed=True)
        if line.fault:
            unit.fail(line)
    if unit.headed or unit.filled:
        yield unit.record()


def _paragraphs(lines: Iterator[_Line], title: str, limit: int) -> Iterator[RawRecord | BadRecord]:
    unit = _Unit(title, limit)
    for line in lines:
        if line.fault or not line.text.isspace():
            unit.add(line)
        elif unit.filled:
            yield unit.record()
            unit = _Unit(title, limit)
    if unit.filled:
        yield unit.record()


def record_boundary(lines: ByteLines, source: Source) -> int | None:
    """Return the offset of the next line at which a paragraph or section surely begins."""
    heading = re.compile(source.heading)
    for offset, data in lines:
        text = decoded(data, lines.codec, offset) if data is not None else None
        if not isinstance(text, str):
            continue
        first = text.rstrip("\r\n").split("\r")[0]
        if source.record == "section" and heading.match(first):
            return offset
        if source.record == "paragraph" and not text.strip():
            return lines.position
    return None
