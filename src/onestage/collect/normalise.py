"""Normalisation of raw text: what is safe for medicine and nothing more, plus masked contacts.

NFKC is never used: it turns 10⁹/L into 109/L and ½ into 1⁄2. NFC composes accents; a short
table maps forms that differ in look only.
"""

import re
import unicodedata

NORMALISER_VERSION = 1

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

_MASKS = (
    (re.compile(r"(?<![\w.+-])[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"), "[EMAIL]"),
    (re.compile(r"(?<![\dA-Za-z])[1-9]\d{5}(?:19|20)\d{9}[\dXx](?![\dA-Za-z])"), "[ID]"),
    (re.compile(r"(?<![\dA-Za-z.])(?:\+?86[- ]?)?1[3-9]\d{9}(?![\dA-Za-z.])"), "[PHONE]"),
)


def normalise(raw: str) -> str:
    r"""Return a document's or message's text in the form that every span refers to.

    NFC, safe mappings, one kind of line end, single spaces, at most one blank line; e-mail
    addresses, Chinese identity numbers and mobile numbers are masked. Idempotent.

    >>> normalise("WBC １２×10⁹/L\u00a0 H₂O")
    'WBC 12×10⁹/L H₂O'
    """
    text = _LINE_ENDS.sub("\n", raw)
    text = unicodedata.normalize("NFC", text.translate(_TABLE))
    text = _SPACE_RUNS.sub(" ", text)
    text = _BLANK_LINES.sub("\n\n", _LINE_EDGES.sub("\n", text)).strip()
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    return text
