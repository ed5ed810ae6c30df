"""Normalisation of raw text: what is safe for medicine and nothing more, plus masked contacts.

NFKC is never used: it turns 10⁹/L into 109/L and ½ into 1⁄2. NFC composes accents; a short
table maps forms that differ in look only. The inline HTML that titles and abstracts carry is
resolved: entities, scripts (10<sup>9</sup>/L), italics. All other tags stay as they are.
"""

import html
import re
import unicodedata

from onestage.collect.markup import SUBSCRIPT, SUPERSCRIPT, Script, script

_FULL_WIDTH = {0xFF10 + i: 0x30 + i for i in range(10)}
_FULL_WIDTH |= {0xFF21 + i: 0x41 + i for i in range(26)}
_FULL_WIDTH |= {0xFF41 + i: 0x61 + i for i in range(26)}
# U+2F00-U+2FD5, Kangxi radicals: each stands for one ordinary ideograph, by its own mapping.
_KANGXI = {code: ord(unicodedata.normalize("NFKC", chr(code))) for code in range(0x2F00, 0x2FD6)}
_SPACES = dict.fromkeys([0x00A0, 0x2002, 0x2003, 0x2009, 0x202F, 0x3000], " ")
_ZERO_WIDTH = dict.fromkeys([0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x00AD], None)
_CONTROLS = {code: None for code in (*range(0x20), 0x7F) if code not in (0x09, 0x0A)}
_RATIO_AS_COLON = {0x2236: "："}
_TABLE: dict[int, int | str | None] = {
    **_FULL_WIDTH, **_KANGXI, **_SPACES, **_ZERO_WIDTH, **_CONTROLS, **_RATIO_AS_COLON, 0x09: " ",
}  # fmt: skip

_LINE_ENDS = re.compile(r"\r\r\n|\r\n|\r|\x0b|\x0c|\x85|\u2028|\u2029")
_SPACE_RUNS = re.compile(r" {2,}")
_LINE_EDGES = re.compile(r" *\n *")
_BLANK_LINES = re.compile(r"\n{3,}")

_ENTITY = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]*|#\d+|#x[0-9A-Fa-f]+);")
_SUPERSCRIPTS = re.compile(r"<sup>([^<>]*)</sup>", re.IGNORECASE)
_SUBSCRIPTS = re.compile(r"<sub>([^<>]*)</sub>", re.IGNORECASE)
# A script's tag is no style: without its partner it stays, since 10<sup>9 is not 109.
_STYLES = re.compile(r"</?(?:b|i|u|em|strong|sc)>")
_BREAKS = re.compile(r"<br\s*/?>|</?p>", re.IGNORECASE)

_MASKS = (
    (re.compile(r"(?<![\w.%+-])[\w.%+-]+@[A-Z\d-]+(?:\.[A-Z\d-]+)+", re.ASCII | re.I), "[EMAIL]"),
    (re.compile(r"(?<![\dA-Za-z])[1-9]\d{5}(?:19|20)\d{9}[\dXx](?![\dA-Za-z])"), "[ID]"),
    (re.compile(r"(?<![\dA-Za-z.])(?:\+?86[- ]?)?1[3-9]\d{9}(?![\dA-Za-z.])"), "[PHONE]"),
)


def normalise(raw: str) -> str:
    r"""Return a document's or message's text in the form that every span refers to.

    Inline HTML resolved, NFC, safe mappings, one kind of line end, single spaces, at most one
    blank line; e-mail addresses, Chinese identity numbers and mobile numbers are masked.
    Idempotent.

    >>> normalise("WBC １２×10⁹/L\u00a0 H₂O")
    'WBC 12×10⁹/L H₂O'
    """
    text = _mapped(raw)
    while (resolved := _mapped(_without_html(text))) != text:
        text = resolved
    text = _SPACE_RUNS.sub(" ", text)
    text = _BLANK_LINES.sub("\n\n", _LINE_EDGES.sub("\n", text)).strip()
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    return text


def _mapped(text: str) -> str:
    text = _LINE_ENDS.sub("\n", text)
    # Before the table, since NFC turns U+2000 into U+2002; after it, since that may join accents.
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).translate(_TABLE))


def _without_html(text: str) -> str:
    r"""Resolve entities, styles, scripts (whose content must be free of tags) and line breaks.

    >>> _without_html("<i>E. coli</i>, 3&times;10<sup>9</sup>/L, P&lt;0.05")
    'E. coli, 3×10⁹/L, P<0.05'
    """
    text = _ENTITY.sub(_character, text)
    if "<" not in text:
        return text
    text = _STYLES.sub("", text)
    text = _SUPERSCRIPTS.sub(lambda match: _script(match, SUPERSCRIPT), text)
    text = _SUBSCRIPTS.sub(lambda match: _script(match, SUBSCRIPT), text)
    return _BREAKS.sub("\n", text)


def _script(element: re.Match[str], form: Script) -> str:
    """Return a script in one line: a line break within it is lay-out."""
    return script(" ".join(element[1].split()), form)


def _character(entity: re.Match[str]) -> str:
    """Return what an entity stands for, or the entity where that is no character."""
    resolved = html.unescape(entity[0])
    return entity[0] if "\ufffd" in resolved else resolved
