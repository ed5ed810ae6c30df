"""Normalisation of raw text: what is safe for medicine and nothing more.

NFKC is never used: it turns 10⁹/L into 109/L and ½ into 1⁄2. NFC composes accents (and gives
the ideographs of U+F900-U+FAFF, which are the same by Unicode's own canonical mapping, their
ordinary code); a short table maps forms that differ in look only. HTML that is left in a text
is resolved: entities, scripts (10<sup>9</sup>/L), styles, lines and cells. All other tags
stay as they are.
"""

import html
import re
import unicodedata

from onestage.markup import SUBSCRIPT, SUPERSCRIPT, Script, script

_FULL_WIDTH = {0xFF10 + i: chr(0x30 + i) for i in range(10)}
_FULL_WIDTH |= {0xFF21 + i: chr(0x41 + i) for i in range(26)}
_FULL_WIDTH |= {0xFF41 + i: chr(0x61 + i) for i in range(26)}
# U+2F00-U+2FD5, Kangxi radicals: each stands for one ordinary ideograph, by its own mapping.
_KANGXI = {code: unicodedata.normalize("NFKC", chr(code)) for code in range(0x2F00, 0x2FD6)}
# Of U+2E80-U+2EF3 those alone that are whole characters, which text taken from PDF files shows
# in place of the ideograph. The others are components (⺡, ⻊): no word is written with them,
# and a text that names one means it.
_RADICALS = dict(
    zip(
        map(ord, "⺟⺠⻁⻄⻅⻆⻉⻋⻑⻓⻔⻘⻙⻚⻛⻜⻝⻢⻣⻤⻥⻦⻧⻨⻩⻪⻫⻬⻭⻮⻯⻰⻱⻲⻳"),
        "母民虎西见角贝车長长门青韦页风飞食马骨鬼鱼鸟卤麦黄黾斉齐歯齿竜龙龜亀龟",
        strict=True,
    )
)
_SPACES = dict.fromkeys([0x09, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000], " ")
_INVISIBLE = [0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060, 0xFEFF]
_LINES = dict.fromkeys([0x0B, 0x0C, 0x85, 0x2028, 0x2029], "\n")
_CONTROLS = [code for code in (*range(0x20), 0x7F) if code not in (0x09, 0x0A, 0x0B, 0x0C)]
_TABLE: dict[str, str] = {
    chr(code): mapped
    for code, mapped in (
        _FULL_WIDTH
        | _KANGXI
        | _RADICALS
        | _SPACES
        | _LINES
        | dict.fromkeys([*_INVISIBLE, *_CONTROLS], "")
        | {0x2236: "："}  # the sign for ratios, which stands for a colon
        | {0xFF20: "@"}  # lest an address go unseen
    ).items()
}
# Searched for at once: translating every character is ten times slower.
_MAPPED = re.compile("[" + "".join(map(re.escape, _TABLE)) + "]")

_CARRIAGE_RETURNS = re.compile(r"\r\r\n|\r\n?")
# UTF-8 that was read as Latin-1: `doesnâ\x80\x99t`, `â\x89¥ 7`. The second is a control
# character, so that nothing else can be meant.
_MISREAD = re.compile("\u00e2[\u0080-\u009f][\u0080-\u00bf]")

_ENTITY = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]*|#\d+|#[xX][0-9A-Fa-f]+);")
# What looks like a tag but has no attributes of the form name=value is text: p<q and r>s.
_ATTRIBUTES = r"""(?:\s+[\w:-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>]+))"""
_TAG = re.compile(r"</?[A-Za-z]|<!--")
_SUPERSCRIPTS = re.compile(rf"<sup{_ATTRIBUTES}*\s*>([^<>]*)</sup>", re.IGNORECASE)
_SUBSCRIPTS = re.compile(rf"<sub{_ATTRIBUTES}*\s*>([^<>]*)</sub>", re.IGNORECASE)
# A script's tag is no style: without its partner it stays, since 10<sup>9 is not 109.
_STYLES = re.compile(
    rf"</?(?:em|strong|sc|small|big|font|span){_ATTRIBUTES}*\s*>"
    rf"|<[abiu]{_ATTRIBUTES}+\s*>|<!--[^<>]*-->",
    re.IGNORECASE,
)
# One letter without a tag that ends it may be a quantity: a<b>c.
_LETTER_STYLE = re.compile(r"<(/?)([abiu])\s*>", re.IGNORECASE)
_CELL_ENDS = re.compile(rf"</t[dh]>\s*<t[dh]{_ATTRIBUTES}*\s*>", re.IGNORECASE)
_CELL_END = " | "
_BREAKS = re.compile(
    r"</?(?:br|p|div|ul|ol|li|dl|dt|dd|table|thead|tbody|tr|td|th|h[1-6])"
    rf"{_ATTRIBUTES}*\s*/?>",
    re.IGNORECASE,
)


def normalise(raw: str) -> str:
    r"""Return a text in the form that every span refers to. Idempotent.

    HTML resolved, NFC, safe mappings, one kind of line end, single spaces, at most one blank
    line. Superscripts never become digits.

    >>> normalise("WBC １２×10⁹/L\u00a0 H₂O")
    'WBC 12×10⁹/L H₂O'
    """
    text = _mapped(raw)
    while (resolved := _without_html(text)) != text:
        text = _mapped(resolved)
    return _single_spaced(text)


def _mapped(text: str) -> str:
    """Return text in NFC without misread characters and those of the table."""
    text = _once_mapped(text)
    # What the table takes away, and NFC, may have joined the parts of a misread character.
    while _MISREAD.search(text):
        text = _once_mapped(text)
    return text


def _once_mapped(text: str) -> str:
    text = _MISREAD.sub(lambda found: found[0].encode("latin-1").decode("utf-8"), text)
    if "\r" in text:
        text = _CARRIAGE_RETURNS.sub("\n", text)
    text = _MAPPED.sub(lambda found: _TABLE[found[0]], text)
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _single_spaced(text: str) -> str:
    while "  " in text:
        text = text.replace("  ", " ")
    text = text.replace(" \n", "\n").replace("\n ", "\n")
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.strip()


def _without_html(text: str) -> str:
    r"""Resolve entities, styles, scripts (whose content must be free of tags), lines and cells.

    >>> _without_html("<i>E. coli</i>, 3&times;10<sup>9</sup>/L, P&lt;0.05")
    'E. coli, 3×10⁹/L, P<0.05'
    """
    if "&" in text:
        text = _ENTITY.sub(_character, text)
    if "<" not in text or not _TAG.search(text):
        return text
    text = _STYLES.sub("", _without_letter_styles(text))
    text = _SUPERSCRIPTS.sub(lambda match: _script(match, SUPERSCRIPT), text)
    text = _SUBSCRIPTS.sub(lambda match: _script(match, SUBSCRIPT), text)
    return _BREAKS.sub("\n", _CELL_ENDS.sub(_CELL_END, text))


def _without_letter_styles(text: str) -> str:
    """Take out styles of one letter, save those that nothing ends.

    >>> _without_letter_styles("<b>Note</b>: a<b>c</i>")
    'Note: a<b>c'
    """
    begun: dict[str, list[re.Match[str]]] = {}
    gone: list[tuple[int, int]] = []
    for tag in _LETTER_STYLE.finditer(text):
        before = begun.setdefault(tag[2].lower(), [])
        if not tag[1]:
            before.append(tag)
            continue
        gone.append(tag.span())
        if before:
            gone.append(before.pop().span())
    done, pieces = 0, []
    for start, end in sorted(gone):
        pieces.append(text[done:start])
        done = end
    return "".join([*pieces, text[done:]])


def _script(element: re.Match[str], form: Script) -> str:
    """Return a script in one line: a line break within it is lay-out."""
    return script(" ".join(element[1].split()), form)


def _character(entity: re.Match[str]) -> str:
    """Return what an entity stands for, or the entity where that is no character."""
    resolved = html.unescape(entity[0])
    return entity[0] if "\ufffd" in resolved else resolved
