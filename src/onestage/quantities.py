"""Numbers, ranges and ratios with their units: what a cut must not fall into."""

import re

_DIGITS = r"[\d⁰¹²³⁴-⁹⁺⁻]+"
# 12.5, 1：1000, 10^9, 5×10⁹, 7.35～7.45, 2 - 3, 120 / 80, 132 ± 12, 200 000
_JOINT = r"(?:[.．,·^]| ?[:：∶/×*~～–—－±-] ?|[xX](?=\d)|[ ，](?=\d{3}(?!\d)))"
_BRACKET = r"[(（][A-Za-zμµ\d/·.²-]{1,20}[)）]"
_LATIN = rf"[A-Za-zμµ%％‰℃℉°′″/][A-Za-zμµ/·⁰¹²³⁴-⁹⁻]*(?:{_BRACKET})?"
_MEASURE = (
    "(?:毫克|微克|纳克|千克|公斤|克|毫升|微升|升|毫米|厘米|米|毫摩尔|摩尔|国际单位|单位|千卡|千焦|万|亿"
    "|片|粒|丸|颗|支|瓶|袋|包|枚|滴|勺|匙|杯|剂|贴|喷|揿|次|秒|分钟|小时|天|日|周|个?月|年|岁|例|倍|度"
    "|钱|两|分|斤|寸|尺)"
)
_UNIT = f"(?:{_LATIN}|{_MEASURE})"
# 10 mg, 5 ml/(kg·d), 0.9%, 100 万U, 1/2 片, 3 次/日: each means nothing once it is parted.
QUANTITY = re.compile(
    rf"\d(?:{_DIGITS})?(?:{_JOINT}{_DIGITS})*"
    rf"(?: ?(?:[十百千万亿]{{1,2}} ?)?{_UNIT}(?: ?/ ?{_UNIT}|(?<=/)(?:{_MEASURE}|\d+ ?{_UNIT}))*)?"
)
# No quantity in use is longer, so that it is enough to look so far beyond a place.
LONGEST_QUANTITY = 40


def parted(text: str, end: int, start: int) -> bool:
    r"""Return whether text[:end] and text[start:] part a number, or one from its unit.

    >>> parted("每次 10\nmg", 5, 6), parted("测 3 次。每日", 6, 6), parted("pH 7。4", 5, 5)
    (True, False, True)
    """
    before, after = text[max(0, end - LONGEST_QUANTITY) : end], text[start:][:LONGEST_QUANTITY]
    gap = " " if start > end else ""
    found = QUANTITY.finditer(f"{before}{gap}{after}")
    ends = len(before)
    return (not gap and inside_number(text, end - 1)) or any(
        quantity.start() < ends and quantity.end() > ends + len(gap) for quantity in found
    )


def inside_number(text: str, index: int) -> bool:
    """Return whether the mark at a place stands between two digits, as in `1,000` or `6.5`.

    >>> inside_number("约6.5，偏低", 2), inside_number("约6.5，偏低", 4)
    (True, False)
    """
    before, after = text[index - 1 : index], text[index + 1 : index + 2]
    return before.isdigit() and after.isdigit()
