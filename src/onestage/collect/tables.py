"""Rows of csv, tsv and parquet as records."""

import csv
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from pyarrow import parquet, types

from onestage.collect.encodings import decoded, newline
from onestage.collect.lines import ByteLines, shard_lines
from onestage.collect.opening import max_output_bytes
from onestage.collect.raw import (
    MAX_RECORD_BYTES,
    BadRecord,
    RawRecord,
    Shard,
    oversized,
    wanted_fields,
)
from onestage.errors import InputError
from onestage.sources import Source

csv.field_size_limit(2**31 - 1)

_SEPARATORS = {"csv": ",", "tsv": "\t"}
_BATCH_ROWS = 256
_LONE_CR = re.compile(r"(?<=\r)(?=[^\n])")
_LONE_CR_BYTES = re.compile(rb"(?<=\r)(?=[^\n])")


class _TooLongError(Exception):
    """The row that is read outgrows its bound."""


class Rows:
    """Rows of csv or tsv, each with the offset at which its first line begins.

    Quotes mean nothing in tsv: titles of papers begin with them. In csv they are strict: a
    stray one must not swallow the rows that follow it.
    """

    def __init__(self, lines: ByteLines, separator: str, codec: str) -> None:
        self._lines = lines
        self._separator = separator
        self._codec = codec
        self._row: list[str] = []  # the lines of the open row
        self._size = 0
        self._begin = 0
        self._fault: BadRecord | None = None
        self.begins_line = True  # the row given last, other than one after a lone CR

    def __iter__(self) -> Iterator[tuple[int, list[str] | BadRecord]]:
        """Yield (offset, cells).

        Raises:
            csv.Error: a stray quote, or one that is never closed; says where the row begins.
        """
        reader = self._reader()
        while True:
            self._row, self._size, self._fault = [], 0, None
            try:
                row = next(reader, None)
            except _TooLongError:
                yield self._begin, oversized(self._begin, self._lines.limit)
                reader = self._reader()
                continue
            except csv.Error as error:
                raise csv.Error(f"row at byte {self._begin}: {error}") from error
            if row is None:
                return
            yield self._begin, self._fault or row

    def _reader(self) -> Any:
        quoting: Literal[0, 3] = csv.QUOTE_NONE if self._separator == "\t" else csv.QUOTE_MINIMAL
        return csv.reader(
            self._text_lines(), delimiter=self._separator, quoting=quoting, strict=True
        )

    def _text_lines(self) -> Iterator[str]:
        lines, limit = self._lines, self._lines.limit
        while True:
            offset = lines.position
            piece = lines.line()
            if not piece:
                return
            if not self._row:
                self._begin = offset
            self._size += len(piece)
            if self._size > limit:
                self._pass_row(piece)
                raise _TooLongError
            for index, (part, fault) in enumerate(_parts(piece, self._codec, offset)):
                if not self._row:
                    self._begin, self.begins_line = offset, index == 0
                self._fault = self._fault or fault
                self._row.append(part)
                yield part

    def _pass_row(self, piece: bytes) -> None:
        """Read to the end of the open row without holding it."""
        # Half of a pair is in no text: in tsv no quote opens anything.
        quoted = _Quotes(self._separator, "\ud800" if self._separator == "\t" else '"')
        for part in self._row:
            quoted.pass_over(part)
        while piece:
            quoted.pass_over(piece.decode(self._codec, "replace"))
            if self._lines.ends_line(piece) and not quoted.is_open:
                return
            piece = self._lines.line()


class _Quotes:
    """Whether a quote is open at the end of the text that was passed over."""

    def __init__(self, separator: str, quote: str) -> None:
        self.is_open = False
        self._quote = quote
        self._opening = separator + quote
        self._tail = separator  # a row begins like what follows a separator

    def pass_over(self, text: str) -> None:
        text, place = self._tail + text, 0
        while True:
            if self.is_open:
                place = text.find(self._quote, place)
                if place < 0:
                    self._tail = ""
                    return
                if text.startswith(self._quote, place + 1):
                    place += 2
                    continue
                if place + 1 == len(text):  # the first half of a doubled one, perhaps
                    self._tail = self._quote
                    return
                self.is_open = False
                place += 1
            else:
                place = text.find(self._opening, place)
                if place < 0:
                    self._tail = text[-1:]
                    return
                self.is_open = True
                place += len(self._opening)


def _parts(piece: bytes, codec: str, offset: int) -> Iterable[tuple[str, BadRecord | None]]:
    r"""Part a line after each `\r` that stands alone; say of each part whether it decodes."""
    text = decoded(piece, codec, offset)
    if isinstance(text, str):
        if "\r" not in text:
            return ((text, None),)
        return [(part, None) for part in _LONE_CR.split(text)]
    if len(newline(codec)) > 1:
        return [(part, text) for part in _LONE_CR.split(piece.decode(codec, "replace"))]
    parts = list[tuple[str, BadRecord | None]]()
    for part in _LONE_CR_BYTES.split(piece):
        found = decoded(part, codec, offset)
        if isinstance(found, BadRecord):
            parts.append((part.decode(codec, "replace"), found))
        else:
            parts.append((found, None))
        offset += len(part)
    return parts


def read_separated(shard: Shard, source: Source, limit: int) -> Iterator[RawRecord | BadRecord]:
    """Yield one record a row, its fields by the header's names or by number."""
    separator = _SEPARATORS[shard.format]
    names = _header(shard, separator, limit, source) if source.header else None
    with shard_lines(shard, limit) as lines:
        rows: Iterable[tuple[int, list[str] | BadRecord]] = Rows(lines, separator, shard.encoding)
        for index, (_, row) in enumerate(rows):
            if index == 0 and names is not None and shard.start == 0:
                continue
            if isinstance(row, BadRecord):
                yield row
            elif row:
                yield _row_record(row, names)


def _header(shard: Shard, separator: str, limit: int, source: Source) -> list[str]:
    with shard_lines(shard._replace(start=0), limit) as lines:
        _, names = next(iter(Rows(lines, separator, shard.encoding)), (0, list[str]()))
    if isinstance(names, BadRecord):
        raise InputError(
            f"{shard.path}: the header cannot be read ({names.detail}); "
            "mend the file or the source's encoding"
        )
    _require_columns(names, source, Path(shard.path))
    return names


def header_end(shard: Shard) -> int:
    """Return the offset at which the first row of a file ends."""
    with shard_lines(shard._replace(start=0), MAX_RECORD_BYTES) as lines:
        next(iter(Rows(lines, _SEPARATORS[shard.format], shard.encoding)), None)
        return lines.position


def _row_record(row: list[str], names: list[str] | None) -> RawRecord | BadRecord:
    if names is None:
        return {str(index): cell for index, cell in enumerate(row)}
    if len(row) > len(names) and any(map(str.strip, row[len(names) :])):
        return BadRecord("unparsable", f"expected {len(names)} columns, found {len(row)}")
    return dict(zip(names, row, strict=False))


def _require_columns(columns: list[str], source: Source, path: Path) -> None:
    for name in wanted_fields(source):
        if name not in columns and name.split(".")[0] not in columns:
            raise InputError(
                f"{path}: no column {name!r}; found {', '.join(map(repr, columns))}; "
                "mend the source's fields in params.yaml"
            )


def read_parquet(shard: Shard, source: Source, limit: int) -> Iterator[RawRecord | BadRecord]:
    """Yield one record a row of the shard's row groups, with the fields that are asked for.

    Texts are kept as the file keeps them, once each however many rows hold them, until their
    row is made: a few bytes can stand for gigabytes.
    """
    path = Path(shard.path)
    groups = range(shard.start, shard.stop)
    with parquet.ParquetFile(path) as table:
        columns = table.schema_arrow.names
        texts = [field.name for field in table.schema_arrow if types.is_string(field.type)]
        _require_columns(columns, source, path)
        _require_modest(path, table.metadata, groups)
    wanted = {name if name in columns else name.split(".")[0] for name in wanted_fields(source)}
    with parquet.ParquetFile(path, read_dictionary=texts) as table:
        batches = table.iter_batches(
            batch_size=_BATCH_ROWS,
            row_groups=groups,
            columns=[name for name in columns if name in wanted],
        )
        for batch in batches:
            for index in range(batch.num_rows):
                yield _row_of(batch, index, limit)


def _require_modest(path: Path, metadata: Any, groups: Iterable[int]) -> None:
    """Refuse row groups that grow beyond what text does.

    Raises:
        InputError: one grows as no text does.
    """
    for index in groups:
        group = metadata.row_group(index)
        columns = [group.column(number) for number in range(group.num_columns)]
        stored = sum(column.total_compressed_size for column in columns)
        if group.total_byte_size > max_output_bytes(stored):
            raise InputError(
                f"{path}: row group {index} of {stored} bytes grows to {group.total_byte_size}; "
                "text does not: fetch the file again, or look at what it is"
            )


def _row_of(batch: Any, index: int, limit: int) -> RawRecord | BadRecord:
    try:
        record: RawRecord = {
            name: column[index].as_py()
            for name, column in zip(batch.schema.names, batch.columns, strict=True)
        }
    except UnicodeDecodeError as error:
        return BadRecord(
            "undecodable",
            f"byte 0x{error.object[error.start]:02x} at byte {error.start} "
            "of its text does not decode as utf-8",
        )
    if sum(len(value) for value in record.values() if isinstance(value, str)) > limit:
        return BadRecord("oversized", f"the row is longer than {limit} characters")
    return record


def row_starts(lines: ByteLines) -> Iterator[int]:
    """Yield the offset of each row of csv in an encoding in which ASCII bytes are ASCII."""
    rows = Rows(lines, ",", "latin-1")
    for offset, _ in rows:
        if rows.begins_line:
            yield offset


def row_groups(path: Path, shard_bytes: int) -> list[tuple[int, int]]:
    """Return [start, stop) of row groups that hold about `shard_bytes` together."""
    with parquet.ParquetFile(path) as table:
        sizes = [
            table.metadata.row_group(index).total_byte_size
            for index in range(table.metadata.num_row_groups)
        ]
    ranges, start, total = list[tuple[int, int]](), 0, 0
    for index, size in enumerate(sizes, start=1):
        total += size
        if total >= shard_bytes or index == len(sizes):
            ranges.append((start, index))
            start, total = index, 0
    return ranges or [(0, 0)]
