"""Raw files read whole, by plain means: what the readers must find in them, record by record."""

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree

from onestage.markup import element_text
from onestage.sources import Source

# The fields of a record, or None for one that does not decode.
Fields = dict[str, Any] | None
_CODECS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb": "utf-8-sig"}
_LINE_ENDS = re.compile(rb"\r*\n|\r")


def raw_files(source: Source) -> list[Path]:
    """Return the files of a source in name order."""
    root = Path(source.path)
    return [root] if root.is_file() else sorted(root.glob(source.include))


def codec(source: Source, data: bytes) -> str:
    """Return what a file is written in: its byte order mark says it, or the source does."""
    declared = "gb18030" if source.encoding == "auto" else source.encoding
    return _CODECS.get(data[:2], declared)


def raw_text(path: Path, source: Source) -> str:
    """Return a whole file as text; bytes that do not decode become half of a surrogate pair."""
    data = path.read_bytes()
    return data.decode(codec(source, data), "surrogateescape")


def raw_records(source: Source) -> Iterator[tuple[str, int, Fields]]:
    """Yield (file, number from 1, fields) of every record of a source."""
    for path in raw_files(source):
        readers = {"csv": _csv, "txt": _txt, "xml": _xml}
        found = readers.get(source.format, _lines_or_list)(path, source)
        for number, fields in enumerate(found, start=1):
            yield path.name, number, fields


def _lines_or_list(path: Path, source: Source) -> list[Fields]:
    text = raw_text(path, source)
    if source.format == "json":
        return [_as_fields(item) for item in _below(json.loads(text), source.record)]
    lines = [line for line in text.split("\n") if line.strip()]
    if source.format == "jsonl":
        return [_as_fields(json.loads(line)) for line in lines]
    return [{str(place): cell for place, cell in enumerate(row.split("\t"))} for row in lines]


def _as_fields(item: Any) -> Fields:
    return {"text": item} if isinstance(item, str) else item


def _below(value: Any, keys: str) -> list[Any]:
    items = [value]
    for key in keys.split(".") if keys else []:
        items = [inner[key] for item in items for inner in _listed(item)]
    return [inner for item in items for inner in _listed(item)]


def _listed(item: Any) -> list[Any]:
    return item if isinstance(item, list) else [item]


def _csv(path: Path, source: Source) -> list[Fields]:
    rows = csv.DictReader(io.StringIO(raw_text(path, source), newline=""))
    return [dict(row) for row in rows]


def _txt(path: Path, source: Source) -> list[Fields]:
    data = path.read_bytes()
    lines = [line.decode(codec(source, data), "surrogateescape") for line in _LINE_ENDS.split(data)]
    if not lines[-1]:
        lines.pop()
    if source.record == "line":
        return [_unit([line], path.stem) for line in lines]
    if source.record == "paragraph":
        text = "\n".join(lines)
        return [_unit([part], path.stem) for part in re.split(r"\n\s*\n", text) if part.strip()]
    return _sections(lines, re.compile(source.heading), path.stem)


def _sections(lines: list[str], heading: re.Pattern[str], title: str) -> list[Fields]:
    heads = [place for place, line in enumerate(lines) if heading.match(line)]
    found = []
    if "".join(lines[: heads[0]]).strip():
        found.append(_unit(lines[: heads[0]], title))
    for place, end in zip(heads, [*heads[1:], len(lines)], strict=True):
        title = re.sub(heading, r"\1", lines[place], count=1)
        found.append(_unit(lines[place + 1 : end], title))
    return found


def _unit(lines: list[str], title: str) -> Fields:
    text = "\n".join(lines)
    is_broken = re.search("[\ud800-\udfff]", title + text)
    return None if is_broken else {"title": title, "text": text}


def _xml(path: Path, source: Source) -> list[Fields]:
    names = [*source.fields.text, *([source.fields.title] if source.fields.title else [])]
    return [
        {name: "\n".join(map(element_text, record.xpath(name))) for name in names}
        for record in xml_records(path, source)
    ]


def xml_records(path: Path, source: Source) -> list[Any]:
    """Return the elements that are records, their names without namespaces."""
    root = etree.parse(path).getroot()
    for element in root.iter("{*}*"):
        element.tag = etree.QName(element).localname
    found: list[Any] = root.xpath(source.record)
    return found
