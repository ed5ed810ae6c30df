"""Raw files of many layouts read as a stream of records, each with its place.

An unreadable container is an `InputError`. A record that cannot be decoded, parsed or mapped
comes out as a `BadRecord`; its neighbours are not affected.
"""

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pyarrow as arrow
from lxml import etree
from pyarrow import parquet

from onestage.collect.markup import element_text, strip_namespaces
from onestage.errors import InputError
from onestage.sources import Source

csv.field_size_limit(2**31 - 1)

# Bytes that do not decode become these, mark their record as bad and are never written.
_UNDECODABLE = re.compile("[\udc80-\udcff]")
_DECODE_ERRORS = "surrogateescape"

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


def read_source(source: Source) -> Iterator[Located]:
    """Yield every record of a source, files in name order.

    Raises:
        InputError: the path, a container or a declared column is missing or unreadable.
    """
    root = Path(source.path)
    read = _READERS[source.format]
    for path in source_files(root, source.include):
        name = path.name if root.is_file() else path.relative_to(root).as_posix()
        try:
            for number, value in enumerate(read(path, source), start=1):
                yield Located(name, number, _without_undecodable(value))
        except (OSError, UnicodeError, LookupError, csv.Error, etree.LxmlError) as error:
            raise InputError(_container_fault(path, source, error)) from error
        except (json.JSONDecodeError, arrow.ArrowException) as error:
            raise InputError(_container_fault(path, source, error)) from error


def source_files(root: Path, include: str) -> list[Path]:
    """Return the file itself, or a folder's files that match, in name order.

    Raises:
        InputError: nothing is there, or a file is empty.
    """
    if root.is_file():
        files = [root]
    elif root.is_dir():
        files = sorted(path for path in root.rglob(include) if path.is_file())
    else:
        raise InputError(f"{root}: no such file or folder; mend the source's path in params.yaml")
    if not files:
        raise InputError(f"{root}: no file matches the include pattern {include!r}")
    for path in files:
        if not path.stat().st_size:
            raise InputError(f"{path}: the file is empty; remove it or fetch it again")
    return files


def _container_fault(path: Path, source: Source, error: Exception) -> str:
    return (
        f"{path}: cannot be read as {source.format} in {source.encoding} ({error}); "
        "mend the file, or the source's format and encoding in params.yaml"
    )


def _without_undecodable(value: RawRecord | BadRecord) -> RawRecord | BadRecord:
    if isinstance(value, BadRecord):
        return value
    found = _UNDECODABLE.search(repr_strings(value))
    if found is None:
        return value
    return BadRecord("undecodable", f"byte 0x{ord(found[0]) - 0xDC00:02x} does not decode")


def repr_strings(value: Any) -> str:
    """Return all strings of a nested raw value, joined, to search them at once."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "\n".join(repr_strings(item) for item in value.values())
    if isinstance(value, list):
        return "\n".join(repr_strings(item) for item in value)
    return ""


def _codec(source: Source) -> str:
    """UTF-8 files may start with a byte order mark; it is not text."""
    return "utf-8-sig" if source.encoding.lower().replace("_", "-") == "utf-8" else source.encoding


def _as_record(value: Any) -> RawRecord | BadRecord:
    """A bare string is a record with one field, `text`."""
    if isinstance(value, str):
        return {"text": value}
    if isinstance(value, dict):
        return value
    return BadRecord("unmappable", f"expected an object or a string, found {type(value).__name__}")


def _read_jsonl(path: Path, source: Source) -> Iterator[RawRecord | BadRecord]:
    with path.open(encoding=_codec(source), errors=_DECODE_ERRORS, newline="\n") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield _as_record(json.loads(line))
            except json.JSONDecodeError as error:
                yield BadRecord("unparsable", f"line {number}: invalid JSON: {error.msg}")


def _read_json(path: Path, source: Source) -> Iterator[RawRecord | BadRecord]:
    items = json.loads(path.read_text(encoding=_codec(source), errors=_DECODE_ERRORS))
    if not isinstance(items, list):
        raise InputError(f"{path}: expected a JSON list, found {type(items).__name__}")
    yield from map(_as_record, items)


def _read_separated(separator: str) -> Callable[[Path, Source], Iterator[RawRecord | BadRecord]]:
    def read(path: Path, source: Source) -> Iterator[RawRecord | BadRecord]:
        with path.open(encoding=_codec(source), errors=_DECODE_ERRORS, newline="") as stream:
            # Quotes mean nothing in tsv: titles of papers begin with them.
            quoting: Literal[0, 3] = csv.QUOTE_NONE if separator == "\t" else csv.QUOTE_MINIMAL
            rows = csv.reader(stream, delimiter=separator, quoting=quoting)
            names = next(rows, []) if source.header else None
            if names is not None:
                _require_columns(names, source, path)
            for row in rows:
                if row:
                    yield _row_record(row, names)

    return read


def _row_record(row: list[str], names: list[str] | None) -> RawRecord | BadRecord:
    if names is None:
        return {str(index): cell for index, cell in enumerate(row)}
    if len(row) > len(names):
        return BadRecord("unparsable", f"expected {len(names)} columns, found {len(row)}")
    return dict(zip(names, row, strict=False))


def wanted_fields(source: Source) -> list[str]:
    """Return every field name that the source's mapping asks for."""
    fields = source.fields
    named = [*fields.text, fields.title, fields.messages, *fields.instruction, fields.output]
    return [name for name in named if name]


def _require_columns(found: Iterable[str], source: Source, path: Path) -> None:
    columns = list(found)
    if any(_UNDECODABLE.search(column) for column in columns):
        raise InputError(f"{path}: the header does not decode as {source.encoding}; mend encoding")
    for name in wanted_fields(source):
        if name not in columns:
            raise InputError(
                f"{path}: no column {name!r}; found {', '.join(map(repr, columns))}; "
                "mend the source's fields in params.yaml"
            )


def _read_parquet(path: Path, source: Source) -> Iterator[RawRecord | BadRecord]:
    with parquet.ParquetFile(path) as table:
        _require_columns((name.split(".")[0] for name in table.schema_arrow.names), source, path)
        for batch in table.iter_batches(batch_size=1000):
            yield from batch.to_pylist()


def _read_txt(path: Path, source: Source) -> Iterator[RawRecord | BadRecord]:
    """One record a file, blank-line paragraph or line; `title` is the file's stem."""
    with path.open(encoding=_codec(source), errors=_DECODE_ERRORS) as stream:
        if source.record == "file":
            yield {"title": path.stem, "text": stream.read()}
        elif source.record == "line":
            for line in stream:
                yield {"title": path.stem, "text": line}
        else:
            for paragraph in _paragraphs(stream):
                yield {"title": path.stem, "text": paragraph}


def _paragraphs(lines: Iterable[str]) -> Iterator[str]:
    open_lines: list[str] = []
    for line in lines:
        if line.strip():
            open_lines.append(line)
        elif open_lines:
            yield "".join(open_lines)
            open_lines = []
    if open_lines:
        yield "".join(open_lines)


def _read_xml(path: Path, source: Source) -> Iterator[RawRecord | BadRecord]:
    """Records and fields by XPath, names without namespaces; entities and network are off."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    root = strip_namespaces(etree.parse(path, parser).getroot())
    for node in root.xpath(source.record):
        yield {name: _xpath_text(node, name) for name in wanted_fields(source)}


def _xpath_text(node: Any, path: str) -> str:
    found = node.xpath(path)
    nodes = found if isinstance(found, list) else [found]
    texts = (item if isinstance(item, str) else element_text(item) for item in nodes)
    return "\n".join(text for text in texts if text.strip())


_READERS: dict[str, Callable[[Path, Source], Iterator[RawRecord | BadRecord]]] = {
    "jsonl": _read_jsonl,
    "json": _read_json,
    "csv": _read_separated(","),
    "tsv": _read_separated("\t"),
    "parquet": _read_parquet,
    "txt": _read_txt,
    "xml": _read_xml,
}
