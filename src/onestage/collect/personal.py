"""Masks for personal data: addresses, telephone numbers, identities, records, accounts.

Each rule knows its numbers by their form, or by the word before them; a dose, a laboratory
value or the number of a paper or trial has neither. What is masked leaves its kind in
brackets, and the word before it stays: `住院号：[RECORD]`.
"""

import re
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

# Number forms are tried on plain and grouped digits; these join groups of one number.
_JOINT = r"[ .\u2010-\u2013-]"
_DASH = r"[.\u2010-\u2013-]"
_BEFORE = r"(?<![0-9A-Za-z+])(?<![0-9][.,\u2010-\u2013-])"
_AFTER = r"(?![0-9A-Za-z])(?![.,\u2010-\u2013-][0-9])"
# A quantity ends with a unit: 400-800-1200 mg.
_NO_UNIT = (
    r"(?! ?(?:[mkμµn]?[gLlm]\b|[cmkn]m\b|mmol|IU\b|U\b|kcal|copies|cells|CFU|/ ?[A-Za-zμµ]"
    r"|[%％℃‰元次例克毫单千万亿张份拷]|人次|个(?!人)))"
)

# Numbers that name papers, trials, products and grants look like telephone numbers at times.
_NAMES_A_THING = (
    r"(?:https?://|www\.)[!-~]+|\b10\.[0-9]{4,9}/[!-~]+"
    r"|(?:批号|货号|批准文号|注册证号|注册号|登记号|条形码|条码|基金|项目|课题)"
    r"[^0-9\n]{0,10}[0-9A-Za-z-]+"
    r"|\b(?:[Gg]rants?|[Aa]wards?|[Ff]unds?|[Pp]rojects?|[Ll]ot|[Bb]atch|[Cc]atalog(?:ue)?"
    r"|ISBN|ISSN|PMID|PMCID)\b[^0-9\n]{0,12}[0-9A-Za-z-]+"
)

_EMAIL = (
    r"(?<![A-Za-z0-9_.%+-])[A-Za-z0-9_.%+-]+@(?:"
    r"(?:[A-Za-z0-9-]+\.)+(?:[a-z]{2,}|[A-Z]{2,})(?![A-Za-z])"
    # a line break or an editor put a space into it
    r"|[A-Za-z0-9-]+ ?\. ?(?:com|cn|net|org|edu)\b)"
)

_PROVINCE = r"(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])"
_BIRTHDAY = r"(?:18|19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
_ID_ZH = (
    rf"{_BEFORE}(?P<hidden>{_PROVINCE}[0-9]{{4}}[ -]?{_BIRTHDAY}[ -]?[0-9]{{3}}[0-9Xx]){_AFTER}"
)
_ID_LABELLED = (
    r"(?:身份证|身份号码|证件号)[^0-9\n]{0,10}(?P<hidden>[0-9]{14,17}[0-9Xx])(?![0-9A-Za-z])"
    r"|(?:护照号?码?|[Pp]assport(?: [Nn]o\.?| [Nn]umber)?)(?: is| was)?[ :：]{0,2}"
    r"(?P<passport>[A-Z]{1,2}[0-9]{7,8})(?![0-9A-Za-z])"
    r"|(?:SSN|[Ss]ocial [Ss]ecurity(?: [Nn]umber| [Nn]o\.?)?)(?: is| was)?[ :#]{0,3}"
    r"(?P<ssn>[0-9]{9})(?![0-9A-Za-z])"
)
_SSN = rf"{_BEFORE}(?P<hidden>(?!000|666|9)[0-9]{{3}}-(?!00)[0-9]{{2}}-(?!0000)[0-9]{{4}}){_AFTER}"

_RECORD_ZH = (
    r"(?:病历号|病历编号|病案号|住院号|住院编号|门诊号|急诊号|就诊号|就诊卡号|诊疗卡号|医保号"
    r"|医保卡号|医疗卡号|社保号|社保卡号|病员号|患者编号|患者ID|病人ID|检查号|影像号|超声号"
    r"|病理号|标本号|X线号|X光号|CT号|MR号|MRI号|银行卡号)码?[ :：]{0,2}[为是]?[ :：]{0,2}"
    r"(?P<hidden>[A-Za-z]{0,4}-?[0-9](?:-?[0-9A-Za-z]){3,19})(?![0-9A-Za-z]| ?[人个张例次名份床])"
)
_RECORD_EN = (
    r"\b(?:MRN|mrn|(?:[Mm]edical|[Hh]ealth) [Rr]ecord (?:[Nn]umber|[Nn]o\b\.?|#|ID)"
    r"|(?:[Hh]ospital|[Pp]atient|[Cc]hart|[Aa]dmission|[Ee]ncounter|[Aa]ccession|NHS|Medicare"
    r"|[Hh]ealth (?:[Cc]ard|[Ii]nsurance)) (?:[Ii]dentifier|[Nn]umber|[Nn]o\b\.?|#|ID))"
    r"(?: is| was)?[ :#=]{0,3}"
    r"(?P<hidden>(?:[A-Z]{1,4}-?)?[0-9](?:[ -]?[0-9A-Z]){3,19})(?![0-9A-Za-z])"
)

_EXTENSION = r"(?:(?: ?转 ?| ?(?:ext|EXT|Ext|x)\.? ?|-)[0-9]{1,5}(?![0-9]))?"
_MOBILE_ZH = (
    rf"{_BEFORE}(?P<hidden>(?:(?:\+ ?|00)?86{_JOINT}?|\((?:\+|00)?86\) ?)?"
    rf"1[3-9][0-9](?:[0-9]{{8}}|(?P<joint>[ -])[0-9]{{4}}(?P=joint)[0-9]{{4}}(?! [0-9])))"
    rf"{_AFTER}{_NO_UNIT}"
)
_AREA_ZH = r"(?:10|2[0-57-9]|[3-9][0-9]{2})"
_LANDLINE_ZH = (
    rf"{_BEFORE}(?P<hidden>"
    rf"(?:(?:\+ ?|00)86{_JOINT}?[(（]?0?{_AREA_ZH}[)）]?|[(（]0{_AREA_ZH}[)）]|0{_AREA_ZH}(?=-))"
    rf"[ -]?[2-8][0-9]{{2,3}}[ -]?[0-9]{{4}}{_EXTENSION}){_AFTER}"
)
_SERVICE_ZH = (
    rf"{_BEFORE}(?P<hidden>[48]00(?P<joint>{_DASH})"
    rf"(?:[0-9]{{3}}(?P=joint)[0-9]{{4}}|[0-9]{{4}}(?P=joint)[0-9]{{3}}|[0-9]{{7}})){_AFTER}{_NO_UNIT}"
)
_NORTH_AMERICA = (
    rf"{_BEFORE}(?P<hidden>(?:\+?1{_JOINT}?\([2-9][0-9]{{2}}\) ?|\([2-9][0-9]{{2}}\) ?"
    rf"|(?:\+?1{_DASH})?[2-9][0-9]{{2}}(?:{_DASH})|\+1 [2-9][0-9]{{2}} )"
    rf"[2-9][0-9]{{2}}{_JOINT}[0-9]{{4}}{_EXTENSION}){_AFTER}{_NO_UNIT}"
)
_INTERNATIONAL = (
    r"(?<![\w)\]⁺+])(?P<hidden>\+(?!86|1)[2-9][0-9]{0,2}[ -]?(?:\(0\)[ -]?)?"
    r"[0-9]{1,5}(?:[ -]?[0-9]{2,5}){1,4})(?![0-9A-Za-z]|[.,][0-9])" + _NO_UNIT
)
_PHONE_LABELLED = (
    r"(?:电话|传真|热线|手机|手机号|联系方式|座机)(?:号码)?(?:(?:是|为)[:：]?|[:：]) ?"
    r"(?P<hidden>[+(（]?[0-9](?:[ ()（）\u2010-\u2013-]{0,2}[0-9]){6,14})"
    rf"(?![0-9A-Za-z.]){_NO_UNIT}"
    r"|(?:电话|热线|手机|传真|致电|拨打) ?"
    rf"(?P<plain>0[0-9]{{9,11}}|[48]00[0-9]{{7}}|[2-9][0-9]{{7}})(?![0-9A-Za-z.]){_NO_UNIT}"
    r"|(?<![\w./])(?:[Tt]el|TEL|[Tt]elephone|[Pp]hone|PHONE|[Ff]ax|FAX|[Mm]obile|TTY|TDD)"
    r"(?: [Nn]umber| [Nn]o)?[.:]{1,2} ?"
    rf"(?P<english>[+(]?[0-9](?:[ ().\u2010-\u2013-]{{0,2}}[0-9]){{6,14}})(?![0-9A-Za-z])"
)

_ACCOUNT = (
    r"(?:微信号?|[Ww]e[Cc]hat(?: ID| id)?|[Ww]ei[Xx]in)(?:为|是)? ?[:：] ?"
    r"(?P<hidden>[A-Za-z][A-Za-z0-9_-]{5,19})"
    r"|(?<![A-Za-z])[Qq][Qq](?:(?:号码?|群号?)[ :：]{0,2}| ?[:：] ?|(?=[0-9]{7}))"
    r"(?P<number>[1-9][0-9]{4,11})(?![0-9A-Za-z])"
    r"|(?:加 ?[Qq][Qq]|(?<![A-Za-z])[Qq]群号?[:：]?) ?(?P<added>[1-9][0-9]{4,11})(?![0-9A-Za-z])"
)

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_SIGNS = "10X98765432"


def _has_check_sign(number: str) -> bool:
    """Say whether a Chinese identity number ends with its check sign (GB 11643, ISO 7064)."""
    digits = re.sub("[ -]", "", number).upper()
    weighed = sum(int(digit) * weight for digit, weight in zip(digits, _WEIGHTS, strict=False))
    return digits[-1] == _CHECK_SIGNS[weighed % 11]


def _is_no_series(number: str) -> bool:
    """Say whether the groups are other than rising round figures, as of doses: 400-800-1200."""
    groups = [int(group) for group in re.findall("[0-9]+", number)]
    rising = all(first < second for first, second in pairwise(groups))
    return not (rising and all(group % 50 == 0 for group in groups))


def _is_international(number: str) -> bool:
    """Say whether there are as many digits as a number has, and no rounded amount is meant."""
    digits = re.sub("[^0-9]", "", number)
    return 9 <= len(digits) <= 15 and not digits.endswith("000")


def _is_no_count(number: str) -> bool:
    """Say whether a number names something: `patient number 1245` may be how many there are."""
    return not number.isdecimal() or len(number) >= 6


def _always(_: str) -> bool:
    return True


# Names of groups that hold what is masked.
_HIDDEN = ("hidden", "passport", "ssn", "plain", "english", "number", "added")


class _Rule(NamedTuple):
    """What is masked as `kind`: the named group of `pattern` that took part, if it `holds`."""

    kind: str
    pattern: re.Pattern[str]
    holds: Callable[[str], bool] = _always


def _number(kind: str, form: str, holds: Callable[[str], bool] = _always) -> _Rule:
    return _Rule(kind, re.compile(f"{_NAMES_A_THING}|{form}"), holds)


_EMAIL_RULE = _Rule("EMAIL", re.compile(f"(?P<hidden>{_EMAIL})"))
_ACCOUNT_RULE = _Rule("ACCOUNT", re.compile(_ACCOUNT))
_ACCOUNT_WORD = re.compile("[微QqWw](?:信|[Qq群]|e[Cc]hat|ei[Xx]in)")
# Rules for record numbers, each with what no text without it can match, which is found faster.
_RECORD_RULES = (
    (
        re.compile(r"(?:号|ID)码?[ :：]{0,2}[为是]?[ :：]{0,2}[A-Za-z]{0,4}-?[0-9]"),
        _Rule("RECORD", re.compile(_RECORD_ZH)),
    ),
    (
        re.compile(
            r"(?:dentifier|umber|No|no|#|ID|MRN|mrn)(?: is| was)?[ .:#=]{0,3}[A-Z]{0,4}-?[0-9]"
        ),
        _Rule("RECORD", re.compile(_RECORD_EN), _is_no_count),
    ),
)
_FOUR_DIGITS = re.compile(r"[0-9](?:[ ()（）.\u2010-\u2013-]{0,2}[0-9A-Za-z]){3}")
# Rules for numbers of at least seven digits, in this order: a longer form, or one with a word
# before it, goes before what it contains.
_NUMBER_RULES = (
    _number("ID", _ID_LABELLED),
    _number("PHONE", _PHONE_LABELLED),
    _number("ID", _ID_ZH, _has_check_sign),
    _number("ID", _SSN),
    _number("PHONE", _MOBILE_ZH),
    _number("PHONE", _LANDLINE_ZH),
    _number("PHONE", _SERVICE_ZH, _is_no_series),
    _number("PHONE", _NORTH_AMERICA, _is_no_series),
    _number("PHONE", _INTERNATIONAL, _is_international),
)
_SEVEN_DIGITS = re.compile(r"[0-9](?:[ ()（）.\u2010-\u2013-]{0,2}[0-9]){6,}")
# How far from its digits a rule looks: back for a label and to the start of an address of the
# web, ahead for an extension and a unit.
_LABEL_CHARS = 40
_ADDRESS_CHARS = 200
_AHEAD_CHARS = 24


def mask(text: str) -> tuple[str, Counter[str]]:
    """Return the text with personal data masked, and how often each kind was. Idempotent.

    >>> mask("电话13800138000，住院号：00123456，CRP 13.8 mg/L")
    ('电话[PHONE]，住院号：[RECORD]，CRP 13.8 mg/L', Counter({'RECORD': 1, 'PHONE': 1}))
    """
    counts: Counter[str] = Counter()
    # Again, since one address may hide where the next begins: a@b.cn-c@d.cn.
    while "@" in text and (masked := _applied(_EMAIL_RULE, text, counts)) != text:
        text = masked
    if _ACCOUNT_WORD.search(text):
        text = _applied(_ACCOUNT_RULE, text, counts)
    if _FOUR_DIGITS.search(text):
        for needed, rule in _RECORD_RULES:
            if needed.search(text):
                text = _applied(rule, text, counts)
        text = _with_numbers_masked(text, counts)
    return text, counts


def _with_numbers_masked(text: str, counts: Counter[str]) -> str:
    pieces, done = [], 0
    for start, end in _around_numbers(text):
        piece = text[start:end]
        for rule in _NUMBER_RULES:
            piece = _applied(rule, piece, counts)
        pieces += [text[done:start], piece]
        done = end
    return "".join([*pieces, text[done:]]) if done else text


def _around_numbers(text: str) -> list[tuple[int, int]]:
    """Return the stretches of text on which the rules for numbers must look."""
    stretches: list[tuple[int, int]] = []
    for found in _SEVEN_DIGITS.finditer(text):
        first, last = found.span()
        space = text.rfind(" ", max(0, first - _ADDRESS_CHARS), max(0, first - _LABEL_CHARS))
        start = space + 1 or max(0, first - _ADDRESS_CHARS)
        if stretches and start <= stretches[-1][1]:
            start = stretches.pop()[0]
        stretches.append((start, last + _AHEAD_CHARS))
    return stretches


def _applied(rule: _Rule, text: str, counts: Counter[str]) -> str:
    def masked(found: re.Match[str]) -> str:
        group = next((name for name in _HIDDEN if found.groupdict().get(name)), "")
        if not group or not rule.holds(found[group]):
            return found[0]
        counts[rule.kind] += 1
        start, end = found.start(group) - found.start(), found.end(group) - found.start()
        return f"{found[0][:start]}[{rule.kind}]{found[0][end:]}"

    return rule.pattern.sub(masked, text)
