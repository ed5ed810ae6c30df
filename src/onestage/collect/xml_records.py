"""Records of XML by XPath, names without namespaces; entities and network are off.

An XPath of names alone (`//QAPair`, `/a/b/c`) is read as a stream, record by record. Any other
needs the whole tree, and so a file of bounded size. A fault in XML is the file's fault.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from lxml import etree

from onestage.collect.encodings import AUTO
from onestage.collect.opening import open_raw
from onestage.collect.raw import RawRecord, Shard, wanted_fields
from onestage.errors import InputError
from onestage.markup import element_text, strip_namespaces
from onestage.sources import Source

# A tree takes about ten times as much memory as its file; one of the smallest elements, 33 times.
_MAX_TREE_BYTES = 16 * 2**20
_PLAIN_RECORD = re.compile(r"(//?)([\w.-]+(?:/[\w.-]+)*)")
# Such a field looks at nothing outside of its record.
_STEP = r"(?:[\w-]+|@[\w-]+|\*|text\(\)|\.)"
_PLAIN_FIELD = re.compile(rf"(?:\.//?)?{_STEP}(?://?{_STEP})*")
_SAFE: dict[str, Any] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "huge_tree": False,
}


class _Bounded:
    """A stream that refuses to give more than a tree may have since it was last cleared."""

    def __init__(self, stream: BinaryIO, path: Path, record: str) -> None:
        self._stream = stream
        self._path = path
        self._record = record
        self._read = 0

    def cleared(self) -> None:
        self._read = 0

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._read += len(data)
        if self._read > _MAX_TREE_BYTES:
            raise InputError(
                f"{self._path}: more than {_MAX_TREE_BYTES} bytes without a record that "
                f"{self._record!r} finds one by one; use an XPath of names such as //article "
                "with fields inside of it, or split the file"
            )
        return data


def read_xml(shard: Shard, source: Source, limit: int) -> Iterator[RawRecord]:  # noqa: ARG001
    """Yield one record an element, its fields' texts one a line."""
    path = Path(shard.path)
    for node in _elements(path, source):
        yield {name: _xpath_text(node, name, path) for name in wanted_fields(source)}


def has_matching_field(path: Path, source: Source) -> bool:
    """Say whether any field's XPath finds anything in any record of a file."""
    names = wanted_fields(source)
    return any(_found(node, name, path) for node in _elements(path, source) for name in names)


def _elements(path: Path, source: Source) -> Iterator[Any]:
    # Its default is what XML says of itself.
    encoding = None if source.encoding in ("utf-8", AUTO) else source.encoding
    plain = _PLAIN_RECORD.fullmatch(source.record)
    with open_raw(path) as stream:
        bounded = _Bounded(stream, path, source.record)
        if plain and all(map(_PLAIN_FIELD.fullmatch, wanted_fields(source))):
            yield from _streamed(bounded, plain[2].split("/"), plain[1] == "/", encoding)
        else:
            yield from _in_tree(bounded, source.record, path, encoding)


def _streamed(
    stream: _Bounded, names: list[str], is_absolute: bool, encoding: str | None
) -> Iterator[Any]:
    """Yield elements in document order, then drop them and what stands before them."""
    tag = f"{{*}}{names[-1]}"
    outermost: Any = None
    events = etree.iterparse(stream, events=("start", "end"), tag=tag, encoding=encoding, **_SAFE)
    for event, element in events:
        if event == "start":
            if outermost is None and _is_at(element, names, is_absolute):
                outermost = element
        elif element is outermost:
            found = [node for node in element.iter(tag) if _is_at(node, names, is_absolute)]
            strip_namespaces(element)
            yield from found
            _drop(element)
            outermost = None
            stream.cleared()


def _is_at(element: Any, names: list[str], is_absolute: bool) -> bool:
    for name in reversed(names):
        if element is None or etree.QName(element).localname != name:
            return False
        element = element.getparent()
    return element is None or not is_absolute


def _drop(element: Any) -> None:
    """Empty an element and remove all that precedes it, on each level."""
    element.clear(keep_tail=True)
    while element is not None:
        parent = element.getparent()
        while parent is not None and element.getprevious() is not None:
            del parent[0]
        element = parent


def _in_tree(stream: _Bounded, record: str, path: Path, encoding: str | None) -> Iterator[Any]:
    parser = etree.XMLParser(encoding=encoding, **_SAFE)
    root = strip_namespaces(etree.parse(stream, parser).getroot())
    found = _found(root, record, path)
    if not isinstance(found, list) or not all(map(etree.iselement, found)):
        raise InputError(f"{path}: record {record!r} gives no elements; mend its XPath")
    yield from found


def _xpath_text(node: Any, name: str, path: Path) -> str:
    found = _found(node, name, path)
    nodes = found if isinstance(found, list) else [found]
    if not all(isinstance(item, str) or etree.iselement(item) for item in nodes):
        raise InputError(f"{path}: field {name!r} gives neither elements nor text; mend its XPath")
    texts = (item if isinstance(item, str) else element_text(item) for item in nodes)
    return "\n".join(text for text in texts if text.strip())


def _found(node: Any, expression: str, path: Path) -> Any:
    """Return what an XPath finds; a fault in it is not the file's."""
    try:
        return _xpath(expression)(node)
    except (etree.XPathError, ValueError) as error:
        raise InputError(
            f"{path}: {expression!r} cannot be used as an XPath ({error}); "
            "mend the source's record or fields in params.yaml"
        ) from error


_xpath = cache(etree.XPath)
