"""Cuts documents into passages of whole sentences, headings with the text below them."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from onestage.quantities import LONGEST_QUANTITY, QUANTITY, inside_number
from onestage.sentences import BRACKET_CHARS, BRACKETED, Span

# A sentence that is too long is cut after one of these, the strongest first: ends of sentences
# within a quotation, clause marks, white space; the last is the place before a bracket.
_CLAUSE_MARKS = tuple(
    re.compile(marks)
    for marks in (
        r"(?:[。！？!?]|\.(?= ))[”’」』）】)\"]*+",
        "[；;]",
        "[，,、：:]",
        " ",
        "(?=[（(【〔“「『《])",
    )
)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")

# A heading is a short line that ends in no mark. A longer run of such lines is a list; then only
# its last line may be one, or those last ones that follow a gap or begin as headings do.
_HEADING_COLUMNS = 60
_HEADING_RUN = 3
_BULLET = r"[-*•·●○■◆▪‣–—]"
_MARKS = frozenset("。！？｡!?….．；;，,、")
_NO_HEADING = re.compile(rf"{_BULLET}|[（(\[][^）)\]]*[）)\]]\Z|[^|]*\|[^|]*\|")
_MARKED_HEADING = re.compile(
    r"第[〇零一二三四五六七八九十百\d]+[章节篇部卷]|[（(]?[一二三四五六七八九十]+[、）)．.]"
    r"|\d+(?:\.\d+)*[.．、 ]|[【［〔].*[】］〕]\Z|#+ |=+ .*=\Z"
    r"|(?:Chapter|Section|Part|Appendix) [\dIVXA-Z]"
)
# 羌活 天麻（半两） 防风: what a recipe takes, below its name and use.
_ROW_OF_ITEMS = re.compile(
    r"[）)] \S|[一-鿿] [一-鿿]+ [一-鿿]"
    r"|[（(][^（()）]*(?:[一二三四五六七八九十半数][两钱分斤升合]"
    r"|[一二三四五六七八九十]+[个枚条片粒]|等分|少许)[^（()）]*[）)]\Z"
)
_IDEOGRAPH = re.compile("[\u2e80-\uffef]")
_ITEM = re.compile(rf"{_BULLET}|[（(]?\d{{1,2}}[.．、）)](?!\d)|[①-⑳]|[（(]?[A-Za-z][.)] ")
_BULLETED = re.compile(rf"\s*{_BULLET}")

# Why a sentence stays with the next one.
_Bond = Literal["leads", "item", "row"]


def cut_passages(
    text: str, sentence_spans: Iterable[Span], *, min_chars: int, max_chars: int
) -> list[Span]:
    """Return spans of passages, in order, that cover all of the sentences.

    Sentences are joined while they fit into `max_chars`; a last passage below `min_chars`
    joins the one before it where both fit. A heading, and a line that leads to a list, stay
    with what follows; an item of a list is parted only if it is long, a table's row only if
    it is longer than `max_chars`. A passage that is full ends before its last heading if it is
    half full there. A sentence beyond `max_chars` is cut at its clause marks, never within a
    number or between it and its unit.
    """
    spans: list[Span] = []
    turn: tuple[int, int] | None = None
    for start, floor, end, headed in _units(text, list(sentence_spans), max_chars):
        before = spans[-1][1] if spans else start
        fits = end - start <= max_chars
        for piece in [(start, end)] if fits else _pieces(text, start, floor, end, max_chars):
            if spans and piece[1] - spans[-1][0] <= max_chars:
                spans[-1] = (spans[-1][0], piece[1])
            elif turn and _turns(spans[-1], turn, piece, max_chars):
                spans[-1:] = [(spans[-1][0], turn[0]), (turn[1], piece[1])]
            else:
                spans.append(piece)
        if headed:
            turn = before, start
    return _rebalanced(spans, min_chars=min_chars, max_chars=max_chars)


def _turns(span: Span, turn: tuple[int, int], piece: Span, max_chars: int) -> bool:
    """Return whether a full passage ends before its last heading, rather than parting its text.

    It does where it stays half full, and the heading with what follows it so far fits.
    """
    return turn[0] - span[0] >= max_chars // 2 and piece[1] - turn[1] <= max_chars


def _rebalanced(spans: list[Span], *, min_chars: int, max_chars: int) -> list[Span]:
    if len(spans) > 1 and spans[-1][1] - spans[-1][0] < min_chars:
        joined = (spans[-2][0], spans[-1][1])
        if joined[1] - joined[0] <= max_chars + min_chars:
            return [*spans[:-2], joined]
    return spans


def _units(
    text: str, spans: Sequence[Span], max_chars: int
) -> Iterator[tuple[int, int, int, bool]]:
    """Yield what is not parted, as (start, floor, end, headed): one sentence, or several bound.

    `floor` is where the last sentence begins; if all is too long, it is cut beyond it. `headed`
    says that it begins with a line that leads to what follows.
    """
    bonds = _bonds(text, spans)
    first = 0
    for index, (start, end) in enumerate(spans):
        begin = spans[first][0]
        bond = bonds.get(index)
        if bond is None or not _holds(bond, begin, end, spans[index + 1][1], max_chars):
            leads = bonds.get(first) == "leads"
            yield begin, start, end, leads and not _ROW_OF_ITEMS.search(text, *spans[first])
            first = index + 1


def _holds(bond: _Bond, first: int, end: int, next_end: int, max_chars: int) -> bool:
    """Return whether what begins at `first` and ends at `end` takes in the sentence after it.

    Headings hold unless they fill half a passage, so that no run of them is endless; an item
    does up to half a passage, lest passages become short; a row as far as it fits.
    """
    if bond == "leads":
        return end - first <= max_chars // 2
    return next_end - first <= (max_chars // 2 if bond == "item" else max_chars)


def _bonds(text: str, spans: Sequence[Span]) -> dict[int, _Bond]:
    """Return which sentences stay with the next one, by index."""
    bonds: dict[int, _Bond] = {}
    run: list[int] = []  # lines that may be headings, so far without text below them
    for first, last in _lines(text, spans):
        start, end = spans[first][0], spans[last][1]
        if first < last:
            bonds.update(_bonds_within(text, start, end, first, last))
        if text[end - 1] in _MARKS:
            leads = heading = False
        else:
            heading = first == last and _is_heading(text[start:end])
            leads = text[end - 1] in ":：" or _leads_to_items(text, start, end)
        if leads:
            bonds[last] = "leads"
        if heading:
            run.append(first)
        elif run:
            bonds.update(dict.fromkeys(_leading(text, spans, run), "leads"))
            run = []
    bonds.update(dict.fromkeys(_leading(text, spans, run), "leads"))
    bonds.pop(len(spans) - 1, None)  # nothing follows
    return bonds


def _lines(text: str, spans: Sequence[Span]) -> Iterator[tuple[int, int]]:
    """Yield the index of the first and of the last sentence of each line."""
    if not spans:
        return
    first, before = 0, spans[0][1]
    for index, (start, end) in enumerate(spans):
        if start > before and text.find("\n", before, start) >= 0:
            yield first, index - 1
            first = index
        before = end
    yield first, len(spans) - 1


def _bonds_within(text: str, start: int, end: int, first: int, last: int) -> dict[int, _Bond]:
    """Bind the sentences of a line if it is a table's row or an item of a list."""
    if text.count("|", start, end) > 1:
        return dict.fromkeys(range(first, last), "row")
    if _ITEM.match(text, start):
        return dict.fromkeys(range(first, last), "item")
    return {}


def _leads_to_items(text: str, start: int, end: int) -> bool:
    """`Symptoms include`, itself no item, before an item that has a bullet."""
    return _BULLETED.match(text, end) is not None and _ITEM.match(text, start) is None


def _is_heading(line: str) -> bool:
    """Return whether a line without a mark at its end, if text follows, can be its heading.

    >>> [_is_heading(line) for line in ("二、症状", "3.2 Dosage", "- 发热", "（某某）")]
    [True, True, False, False]
    """
    if len(line) > _HEADING_COLUMNS or _NO_HEADING.match(line):
        return False
    return 2 * len(line) <= _HEADING_COLUMNS or _IDEOGRAPH.search(line) is None


def _leading(text: str, spans: Sequence[Span], run: list[int]) -> list[int]:
    """Return which of a run of lines that may be headings belong to the text below them."""
    if len(run) <= _HEADING_RUN:
        return run
    for place in range(len(run) - _HEADING_RUN, len(run)):
        start, end = spans[run[place]]
        if text[max(0, start - 2) : start] == "\n\n" or _MARKED_HEADING.match(text[start:end]):
            return run[place:]
    return run[-1:]


def _pieces(text: str, start: int, floor: int, end: int, max_chars: int) -> Iterator[Span]:
    while end - start > max_chars:
        cut = _cut_point(text, start, max(start, floor), start + max_chars)
        yield from _trimmed(text, start, cut)
        start = cut
    yield from _trimmed(text, start, end)


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    end -= len(piece) - len(piece.rstrip())
    if start < end:
        yield start, end


def _cut_point(text: str, start: int, floor: int, limit: int) -> int:
    """Return the place after the last clause mark before `limit`, or `limit` without one.

    It lies beyond `floor` and in the second half. Within brackets it lies only if no mark
    stands outside of them. No number is cut, nor parted from its unit: a comma or point between
    two digits is part of it, and without a clause mark the cut goes before what runs across
    `limit`.
    """
    quantities = _spans(QUANTITY, text, start, limit + LONGEST_QUANTITY)
    brackets = _spans(BRACKETED, text, start, limit + BRACKET_CHARS)
    half = max(floor, start + (limit - start) // 2) + 1
    for whole in (brackets, []):
        for marks in _CLAUSE_MARKS:
            for place in reversed(_spans(marks, text, half, limit)):
                cut = place[1]
                if not (
                    inside_number(text, cut - 1) or _parts(quantities, cut) or _parts(whole, cut)
                ):
                    return cut
    return _before_quantity(text, floor, limit, quantities)


def _before_quantity(text: str, floor: int, limit: int, quantities: Sequence[Span]) -> int:
    """Return `limit`, or the place before a number, with its unit, that runs across it.

    Where that would be no progress beyond `floor`, the number alone is kept whole; one that
    begins at `floor` is cut at `limit`.

    >>> _before_quantity("口服100 mg", 0, 4, [(2, 8)])
    2
    """
    for spans in (quantities, _spans(_NUMBER, text, floor, limit + LONGEST_QUANTITY)):
        for first, last in spans:
            if floor < first < limit < last:
                return first
    return limit


def _spans(pattern: re.Pattern[str], text: str, start: int, end: int) -> list[Span]:
    return [found.span() for found in pattern.finditer(text, start, end)]


def _parts(spans: Sequence[Span], place: int) -> bool:
    """Return whether a place lies inside of one of the spans, which do not overlap."""
    index = bisect_left(spans, (place,)) - 1
    return index >= 0 and place < spans[index][1]
