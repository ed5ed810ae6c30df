"""Numbers as texts write them, in digits, signs and words, and their exact values.

Texts come folded to small letters, see `onestage.unify.numbers`.
"""

import re
import unicodedata
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from math import prod

from onestage.unify.units import LATIN, NUMERAL, UNIT, alternation

# Beyond so many digits a number is compared as it is written: arithmetic on it is not linear.
_MOST_DIGITS = 40
Value = int | Fraction | str

# Measures before which a Chinese numeral is a number; before others it is mostly part of a word.
_MEASURED = (
    "毫克 微克 千克 公斤 克 毫升 升 厘米 毫米 秒 分钟 小时 个小时 天 日 周 星期 个星期 个月 月 年"
    " 周岁 岁 倍 钱 两 斤 寸 尺 斗 国际单位 单位"
)
_PIECES = "片 粒 丸 颗 支 瓶 袋 包 枚 滴 勺 匙 杯 剂 贴 喷 次 例 个疗程"
_COUNT = rf"[多余]?{alternation([*_MEASURED.split(), *_PIECES.split()])}"
RUN = f"[{NUMERAL}百千万亿零]"
_DECIMALS = "点[零一二三四五六七八九]{1,4}"
_PARTS = rf"(?:{RUN}{{1,6}}(?:{_DECIMALS})?|[0-9]{{1,6}}(?:\.[0-9]{{1,6}})?)"
_DECIMAL = r"(?:[0-9]{1,3}(?:,[0-9]{3}){1,6}(?![0-9])|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+"
_WHOLE = rf"[{NUMERAL}零]{RUN}{{0,3}}"
_SUPERSCRIPT = "[⁺⁻]?[⁰¹²³⁴-⁹]{1,2}"
_TEN = (
    rf"10(?:{_SUPERSCRIPT}|\^[-+]?[0-9]{{1,2}}|\*{{1,2}}[0-9]{{1,2}}(?= ?/)"
    r"|\([0-9]{1,2}\)(?= ?/))"
)
_TO_NINETEEN = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    " sixteen seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ENGLISH = {word: value for value, word in enumerate(_TO_NINETEEN.split())}
_ENGLISH |= {word: 10 * tens for tens, word in enumerate(_TENS.split(), 2)}
_WORDS = alternation(_ENGLISH)
_CODES = {"qd": 1, "bid": 2, "tid": 3, "qid": 4, "once": 1, "twice": 2, "thrice": 3}
_PARTS_OF_ONE = {"third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "eighth": 8}
_PART = "|".join(_PARTS_OF_ONE)
_CONTINUOUS = alternation(_MEASURED.split())

_OF_DIGITS = re.compile(
    rf"(?P<power>(?:[0-9]{{1,6}}(?:\.[0-9]{{1,6}})? ?[×x*·] ?)?(?<![0-9.]){_TEN})"
    r"|(?P<broken>(?<![0-9/.])(?:[0-9]{1,2} )?[1-7]/[2-68](?![0-9/]|\.[0-9]))"
    r"|(?P<vulgar>[0-9]{0,4}[¼-¾⅐-⅞])"
    rf"|(?P<spaced>(?<![0-9])[0-9]{{1,3}}(?: [0-9]{{3}}){{1,4}}(?![0-9])(?={UNIT.pattern}))"
    rf"|(?P<plain>{_DECIMAL})"
)
_OF_NUMERALS = re.compile(
    rf"(?P<share>(?<!{RUN}){RUN}{{1,6}}分之{_PARTS}(?: ?[至到~-] ?(?:百分之)?{_PARTS})?)"
    rf"|(?P<half>(?<!个)半(?=个?{_COUNT}))"
    # 三点五毫克, 一点五片; but 八点一片 and 下午一点五片 are o'clock
    rf"|(?P<point>(?<![{NUMERAL}百千万亿零几数午上早晚晨夜])(?:{_WHOLE}{_DECIMALS}"
    rf"(?=[多余]?{_CONTINUOUS}| ?[%‰℃]| ?[至到~-] ?{_WHOLE}(?:{_DECIMALS})?{_CONTINUOUS})"
    rf"|[零一二两]点五(?={alternation(_PIECES.split())})))"
    rf"|(?P<chinese>(?<![{NUMERAL}百千万亿零几数])[{NUMERAL}]{RUN}{{0,11}}?"
    rf"(?={_COUNT}| ?[至到~-] ?[0-9.{NUMERAL}百]{{1,6}}?{_COUNT}))"
    # every second day or week; 纵隔 and 间隔 are other words
    r"|(?P<alternate>(?<![间相分阻纵横中])隔(?: ?[1一] ?)?(?:[日天](?![光晒照期])"
    r"|周(?= ?[1一] ?次)))"
)
_OF_WORDS = re.compile(
    # one third of them, two thirds, one-third; neither a third dose nor a third-line drug
    rf"(?P<part>(?<!-)\b(?:one|two|three|four|five|seven)(?:[- ](?:{_PART})s\b|-(?:{_PART})\b"
    rf"| (?:{_PART})(?= (?:of|the|to|or|were|are|have|had|will)\b|[.,;:)\n\0]))(?!-))"
    rf"|(?P<halfword>\b(?:a )?half(?: an?)?(?= {LATIN}))"
    rf"|(?P<word>\b{_WORDS}(?:[- ]{_WORDS})?(?: hundred)?"
    rf"(?=[ -]{LATIN}|(?: to | or |-){_WORDS}[ -]{LATIN}))"
    r"|(?P<alternate>\b(?:every (?:other|second|alternate)|alternate) (?:day|week)s?\b"
    r"|\bq\.?o\.?d\b\.?)"
    r"|(?P<code>(?<![a-z.])(?:q\.?d|b\.?i\.?d|t\.?i\.?d|q\.?i\.?d)(?![a-z])\.?)"
    r"|(?P<adverb>\b(?:once|twice|thrice)\b)"
)
# Where a number can begin. A class of characters comes first, so that the engine skips all others
# in one loop; of letters only the first of a word counts.
_SIGNS = f"0-9¼-¾⅐-⅞半隔百千万亿零{NUMERAL}"
_WORD_STARTS = {*_ENGLISH, *_CODES, "half", "a half", "every", "alternate", "b.", "t.", "q.", "qod"}
_SECONDS = "|".join(sorted({re.escape(word[1:3]) for word in _WORD_STARTS}))
_CANDIDATE = re.compile(
    rf"[.{_SIGNS}{''.join(sorted({word[0] for word in _WORD_STARTS}))}]"
    rf"(?:(?<=[{_SIGNS}])|(?<=\.)(?=[0-9])|(?<=[^a-z][a-z])(?={_SECONDS}))"
)
_SCALE = re.compile(r" ?(?:[十百千万亿]{1,2}(?![克卡焦一分米])|(?:thousand|million|billion)\b)")
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9}
_SCALES |= {"十": 10, "百": 100, "千": 1000, "万": 10**4, "亿": 10**8}
_DIGITS = {character: value for value, character in enumerate("零一二三四五六七八九")} | {"两": 2}
SHARES = {"百": "%", "千": "‰"}


def number_at(plain: str, at: int) -> re.Match[str] | None:
    """Return the number that begins at a place of a folded text; the group names its kind.

    >>> number_at("take 10⁹", 5)[0]
    '10⁹'
    """
    first = plain[at]
    if first >= "⺀":
        return _OF_NUMERALS.match(plain, at)
    return (_OF_WORDS if first.isalpha() else _OF_DIGITS).match(plain, at)


def next_number(plain: str, at: int) -> re.Match[str] | None:
    """Return the first number at or after a place of a folded text.

    The place is not the first of the text, which begins with a character of its own.
    """
    while candidate := _CANDIDATE.search(plain, at):
        if number := number_at(plain, candidate.start()):
            return number
        at = candidate.end()
    return None


def scale_at(plain: str, at: int) -> tuple[int, int]:
    """Return the 10000 of 1.5万 or the 1000000 of 2.5 million and its end; 1 where none stands.

    >>> scale_at("1.5万单位", 3)
    (10000, 4)
    """
    found = _SCALE.match(plain, at)
    if found is None:
        return 1, at
    text = found[0].strip()
    return _SCALES.get(text) or prod(_SCALES[sign] for sign in text), found.end()


def values_of(number: re.Match[str]) -> tuple[Value, ...]:
    """Return the exact value of a number, of a range without a unit of its own both.

    A number of very many digits stays text.
    """
    kind, text = str(number.lastgroup), number[0]
    return _read(kind, text) if len(text) <= _MOST_DIGITS else (slim(_exact(text)),)


# Few numbers make up most of a corpus.
@lru_cache(maxsize=4096)
def _read(kind: str, text: str) -> tuple[Value, ...]:
    values = _READERS[kind](text) if kind in _READERS else [_exact(text)]
    return tuple(slim(value) for value in values)


def slim(value: Value) -> Value:
    """Return a whole number as int, which hashes and compares many times as fast as Fraction."""
    if isinstance(value, Fraction) and value.denominator == 1:
        return value.numerator
    return value


def _exact(digits: str) -> Value:
    digits = re.sub("[, ]", "", digits)
    return Fraction(digits) if len(digits) <= _MOST_DIGITS else digits


def _of_power(text: str) -> list[Value]:
    parts = re.fullmatch(r"(?:([0-9.]+) ?[×x*·] ?)?10([^0-9.].*)", text)
    mantissa, power = parts.groups() if parts else ("", "0")
    exponent = unicodedata.normalize("NFKC", power).replace("−", "-").strip("^*()")
    return [Fraction(mantissa or 1) * Fraction(10) ** int(exponent)]


def _of_broken(text: str) -> list[Value]:
    whole, _, part = text.rpartition(" ")
    return [Fraction(part) + int(whole or 0)]


def _of_vulgar(text: str) -> list[Value]:
    part = Fraction(unicodedata.numeric(text[-1])).limit_denominator(10)
    return [part + int(text[:-1] or 0)]


def _of_chinese(text: str) -> list[Value]:
    """Return the value of a numeral, both of 三五 (three to five)."""
    if len(text) == 2 and all(c in _DIGITS for c in text):
        first, second = (_DIGITS[character] for character in text)
        if 0 < first < second:
            return [first, second]
    return [_chinese(text)]


def _chinese(text: str) -> Fraction:
    whole, _, decimals = text.partition("点")
    if decimals:
        return _chinese(whole) + Fraction(f"0.{_digits(decimals)}")
    if all(character in _DIGITS for character in text):
        return Fraction(_digits(text))
    total = section = digit = 0
    for character in text:
        scale = _SCALES.get(character)
        if scale is None:
            digit = _DIGITS[character]
        elif scale < 10**4:
            section, digit = section + (digit or 1) * scale, 0
        else:
            total, section, digit = total + (section + digit or 1) * scale, 0, 0
    return Fraction(total + section + digit)


def _digits(text: str) -> str:
    return "".join(str(_DIGITS[character]) for character in text)


def _of_share(text: str) -> list[Value]:
    below, _, above = text.partition("分之")
    parts = re.split("[至到~-]", above.replace("百分之", ""))
    whole = 1 if below in SHARES else _of_plain(below) or 1
    return [_of_plain(part) / whole for part in parts]


def _of_plain(text: str) -> Fraction:
    text = text.strip()
    return Fraction(text) if text[0].isascii() else _chinese(text)


def _of_words(text: str) -> list[Value]:
    words = re.split("[- ]", text)
    value = sum(_ENGLISH[word] for word in words if word != "hundred")
    return [value * 100 if words[-1] == "hundred" else value]


def _of_part(text: str) -> list[Value]:
    above, below = re.split("[- ]", text)
    return [Fraction(_ENGLISH[above], _PARTS_OF_ONE[below.removesuffix("s")])]


_READERS: dict[str, Callable[[str], list[Value]]] = {
    "power": _of_power,
    "broken": _of_broken,
    "vulgar": _of_vulgar,
    "chinese": _of_chinese,
    "point": lambda text: [_chinese(text)],
    "share": _of_share,
    "word": _of_words,
    "part": _of_part,
    "half": lambda _: [Fraction(1, 2)],
    "halfword": lambda _: [Fraction(1, 2)],
    "alternate": lambda _: [2],
    "code": lambda text: [_CODES[text.replace(".", "")]],
    "adverb": lambda text: [_CODES[text]],
}
