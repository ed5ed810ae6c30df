"""The main text of web pages: navigation dropped, lists and tables line by line."""

import logging
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from lxml import etree
from lxml.html import HTMLParser, document_fromstring

from onestage.collect.encodings import decoded
from onestage.collect.opening import open_raw
from onestage.collect.raw import BadRecord, RawRecord, Shard, oversized, wanted_fields
from onestage.markup import SCRIPTS, element_text, script
from onestage.sources import Source


def read_html(shard: Shard, source: Source, limit: int) -> Iterator[RawRecord | BadRecord]:  # noqa: ARG001
    """Yield the one record of a file: its `title` and main `text`."""
    with open_raw(Path(shard.path)) as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        yield oversized(0, limit)
        return
    page = decoded(data, shard.encoding, 0)
    yield page if isinstance(page, BadRecord) else page_record(page)


def page_record(page: str) -> RawRecord | BadRecord:
    """Return the title and the main text of a page; both are empty where there is none."""
    try:
        tree = _tree(page)
        if tree is None:
            return {"title": "", "text": ""}
        return {"title": _title(tree), "text": _main_text(tree)}
    except RecursionError:
        return BadRecord("unparsable", "nested too deeply")


def without_html(record: RawRecord, source: Source) -> RawRecord | BadRecord:
    """Return a record whose mapped fields, if they are strings, hold their main text alone.

    A fragment in which no main text is found keeps all its text.
    """
    names = set(wanted_fields(source)) - {source.fields.title}
    try:
        return {
            name: _fragment_text(value) if isinstance(value, str) and name in names else value
            for name, value in record.items()
        }
    except RecursionError:
        return BadRecord("unparsable", "nested too deeply")


def _fragment_text(value: str) -> str:
    tree = _tree(value)
    if tree is None:
        return ""
    whole = element_text(tree)
    return _main_text(tree) or whole


def _tree(page: str) -> Any:
    """Parse a page; its sub- and superscripts become Unicode, which no extractor drops."""
    # As bytes: a string that declares an encoding is refused.
    parser = HTMLParser(encoding="utf-8", no_network=True, huge_tree=False)
    try:
        tree = document_fromstring(page.replace("\0", "").encode(), parser=parser)
    except etree.ParserError:  # nothing but blanks and comments
        return None
    for element in list(tree.iter("math")):
        _become_text(element, element_text(element))
    for element in list(tree.iter(*SCRIPTS)):
        _become_text(element, script("".join(element.itertext()), SCRIPTS[element.tag]))
    # What was struck out is no longer said; what is marked up as a time or label is said.
    etree.strip_elements(tree, "del", "s", "strike", with_tail=False)
    etree.strip_tags(tree, "math", "time", "label", "output", *SCRIPTS)
    return tree


def _become_text(element: Any, text: str) -> None:
    for child in list(element):
        element.remove(child)
    element.text = text


def _title(tree: Any) -> str:
    """Return the one main heading, else the page's title."""
    for path in (".//h1", ".//title"):
        found = [" ".join("".join(node.itertext()).split()) for node in tree.iterfind(path)]
        if len(found) == 1 and found[0]:
            return found[0]
    return ""


def _main_text(tree: Any) -> str:
    found = _trafilatura().extract(
        tree, output_format="txt", include_comments=False, include_tables=True, deduplicate=False
    )
    return found or ""


@cache
def _trafilatura() -> Any:
    """Import on first use: it takes most of a second, and other formats do without it."""
    import trafilatura  # noqa: PLC0415

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL + 1)
    return trafilatura
