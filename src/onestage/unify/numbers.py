"""Figures of an answer that its passage does not hold: doses, units, shares, ranges, frequencies.

Each mention has a canonical form (values, unit, kind), and equality of forms decides. What is no
figure (list markers, names such as B12, counters of structure) asks for nothing.
"""

import re
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from onestage.unify.numerals import (
    RUN,
    SHARES,
    Value,
    next_number,
    number_at,
    scale_at,
    slim,
    values_of,
)
from onestage.unify.units import ATOM, LATIN, NUMERAL, UNIT, Factor, Unit, name_of, per, unit_of

# One character for one, so that places in the plain text are places in the text. Latin letters
# are folded here, once: patterns that ignore case are tried letter by letter, and are slow.
_PLAIN = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_PLAIN |= {code: code - 0xFEE0 + 32 for code in range(0xFF21, 0xFF3B)}
_PLAIN |= {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_PLAIN |= str.maketrans(
    "−‐‑‒–—﹣〜∼∶⁄∕✕⋅∙•・‧μΜ≧⩾≦⩽º˚﹪\u00a0\u2009\u202f\u3000個歲兩錢時鐘週萬億〇\u212aıİſ",
    "------" + "-~~://×·····µµ≥≥≤≤°°%    个岁两钱时钟周万亿零kiis",
)
_REPLACED = {chr(old): chr(new) if isinstance(new, int) else new for old, new in _PLAIN.items()}

# ---- What is no figure, and what stands around one ----------------------------------------------
# 1. 2、 (3) 4): markers of a list, at the start of a line or clause
_MARKER = re.compile(
    r"([\n;。:!?])([ \t*#>·-]{0,12}(?:\([0-9]{1,2}\)|[0-9]{1,2}(?:[.、)]|\.?\)))(?![0-9]))"
)
# A class of characters comes first, so that the engine skips all others in one loop; what stands
# before the match is asked only then. Inner letters of a word begin nothing.
_NO_FIGURE = re.compile(
    rf"[(0-9a-z第有百{NUMERAL}](?<![a-z0-9][a-z])(?:"
    # B12, COVID-19, HbA1c, HPV16-18; but neither pH7.35 nor Hb90g/L
    rf"(?<=[a-z])(?!(?<=x)[0-9])[a-z]{{0,11}}+-?[0-9]{{1,4}}(?![0-9])(?!\.[0-9]|{LATIN})"
    r"(?:[-/]?[a-z0-9]{1,8}){0,4}"
    # type 2, Table 3, step 1
    r"|(?:(?<=\bt)(?:ype|able)s?|(?<=\bf)ig(?:ure|s)?|(?<=\bc)hapters?|(?<=\bs)ections?)"
    r"[. ] ?[0-9]{1,3}|(?<=\bs)tep [0-9]"
    # (3) as a reference
    r"|(?<=\()[0-9]{1,2}\)(?! ?/)"
    # 5-HT, 25(OH)D, 1,25-二羟, 17α, 2nd
    rf"|(?<=[0-9])(?<![a-z0-9.].)[0-9]{{0,3}}(?:,[0-9]{{1,2}}){{0,2}}(?! ?-?{LATIN})"
    r"(?! ?[x×*] ?[0-9])(?:-?[a-zα-ω]|\(oh|-\(|-[二三四去羟甲乙氨脱])[a-z0-9()α-ω-]{0,20}"
    # 2型, 第3腰椎, 3 main types
    r"|(?<=[0-9一二三四])[0-9一二三四]? ?型"
    rf"|(?<=第) ?(?:[0-9]{{1,3}}|{RUN}{{1,4}})(?! ?{ATOM})(?![0-9百千万])"
    r"|(?<=[0-9])(?= (?:main|major|key|common|different) )"
    # words that begin with a numeral and a measure
    r"|(?<=一)(?:日三餐|级|天到晚|[次度]性|代|点一滴)|(?<=三)七片?|(?<=百)日咳|(?<=五)倍子"
    r"|(?<=有)朝一日|(?<=九)分|(?<=十)滴水)"
)
_A_DAY = re.compile(
    r"[1一](?<![0-9第一二三四五六七八九十月.~至到隔-].)(?= ?[日天周](?:[^\n;。,0-9后前内]{0,4})"
    r"[0-9一二两三四五六七八九十])"
)
# No unit, sign of a range or qualification begins so: most bare numbers are done with at once.
_CLOSING = frozenset(",。;、!?)\n\0")
_SEPARATOR = re.compile(r" ?(-{1,2}|~{1,2}|至|到|:|/|±|\+/-|×) ?| (to) ")
_BETWEEN = re.compile(r" (and) | ?([和与至到~-]) ?")
_BETWEEN_BEFORE = re.compile(r"(?:\bbetween|介于|\bfrom) ?$")
_BETWEEN_ENDS = frozenset(["en", "介于", "om"])
_RANGES = frozenset(["-", "--", "~", "~~", "至", "到", "to", "and", "和", "与"])
_MINUS = ("-", "零下", "-\n", "零下\n")
_SIGN_BEFORE = re.compile(r"[\s(=<>≥≤:,~至到为是在约于达从]-$|零下$")
_TIME = "天|日|周|星期|个?月|年|小时|分钟"
_PERIOD_BEFORE = re.compile(
    rf"(?:每个?|每 )({_TIME})[^0-9;。\n次各早晚]{{0,8}}$"
    rf"|(?<![0-9{NUMERAL}半同当即今昨明生节假隔])(日)(?:服|用)?$"
    r"|\b(dai|week|month)ly (?:dos(?:e|age) ?(?:of |is )?)?$"
)
_PERIOD_AFTER = re.compile(
    r" (?:(?:an?|each|every) (day|week|month|year|hour)|(dai|week|month|hour)ly)\b"
)
_INTERVAL_BEFORE = re.compile(r"(?:每隔?|\bevery|\beach|\bq) ?$")
_INTERVAL_AFTER = re.compile(r" ?[1一] ?次")
# 早晚各, 早、中、晚各服: as many times as it names times of the day
_SITTINGS = re.compile(
    r"(?:早[上晨]?|晨起?)[、,和及与]?((?:中午?|午)[、,和及与]?)?(?:晚上?|睡前)各[^0-9;。,\n]{0,3}$"
)
_UP = (
    "大于 高于 超过 多于 > ≥ 至少 起码 more_than above at_least greater_than over higher_than"
    " exceeding exceed exceeds"
)
_DOWN = (
    "小于 低于 少于 不足 < ≤ 至多 最多 less_than below under at_most up_to fewer_than lower_than"
)
_DIRECTIONS = dict.fromkeys(_UP.split(), 1) | dict.fromkeys(_DOWN.split(), -1)
_DIRECTION_BEFORE = re.compile(
    r"(不(?:宜|应|得|要|能|可|会|需|允许)?|未|勿|\b(?:not?|never)(?: be)? )?("
    + "|".join(word.replace("_", " ") for word in sorted(_DIRECTIONS, key=len, reverse=True))
    + r")(?: or equal to)?[= 约]{0,2}$"
)
# The last signs of these words, to see at once that none of them stands before a number.
_DIRECTION_ENDS = {word[-2:] for word in _DIRECTIONS} | {"to"}
_DIRECTION_AFTER = re.compile(
    r" ?(?:及|或|\(含\))?(?:(以上| (?:or|and) (?:more|above|over|higher|greater))"
    r"|以下|以内|之内| (?:or|and) (?:less|below|under|fewer|lower))"
)
_AND_A_HALF = re.compile(r"半(?![数球身夏月])")
_PER_DAY: Unit = (("d", -1), ("次", 1))
_TIMES: Unit = (("次", 1),)
_FORCED: dict[str, Unit] = {"code": _PER_DAY, "adverb": _TIMES}
_FREQUENCIES = frozenset([_TIMES, _PER_DAY])
_ONCE: frozenset[Unit] = frozenset([_TIMES, (("d", 1),)])
_COUNTER: Unit = (("#", 1),)
_ALTERNATE = "every other"
_CLOCK = frozenset(["min", "h", "d", "week", "month", "year"])
_PERIODS = {"dai": "d", "小时": "h", "hour": "h"}
_LIST_GAP = re.compile(r" ?(?:[、,或和及与]|,? ?\b(?:or|and)\b) ?")
# Of so many sources of usual length what they hold is kept: each is asked about several texts.
_KEPT_SOURCES = 512
_KEPT_CHARS = 4000


class _Mention(NamedTuple):
    """One figure: where it stands, what it comes to, and how it is qualified."""

    start: int
    end: int
    values: tuple[Value, ...]
    scaled: tuple[Value, ...]  # the values in the base units
    factor: Factor  # of the last value
    unit: Unit
    kind: str
    direction: int
    period: str
    asked: bool
    each: tuple[Value, ...] = ()  # the 1 of `早晚各1次`, whose value is 2


class _Element(NamedTuple):
    """One number with its unit, as a part of a mention."""

    values: tuple[Value, ...]
    unit: Unit
    factor: Factor
    end: int


_Key = tuple[tuple[Value, ...], Unit, str]
_Granted = dict[_Key, set[tuple[int, str]]]


def unsupported(answer: str, *sources: str) -> list[str]:
    """Return the figures of the answer, as written there, that no single source mention holds.

    Conversion is exact, and only within mass and within volume. Linear in the texts' length.

    >>> unsupported("每日三次，每次500 mg，共7天", "口服，一次0.5 g，3次/日", "用多少天？")
    ['7天']
    """
    asked = [mention for mention in _mentions(_plain(answer)) if mention.asked]
    if not asked:
        return []
    granted = [
        (_kept if len(source) <= _KEPT_CHARS else _granted)(source) for source in sources if source
    ]
    # The plain text has one character before the first.
    missing = (
        answer[mention.start - 1 : mention.end - 1].strip()
        for mention in asked
        if not any(_held(mention, held) for held in granted)
    )
    return list(dict.fromkeys(missing))


def _granted(source: str) -> _Granted:
    """Return what a source holds; in `5、10或20 mg` each number has the unit of the last."""
    granted: _Granted = {}
    plain = _plain(source)
    following: _Mention | None = None
    for mention in reversed(list(_mentions(plain))):
        _add(granted, mention)
        if following and not mention.unit and _listed(plain, mention.end, following.start):
            mention = _with_unit(mention, following)  # noqa: PLW2901
            _add(granted, mention)
        following = mention
    return granted


_kept = lru_cache(maxsize=_KEPT_SOURCES)(_granted)


def _listed(plain: str, end: int, start: int) -> bool:
    return start - end < 8 and _LIST_GAP.fullmatch(plain, end, start) is not None


def _with_unit(mention: _Mention, following: _Mention) -> _Mention:
    scaled = _times(mention.values, following.factor)
    return mention._replace(unit=following.unit, factor=following.factor, scaled=scaled)


def _add(granted: _Granted, mention: _Mention) -> None:
    qualified = (mention.direction, mention.period)
    for key in _grants(mention):
        if (held := granted.get(key)) is None:
            granted[key] = {qualified}
        else:
            held.add(qualified)
    for value in mention.values if mention.kind not in ("", _ALTERNATE) else ():
        granted.setdefault(((value,), (), ""), set()).add((0, ""))


def _grants(mention: _Mention) -> list[_Key]:
    """Return what an answer may say where a source says this."""
    values, unit, kind = mention.values, mention.unit, mention.kind
    keys = _keys(mention)
    if kind == _ALTERNATE:
        return keys
    keys.append((values, (), kind))
    if unit == _PER_DAY or (len(unit) == 2 and unit[-1:] == _TIMES):
        keys.append((values, _TIMES, kind))
    if kind == "every":
        keys.append((mention.scaled, unit, ""))
    if mention.each:
        keys += [(mention.each, _TIMES, kind), (mention.each, (), kind)]
    return keys


def _keys(mention: _Mention) -> list[_Key]:
    """Return what a mention may stand as: `5 mg daily` is 5 mg, and 5 mg/d."""
    kind = "every" if mention.kind == _ALTERNATE else mention.kind
    keys = [(mention.scaled, mention.unit, kind)]
    if mention.period and mention.unit:
        keys.append((mention.scaled, per(mention.unit, mention.period), kind))
    return keys


def _held(mention: _Mention, granted: _Granted) -> bool:
    return any(
        direction * mention.direction >= 0
        and ("" in (period, mention.period) or period == mention.period)
        for key in _keys(mention)
        for direction, period in granted.get(key, ())
    )


def _plain(text: str) -> str:
    """Return the text folded and without what is no figure, between two characters of its own.

    Place for place: the text's first character is the second here.
    """
    if text.isascii():
        text = text.lower()
    else:
        for sign in _REPLACED.keys() & set(text):
            text = text.replace(sign, _REPLACED[sign])
    plain = _MARKER.sub(lambda found: found[1] + "\0" * len(found[2]), f"\n{text}\0")
    plain = _NO_FIGURE.sub(lambda found: "\0" * len(found[0]), plain)
    return _A_DAY.sub("每", plain)


def _mentions(plain: str) -> Iterator[_Mention]:
    at = 1
    while number := next_number(plain, at):
        mention = _mention(plain, number)
        yield mention
        at = mention.end


def _mention(plain: str, number: re.Match[str]) -> _Mention:
    start, name = number.start(), str(number.lastgroup)
    before = plain[max(0, start - 24) : start]
    elements, kind = _chain(plain, number, before)
    if before.endswith(_MINUS) and (sign := _SIGN_BEFORE.search(before)):
        elements[0] = _negative(elements[0])
        before = before[: sign.start()] + sign[0].rstrip("-零下")
    whole, scaled = _together(elements)
    if before.endswith(("第", "第 ")):
        kind = "第" + kind
    kind, end, period = _in_time(whole, kind, plain, before, name)
    values, unit = whole.values, whole.unit
    each: tuple[Value, ...] = ()
    if unit == _TIMES and period:
        unit, period = per(unit, period), ""
    if "各" in before[-4:] and unit in _FREQUENCIES and (found := _SITTINGS.search(before)):
        each, by = values, 3 if found[1] else 2
        values, unit = _times(values, by), _PER_DAY
        scaled = values
    return _Mention(
        start,
        end,
        values,
        scaled,
        whole.factor,
        unit,
        kind,
        _direction(before, plain, end),
        period if unit else "",
        not _idle(values, unit, kind, name) and plain[start:end] != "四周",
        each,
    )


def _together(elements: list[_Element]) -> tuple[_Element, tuple[Value, ...]]:
    """Return a range as one element and its values in base units; a bare part has the last's."""
    first, final = elements[0], elements[-1]
    if first is final:
        return first, _times(first.values, first.factor)
    last = next((element.factor for element in reversed(elements) if element.unit), 1)
    own = [element.factor if element.unit else last for element in elements]
    values = tuple(value for element in elements for value in element.values)
    pairs = zip(elements, own, strict=True)
    scaled = tuple(value for element, by in pairs for value in _times(element.values, by))
    unit = max((element.unit for element in elements), key=len)
    return _Element(values, unit, own[-1], final.end), scaled


def _times(values: tuple[Value, ...], factor: Factor) -> tuple[Value, ...]:
    if factor == 1:
        return values
    return tuple(value if isinstance(value, str) else slim(value * factor) for value in values)


def _chain(plain: str, number: re.Match[str], before: str) -> tuple[list[_Element], str]:
    """Return the parts of 3-5 mg, 120-139/80-89 mmHg, 132±12, and the signs between them."""
    elements = [_element(plain, number)]
    kind = "-" * (len(elements[0].values) - 1)
    between = before.rstrip()[-2:] in _BETWEEN_ENDS and _BETWEEN_BEFORE.search(before[-10:])
    signs = _BETWEEN if between else _SEPARATOR
    while plain[elements[-1].end] not in _CLOSING:
        sign = signs.match(plain, elements[-1].end)
        if sign is None:
            break
        mark = sign[1] or sign[2]
        minus = plain.startswith("-", sign.end())
        following = number_at(plain, sign.end() + minus)
        if following is None:
            break
        element = _element(plain, following)
        if not _joined(elements[-1], element, mark):
            break
        elements.append(_negative(element) if minus else element)
        kind += "-" if mark in _RANGES else "±" if mark == "+/-" else mark
    return elements, kind


def _joined(first: _Element, second: _Element, mark: str) -> bool:
    if not first.unit:
        return True
    return mark in _RANGES and (not second.unit or set(first.unit) <= set(second.unit))


def _element(plain: str, number: re.Match[str]) -> _Element:
    values, unit, end = values_of(number), _own_unit(number), number.end()
    if plain[end] in _CLOSING:
        return _Element(values, unit, 1, end)
    by, end = scale_at(plain, end)
    values = _times(values, by)
    written = None if unit else UNIT.match(plain, end)
    if written is None:
        return _Element(values, unit, 1, end)
    end = written.end()
    unit, factor = unit_of(written[0])
    if half := _AND_A_HALF.match(plain, end):
        added = Fraction(1, 2)
        values, end = tuple(v if isinstance(v, str) else v + added for v in values), half.end()
    return _Element(values, unit, factor if unit else 1, end)


def _own_unit(number: re.Match[str]) -> Unit:
    """Return the unit that the number's own words name, as in `twice`, 百分之五 and 隔日."""
    name, text = str(number.lastgroup), number[0]
    if name == "share":
        return ((SHARES[text[0]], 1),) if text[0] in SHARES else ()
    if name == "alternate":
        return (("week" if text.endswith(("周", "week", "weeks")) else "d", 1),)
    return _FORCED.get(name, ())


def _negative(element: _Element) -> _Element:
    values = tuple("-" + v if isinstance(v, str) else -v for v in element.values)
    return element._replace(values=values)


def _in_time(
    whole: _Element, kind: str, plain: str, before: str, name: str
) -> tuple[str, int, str]:
    """Return the kind of a mention, which an interval has, its end, and the period of a dose."""
    end, unit = whole.end, whole.unit
    if name == "alternate" and not kind:
        return _ALTERNATE, _taken(plain, end), ""
    if len(unit) == 1 and unit[0][0] in _CLOCK and _INTERVAL_BEFORE.search(before):
        return "every" + kind, _taken(plain, end), ""
    found = _PERIOD_AFTER.match(plain, end) if plain[end] == " " else None
    if found:
        end = found.end()
    elif "每" in before or "日" in before[-3:] or "ly " in before:
        found = _PERIOD_BEFORE.search(before)
    if found is None:
        return kind, end, ""
    period = found[found.lastindex or 0]
    return kind, end, _PERIODS.get(period) or name_of(period)


def _taken(plain: str, end: int) -> int:
    found = _INTERVAL_AFTER.match(plain, end)
    return found.end() if found else end


def _direction(before: str, plain: str, end: int) -> int:
    """Return 1 for at least and above, -1 for at most and below, 0 where nothing is said."""
    ending = before.rstrip("= 约\n")
    near = ending[-2:] in _DIRECTION_ENDS or ending[-1:] in _DIRECTIONS
    if near and (found := _DIRECTION_BEFORE.search(before)):
        word = _DIRECTIONS[found[2].replace(" ", "_")]
        return -word if found[1] else word
    if plain[end] not in _CLOSING and (after := _DIRECTION_AFTER.match(plain, end)):
        return 1 if after[1] else -1
    return 0


def _idle(values: tuple[Value, ...], unit: Unit, kind: str, name: str) -> bool:
    """Tell what supports a figure, but is none that must be held: 一次, once, 3种, 第一."""
    if unit == _COUNTER or (name == "adverb" and unit == _TIMES):
        return True
    if values != (1,):
        return False
    single = unit in _ONCE and not kind and name in {"chinese", "word"}
    return single or kind == "第"
