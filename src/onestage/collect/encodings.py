"""Encodings of raw files: the declared codec, or the one that the first MiB looks like."""

import codecs
import re
from pathlib import Path

from charset_normalizer import from_bytes

from onestage.collect.opening import open_raw
from onestage.collect.raw import BadRecord, undecodable

AUTO = "auto"
_SAMPLE_BYTES = 2**20
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins with the mark of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
# Their state runs on from line to line, or they yield halves of surrogate pairs.
_REFUSED = {"utf-7", "unicode-escape", "raw-unicode-escape", "idna", "punycode", "undefined"}
# In these no byte of a longer character is a quote, a comma or a line break.
_ASCII_SAFE = re.compile(
    r"utf-8|ascii|gb18030|gbk|gb2312|big5|big5hkscs|euc_kr|cp(125\d|949|950)|iso8859-\d+|mac-roman"
)
# A share of bytes this small that do not decode is damage, a larger one another encoding.
_MAX_DAMAGE = 0.01
# Of hanzi in Chinese texts of all kinds 12 to 37 % are among these; of those that a wrong
# decoding gives (UTF-8, Big5, Latin-1 read as GB18030) less than 2 %.
_FREQUENT = re.compile(
    "[的一是不了在人有我他这个上们来到时大地为子中你说生国年着就那和要她出也得里后自以会家可下而过"
    "天去能对小多然于心学之方病者气水血用如及主无其分成行法月日二三等发现症治性食体部]"
)
_MIN_FREQUENT_SHARE = 0.05
_FEW_HANZI = 20
_HANZI = re.compile("[\u3400-\u9fff]")


def resolve_encoding(path: Path, declared: str) -> str:
    """Return the name of the codec of a file's (decompressed) content, BOM apart.

    `auto` looks at the first MiB, in this order: a byte order mark; UTF-16 without one, where
    zero bytes stand on one side of the pairs; UTF-8; GB18030, if what it gives has the
    frequent characters of Chinese; otherwise what charset-normalizer finds. Damage of up to
    1 % of what is not ASCII does not count against UTF-8 and GB18030.

    Raises:
        LookupError: no such encoding, or none that text files can be read in line by line.
    """
    with open_raw(path) as stream:
        head = stream.read(_SAMPLE_BYTES if declared == AUTO else 4)
    if declared == AUTO:
        return _detected(head)
    name = codecs.lookup(declared).name
    if name in _REFUSED:
        raise LookupError(f"encoding {declared} cannot be read line by line")
    b"".decode(name)  # LookupError for rot13 and the like, which are no encodings of text
    if name in ("utf-16", "utf-32"):
        return next(
            (of for mark, of in _BOMS if head.startswith(mark) and name in of), f"{name}-le"
        )
    return "utf-8" if name == "utf-8-sig" else name


def byte_order_mark(codec: str) -> bytes:
    """Return the mark with which a file in this encoding may begin; it is not text."""
    return next((mark for mark, of in _BOMS if of == codec), b"")


def newline(codec: str) -> bytes:
    r"""Return the bytes of `\n`, as many as one unit of the encoding has."""
    return "\n".encode(codec)


def is_ascii_safe(codec: str) -> bool:
    """Say whether quotes, commas and line breaks can be looked for in the bytes."""
    return _ASCII_SAFE.fullmatch(codec) is not None


def decoded(data: bytes, codec: str, offset: int) -> str | BadRecord:
    """Return the text of bytes that begin at an offset, or which of them does not decode."""
    try:
        return data.decode(codec)
    except UnicodeDecodeError as error:
        return undecodable(data[error.start], offset + error.start, codec)


def _detected(head: bytes) -> str:
    for mark, codec in _BOMS:
        if head.startswith(mark):
            return codec
    wide = _wide(head)
    if wide:
        return wide
    if _damage(head, "utf-8") <= _MAX_DAMAGE:
        return "utf-8"
    if _damage(head, "gb18030") <= _MAX_DAMAGE and _is_chinese(head):
        return "gb18030"
    best = from_bytes(head).best()
    if best is None:
        raise LookupError("its encoding cannot be told; declare it")
    return codecs.lookup(best.encoding).name


def _wide(head: bytes) -> str:
    """Return UTF-16 in its byte order, if zero bytes stand on one side of the pairs alone."""
    low, high = head[::2].count(0), head[1::2].count(0)
    if min(low, high) * 100 > max(low, high) or max(low, high) * 100 < len(head):
        return ""
    codec = "utf-16-le" if high > low else "utf-16-be"
    try:
        codecs.getincrementaldecoder(codec)().decode(head)
    except UnicodeDecodeError:
        return ""
    # Zero bytes in UTF-8 are damage; in UTF-16 they are half of what is ASCII.
    return codec if max(low, high) * 8 >= len(head) or _damage(head, "utf-8") else ""


def _damage(head: bytes, codec: str) -> float:
    """Return the share of characters beyond ASCII that do not decode; the cut end is spared."""
    decoder = codecs.getincrementaldecoder(codec)("replace")
    text = decoder.decode(head)
    beyond_ascii = len(text.encode("utf-8")) - len(text)  # about: 1 to 3 bytes more each
    broken = text.count("\ufffd") - head.count("\ufffd".encode(codec))
    return broken / max(1, beyond_ascii / 2)


def _is_chinese(head: bytes) -> bool:
    text = codecs.getincrementaldecoder("gb18030")("replace").decode(head)
    hanzi = _HANZI.findall(text)
    if len(hanzi) < _FEW_HANZI:
        return all(byte >= 0xA1 for byte in text.encode("gb18030") if byte >= 0x80) and bool(hanzi)
    return len(_FREQUENT.findall(text)) >= _MIN_FREQUENT_SHARE * len(hanzi)
