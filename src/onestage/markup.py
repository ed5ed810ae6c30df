"""Text of XML elements, with scripts and fractions that stay readable: 10⁹/L, H₂O, 1/2."""

import re
from html.entities import html5
from typing import Any

from lxml import etree

# The signs for trade marks are raised by themselves.
_SUPERSCRIPTS = str.maketrans("0123456789+-−=()n®™", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ®™")
_SUBSCRIPTS = str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")
_EMPTY_LINES = re.compile(r"\n[ \t]*\n\s*")
Script = tuple[dict[int, int], str]
SUPERSCRIPT: Script = (_SUPERSCRIPTS, "^")
SUBSCRIPT: Script = (_SUBSCRIPTS, "_")
SCRIPTS = {
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
        *("h1", "h2", "h3", "h4", "mtr", "mlabeledtr"),
    }
)
# Elements of MathML that part what stands beside them, as a space does.
_SPACED = frozenset({"mtd", "mspace"})
# MathML elements whose meaning is in their lay-out.
_MATH = frozenset({"mfrac", "msup", "msub", "msubsup", "msqrt", "mroot", "mfenced"})
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
    of MathML `(a)/(b)`, parted from a number beside it: `1 1/2`; a row of its tables is a line.
    An entity that HTML knows gives its character, any other stays as `&name;`. A
    cross-reference without text of its own gives the name of its target, `[table-3]`: its
    number is not in the file.
    """
    text = "".join(_pieces(element))
    if _EDGE in text:
        text = _NUMBER_AT_EDGE.sub(" ", text).replace(_EDGE, "")
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
    if tag in SCRIPTS:
        return [script("".join(pieces), SCRIPTS[tag])]
    if tag in _MATH:
        return [_formula(element, tag)]
    if not "".join(pieces).strip():
        pieces += [f"[{element.get(name)}]" for name in _TARGETS if element.get(name)]
    edge = _edge(element, tag)
    return [edge, *pieces, edge] if edge else pieces


def _edge(element: Any, tag: str) -> str:
    """Return what stands before and behind an element's text."""
    if tag in _BLOCKS or element.get("linebreak") == "newline":
        return "\n"
    return " " if tag in _SPACED else ""


def _formula(element: Any, tag: str) -> str:
    """Return a fraction, power, index, root or bracket in one line; parts keep their brackets."""
    children = (child for child in element if child.tag not in _UNSEEN)
    parts = [" ".join("".join(_pieces(child)).split()) for child in children]
    if tag == "msqrt":
        return f"√({' '.join(parts)})"
    if tag == "mroot":
        base, *index = parts or [""]
        return f"{_EDGE}{script(' '.join(index), SUPERSCRIPT)}√({base}){_EDGE}"
    if tag == "mfenced":
        return _fenced(element, parts)
    if tag == "mfrac":
        return f"{_EDGE}{'/'.join(_bracketed(part) for part in parts if part)}{_EDGE}"
    base, *scripts = parts or [""]
    forms = {"msup": (SUPERSCRIPT,), "msub": (SUBSCRIPT,)}.get(tag, (SUBSCRIPT, SUPERSCRIPT))
    raised = (script(part, form) for part, form in zip(scripts, forms, strict=False))
    return "".join([base if base.isalnum() else _bracketed(base), *raised])


def _bracketed(part: str) -> str:
    return part if len(part) == 1 or part.isdigit() else f"({part})"


def _fenced(element: Any, parts: list[str]) -> str:
    """Return parts with the brackets and separators that are attributes of their element."""
    separators = "".join(element.get("separators", ",").split())
    inside = parts[:1]
    for place, part in enumerate(parts[1:]):
        inside += [separators[min(place, len(separators) - 1)] if separators else "", part]
    return f"{element.get('open', '(')}{''.join(inside)}{element.get('close', ')')}"


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
