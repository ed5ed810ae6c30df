"""Raw files of many layouts read as a stream of records, each with its place.

An unreadable container is an `InputError`. A record that cannot be decoded, parsed or mapped
comes out as a `BadRecord`; its neighbours are not affected. (Json, xml and parquet are parsed
as a whole, csv cell by cell: there a fault is the container's, except bytes that do not decode.)
"""

import codecs
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

# Bytes that do not decode become U+DC80 to U+DCFF; JSON may also hold half of a pair (\ud83d).
# Either marks its record as bad and is never written: it has no form in UTF-8.
_UNDECODABLE = re.compile("[\ud800-\udfff]")
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
        InputError: the path, a container or a declared column is missing or unreadable, there
            is no record at all, or none of the fields is found in any record of xml.
    """
    root = Path(source.path)
    read = _READERS[source.format]
    files = source_files(root, source.include)
    found = filled = False
    for path in files:
        name = path.name if root.is_file() else path.relative_to(root).as_posix()
        try:
            for number, value in enumerate(read(path, source), start=1):
                found = True
                filled = filled or isinstance(value, BadRecord) or any(value.values())
                yield Located(name, number, _without_undecodable(value))
        except (OSError, LookupError, csv.Error, etree.LxmlError) as error:
            raise InputError(_container_fault(path, source, error)) from error
        except (ValueError, arrow.ArrowException) as error:  # wrong bytes, JSON, huge numbers
            raise InputError(_container_fault(path, source, error)) from error
    if not found:
        raise InputError(f"{root}: no records; mend the files or the source's record or path")
    if source.format == "xml" and not filled:
        _require_matching_field(files, source)


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
    code = ord(found[0])
    if 0xDC80 <= code <= 0xDCFF:
        return BadRecord("undecodable", f"byte 0x{code - 0xDC00:02x} does not decode")
    return BadRecord("undecodable", f"half of a surrogate pair, U+{code:04X}")


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
    name = codecs.lookup(source.encoding).name
    return "utf-8-sig" if name == "utf-8" else name


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
            if not line.strip():
                continue
            try:
                value = json.loads(line)
            except json.JSONDecodeError as error:
                yield BadRecord("unparsable", f"line {number}: invalid JSON: {error.msg}")
            except ValueError as error:  # a number of more digits than are read
                yield BadRecord("unparsable", f"line {number}: {error}")
            else:
                yield _as_record(value)


def _read_json(path: Path, source: Source) -> Iterator[RawRecord | BadRecord]:
    items = json.loads(path.read_text(encoding=_codec(source), errors=_DECODE_ERRORS))
    for key in source.record.split(".") if source.record else ():
        items = _below(items, key, path)
    if not isinstance(items, list):
        raise InputError(
            f"{path}: expected a JSON list, found {type(items).__name__}; "
            "name the keys that lead to it in the source's record"
        )
    yield from map(_as_record, items)


def _below(value: Any, key: str, path: Path) -> Any:
    """Return what an object holds under a key; of a list, what all its objects hold there."""
    if isinstance(value, list):
        return [item for part in value for item in _below(part, key, path)]
    if not isinstance(value, dict) or key not in value:
        raise InputError(f"{path}: no key {key!r} on the way to the records; mend its record")
    return value[key]


def _read_separated(separator: str) -> Callable[[Path, Source], Iterator[RawRecord | BadRecord]]:
    def read(path: Path, source: Source) -> Iterator[RawRecord | BadRecord]:
        with path.open(encoding=_codec(source), errors=_DECODE_ERRORS, newline="") as stream:
            # Quotes mean nothing in tsv: titles of papers begin with them.
            quoting: Literal[0, 3] = csv.QUOTE_NONE if separator == "\t" else csv.QUOTE_MINIMAL
            # Strict: a stray quote must not swallow the rows that follow it.
            reader = csv.reader(stream, delimiter=separator, quoting=quoting, strict=True)
            rows = _rows(reader)
            names = next(rows, []) if source.header else None
            if names is not None:
                _require_columns(names, source, path)
            for row in rows:
                if row:
                    yield _row_record(row, names)

    return read


def _rows(reader: Any) -> Iterator[list[str]]:
    """Yield rows; an error names the line at which its row begins."""
    begin = 1
    try:
        for row in reader:
            begin = reader.line_num + 1
            yield row
    except csv.Error as error:
        raise csv.Error(f"row at line {begin}: {error}") from error


def _row_record(row: list[str], names: list[str] | None) -> RawRecord | BadRecord:
    if names is None:
        return {str(index): cell for index, cell in enumerate(row)}
    if len(row) > len(names):
        return BadRecord("unparsable", f"expected {len(names)} columns, found {len(row)}")
    return dict(zip(names, row, strict=False))


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


def _require_columns(found: Iterable[str], source: Source, path: Path) -> None:
    columns = list(found)
    if any(_UNDECODABLE.search(column) for column in columns):
        raise InputError(f"{path}: the header does not decode as {source.encoding}; mend encoding")
    for name in wanted_fields(source):
        if name not in columns and name.split(".")[0] not in columns:
            raise InputError(
                f"{path}: no column {name!r}; found {', '.join(map(repr, columns))}; "
                "mend the source's fields in params.yaml"
            )


def _read_parquet(path: Path, source: Source) -> Iterator[RawRecord | BadRecord]:
    with parquet.ParquetFile(path) as table:
        _require_columns(table.schema_arrow.names, source, path)
        for batch in table.iter_batches(batch_size=1000):
            yield from batch.to_pylist()


def _read_txt(path: Path, source: Source) -> Iterator[RawRecord | BadRecord]:
    """One record a file, section, blank-line paragraph or line.

    `title` is a section's heading, otherwise the file's stem.
    """
    with path.open(encoding=_codec(source), errors=_DECODE_ERRORS, newline="\n") as stream:
        lines = _lines(stream)
        if source.record == "file":
            yield {"title": path.stem, "text": "".join(lines)}
        elif source.record == "section":
            yield from _sections(lines, re.compile(source.heading), path.stem)
        else:
            for text in lines if source.record == "line" else _paragraphs(lines):
                yield {"title": path.stem, "text": text}


def _lines(stream: Iterable[str]) -> Iterator[str]:
    r"""Yield lines that end with `\n`, whether they ended with LF, CR LF, CR CR LF or CR."""
    for line in stream:
        for part in line.rstrip("\r\n").split("\r"):
            yield f"{part}\n"


def _sections(lines: Iterable[str], heading: re.Pattern[str], stem: str) -> Iterator[RawRecord]:
    """Yield what stands under each heading; what precedes the first one has the file's name."""
    title, open_lines = stem, list[str]()
    for line in lines:
        match = heading.match(line)
        if match is None:
            open_lines.append(line)
            continue
        if title != stem or any(map(str.strip, open_lines)):
            yield {"title": title, "text": "".join(open_lines)}
        title, open_lines = match[1], []
    yield {"title": title, "text": "".join(open_lines)}


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
    """Records and fields by XPath, names without namespaces."""
    for node in _xml_records(path, source):
        yield {name: _xpath_text(node, name, path) for name in wanted_fields(source)}


def _xml_records(path: Path, source: Source) -> list[Any]:
    """Return the elements that are records; entities and network are off."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    root = strip_namespaces(etree.parse(path, parser).getroot())
    found = root.xpath(source.record)
    if not isinstance(found, list) or not all(map(etree.iselement, found)):
        raise InputError(f"{path}: record {source.record!r} gives no elements; mend its XPath")
    return found


def _require_matching_field(files: Iterable[Path], source: Source) -> None:
    """Tell fields that are empty throughout from XPaths that match nothing."""
    names = wanted_fields(source)
    nodes = (node for path in files for node in _xml_records(path, source))
    if not any(node.xpath(name) for node in nodes for name in names):
        raise InputError(
            f"{source.path}: no record has any of the fields {', '.join(map(repr, names))}; "
            "mend the source's fields in params.yaml"
        )


def _xpath_text(node: Any, name: str, path: Path) -> str:
    found = node.xpath(name)
    nodes = found if isinstance(found, list) else [found]
    if not all(isinstance(item, str) or etree.iselement(item) for item in nodes):
        raise InputError(f"{path}: field {name!r} gives neither elements nor text; mend its XPath")
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
