"""What a text holds of benchmark items, found the slow way from the rules' definitions.

It shares no code with the library, its comparable form included. A part of an item is a plain
string; an item is (case, question, options).
"""

import unicodedata
from fractions import Fraction

Parts = tuple[str, str, tuple[str, ...]]
# Benchmark and item.
Name = tuple[str, str]

_SOFT = {**dict.fromkeys(".·‧・", "."), **dict.fromkeys("-‐‑‒–—−", "-")}
_SOFT |= {**dict.fromkeys(":∶", ":"), "/": "/"}
_GAP = " "
_SEEN = ("Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Nl", "No", "Sm", "Sc", "Sk", "So", "Mc")


def _symbols(text: str) -> list[str]:
    """Folded characters; a sign of `.-/:` as two of it, anything else that parts as a gap."""
    found: list[str] = []
    for character in unicodedata.normalize("NFC", text):
        kind = unicodedata.category(character)
        wide = unicodedata.normalize("NFKC", character)
        if character == "⁻" or (kind == "No" and character not in "₀₁₂₃₄₅₆₇₈₉"):
            found.append(character)
        elif character in _SOFT or wide in _SOFT:
            found.append(_SOFT[character if character in _SOFT else wide] * 2)
        elif character == "〜":
            found.append("~")
        else:
            letters = [c for c in wide if c in "%‰‱′" or unicodedata.category(c) in _SEEN]
            letters = [c for c in letters if c not in "|`\u115f\u1160\u3164\uffa0\u2800"]
            found += list("".join(letters).casefold()) or [_GAP]
    return found


def _is_soft(symbol: str) -> bool:
    return symbol == _GAP or len(symbol) == 2


def _word_like(symbol: str) -> bool:
    return symbol.isdecimal() or "a" <= symbol <= "z" or "α" <= symbol <= "ω"


def _between(run: list[str]) -> str:
    """What is kept of signs and gaps between two digits."""
    signs = "".join(symbol[0] for symbol in run if symbol != _GAP)
    if _GAP in run and signs in ("", "."):
        return ","
    return ("," if run[0] == _GAP and signs[-1:] == "-" and run[-1] != _GAP else "") + signs


def _ahead(run: list[str], before: str, after: str) -> str:
    """What is kept of signs and gaps before a number: a point, a minus, or both."""
    if not run or not (after.isdecimal() or after in list("¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞")):
        return ""
    row = [before, *run]
    kept = ""
    if row[-1] == ".." and not (row[-2] == ".." or _word_like(row[-2])) and after.isdecimal():
        kept = "."
    rest = row[:-1] if row[-1] == ".." else row
    if len(rest) > 1 and rest[-1] == "--" and not (rest[-2] == "--" or _word_like(rest[-2])):
        kept = "-" + kept
    return kept


def plain_form(text: str) -> str:
    """Without white space, punctuation, case and width, but with what doses differ by."""
    symbols = ["", *_symbols(text), ""]
    out, n = [], 0
    while n < len(symbols) - 1:
        before = symbols[n]
        end = n + 1
        while end < len(symbols) - 1 and _is_soft(symbols[end]):
            end += 1
        run, after = symbols[n + 1 : end], symbols[end]
        if run and before.isdecimal() and after.isdecimal():
            out.append(_between(run))
        else:
            out.append(_ahead(run, before, after))
        out.append(after)
        n = end
    return "".join(out)


def put(parts: Parts, *, lettered: bool) -> str:
    """The item as one text, a part a line."""
    case, question, options = parts
    letters = [f"{chr(65 + n)}. " if lettered else "" for n in range(len(options))]
    lines = [letter + option for letter, option in zip(letters, options, strict=True)]
    return plain_form("\n".join([case, question, *lines]))


def windows(text: str, chars: int) -> list[str]:
    return [text[start : start + chars] for start in range(len(text) - chars + 1)]


def holds_run(text: str, parts: Parts, chars: int) -> bool:
    forms = (put(parts, lettered=False), put(parts, lettered=True))
    return any(window in plain_form(text) for form in forms for window in windows(form, chars))


def _weight(text: str) -> int:
    return len(text.encode("utf-8"))


def telling(question: str, options: list[str]) -> bool:
    different = list(dict.fromkeys(options))
    alone = [
        option
        for option in different
        if option not in question and not [o for o in different if o != option and option in o]
    ]
    own = _weight("".join(alone))
    return own >= 24 and own + _weight(question) >= 60


def _in_order(text: str, question: str, options: list[str]) -> bool:
    """By a table: can the first k options be placed so that the last of them ends at n?"""
    ends = [n >= len(question) and text[:n].endswith(question) for n in range(len(text) + 1)]
    for option in options:
        ends = [
            n >= len(option)
            and text[:n].endswith(option)
            and any(ends[max(0, n - len(option) - 16) : n - len(option) + 1])
            for n in range(len(text) + 1)
        ]
    return any(ends)


def holds_question(plain_text: str, plain_parts: Parts) -> bool:
    """Of a text and parts that are in plain form already."""
    case, question, given = plain_parts
    if not question or question not in plain_text or case not in plain_text:
        return False
    options = [option for option in given if option]
    if not all(option in plain_text for option in options):
        return False
    told = _weight("".join(options))
    if told < 8 or told + _weight(question) < 24:
        return False
    return telling(question, options) or _in_order(plain_text, question, options)


def gram_share(text: str, other: str, chars: int) -> Fraction:
    """The share of a text's different n-grams that stand in another one."""
    grams = sorted(set(windows(text, chars)))
    return Fraction(sum(gram in other for gram in grams), len(grams)) if grams else Fraction(0)


def plain_parts(parts: Parts) -> Parts:
    case, question, options = parts
    return plain_form(case), plain_form(question), tuple(map(plain_form, options))


def window_table(items: dict[Name, Parts], chars: int) -> dict[str, set[Name]]:
    """The names of the items that hold each window of so many characters."""
    table: dict[str, set[Name]] = {}
    for name, parts in items.items():
        for lettered in (False, True):
            for window in windows(put(parts, lettered=lettered), chars):
                table.setdefault(window, set()).add(name)
    return table


def runs_plainly(
    table: dict[str, set[Name]], plain_texts: list[str], chars: int
) -> set[tuple[int, Name]]:
    """Look up every window of every text."""
    return {
        (number, name)
        for number, text in enumerate(plain_texts)
        for start in range(len(text) - chars + 1)
        for name in table.get(text[start : start + chars], ())
    }


def questions_plainly(items: dict[Name, Parts], plain_texts: list[str]) -> set[tuple[int, Name]]:
    """Look for every question, and then for the rest of its item, in every text."""
    return {
        (number, name)
        for number, text in enumerate(plain_texts)
        for name, parts in items.items()
        if parts[1] in text and holds_question(text, parts)
    }
