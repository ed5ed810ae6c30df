"""Text of XML elements, with superscripts and subscripts that stay readable: 10⁹/L, H₂O."""

import re
from typing import Any

_SUPERSCRIPTS = str.maketrans("0123456789+-−=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ")
_SUBSCRIPTS = str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")
_EMPTY_LINES = re.compile(r"\n[ \t]*\n\s*")
_TABLES = {"sup": (_SUPERSCRIPTS, "^"), "sub": (_SUBSCRIPTS, "_")}
# Elements whose text is a line of its own; all others run on within their line.
_BLOCKS = frozenset(
    {
        *("para", "p", "title", "list", "item", "table", "row", "entry", "section", "note"),
        *("figure", "caption", "example", "exercise", "problem", "solution"),
        *("question", "answer", "div", "br", "newline", "ul", "ol", "li", "tr", "td", "th"),
        *("h1", "h2", "h3", "h4"),
    }
)


def strip_namespaces(root: Any) -> Any:
    """Drop namespaces from all tags, in place, so that XPaths need no prefixes."""
    for element in root.iter():
        if isinstance(element.tag, str) and "}" in element.tag:
            element.tag = element.tag.split("}", 1)[1]
    return root


def element_text(element: Any) -> str:
    """Return an element's text: blocks on lines of their own, sub- and superscripts kept.

    `10<sup>9</sup>/L` gives `10⁹/L`; a script without Unicode form gives `x^(a)`.
    """
    lines = (" ".join(line.split()) for line in "".join(_pieces(element)).split("\n"))
    return "\n".join(line for line in lines if line)


def _pieces(element: Any) -> list[str]:
    if not isinstance(element.tag, str):  # comments and processing instructions
        return []
    pieces = [_source_lines(element.text)]
    for child in element:
        pieces.extend(_pieces(child))
        pieces.append(_source_lines(child.tail))
    if element.tag in _TABLES:
        return [_script("".join(pieces), *_TABLES[element.tag])]
    return ["\n", *pieces, "\n"] if element.tag.lower() in _BLOCKS else pieces


def _source_lines(text: str | None) -> str:
    """A line break inside of XML text is lay-out; an empty line parts paragraphs."""
    paragraphs = _EMPTY_LINES.split((text or "").replace("\r", ""))
    return "\n".join(paragraph.replace("\n", " ") for paragraph in paragraphs)


def _script(text: str, table: dict[int, int], mark: str) -> str:
    stripped = text.strip()
    if all(ord(character) in table for character in stripped):
        return stripped.translate(table)
    return f"{mark}({stripped})"
