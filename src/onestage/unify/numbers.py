"""Figures of an answer that its passage does not hold: doses, units, shares, ranges, frequencies.

Each mention has a canonical form (values, unit, kind), and equality of forms decides. What is no
figure (list markers, names such as B12, counters of structure) asks for nothing.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from math import prod
from typing import NamedTuple

# Beyond so many digits a number is compared as it is written: arithmetic on it is not linear.
_MOST_DIGITS = 40
# One character for one, so that places in the plain text are places in the text.
_PLAIN = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | str.maketrans(
    "−‐‑‒–—﹣〜∼∶⁄∕✕⋅∙•・‧μ≧⩾≦⩽º˚﹪\u00a0\u2009\u202f\u3000個歲兩錢時鐘週萬億〇",
    "------" + "-~~://×·····µ≥≥≤≤°°%    个岁两钱时钟周万亿零",
)
_Value = Fraction | str
_Unit = tuple[tuple[str, int], ...]

# ---- Units: canonical name, what it comes to in the base unit, spellings ----------------------
_TABLE = """
g 1000 kg 公斤 千克 ㎏ kilogram kilograms kilo kilos kgs
g 1 g 克 gram grams gm gms
g 1/1000 mg 毫克 ㎎ mgs milligram milligrams
g 1/1000000 µg ug mcg 微克 ㎍ microgram micrograms
g 1/1000000000 ng 纳克 nanogram nanograms
l 1 l 升 ℓ liter liters litre litres
l 1/10 dl 分升 deciliter deciliters
l 1/1000 ml 毫升 ㎖ cc mls milliliter milliliters millilitre millilitres
l 1/1000000 µl ul 微升 microliter microliters
iu 1 iu 国际单位
u 1 u 单位 unit units
h 1 h 小时 个小时 hour hours hr hrs 钟头 个钟头
min 1 min 分钟 minute minutes mins
s 1 s 秒 秒钟 second seconds sec
d 1 d 天 日 day days
week 1 week 周 星期 个星期 礼拜 个礼拜 weeks wk wks
month 1 month 月 个月 months mo
year 1 year 年 years yr yrs
岁 1 岁 周岁 years_old year_old year-old years-old years_of_age yrs_old y/o
片 1 片 tablet tablets tab tabs
粒 1 粒 胶囊 粒胶囊 capsule capsules cap caps
滴 1 滴 drop drops
次 1 次 times time beats beat
剂 1 剂 dose doses
喷 1 喷 揿 puff puffs spray sprays
% 1 % percent per_cent
‰ 1 ‰
mmhg 1 mmhg 毫米汞柱 mm_hg
cmh2o 1 cmh2o 厘米水柱 cm_h2o
°c 1 °c ℃ 摄氏度 degrees_celsius
°f 1 °f ℉ 华氏度 degrees_fahrenheit
° 1 ° 度 degree degrees
m 1 m 米 meter meters metre metres
cm 1 cm 厘米 公分 ㎝ centimeter centimeters
mm 1 mm 毫米 ㎜ millimeter millimeters
µm 1 µm um 微米
km 1 km 公里 千米 kilometers
m2 1 m2 平方米 ㎡
mmol 1 mmol 毫摩尔 mmols
µmol 1 µmol umol 微摩尔
nmol 1 nmol 纳摩尔
mol 1 mol 摩尔
kcal 1 kcal 千卡 大卡 kilocalories
kj 1 kj 千焦
倍 1 倍 fold
次/min 1 bpm
例 1 例 cases patients
人 1 人 people persons
年代 1 年代
疗程 1 疗程 个疗程
# 1 种 类 项 条 个方面 方面 大类 个步骤 步 个阶段 个部分 个要点 个原因 个因素 个问题
# 1 ways types kinds reasons steps categories stages groups forms aspects parts
"""
_ALONE = """
pg fl pmol mu µu ku nm cm2 mm2 cm3 mm3 m3 kpa pa hz khz mhz kev mev cal gy cgy msv mbq mci meq mosm
kda da bp kb ppm ms µs mg% g% cell cells inch inches lb lbs oz mv µv kv w j copies pack-year
丸 颗 支 瓶 袋 包 枚 勺 匙 杯 贴 钱 两 斤 分 寸 尺 合 斗 代 级 期 个 名 株
"""
_UNITS = {
    spelling.replace("_", " "): (row.split()[0], Fraction(row.split()[1]))
    for row in _TABLE.strip().splitlines()
    for spelling in row.split()[2:]
} | {spelling: (spelling, Fraction(1)) for spelling in _ALONE.split()}
_NUMERAL = "一二两三四五六七八九十"
# A character that is a measure before most others, but the start of a word before these.
_WORD_TAILS = {
    word[0]: word[1:]
    for word in (
        "克隆氏拉雷罗 周围身边期 天冬花麻然性门 月经板 年龄级轻老健青 升高降压麻温白 支气持原架"
        " 分之泌娩型类期为散级析裂别布支化次成 片状段 滴虫眼鼻注定速 次要氯于硝全第 包括块含膜皮"
        " 倍子 米饭粥汤糊粉非 粒细体状子 期间待 级别 个体别人 人参中工 合并成计理用 代谢偿 度数"
        " 项目 条件 步行 名称 杯状 尺骨神动侧泽 寸口 颗粒 丸剂 剂量型 种植 日常本光间晒咳 例如外"
        f" 秒表 类似风 两种个侧者类项次片粒天日周年月岁手下眼肺肾足组大条{_NUMERAL}"
    ).split()
}
# Measures before which a Chinese numeral is a number; before others it is mostly part of a word.
_COUNTED = (
    "毫克 微克 千克 公斤 克 毫升 升 厘米 毫米 片 粒 丸 颗 支 瓶 袋 包 枚 滴 勺 匙 杯 剂 贴 喷 次"
    " 秒 分钟 小时 个小时 天 日 周 星期 个星期 个月 月 年 周岁 岁 例 倍 钱 两 斤 寸 尺 斗 国际单位"
    " 单位 个疗程"
)


def _alternation(spellings: Iterable[str]) -> str:
    """Return a pattern of any of the spellings, each with its exponent in any writing."""

    def one(spelling: str) -> str:
        written = re.escape(spelling)
        if spelling[-2:] in {"m2", "m3"}:
            written = written[:-1] + rf"\^?[{spelling[-1]}{'²' if spelling[-1] == '2' else '³'}]"
        if spelling[-1].isascii() and spelling[-1].isalnum():
            return written + r"(?![A-Za-z0-9])"
        tails = _WORD_TAILS.get(spelling[-1], "")
        return written + (f"(?![{tails}])" if tails else "")

    return "|".join(one(spelling) for spelling in sorted(spellings, key=lambda s: (-len(s), s)))


_LATIN = rf"(?i:{_alternation(s for s in _UNITS if s[0].isascii() or s[0] in 'µ°℃℉‰')})"
_ATOM = rf"(?:{_LATIN}|{_alternation(s for s in _UNITS if ord(s[0]) > 0x2FFF or s[0] in 'ℓ')})"
_POWER_OF_UNIT = r"(?:⁻[¹²]|\^-[12]|-[12](?![0-9]))?"
_FACTOR = rf"{_ATOM}{_POWER_OF_UNIT}"
_GROUP = rf"\({_FACTOR}(?:[·.*/ ]{{1,2}}{_FACTOR}){{0,3}}\)"
_BELOW = rf"(?: ?/ ?| per )(?:{_GROUP}|{_FACTOR}|[A-Za-z]{{1,12}})"
_UNIT = re.compile(
    rf" ?[多余]? ?-?(?:(?:{_FACTOR}(?:(?:[·*] ?|\.){_FACTOR}){{0,3}}"
    rf"(?: ?/ ?[0-9]{{1,4}} ?{_FACTOR})?)(?:{_BELOW}){{0,4}}|(?:{_BELOW}){{1,4}})"
)
_PART_OF_UNIT = re.compile(
    rf"(?P<below>/| ?per )|(?P<count>[0-9]+(?= ?{_ATOM}))|(?P<name>{_ATOM}|[A-Za-z]+)"
    rf"(?P<power>{_POWER_OF_UNIT})"
)

# ---- Numbers ------------------------------------------------------------------------------------
_RUN = f"[{_NUMERAL}百千万亿零]"
_COUNT = rf"[多余]?(?:{_alternation(_COUNTED.split())})"
_PARTS = rf"(?:{_RUN}{{1,6}}|[0-9]{{1,6}}(?:\.[0-9]{{1,6}})?)"
_DECIMAL = r"(?:[0-9]{1,3}(?:,[0-9]{3}){1,6}(?![0-9])|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+"
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
_WORDS = "|".join(sorted(_ENGLISH, key=len, reverse=True))
_CODES = {"qd": 1, "bid": 2, "tid": 3, "qid": 4, "once": 1, "twice": 2, "thrice": 3}
_NUMBER = re.compile(
    rf"(?P<power>(?:[0-9]{{1,6}}(?:\.[0-9]{{1,6}})? ?[×xX*·] ?)?(?<![0-9.]){_TEN})"
    r"|(?P<broken>(?<![0-9/.])(?:[0-9]{1,2} )?[1-7]/[2-68](?![0-9/]|\.[0-9]))"
    r"|(?P<vulgar>[0-9]{0,4}[¼-¾⅐-⅞])"
    rf"|(?P<spaced>(?<![0-9])[0-9]{{1,3}}(?: [0-9]{{3}}){{1,4}}(?![0-9])(?={_UNIT.pattern}))"
    rf"|(?P<plain>{_DECIMAL})"
    rf"|(?P<share>(?<!{_RUN}){_RUN}{{1,6}}分之{_PARTS}(?: ?[至到~-] ?(?:百分之)?{_PARTS})?)"
    rf"|(?P<half>(?<!个)半(?=个?{_COUNT}))"
    rf"|(?P<chinese>(?<![{_NUMERAL}百千万亿零几数])[{_NUMERAL}]{_RUN}{{0,11}}?"
    rf"(?={_COUNT}| ?[至到~-] ?[0-9.{_NUMERAL}百]{{1,6}}?{_COUNT}))"
    rf"|(?P<halfword>(?i:\b(?:a )?half(?: an?)?(?= (?:{_LATIN}))))"
    rf"|(?P<word>(?i:\b(?:{_WORDS})(?:[- ](?:{_WORDS}))?(?: hundred)?"
    rf"(?=[ -](?:{_LATIN})|(?: to | or |-)(?:{_WORDS})[ -](?:{_LATIN}))))"
    r"|(?P<code>(?<![A-Za-z.])(?i:q\.?d|b\.?i\.?d|t\.?i\.?d|q\.?i\.?d)(?![A-Za-z])\.?)"
    r"|(?P<adverb>(?i:\b(?:once|twice|thrice)\b))"
)
_SCALE = re.compile(r" ?(?:[十百千万亿]{1,2}(?![克卡焦一分米])|(?i:thousand|million|billion)\b)")
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9}
_SCALES |= {"十": 10, "百": 100, "千": 1000, "万": 10**4, "亿": 10**8}
_DIGITS = {character: value for value, character in enumerate("零一二三四五六七八九")} | {"两": 2}
_SHARES = {"百": "%", "千": "‰"}


def _exact(digits: str) -> _Value:
    digits = re.sub("[, ]", "", digits)
    return Fraction(digits) if len(digits) <= _MOST_DIGITS else digits


def _of_power(text: str) -> list[_Value]:
    parts = re.fullmatch(r"(?:([0-9.]+) ?[×xX*·] ?)?10([^0-9.].*)", text)
    mantissa, power = parts.groups() if parts else ("", "0")
    exponent = unicodedata.normalize("NFKC", power).replace("−", "-").strip("^*()")
    return [Fraction(mantissa or 1) * Fraction(10) ** int(exponent)]


def _of_broken(text: str) -> list[_Value]:
    whole, _, part = text.rpartition(" ")
    return [Fraction(part) + int(whole or 0)]


def _of_vulgar(text: str) -> list[_Value]:
    part = Fraction(unicodedata.numeric(text[-1])).limit_denominator(10)
    return [part + int(text[:-1] or 0)]


def _of_chinese(text: str) -> list[_Value]:
    """Return the value of a numeral, both of 三五 (three to five)."""
    if len(text) == 2 and all(c in _DIGITS for c in text):
        first, second = (_DIGITS[character] for character in text)
        if 0 < first < second:
            return [Fraction(first), Fraction(second)]
    return [_chinese(text)]


def _chinese(text: str) -> Fraction:
    if all(character in _DIGITS for character in text):
        return Fraction("".join(str(_DIGITS[character]) for character in text))
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


def _of_share(text: str) -> list[_Value]:
    below, _, above = text.partition("分之")
    parts = re.split("[至到~-]", above.replace("百分之", ""))
    whole = 1 if below in _SHARES else _of_plain(below) or 1
    return [_of_plain(part) / whole for part in parts]


def _of_plain(text: str) -> Fraction:
    text = text.strip()
    return Fraction(text) if text[0].isascii() else _chinese(text)


def _of_words(text: str) -> list[_Value]:
    words = re.split("[- ]", text.lower())
    value = sum(_ENGLISH[word] for word in words if word != "hundred")
    return [Fraction(value * 100 if words[-1] == "hundred" else value)]


_READERS: dict[str, Callable[[str], list[_Value]]] = {
    "power": _of_power,
    "broken": _of_broken,
    "vulgar": _of_vulgar,
    "chinese": _of_chinese,
    "share": _of_share,
    "word": _of_words,
    "half": lambda _: [Fraction(1, 2)],
    "halfword": lambda _: [Fraction(1, 2)],
    "code": lambda text: [Fraction(_CODES[text.lower().replace(".", "")])],
    "adverb": lambda text: [Fraction(_CODES[text.lower()])],
}

# ---- What is no figure, and what stands around one ----------------------------------------------
_NO_FIGURE = re.compile(
    # 1. 2、 (3) 4): markers of a list
    r"(?:(?<![^\n;。:!?])[ \t*#>·-]{0,12}(?:\([0-9]{1,2}\)|[0-9]{1,2}(?:[.、)]|\.?\)))(?![0-9]))"
    r"|\([0-9]{1,2}\)(?! ?/)"
    # B12, COVID-19, HbA1c, HPV16-18; but neither pH7.35 nor Hb90g/L
    rf"|(?<![A-Za-z0-9])(?![xX][0-9])[A-Za-z]{{1,12}}-?[0-9]{{1,4}}(?![0-9])(?!\.[0-9]|{_LATIN})"
    r"(?:[-/]?[A-Za-z0-9]{1,8}){0,4}"
    # 5-HT, 25(OH)D, 1,25-二羟, 17α, 2nd
    rf"|(?<![A-Za-z0-9.])[0-9]{{1,4}}(?:,[0-9]{{1,2}}){{0,2}}(?! ?-?{_LATIN})(?! ?[xX×*] ?[0-9])"
    r"(?:-?[A-Za-zα-ω]|\(OH|-\(|-[二三四去羟甲乙氨脱])[A-Za-z0-9()α-ω-]{0,20}"
    # 2型, type 2, Table 3, 第3腰椎
    r"|[0-9一二三四]{1,2} ?型"
    r"|(?i:\b(?:types?|tables?|fig(?:ure|s)?|chapters?|sections?)[. ] ?)[0-9]{1,3}"
    rf"|第 ?(?:[0-9]{{1,3}}|{_RUN}{{1,4}})(?! ?{_ATOM})(?![0-9百千万])"
    r"|(?i:\bstep )[0-9]|[0-9](?= (?i:main|major|key|common|different) )"
    # words that begin with a numeral and a measure
    r"|三七片?|一日三餐|一级|百日咳|五倍子|一天到晚|一[次度]性|有朝一日|九分|一代|十滴水"
)
_A_DAY = re.compile(
    r"(?<![0-9第一二三四五六七八九十月.~至到-])[1一](?= ?[日天周](?:[^\n;。,0-9后前内]{0,4})"
    r"[0-9一二两三四五六七八九十])"
)
_SEPARATOR = re.compile(r" ?(-{1,2}|~{1,2}|至|到|:|/|±|\+/-|×) ?| (to) ")
_BETWEEN = re.compile(r" (and) | ?([和与至到~-]) ?")
_BETWEEN_BEFORE = re.compile(r"(?:\bbetween|介于|\bfrom) ?$", re.IGNORECASE)
_RANGES = frozenset(["-", "--", "~", "~~", "至", "到", "to", "and", "和", "与"])
_SIGN_BEFORE = re.compile(r"(?:^|[\s(=<>≥≤:,~至到为是在约于达从])-$|零下$")
_TIME = "天|日|周|星期|个?月|年|小时|分钟"
_PERIOD_BEFORE = re.compile(
    rf"(?:每个?|每 )({_TIME})[^0-9;。\n次各早晚]{{0,8}}$"
    rf"|(?<![0-9{_NUMERAL}半同当即今昨明生节假])(日)(?:服|用)?$"
    r"|\b(dai|week|month)ly (?:dos(?:e|age) ?(?:of |is )?)?$"
)
_PERIOD_AFTER = re.compile(
    r" (?:(?:an?|each|every) (day|week|month|year|hour)|(dai|week|month|hour)ly)\b", re.IGNORECASE
)
_INTERVAL_BEFORE = re.compile(r"(?:每隔?|\bevery|\beach|\bq) ?$", re.IGNORECASE)
_INTERVAL_AFTER = re.compile(r" ?[1一] ?次")
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
    + r")(?: or equal to)?[= 约]{0,2}$",
    re.IGNORECASE,
)
_DIRECTION_AFTER = re.compile(
    r" ?(?:及|或|\(含\))?(?:(以上| (?:or|and) (?:more|above|over|higher|greater))"
    r"|以下|以内|之内| (?:or|and) (?:less|below|under|fewer|lower))",
    re.IGNORECASE,
)
_AND_A_HALF = re.compile(r"半(?![数球身夏月])")
_FORCED: dict[str, tuple[tuple[str, int], ...]] = {
    "code": (("d", -1), ("次", 1)),
    "adverb": (("次", 1),),
}
_CLOCK = frozenset(["min", "h", "d", "week", "month", "year"])
_LIST_GAP = re.compile(r" ?(?:[、,或和及与]|,? ?\b(?:or|and)\b) ?")


class _Mention(NamedTuple):
    """One figure: where it stands, what it comes to, and how it is qualified."""

    start: int
    end: int
    values: tuple[_Value, ...]
    unit: _Unit
    factors: tuple[Fraction, ...]
    kind: str
    direction: int = 0
    period: str = ""
    asked: bool = True

    def scaled(self) -> tuple[_Value, ...]:
        """Return the values in the base units."""
        pairs = zip(self.values, self.factors, strict=True)
        return tuple(value if isinstance(value, str) else value * by for value, by in pairs)


class _Element(NamedTuple):
    """One number with its unit, as a part of a mention."""

    values: tuple[_Value, ...]
    unit: _Unit
    factor: Fraction
    end: int


_Key = tuple[tuple[_Value, ...], _Unit, str]
_Granted = dict[_Key, set[tuple[int, str]]]
_PER_DAY: _Unit = (("d", -1), ("次", 1))
_TIMES: _Unit = (("次", 1),)
_PERIODS = {"dai": "d", "小时": "h", "hour": "h"}


def unsupported(answer: str, *sources: str) -> list[str]:
    """Return the figures of the answer, as written there, that no single source mention holds.

    Conversion is exact, and only within mass and within volume. Linear in the texts' length.

    >>> unsupported("每日三次，每次500 mg，共7天", "口服，一次0.5 g，3次/日", "用多少天？")
    ['7天']
    """
    granted: _Granted = {}
    for source in sources:
        _grant(granted, source)
    missing = (
        answer[mention.start : mention.end].strip()
        for mention in _mentions(answer)
        if mention.asked and not _held(mention, granted)
    )
    return list(dict.fromkeys(missing))


def _grant(granted: _Granted, source: str) -> None:
    """Add what a source holds; in `5、10或20 mg` each number has the unit of the last."""
    plain = source.translate(_PLAIN)
    following: _Mention | None = None
    for mention in reversed(list(_mentions(source))):
        _add(granted, mention)
        if following and not mention.unit and _listed(plain, mention.end, following.start):
            factors = (following.factors[-1],) * len(mention.values)
            mention = mention._replace(unit=following.unit, factors=factors)  # noqa: PLW2901
            _add(granted, mention)
        following = mention


def _listed(plain: str, end: int, start: int) -> bool:
    return start - end < 8 and _LIST_GAP.fullmatch(plain, end, start) is not None


def _add(granted: _Granted, mention: _Mention) -> None:
    qualified = (mention.direction, mention.period)
    for key in [*_keys(mention), (mention.values, (), mention.kind)]:
        granted.setdefault(key, set()).add(qualified)
    if mention.unit == _PER_DAY or (mention.unit[-1:] == _TIMES and len(mention.unit) == 2):
        granted.setdefault((mention.values, _TIMES, mention.kind), set()).add(qualified)
    if mention.kind == "every":
        granted.setdefault((mention.scaled(), mention.unit, ""), set()).add(qualified)
    for value in mention.values if mention.kind else ():
        granted.setdefault(((value,), (), ""), set()).add((0, ""))


def _keys(mention: _Mention) -> list[_Key]:
    """Return what a mention may stand as: `5 mg daily` is 5 mg, and 5 mg/d."""
    if not mention.unit:
        return [(mention.values, (), mention.kind)]
    keys = [(mention.scaled(), mention.unit, mention.kind)]
    if mention.period:
        keys.append((mention.scaled(), _per(mention.unit, mention.period), mention.kind))
    return keys


def _held(mention: _Mention, granted: _Granted) -> bool:
    return any(
        direction * mention.direction >= 0
        and ("" in (period, mention.period) or period == mention.period)
        for key in _keys(mention)
        for direction, period in granted.get(key, ())
    )


def _mentions(text: str) -> Iterator[_Mention]:
    plain = _NO_FIGURE.sub(lambda found: "\0" * len(found[0]), text.translate(_PLAIN))
    plain = _A_DAY.sub("每", plain)
    at = 0
    while number := _NUMBER.search(plain, at):
        mention = _mention(plain, number)
        yield mention
        at = mention.end


def _mention(plain: str, number: re.Match[str]) -> _Mention:
    elements, kind = _chain(plain, number)
    before = plain[max(0, number.start() - 24) : number.start()]
    if sign := _SIGN_BEFORE.search(before):
        elements[0] = _negative(elements[0])
        before = before[: sign.start()] + sign[0].rstrip("-零下")
    values = tuple(value for element in elements for value in element.values)
    unit = max((element.unit for element in elements), key=len)
    own = [element.factor if element.unit else None for element in elements]
    last = next((factor for factor in reversed(own) if factor is not None), Fraction(1))
    factors = tuple(
        last if factor is None else factor
        for element, factor in zip(elements, own, strict=True)
        for _ in element.values
    )
    mention = _Mention(number.start(), elements[-1].end, values, unit, factors, kind)
    return _asked(_qualified(mention, plain, before), plain, number)


def _chain(plain: str, number: re.Match[str]) -> tuple[list[_Element], str]:
    """Return the parts of 3-5 mg, 120-139/80-89 mmHg, 132±12, and the signs between them."""
    elements = [_element(plain, number)]
    kind = "-" * (len(elements[0].values) - 1)
    between = _BETWEEN_BEFORE.search(plain[max(0, number.start() - 10) : number.start()])
    while sign := (_BETWEEN if between else _SEPARATOR).match(plain, elements[-1].end):
        mark = sign[1] or sign[2]
        minus = plain.startswith("-", sign.end())
        following = _NUMBER.match(plain, sign.end() + minus)
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
    name, text, end = str(number.lastgroup), number[0], number.end()
    values = _READERS[name](text) if name in _READERS else [_exact(text)]
    if scale := _SCALE.match(plain, end):
        by = _scale(scale[0].strip().lower())
        values = [value if isinstance(value, str) else value * by for value in values]
        end = scale.end()
    if name in _FORCED:
        return _Element(tuple(values), _FORCED[name], Fraction(1), end)
    if name == "share" and (share := _SHARES.get(text[0])):
        return _Element(tuple(values), ((share, 1),), Fraction(1), end)
    written = _UNIT.match(plain, end)
    if written is None:
        return _Element(tuple(values), (), Fraction(1), end)
    end = written.end()
    unit, factor = _unit(written[0])
    if half := _AND_A_HALF.match(plain, end):
        values, end = [v if isinstance(v, str) else v + Fraction(1, 2) for v in values], half.end()
    return _Element(tuple(values), unit, factor, end)


def _scale(text: str) -> int:
    return _SCALES.get(text) or prod(_SCALES[character] for character in text)


def _unit(text: str) -> tuple[_Unit, Fraction]:
    """Return names with their powers' signs, and the factor to the base units.

    >>> _unit("mg/(kg·d)") == _unit("mg·kg⁻¹·d⁻¹")
    True
    """
    parts, whole, below = [], Fraction(1), False
    for part in _PART_OF_UNIT.finditer(text):
        below = below or bool(part["below"])
        if part["count"]:
            whole /= Fraction(part["count"])
        if not part["name"]:
            continue
        spelling = re.sub(r"[\^]", "", part["name"].lower()).replace("²", "2").replace("³", "3")
        name, factor = _UNITS.get(spelling, (spelling, Fraction(1)))
        power = -1 if below or part["power"] else 1
        name = "min" if (name, power) == ("分", -1) else name
        whole *= factor**power
        if (name, power) not in {("次", -1), ("剂", -1)}:
            parts.append((name, power))
    return tuple(sorted(parts)), whole


def _per(unit: _Unit, period: str) -> _Unit:
    return tuple(sorted([*unit, (period, -1)]))


def _negative(element: _Element) -> _Element:
    values = tuple("-" + v if isinstance(v, str) else -v for v in element.values)
    return element._replace(values=values)


def _qualified(mention: _Mention, plain: str, before: str) -> _Mention:
    """Return a mention with its direction, its period, and whether it is an order or interval."""
    kind, end, period = mention.kind, mention.end, ""
    if before.endswith(("第", "第 ")):
        kind = "第" + kind
    if len(mention.unit) == 1 and mention.unit[0][0] in _CLOCK and _INTERVAL_BEFORE.search(before):
        kind, taken = "every" + kind, _INTERVAL_AFTER.match(plain, end)
        end = taken.end() if taken else end
    elif found := _PERIOD_AFTER.match(plain, end) or _PERIOD_BEFORE.search(before):
        name = next(group for group in found.groups() if group).lower()
        period = _PERIODS.get(name) or _UNITS.get(name, (name,))[0]
        end = max(end, found.end()) if found.string is plain else end
    unit = mention.unit
    if unit == _TIMES and period:
        unit, period = _per(unit, period), ""
    direction = _direction(before, plain, end)
    return mention._replace(
        end=end, unit=unit, kind=kind, direction=direction, period=period if unit else ""
    )


def _direction(before: str, plain: str, end: int) -> int:
    """Return 1 for at least and above, -1 for at most and below, 0 where nothing is said."""
    if found := _DIRECTION_BEFORE.search(before):
        word = _DIRECTIONS[found[2].lower().replace(" ", "_")]
        return -word if found[1] else word
    if after := _DIRECTION_AFTER.match(plain, end):
        return 1 if after[1] else -1
    return 0


def _asked(mention: _Mention, plain: str, number: re.Match[str]) -> _Mention:
    """Mark what supports a figure, but is none that must be held: 一次, once, 3种, 四周."""
    written = plain[mention.start : mention.end]
    single = mention.values == (Fraction(1),) and mention.unit in {_TIMES, (("d", 1),)}
    idle = (
        mention.unit == (("#", 1),)
        or (single and not mention.kind and number.lastgroup in {"chinese", "word"})
        or (mention.kind == "第" and mention.values == (Fraction(1),))
        or (number.lastgroup == "adverb" and mention.unit == _TIMES)
        or written == "四周"
    )
    return mention._replace(asked=not idle)
