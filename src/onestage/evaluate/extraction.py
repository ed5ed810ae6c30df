"""Which options a freely written answer chooses. What cannot be told is None, never a letter."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from onestage.benchmarks import LETTERS
from onestage.evaluate.wordings import (
    AFTER_LETTER_EN,
    CONCLUDES,
    CORRECTS,
    DENIES_AFTER,
    DENIES_BEFORE,
    EMPHATIC,
    LIST_OF_OPTIONS,
    NAMED_AFTER,
    NEXT_QUESTION,
    RIGHT,
    RIGHT_AT_END,
    STATED,
    STATED_IN_PASSING,
    STATED_OF_EACH,
    WRONG,
    WRONG_AT_END,
)

Rule = Literal[
    "bare", "stated", "judged", "eliminated", "restated", "contradictory", "several", "none"
]
_Letters = frozenset[str]


class Extraction(NamedTuple):
    """The letters chosen, in order, or None; and the rule that found them, or why none did.

    `bare`: nothing but letters. `stated`: the answer says that they are it, or begins with them.
    `judged`: options are called right or wrong. `eliminated`: all others are called wrong.
    `restated`: the text of options stands there, without letters. `contradictory`: two answers.
    `several`: more letters than the one that was asked for. `none`: no answer was found.
    """

    letters: str | None
    rule: Rule


class _Statement(NamedTuple):
    letters: _Letters
    start: int
    emphatic: bool = False
    concludes: bool = False
    corrects: bool = False


def extract(raw: str, options: Sequence[str], *, multiple: bool) -> Extraction:
    """Return which of `options` (2 to 10 texts, A first) the answer `raw` chooses.

    Where a question has one right option (not `multiple`), an answer that chooses several has
    chosen none. Letters are read as such only where the wording says that they are options:
    medical text is full of others (vitamin C, hepatitis B, C型, A patient).

    >>> extract("A和B都不对，故选C。", ["x", "y", "z"], multiple=False)
    Extraction(letters='C', rule='stated')
    """
    text = plain(raw)
    if not text:
        return Extraction(None, "none")
    spoken = _without_list_of_options(text, options)
    begun = re.search(f"{NEXT_QUESTION}|{LIST_OF_OPTIONS}", spoken, re.IGNORECASE)
    if begun:
        first = _found(spoken[: begun.start()], options, multiple=multiple)
        if first.rule in ("bare", "stated"):
            return first
    return _found(text, options, multiple=multiple)


def plain(raw: str) -> str:
    """Return text in half width without marks of emphasis, blanks and thoughts set apart."""
    text = unicodedata.normalize("NFKC", raw.rpartition("</think>")[2])
    text = re.sub(r"</?(?:b|i|u|p|strong|em|span|br|answer)\b[^<>]*>", " ", text)
    text = re.sub(r"[*_`#$~\u200b\u200c\u200d\ufeff]+|^\s*>", "", text, flags=re.MULTILINE)
    text = re.sub(r"(?m)^[ \t]*[-•·]\s+", "", text)
    text = re.sub(r"[^\S\n]+", " ", text)
    return "\n".join(filter(None, (line.strip() for line in text.split("\n"))))


def _found(text: str, options: Sequence[str], *, multiple: bool) -> Extraction:
    patterns = _patterns(len(options))
    bare = patterns.bare.fullmatch(text)
    if bare:
        return _settled(
            _letters_in(re.sub(r"\band\b", "", bare["group"].lower()).upper()), "bare", multiple
        )
    chosen = _list_of_own(text, options) if multiple else frozenset()
    if chosen:
        return _settled(chosen, "stated", multiple)
    spoken = _without_list_of_options(text, options)
    stated, denied = _statements(spoken, options, patterns)
    right, wrong = _verdicts(spoken, patterns)
    if stated:
        return _agreed(stated, denied, right & wrong, multiple)
    if right:
        return _of_verdicts(right, wrong, multiple)
    wrong |= denied
    rest = frozenset(LETTERS[: len(options)]) - wrong
    if not multiple and len(rest) == 1:
        return _settled(rest, "eliminated", multiple)
    return _NOTHING if wrong else _restated(spoken, options, multiple=multiple)


def _settled(letters: _Letters, rule: Rule, multiple: bool) -> Extraction:
    if len(letters) > 1 and not multiple:
        return Extraction(None, "several")
    return Extraction("".join(sorted(letters)), rule)


def _agreed(
    stated: list[_Statement], denied: _Letters, disputed: _Letters, multiple: bool
) -> Extraction:
    """Settle statements: all the same, or the last ends an argument or takes the others back."""
    last = stated[-1]
    others = [one for one in stated if one.letters != last.letters]
    if last.letters & disputed:
        return Extraction(None, "contradictory")
    ends = last.concludes and not any(one.emphatic for one in others)
    if others and not (last.corrects or ends):
        standing = {one.letters for one in stated if not one.letters & denied}
        if len(standing) != 1:
            return Extraction(None, "contradictory")
        return _settled(standing.pop(), "stated", multiple)
    return _settled(last.letters, "stated", multiple) if last.letters else _CONTRADICTORY


def _of_verdicts(right: _Letters, wrong: _Letters, multiple: bool) -> Extraction:
    if right & wrong:
        return Extraction(None, "contradictory")
    return _settled(right, "judged", multiple)


class _Patterns(NamedTuple):
    bare: re.Pattern[str]
    leading: re.Pattern[str]
    goes_on: re.Pattern[str]
    stated: tuple[re.Pattern[str], ...]
    in_passing: tuple[re.Pattern[str], ...]
    of_each: re.Pattern[str]
    wrong: re.Pattern[str]
    right: re.Pattern[str]
    listed: re.Pattern[str]


@lru_cache
def _patterns(options: int) -> _Patterns:
    last = LETTERS[options - 1]
    named = rf"(?!{NAMED_AFTER})"
    letters = rf"(?<![A-Za-z0-9.])[A-{last}]{{1,{options}}}(?![A-Za-z0-9])"
    one = rf"[(\[{{【「\"'“]{{0,3}}{letters}{named}[)\]}}】」\"'”]{{0,3}}"
    option = r"(?:(?:选项|(?i:option|choice))s?\s*)?"
    join = r"\s*(?:[、,;/&+]\s*(?:and|和|以及)?|and\b|or\b|和|与|及|以及|或|跟)\s*"
    group = rf"(?P<group>{one}(?:{join}{option}{one}){{0,9}})"  # bounded: time must not be squared
    article = rf"(?!(?<=A) (?!{AFTER_LETTER_EN})[a-z])"
    return _Patterns(
        re.compile(
            rf"[(\[【]*(?P<group>[A-{last}](?:[\s、,;/&+]*(?:and |和)?[A-{last}])*)"
            r"[)\]】]*\s*[.。!、)]*",
            re.IGNORECASE,
        ),
        re.compile(rf"(?:{option}){group}(?P<mark>[ ]*(?:[.:、,。;!)\-–—]|(?=\n)|$))?"),
        re.compile(rf"{join}{option}[(\[]?[A-J](?![A-Za-z]){named}"),
        tuple(_case_blind(form, group + article) for form in STATED),
        tuple(_case_blind(form, group + article) for form in STATED_IN_PASSING),
        _case_blind(STATED_OF_EACH, group),
        re.compile(rf"{option}{group}(?:{WRONG})"),
        re.compile(rf"{option}{group}(?:{RIGHT})"),
        re.compile(rf"(?m)^[(\[]?(?P<group>[A-{last}])[)\].、:]+\s*(?P<rest>.*)$"),
    )


def _case_blind(form: str, group: str) -> re.Pattern[str]:
    """Compile a form with words in any case but letters of options in capitals."""
    before, _, after = form.partition("GROUP")
    return re.compile(f"(?i:{before}){group}(?i:{after})", re.MULTILINE)


def _letters_in(group: str) -> _Letters:
    """Return the letters of a group; none where it leaves the choice open (A or B)."""
    if re.search(r"\bor\b|或", group):
        return frozenset()
    return frozenset(re.findall(r"(?<![a-z])[A-J](?![a-z])", group))


def _chosen(text: str, match: re.Match[str], patterns: _Patterns) -> _Letters:
    """Return the letters of a group; none where it goes on with one that is no option."""
    goes_on = patterns.goes_on.match(text, match.end("group"))
    return frozenset() if goes_on else _letters_in(match["group"])


def _without_list_of_options(text: str, options: Sequence[str]) -> str:
    """Drop lines that repeat the options as they were put, which choose nothing."""
    lines = text.split("\n")
    listed = [bool(_patterns(len(options)).listed.fullmatch(line)) for line in lines]
    if sum(_is_echo(line, options) for line in lines) < min(3, len(options)):
        return text
    return "\n".join(line for line, drop in zip(lines, listed, strict=True) if not drop)


def _is_echo(line: str, options: Sequence[str]) -> bool:
    found = _patterns(len(options)).listed.fullmatch(line)
    if not found:
        return False
    return _folded(found["rest"]) == _folded(options[LETTERS.index(found["group"])])


def _folded(text: str) -> str:
    return re.sub(r"[\s.。;:!“”\"]+", " ", plain(text)).strip(" ,").casefold()


def _list_of_own(text: str, options: Sequence[str]) -> _Letters:
    """Return the letters of an answer that is a list of some options, each with its own text."""
    lines = text.split("\n")
    if not 1 < len(lines) < len(options) or not all(_is_echo(line, options) for line in lines):
        return frozenset()
    return frozenset(line.lstrip("([")[0] for line in lines)


def _statements(
    text: str, options: Sequence[str], patterns: _Patterns
) -> tuple[list[_Statement], _Letters]:
    """Return what is stated to be the answer, in order, and the letters stated not to be it.

    A letter beside the text of another option states no letters.
    """
    found, denied = _leading(text, options, patterns), set[str]()
    each = [_chosen(text, match, patterns) for match in patterns.of_each.finditer(text)]
    if each:
        found.append(_Statement(frozenset().union(*each), len(text)))
    for pattern in (*patterns.stated, *patterns.in_passing):
        if found and pattern in patterns.in_passing:
            break
        for match in pattern.finditer(text):
            letters = _chosen(text, match, patterns)
            if match.groupdict().get("not") is not None:
                denied |= letters
            elif not _judged_wrong(text, match, patterns) and not _begins_list(text, match):
                found.append(_statement(text, match, letters, options))
    return sorted(found, key=lambda one: one.start), frozenset(denied)


def _statement(
    text: str, match: re.Match[str], letters: _Letters, options: Sequence[str]
) -> _Statement:
    start = match.start("group")
    before = text[max(0, match.start() - _REACH) : start]
    if _names_another(text[match.end("group") :], letters, options):
        letters = frozenset()
    emphatic, concludes, corrects = (
        bool(re.search(cue, before, re.IGNORECASE)) for cue in (EMPHATIC, CONCLUDES, CORRECTS)
    )
    return _Statement(letters, start, emphatic, concludes, corrects)


_REACH = 24  # characters before a statement in which a word says what it is to the others


def _names_another(rest: str, letters: _Letters, options: Sequence[str]) -> bool:
    """Return whether what follows one letter is just the text of another option."""
    if len(letters) > 1:
        return False
    line = rest.lstrip(' .:、,)-–—"').split("\n")[0]
    if _begins_with_own_text(line, letters, options):
        return False
    said = {_folded(line), _folded(re.split(r"[。;]|\.\s", line)[0])}
    named = {LETTERS[n] for n, option in enumerate(options) if _folded(option) in said}
    return bool(named)


def _begins_list(text: str, match: re.Match[str]) -> bool:
    """Return whether the letter begins a list of options that starts with A and goes on."""
    return bool(re.match(LIST_OF_OPTIONS, "\n" + text[match.start("group") :]))


def _judged_wrong(text: str, match: re.Match[str], patterns: _Patterns) -> bool:
    return match.end() == match.end("group") and any(
        wrong.start("group") <= match.start("group") < wrong.end("group")
        for wrong in patterns.wrong.finditer(text, max(0, match.start("group") - 1))
    )


def _leading(text: str, options: Sequence[str], patterns: _Patterns) -> list[_Statement]:
    """Return the letters that the answer begins with: `C. ...`, `B，因为`, `A skin` (its text)."""
    found = patterns.leading.match(text)
    if not found or patterns.wrong.match(text):
        return []
    letters = _chosen(text, found, patterns)
    rest = text[found.end() :]
    if len(patterns.listed.findall(text)) > 1 and not rest.startswith("\n"):
        return []
    if found["mark"] is None and not _begins_with_own_text(rest, letters, options):
        return []
    if _names_another(rest, letters, options):
        letters = frozenset()
    return [_Statement(letters, 0, emphatic=True)]


def _begins_with_own_text(rest: str, letters: _Letters, options: Sequence[str]) -> bool:
    own = [_folded(options[LETTERS.index(letter)]) for letter in letters]
    return any(text and _folded(rest).startswith(text) for text in own)


def _verdicts(text: str, patterns: _Patterns) -> tuple[_Letters, _Letters]:
    wrong, right = set[str](), set[str]()
    taken: set[int] = set()
    for match in patterns.wrong.finditer(text):
        wrong |= _letters_in(match["group"])
        taken.add(match.start("group"))
    for match in patterns.right.finditer(text):
        if match.start("group") not in taken:
            right |= _letters_in(match["group"])
    for match in patterns.listed.finditer(text):
        if re.search(WRONG_AT_END, match["rest"], re.IGNORECASE):
            wrong.add(match["group"])
        elif re.search(RIGHT_AT_END, match["rest"], re.IGNORECASE):
            right.add(match["group"])
    return frozenset(right), frozenset(wrong)


def _restated(text: str, options: Sequence[str], *, multiple: bool) -> Extraction:
    """Look for the options' texts in a short answer, the longest first, each place once."""
    listed = _patterns(len(options)).listed
    lines = text.split("\n")
    if sum(bool(listed.fullmatch(line)) for line in lines) > 1:
        return _NOTHING
    rest = _folded(text)
    enumerated = _enumerated(rest, options)
    if enumerated:
        return _settled(enumerated, "restated", multiple)
    affirmed: set[str] = set()
    for letter, wanted in _by_length(options):
        if len(wanted) < 2 and affirmed and wanted in rest:
            affirmed.add(letter)
        if len(wanted) < 2 or len(text) > _SHORT + 8 * len(wanted):
            continue
        for start, end in _places(wanted, rest):
            if not _denied_at(rest, start, end):
                affirmed.add(letter)
        rest = re.sub(_whole(wanted), "\n" * 2, rest)
    return _settled(frozenset(affirmed), "restated", multiple) if affirmed else _NOTHING


def _enumerated(text: str, options: Sequence[str]) -> _Letters:
    """Return the options whose texts are all that an answer consists of."""
    letters = {folded: letter for letter, folded in _by_length(options)}
    parts = (text,) if text in letters else re.split(r"[、,;]|和|与|及|\band\b", text)
    named = [letters.get(part.strip(), "") for part in parts]
    return frozenset(named) if all(named) else frozenset()


_SHORT = 60  # characters; a long text names much that is no answer
_NOTHING = Extraction(None, "none")
_CONTRADICTORY = Extraction(None, "contradictory")


def _by_length(options: Sequence[str]) -> list[tuple[str, str]]:
    folded = [(LETTERS[n], _folded(option)) for n, option in enumerate(options)]
    return sorted(folded, key=lambda one: -len(one[1]))


def _whole(wanted: str) -> str:
    return rf"(?<![a-z0-9]){re.escape(wanted)}(?![a-z0-9])"


def _places(wanted: str, text: str) -> Iterator[tuple[int, int]]:
    for match in re.finditer(_whole(wanted), text):
        yield match.span()


def _denied_at(text: str, start: int, end: int) -> bool:
    return bool(
        re.search(DENIES_BEFORE, text[max(0, start - 14) : start])
        or re.search(DENIES_AFTER, text[end : end + 14])
    )
