"""Units of measure as texts write them: spellings, their pattern, canonical names and factors.

A canonical unit is a sorted tuple of names with the sign of their power, so that mg/(kg·d) and
mg·kg⁻¹·d⁻¹ are one. Texts come folded to small letters, see `onestage.unify.numbers`.
"""

import re
from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache

Unit = tuple[tuple[str, int], ...]
Factor = int | Fraction

# Canonical name, what the unit comes to in the base unit, spellings.
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


def _exactly(factor: str) -> Factor:
    # Whole numbers stay int, which hashes and compares many times as fast as Fraction.
    return Fraction(factor) if "/" in factor else int(factor)


_UNITS: dict[str, tuple[str, Factor]] = {
    spelling.replace("_", " "): (row.split()[0], _exactly(row.split()[1]))
    for row in _TABLE.strip().splitlines()
    for spelling in row.split()[2:]
} | {spelling: (spelling, 1) for spelling in _ALONE.split()}
NUMERAL = "一二两三四五六七八九十"
# A character that is a measure before most others, but the start of a word before these.
_WORD_TAILS = {
    word[0]: word[1:]
    for word in (
        "克隆氏拉雷罗 周围身边期 天冬花麻然性门 月经板 年龄级轻老健青 升高降压麻温白 支气持原架"
        " 分之泌娩型类期为散级析裂别布支化次成 片状段 滴虫眼鼻注定速 次要氯于硝全第 包括块含膜皮"
        " 倍子 米饭粥汤糊粉非 粒细体状子 期间待 级别 个体别人 人参中工 合并成计理用 代谢偿 度数"
        " 项目 条件 步行 名称 杯状 尺骨神动侧泽 寸口 颗粒 丸剂 剂量型 种植 日常本光间晒咳 例如外"
        f" 秒表 类似风 两种个侧者类项次片粒天日周年月岁手下眼肺肾足组大条{NUMERAL}"
    ).split()
}


def alternation(spellings: Iterable[str]) -> str:
    """Return a pattern of the longest of the spellings, each with its exponent in any writing."""
    return _branches([(_signs(spelling), _ending(spelling)) for spelling in spellings])


def _signs(spelling: str) -> list[str]:
    signs = [re.escape(character) for character in spelling]
    if spelling[-2:] in {"m2", "m3"}:
        signs[-1] = rf"\^?[{spelling[-1]}{'²' if spelling[-1] == '2' else '³'}]"
    return signs


def _ending(spelling: str) -> str:
    if spelling[-1].isascii() and spelling[-1].isalnum():
        return "(?![a-z0-9])"
    tails = _WORD_TAILS.get(spelling[-1], "")
    return f"(?![{tails}])" if tails else ""


def _branches(words: list[tuple[list[str], str]]) -> str:
    """Return words as a tree of their signs: the engine looks at the first sign of a branch only.

    A longer word stands before the shorter one that it begins with.
    """
    following: dict[str, list[tuple[list[str], str]]] = {}
    for signs, ending in words:
        if signs:
            following.setdefault(signs[0], []).append((signs[1:], ending))
    options = [sign + _branches(rest) for sign, rest in following.items()]
    options += [ending for signs, ending in words if not signs][:1]
    return options[0] if len(options) == 1 else f"(?:{'|'.join(options)})"


_IN_LATIN = [spelling for spelling in _UNITS if spelling[0].isascii() or spelling[0] in "µ°℃℉‰"]
LATIN = alternation(_IN_LATIN)
ATOM = alternation(_UNITS)
_POWER = r"(?:⁻[¹²]|\^-[12]|-[12](?![0-9]))?"
_FACTOR = rf"{ATOM}{_POWER}"
_GROUP = rf"\({_FACTOR}(?:[·.*/ ]{{1,2}}{_FACTOR}){{0,3}}\)"
_BELOW = rf"(?: ?/ ?| per )(?:{_GROUP}|{_FACTOR}|[a-z]{{1,12}})"
UNIT = re.compile(
    rf" ?[多余]? ?-?(?:(?:{_FACTOR}(?:(?:[·*] ?|\.){_FACTOR}){{0,3}}"
    rf"(?: ?/ ?[0-9]{{1,4}} ?{_FACTOR})?)(?:{_BELOW}){{0,4}}|(?:{_BELOW}){{1,4}})"
)
_PART_OF_UNIT = re.compile(
    rf"(?P<below>/| ?per )|(?P<count>[0-9]+(?= ?{ATOM}))|(?P<name>{ATOM}|[a-z]+)(?P<power>{_POWER})"
)


# What `UNIT` matches is bounded in length, and a corpus writes few units in few ways.
@lru_cache(maxsize=4096)
def unit_of(written: str) -> tuple[Unit, Factor]:
    """Return names with their powers' signs, and the factor to the base units.

    >>> unit_of("mg/(kg·d)") == unit_of("mg·kg⁻¹·d⁻¹")
    True
    """
    parts, whole, below = [], Fraction(1), False
    for part in _PART_OF_UNIT.finditer(written):
        below = below or bool(part["below"])
        if part["count"]:
            whole /= int(part["count"]) or 1
        if not part["name"]:
            continue
        spelling = part["name"].replace("^", "").replace("²", "2").replace("³", "3")
        name, factor = _UNITS.get(spelling, (spelling, 1))
        power = -1 if below or part["power"] else 1
        name = "min" if (name, power) == ("分", -1) else name
        whole *= Fraction(factor) ** power
        if (name, power) not in {("次", -1), ("剂", -1)}:
            parts.append((name, power))
    return tuple(sorted(parts)), whole.numerator if whole.denominator == 1 else whole


def name_of(spelling: str) -> str:
    """Return the canonical name of one unit, the spelling itself where it is none.

    >>> name_of("毫克"), name_of("天")
    ('g', 'd')
    """
    return _UNITS.get(spelling, (spelling, 1))[0]


def per(unit: Unit, period: str) -> Unit:
    """Return a unit by the time of a canonical name.

    >>> per((("g", 1),), "d")
    (('d', -1), ('g', 1))
    """
    return tuple(sorted([*unit, (period, -1)]))
