"""Text of XML elements, with scripts and fractions that stay readable: 10⁹/L, H₂O, 1/2."""

import re
from html.entities import html5
from typing import Any

from lxml import etree

_SUPERSCRIPTS = str.maketrans("0123456789+-−=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ")
_SUBSCRIPTS = str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")
_EMPTY_LINES = re.compile(r"\n[ \t]*\n\s*")
Script = tuple[dict[int, int], str]
SUPERSCRIPT: Script = (_SUPERSCRIPTS, "^")
SUBSCRIPT: Script = (_SUBSCRIPTS, "_")
_TABLES = {
    "sup": SUPERSCRIPT,
    "superscript": SUPERSCRIPT,
    "sub": SUBSCRIPT,
    "subscript": SUBSCRIPT,
}
# Elements whose text is a line of its own; all others run on within their line.
_BLOCKS = frozenset(
    {
        *("para", "p", "title", "list", "item", "table", "row", "entry", "section", "note"),
        *("figure", "caption", "example", "exercise", "problem", "solution"),
        *("question", "answer", "div", "br", "newline", "ul", "ol", "li", "tr", "td", "th"),
        *("h1", "h2", "h3", "h4"),
    }
)
# MathML elements whose meaning is in their lay-out, and the sign that takes its place.
_MATH = {"mfrac": "/", "msup": "^", "msub": "_", "msubsup": "_", "msqrt": "√", "mroot": "√"}
# XML text cannot hold it. It stands at a fraction's edges, and becomes a space where the
# fraction would run into a number beside it: 1 1/2 is not 11/2.
_EDGE = "\0"
_NUMBER_AT_EDGE = re.compile(r"(?<=\d)\0+(?=[\d(^⁰¹²³⁴-⁹⁻ⁿ])")
_UNSEEN = (etree.Comment, etree.ProcessingInstruction)
# Attributes that say where a cross-reference points, in CNXML, JATS and DocBook.
_TARGETS = ("target-id", "rid", "linkend")


def strip_namespaces(root: Any) -> Any:
    """Drop namespaces from all tags, in place, so that XPaths need no prefixes."""
    for element in root.iter():
        if isinstance(element.tag, str) and "}" in element.tag:
            element.tag = element.tag.split("}", 1)[1]
    return root


def element_text(element: Any) -> str:
    """Return an element's text: blocks on lines of their own, sub- and superscripts kept.

    `10<sup>9</sup>/L` gives `10⁹/L`; a script without Unicode form gives `x^(a)`, a fraction
    of MathML `(a)/(b)`, parted from a number beside it: `1 1/2`. An entity that HTML knows
    gives its character, any other stays as `&name;`. A cross-reference without text of its
    own gives the name of its target, `[table-3]`: its number is not in the file.
    """
    text = _NUMBER_AT_EDGE.sub(" ", "".join(_pieces(element))).replace(_EDGE, "")
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def _pieces(element: Any) -> list[str]:
    if element.tag is etree.Entity:
        return [html5.get(f"{element.name};", element.text)]
    if element.tag in _UNSEEN:
        return []
    tag = element.tag.lower()
    pieces = [_source_lines(element.text)]
    for child in element:
        pieces.extend(_pieces(child))
        pieces.append(_source_lines(child.tail))
    if tag in _TABLES:
        return [script("".join(pieces), _TABLES[tag])]
    if tag in _MATH:
        return [_formula(element, tag)]
    if not "".join(pieces).strip():
        pieces += [f"[{element.get(name)}]" for name in _TARGETS if element.get(name)]
    return ["\n", *pieces, "\n"] if tag in _BLOCKS else pieces


def _formula(element: Any, tag: str) -> str:
    """Return a fraction, power, index or root in one line; each part keeps its brackets."""
    children = (child for child in element if child.tag not in _UNSEEN)
    parts = [" ".join("".join(_pieces(child)).split()) for child in children]
    if tag == "msqrt":
        return f"√({' '.join(parts)})"
    if tag == "mroot":
        base, *index = parts or [""]
        return f"{_EDGE}{script(' '.join(index), SUPERSCRIPT)}√({base}){_EDGE}"
    bracketed = [part if len(part) == 1 or part.isdigit() else f"({part})" for part in parts]
    if tag == "msubsup" and len(bracketed) == 3:
        return "{}_{}^{}".format(*bracketed)
    formula = _MATH[tag].join(bracketed)
    return f"{_EDGE}{formula}{_EDGE}" if tag == "mfrac" else formula


def _source_lines(text: str | None) -> str:
    """A line break inside of XML text is lay-out; an empty line parts paragraphs."""
    paragraphs = _EMPTY_LINES.split((text or "").replace("\r", ""))
    return "\n".join(paragraph.replace("\n", " ") for paragraph in paragraphs)


def script(text: str, form: Script) -> str:
    """Return a superscript or subscript in Unicode, or as `^(a)`, `_(a)` where it has no form."""
    table, mark = form
    stripped = text.strip()
    if all(ord(character) in table for character in stripped):
        return stripped.translate(table)
    return f"{mark}({stripped})"
