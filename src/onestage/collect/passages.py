"""Cuts documents into passages of whole sentences."""

import re
from collections.abc import Iterator

import sentencex

Span = tuple[int, int]

# A sentence that is too long is cut after one of these, the strongest first.
_CLAUSE_MARKS = ("；;", "，,、：:", " ")
_DIGITS = r"[\d⁰¹²³⁴-⁹⁺⁻]+"
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
# 10 mg, 5×10⁹/L, 7.35～7.45, 0.9%, 12 mmol/L: what means nothing once it is parted.
_QUANTITY = re.compile(
    rf"\d(?:{_DIGITS})?(?:(?:[.,:/]| ?[×~～–-] ?){_DIGITS})*"
    r"(?: ?[A-Za-zμµ%％‰℃℉°/][A-Za-zμµ/·⁰¹²³⁴-⁹⁻]*)?"
)
_LONGEST_QUANTITY = 40


def cut_passages(text: str, *, lang: str, min_chars: int, max_chars: int) -> list[Span]:
    """Return spans of passages, in order, that cover all but the white space between them.

    Sentences are joined while they fit into `max_chars`; a last passage below `min_chars`
    joins the one before it where both fit. A sentence beyond `max_chars` is cut at its
    clause marks.
    """
    spans: list[Span] = []
    for start, end in _sentences(text, lang):
        for piece in _pieces(text, start, end, max_chars):
            if spans and piece[1] - spans[-1][0] <= max_chars:
                spans[-1] = (spans[-1][0], piece[1])
            else:
                spans.append(piece)
    return _rebalanced(spans, min_chars=min_chars, max_chars=max_chars)


def _rebalanced(spans: list[Span], *, min_chars: int, max_chars: int) -> list[Span]:
    if len(spans) > 1 and spans[-1][1] - spans[-1][0] < min_chars:
        joined = (spans[-2][0], spans[-1][1])
        if joined[1] - joined[0] <= max_chars + min_chars:
            return [*spans[:-2], joined]
    return spans


def _sentences(text: str, lang: str) -> Iterator[Span]:
    """Yield sentences without the white space around them; a line break ends a sentence."""
    offset = 0
    for line in text.splitlines(keepends=True):
        for sentence in sentencex.segment(lang, line.rstrip("\n")):
            yield from _trimmed(text, offset, offset + len(sentence))
            offset += len(sentence)
        offset += line.endswith("\n")


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    end -= len(piece) - len(piece.rstrip())
    if start < end:
        yield start, end


def _pieces(text: str, start: int, end: int, max_chars: int) -> Iterator[Span]:
    while end - start > max_chars:
        cut = _cut_point(text, start, start + max_chars)
        yield from _trimmed(text, start, cut)
        start = cut
    yield from _trimmed(text, start, end)


def _cut_point(text: str, start: int, limit: int) -> int:
    """Return the place after the last clause mark before `limit`, or `limit` without one.

    No number is cut, nor parted from its unit: a comma or point between two digits is part
    of it, and without a clause mark the cut goes before what runs across `limit`.
    """
    quantities = _spans(_QUANTITY, text, start, limit)
    for marks in _CLAUSE_MARKS:
        for index in range(limit - 1, start + (limit - start) // 2, -1):
            if text[index] not in marks or _inside_number(text, index):
                continue
            if not any(first < index + 1 < last for first, last in quantities):
                return index + 1
    return _before_quantity(text, start, limit)


def _before_quantity(text: str, start: int, limit: int) -> int:
    """Return `limit`, or the place before a number, with its unit, that runs across it.

    Where that would be no progress beyond `start`, the number alone is kept whole; one that
    begins at `start` is cut at `limit`.

    >>> _before_quantity("口服100 mg", 0, 4)
    2
    """
    for pattern in (_QUANTITY, _NUMBER):
        for first, last in _spans(pattern, text, start, limit):
            if start < first < limit < last:
                return first
    return limit


def _spans(pattern: re.Pattern[str], text: str, start: int, limit: int) -> list[Span]:
    return [found.span() for found in pattern.finditer(text, start, limit + _LONGEST_QUANTITY)]


def _inside_number(text: str, index: int) -> bool:
    before, after = text[index - 1 : index], text[index + 1 : index + 2]
    return before.isdigit() and after.isdigit()
