"""Finds sentences in Chinese, English and mixed text by one set of rules, in linear time.

A document's language does not tell that of each of its sentences: an English abstract stands
in a Chinese article, units and drug names are Latin in both. So the marks decide, and what
stands beside them. Where it is doubtful whether a sentence ends, it does not: passages hold
several sentences anyway, but a passage that ends with `Fig.` or `2.` makes no sense.
"""

import re
from collections.abc import Iterator

Span = tuple[int, int]

# A mark within a bracket or quotation that is not longer ends no sentence.
BRACKET_CHARS = 200
_PAIRS = ("（）", "()", "[]", "【】", "〔〕", "“”", "「」", "『』", "《》")
_OPENERS = re.escape("".join(pair[0] for pair in _PAIRS))
_CLOSERS = re.escape("".join(pair[1] for pair in _PAIRS))


def _within(pair: str) -> str:
    """Return the pattern of what follows an opening bracket, the closing one included."""
    opener, closer = map(re.escape, pair)
    plain = rf"[^{opener}{closer}\n]{{0,{BRACKET_CHARS}}}+"
    return rf"(?<={opener}){plain}(?:{opener}{plain}{closer}{plain}){{0,3}}+{closer}"


_BRACKETED = rf"(?:{'|'.join(map(_within, _PAIRS))})"
# A bracket with what it holds, perhaps brackets of the same kind.
BRACKETED = re.compile(rf"[{_OPENERS}]{_BRACKETED}")
# A straight quotation mark opens where no word or mark stands before it.
_QUOTED = rf'(?<=")(?<![A-Za-z0-9.,!?]")(?=\S)[^"\n]{{1,{BRACKET_CHARS}}}+"'
_CLOSING = rf"""(?:[{_CLOSERS}〉’]|["'](?!\w))*+"""
_MARKS = "[。！？｡!?….．]*+"
# No sentence begins with a comma. A Latin mark also needs white space or an ideograph behind it.
_DONE = "(?![，、；：。,;:])"
_PARTED = rf"{_DONE}(?=\s|\Z|[“\u2e80-\U0010ffff]|\"[一-鿿])"
# One class comes first, so that places are found fast, and each alternative keeps what it has
# read (`*+`), so that no input is read over and over.
_TOKEN = re.compile(
    rf"""[\n。！？｡!?….．"{_OPENERS}](?:
        (?<=[。！？｡]){_MARKS}{_CLOSING}{_DONE}(?P<end>)
      | (?<=\n)\s*+(?P<line_break>)
      | (?<=[.．])(?<![.．]{{2}})(?:
            (?![.．…!?A-Za-z0-9]){_CLOSING}{_PARTED}(?P<point>)
          | (?:(?<=[A-Za-z]{{2}}\.)|(?<=\)\.))(?=[A-Z][A-Za-z-]*+[ ,一-鿿])(?P<glued>)
          | (?<=[一-鿿]\.)(?=[A-Z])(?P<after_ideograph>)
          | (?<=[a-z]{{3}}\.)\d{{1,2}}(?:,\d{{1,2}})*+(?=\ [A-Z])(?P<footnote>)
          | [.．…!?]++{_CLOSING}{_PARTED}(?P<dots>))
      | (?<=[!?])[!?]*+(?:{_PARTED}|(?<=[a-z][!?])(?=[A-Z][a-z]++[ ,]))(?P<latin_end>)
      | (?<=[!?…]){_MARKS}{_CLOSING}{_PARTED}(?P<mark>)
      | (?:{_QUOTED}|{_BRACKETED})(?P<bracket>)
    )""",
    re.VERBOSE,
)
_SURE = frozenset({"end", "latin_end", "after_ideograph"})


def _words(names: str) -> frozenset[str]:
    return frozenset(names.split())


_IDEOGRAPHS = "\u2e80"  # from here on: what is written without spaces
_GO_ON = frozenset("，、；：。,;:")
_WORD_BEFORE = re.compile(r"[A-Za-z0-9.]+\Z")
_WORD_CHARS = 16
_LONG_WORD = 7
_AMOUNT = re.compile(r"\d{1,2} ?(?:[kmµμn]?[gGlL]|mmol|IU|U|%|％)(?![A-Za-z])")
_DOTTED = re.compile(r"(?:[A-Za-z]{1,3}\.)+[A-Za-z]{1,3}")
# A name, number or example follows, so these never end a sentence, ...
_LEADING = _words(
    "dr mr mrs ms prof st vs cf viz approx ca resp var subsp ssp gen capt col sgt sen rep hon "
    "messrs"
)
# ... nor do these before a number or a letter that counts, ...
_NUMBERED = _words("no nos fig figs eq eqs ref refs vol vols pp ch sec para art")
_COUNT = re.compile(r"[(\[]?(?:[A-Z]?\d|[A-Z](?![A-Za-z]))")
# ... these before lower case or a number, ...
_MEASURED = _words(
    "mo wk wks hr hrs min mins max temp est avg wt ht pt pts dx rx tx hx sx tab tabs cap caps inj "
    "syr susp soln tsp tbsp ext"
)
# ... and these before any word that does not look like the beginning of a sentence.
_SHORT = _words(
    "al etc inc ltd co corp jr sr sp spp dept univ assoc ed eds ave blvd rd jan feb mar apr jun "
    "jul aug sept oct nov dec phd md"
)
_BEGINNING = re.compile(
    r"(?:[\"“‘(\[]*)(?:The|An?|This|These|Those|That|It|Its|He|She|They|We|I|You|In|On|At|For|By"
    r"|Of|After|Before|When|Where|While|If|However|Although|There|Then|Thus|To|With|From|During"
    r"|Patients?|Do|Does|Take|Use|Most|Some|Many|Our|Their|His|Her|Your|My|As|No|Not|Both|All"
    r"|Each|Another|Other|Such|Because|Since|Until|Once|Results?|Methods?|Conclusions?|Background"
    r"|Objectives?|Data|What|How|Why|Who|Is|Are|Was|Were|Has|Have|Had|Can|May|Please|But|And|So"
    r"|Also|One|Two|Three|Here|Now)(?![A-Za-z.,])"
)
# `vitamin D.` ends a sentence, `Anthony D.` does not.
_LABELLED = _words(
    "vitamin vitamins hepatitis type types group groups class grade stage influenza factor "
    "protein category schedule appendix table figure part phase plan option arm lead"
)
_LABEL_CHARS = 12
_JOINED = frozenset("°/µμ'’")  # 37 °C, mg/d, patient's
_BEFORE_MARKER = re.compile(r"(?:(?<!\d)[:：]|[;；。）)]) ?[(（\[]?\Z")


def sentences(text: str) -> Iterator[Span]:
    """Yield the spans of sentences, in order, without the white space around them.

    Together they cover all but white space. A line break ends a sentence, and so do the marks
    of both languages, except within brackets and quotations, after abbreviations and initials,
    and in the number of a list's item. Takes time linear in the text.

    >>> text = "口服5.0 mg b.i.d.，见图1。Dr. Li agreed (vs. Fig. 2). 1. Rest."
    >>> [text[start:end] for start, end in sentences(text)]
    ['口服5.0 mg b.i.d.，见图1。', 'Dr. Li agreed (vs. Fig. 2).', '1. Rest.']
    """
    start = _after_spaces(text, 0)
    for token in _TOKEN.finditer(text):
        kind, end = token.lastgroup, token.end()
        if kind == "line_break":
            last = _before_spaces(text, start, token.start())
            if last > start:
                yield start, last
            start = end
        elif kind in _SURE or _ends(kind, text, start, token.start(), end):
            yield start, end
            start = _after_spaces(text, end) if text[end : end + 1].isspace() else end
    end = _before_spaces(text, start, len(text))
    if end > start:
        yield start, end


def _after_spaces(text: str, place: int) -> int:
    while text[place : place + 1].isspace():
        place += 1
    return place


def _before_spaces(text: str, start: int, place: int) -> int:
    while place > start and text[place - 1].isspace():
        place -= 1
    return place


def _following(text: str, end: int) -> str:
    place = _after_spaces(text, end)
    return text[place : place + 1]


def _ends(kind: str | None, text: str, start: int, begin: int, end: int) -> bool:
    """Return whether a mark that may end a sentence does: begun at `start`, mark from `begin`."""
    if kind == "bracket":
        return _bracket_ends(text, start, begin, end)
    if kind == "mark" and text[begin] != "…":  # closes a quotation
        return not _following(text, end).islower()
    if kind in ("mark", "dots"):
        return _dots_end(text, start, begin, end)
    return _point_ends(text, start, begin, end)


def _dots_end(text: str, start: int, begin: int, end: int) -> bool:
    """`...` and `…` end a sentence only before a capital, unless they stand for a word."""
    stands_alone = text[max(start, begin - 1)].isspace()
    following = _following(text, end)
    return not following or not (
        stands_alone or following.islower() or text[end : end + 1] >= _IDEOGRAPHS
    )


def _bracket_ends(text: str, start: int, begin: int, end: int) -> bool:
    """A mark within ends the sentence of a quotation, and of a bracket that is a sentence."""
    mark, following = text[end - 2], text[end : end + 1]
    if mark not in "。！？!?….":
        return False
    if text[end - 1] in '”」』"' and mark in "。！？":
        return following not in _GO_ON
    if not following.isspace() or _following(text, end).islower():
        return not following
    return text[end - 1] in '”"' or begin == start


def _point_ends(text: str, start: int, begin: int, end: int) -> bool:
    """Judge a point by the word before it and by what follows."""
    tail = text[max(start, begin - _LONG_WORD) : begin]
    if len(tail) == _LONG_WORD and tail.isalpha() and tail.isascii():
        return True  # longer than any abbreviation
    found = _WORD_BEFORE.search(text, max(start, begin - _WORD_CHARS), begin)
    if found is None:
        return True
    word, place = found[0], found.start()
    if word[0].isdigit():
        return not (word.isdigit() and _number_goes_on(text, start, place, end))
    if len(word) == 1:
        return _letter_ends(text, start, place, end)
    return (word.isupper() and "." not in word) or _word_ends(word.lower(), text, end)


def _word_ends(word: str, text: str, end: int) -> bool:
    """Judge a point after a word in lower case."""
    if word in _LEADING:
        return False
    if word in _NUMBERED:
        return _COUNT.match(text, _after_spaces(text, end)) is None
    if word in _MEASURED:
        following = _following(text, end)
        return not (following.islower() or following.isdigit())
    if word in _SHORT or ("." in word and _DOTTED.fullmatch(word)):
        return _begins(text, end)
    return True


def _letter_ends(text: str, start: int, begin: int, end: int) -> bool:
    """A single letter is an initial (`E. coli`, `J. Li`), a list's mark, or ends a name or unit."""
    if text[begin - 1 : begin] in _JOINED:
        return True
    if _is_marker(text, start, begin) or _following(text, end).islower():
        return False
    before = text[max(start, begin - _LABEL_CHARS) : begin].split()
    return (bool(before) and before[-1].lower() in _LABELLED) or _begins(text, end)


def _begins(text: str, end: int) -> bool:
    """Return whether the text ends there, or goes on with a word that begins sentences."""
    place = _after_spaces(text, end)
    return place == len(text) or _BEGINNING.match(text, place) is not None


def _number_goes_on(text: str, start: int, begin: int, end: int) -> bool:
    """Return whether a number and its point are a list's mark (`2. Rest`) or a parted amount.

    `3.其他` after an ideograph is a mark too, as is `by two ways 1. oral`; and `12. 5 mg` is
    12.5 mg, however it is written.
    """
    if end - begin > 4:
        return False
    if _following(text, end).islower():
        return True
    if text[end : end + 1] >= _IDEOGRAPHS and text[max(start, begin - 1)] >= _IDEOGRAPHS:
        return True
    if _is_marker(text, start, begin):
        return True
    return _AMOUNT.match(text, _after_spaces(text, end)) is not None


def _is_marker(text: str, start: int, begin: int) -> bool:
    """Return whether what begins there is the first thing in its sentence or after a colon."""
    before = text[max(start, begin - 3) : begin]
    return before.strip("(（[ ") == "" or _BEFORE_MARKER.search(before) is not None
