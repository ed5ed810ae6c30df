"""What a passage says of its subject, found by patterns: definition, cause, treatment ...

Each pattern begins where a sentence begins, so that a mention in passing is not taken for a
statement. Where a pattern catches the subject, this must be a plain noun phrase.
"""

import re
from functools import reduce
from typing import NamedTuple

from onestage.records import Lang


class Findings(NamedTuple):
    """A subject, what is said of it in the order of the text, and what it is compared with."""

    subject: str
    aspects: tuple[str, ...]
    other: str


class _Statement(NamedTuple):
    subject: str  # empty: that of the passage
    aspect: str
    other: str
    sentence: int
    labelled: bool  # by a heading such as 【治疗】


# {x} is the subject, {y} what it is compared with, {a} a note on its names after it. Case counts
# for nothing.
_TABLE: dict[Lang, dict[str, tuple[str, ...]]] = {
    "zh": {
        "definition": (
            "{x}{a}(?:是指|指的是|(?<![关体])系指|(?:是|属于?|为)(?:[^。；不]{0,60}?的)?一(?:种|类|组))",
            "{x}{a}是[^，。；不否]{2,60}?(?:病|综合征|炎|瘤|癌|感染)(?=[，。；]|$)",
            "[^。；]{6,120}?(?<![又也亦别不统俗旧名简])(?:称为|称之为|叫做|叫作){x}[。；]?$",
        ),
        "name": ("{x}，?(?:又|也|亦|旧|俗|简)[称名]",),
        "cause": (
            "{x}的?(?:主要|常见|直接)?(?:病因|原因|成因)(?:是|为|有|包括|主要|多)",
            "{x}(?:主要|多数?|常|通常|大多|一般|往往|可|是)*(?:由于?|因)[^。；不]{2,60}?"
            "(?:引起|所致|导致|造成|诱发|而致|引发)",
            "[【（]?(?:病因|发病原因|病因学)(?:[】：:])|(?:常见|主要)?(?:病因|原因)(?:以|包括|主要|有)",
        ),
        "symptom": (
            "{x}的?(?:主要|典型|常见|临床|早期|首发|特征性)*(?:症状|表现|体征)(?:是|为|有|包括|：|以)",
            "{x}{a}(?:[，是为属由][^。；不]{0,60}?，)?(?:主要|典型|临床|多|常|可|患者)*表现(?:为|有)",
            "{x}{a}(?:[，是为属由][^。；不]{0,60}?，)?以[^。；]{2,40}为(?:主要|其|典型)?(?:临床)?(?:特征|表现)",
            "【(?:临床)?(?:症状|表现)】|(?:典型|主要|临床)(?:症状|表现)[：:]"
            "|(?:典型|主要|常见|临床)(?:症状|表现|特征)(?:为|是|有|包括|以)",
        ),
        "diagnosis": (
            "{x}的?(?:确诊|诊断)(?:主要|通常)?(?:依据|依靠|根据|靠|标准|需要?|应)",
            "(?:确诊|诊断){x}(?:主要|通常)?(?:依据|依靠|根据|靠|需要?|应)",
            "【诊断(?:标准|依据)?】|诊断(?:标准|依据)?[：:]|(?:确诊|诊断)(?:主要)?(?:依靠|依据|靠|有赖)",
        ),
        "examination": (
            "【(?:实验室|辅助)?(?:及其他)?检查】|(?:常用|辅助|实验室)?检查[：:]",
            "{x}的?(?:常用|辅助|实验室)?检查(?:包括|有|首选|主要)",
        ),
        "treatment": (
            "{x}的治疗(?:方法|原则|措施|手段)?(?:以|首选|主要|包括|多|常|：|是|应|宜|可|有)",
            "治疗{x}(?:的?首选|的?方法|以|可用|可选|常用|应|宜|主要|多用)",
            "{x}(?:的?首选|应|宜|可|一般|主要|多)*(?:采用|使用|选用|给予)[^。；不]{2,30}?治疗(?=[，。；]|$)",
            "【治疗】|治疗(?:方法|原则)?[：:]|治疗(?:上|方面|首选|以|主要|原则|包括)",
        ),
        "prevention": (
            "{x}的?预防(?:方法|措施)?(?:以|主要|包括|：|是|应|有|关键)",
            "预防{x}(?:的?关键|的?方法|的?措施|应|要|可|主要)",
            "【预防】|预防(?:方法|措施)?[：:]|预防(?:的关键|措施|主要|以)",
        ),
        "use": ("{x}(?:主要|常|可|多|适|临床上?)*用于(?:治疗|预防|治|诊断|缓解)",),
        "nature": (
            "气?味?[甘苦辛酸咸淡涩、微]{1,6}，(?:微|大|小)?[寒热温凉平冷]"
            "[^。；]{0,12}[。，](?:主|治|补)",
        ),
        "comparison": (
            "{x}[与和同]{y}(?:之间)?的?(?:主要)?(?:区别|不同|差异|差别)(?:点|之处)?(?:在于|是|：|如下)",
            "[与和]{y}(?:不同|相比|相反)(?:的是)?，{x}(?=是|的|为|在|更|多|常|较|无|没有|不|具有|可|能)",
            "{x}(?:有别于|不同于){y}(?=[，。；])",
        ),
        "differential": (
            "{x}(?:应|需|须|要|宜|常|主要)+(?:注意)?[与和同][^。；]{2,60}?(?:鉴别|区别|区分)",
            "【鉴别诊断】|鉴别诊断[：:]",
        ),
    },
    "en": {
        "definition": (
            "{x}{a} (?:is|are) (?:usually |generally )?defined as ",
            "{x}{a} refers? to ",
            "{x}{a} (?:is|are) (?!{no})(?:an?|the (?:name|term|inability|process|study|loss)) "
            "(?!{no})(?:[^ ]+ ){2}",
            "{x}{a} (?:is|are) (?:\\w+ ){0,3}(?:group|class|type|kind|form|family|set)s? of ",
        ),
        "name": ("{x},? (?:is|are)? ?also (?:called|known as|termed|referred to as) ",),
        "cause": (
            "{x}{a} {be}(?:\\w+ly |often |sometimes |most )*(?:caused by|due to) ",
            "{x} (?:usually |often |commonly |typically )*(?:results?|arises?) from ",
            "(?:the )?(?:\\w+ ){0,2}causes? of {x} (?:is|are|include) (?!not|un)",
        ),
        "symptom": (
            "(?:The )?(?:(?:most|common|main|other|typical|early|initial|usual|major|signs|and) )*"
            "symptoms? of {x} (?:(?:may |can |often |usually )?includes?|is|are) "
            "(?!the same|similar|not|often)",
            "{x}{a} (?:usually |often |commonly |typically |classically )*presents (?:with|as) ",
            "{x}{a} {be}(?:\\w+ly )?characterized by ",
            "(?:signs and |typical |common |early )?symptoms "
            "(?:(?:may |can |often |usually )?include|are) (?!the same|not)",
        ),
        "diagnosis": (
            "{x} {be}(?:\\w+ly |often )*diagnosed (?:by|with|when|from|on) ",
            "(?:The )?diagnosis of {x} (?:is (?:made|based)|requires|relies|rests|depends)",
            "To diagnose {x},",
        ),
        "treatment": (
            "(?:The )?(?:\\w+ )?(?:treatment|management|therapy)s? (?:of|for) {x} "
            "(?:usually |often |generally |may |can )?"
            "(?:is|are|includes?|consists?|involves?|depends?)",
            "{x} {be}(?:\\w+ly |often |best )*(?:treated|managed) (?:with|by) ",
            "Treatment (?:usually |often |generally |may |can )?"
            "(?:is|includes?|consists of|involves?|depends on|begins) ",
        ),
        "prevention": (
            "{x} {be}(?:\\w+ly |often |best )*prevented (?:by|with) ",
            "To prevent {x},",
            "Prevention (?:of {x} )?(?:is|includes|consists of|involves|depends on|rests on) ",
        ),
        "use": (
            "{x}{a} (?:is|are) (?:\\w+ly |often |also )*"
            "(?:used|indicated|prescribed) (?:to|for|in) ",
        ),
        "comparison": (
            "Unlike {y}, {x} (?:is|are|does|do|can|may|has|have|usually|often) ",
            "{x} differs? from {y} (?:in|by|because) ",
            "(?:Compared (?:with|to)|In contrast to) {y}, {x} (?:is|are|has|have|may|can|does|do) ",
        ),
    },
}
# What follows "X is a" where this does not tell what X is.
_NO_DEFINITION = (
    "(?:[a-z-]+ ){0,3}(?:cause|risk|sign|symptom|result|concern|priority|challenge|matter|must|need"
    "|complication|possibility|contraindication|factor|problem|bit|lot|few|little|reason|chance"
    "|way|part|good|better|great|topic|number|role|issue|thing|finding|complaint|consequence|feature|tool|step|means|indication|option|choice)s?\\b"
)
_BE = "(?:is|are|can be|may be) "
_PARTS: dict[Lang, dict[str, str]] = {
    "zh": {
        "{x}": "(?P<x>[\\u4e00-鿿A-Za-z0-9α-ωⅠ-Ⅻ-]{2,20}?)",
        "{y}": "(?P<y>[\\u4e00-鿿A-Za-z0-9α-ωⅠ-Ⅻ-]{2,20}?)",
        "{a}": "(?:[（(][^）)。]{1,60}[）)])?(?:，(?:又|也|亦|旧|俗|简)[称名][^。；]{1,30}?，)?",
    },
    "en": {
        "{x}": "(?P<x>(?:[Aa]n? )?[A-Za-z][\\w'’/–-]*(?: [\\w'’/–-]+){0,5}?)",
        "{y}": "(?P<y>(?:[Aa]n? )?[A-Za-z][\\w'’/–-]*(?: [\\w'’/–-]+){0,5}?)",
        "{a}": "(?: \\([^()]{1,60}\\))?(?:, (?:also|or|sometimes|which is also) [^.;]{1,60}?,)?",
        "{be}": _BE,
        "{no}": _NO_DEFINITION,
    },
}


def _compiled(lang: Lang) -> list[tuple[str, re.Pattern[str]]]:
    """Return the patterns of a language with their aspects."""
    found = []
    for aspect, patterns in _TABLE[lang].items():
        for pattern in patterns:
            whole = reduce(lambda text, item: text.replace(*item), _PARTS[lang].items(), pattern)
            found.append((aspect, re.compile(whole, re.IGNORECASE)))
    return found


_COMPILED: dict[Lang, list[tuple[str, re.Pattern[str]]]] = {
    "zh": _compiled("zh"),
    "en": _compiled("en"),
}
_SENTENCE = {
    # of a drug: its nature, and in the sentence after it what it is for
    "zh": re.compile(
        r"(?:气?味?[甘苦辛酸咸淡涩、微]{1,6}，[^。；\n]{1,14}。(?=主|治|补))?[^。！？；\n]+[。！？；]?"
    ),
    "en": re.compile(r"(?:[^.!?\n]|[.!?](?=[^\s]))+[.!?]?"),
}
_MARKER = re.compile(r"(?:[-•*▪]\s*|[（(]?[一二三四五六七八九十\d]{1,2}[)）.、．]\s*)+")
# A phrase that has one of these points elsewhere, or is more than a noun phrase.
_UNCLEAN: dict[Lang, re.Pattern[str]] = {
    "zh": re.compile(
        "^(?:[\\d与和同及或在对由因从以按随经把将被为不未无非可能应需要使让如若当但而并且则即也又还都就每各某两第所]"
        "|根据|通过|朋友|孩子|宝宝|家人|(?:轻|重|危重)(?:症|型|度)$|(?:早|中|晚|初|后)期$|鉴别|过程|患者|病人|临床|治疗|诊断|预防|目前|目的|结果|方法|结论|主要|常见|最|特别|尤其|另|其他|通常|一般|新近|近"
        "|关键|前者|后者|同时|因此|上述|以上|以下|多数|大多|部分|少数|有些|有的|原因|病因|症状|表现|首选|小儿有)"
        "|^(.+)\\1$|可将|[是它其此该这那我你您他她们本的者而例最]|什么|患者|病人|一般|原则|措施|^(?:药物|手术|对症|支持)$"
        "|[为不会可能常多也均都又就则并且了着过在于时后前上下属即等需应主要慎作成视认称做定]$|(?:通常|往往|本身|情况|临床)$"
    ),
    "en": re.compile(
        r"(?i)^(?:the|there|here|one|people|persons?|patients?|clients?|nurses?|doctors?|women|men"
        r"|children|adults|infants|both|each|all|some|many|most|other|another|such|any|no|if|when"
        r"|while|because|although|however|but|and|or|so|in|on|at|for|from|with|to|by|as|of|not"
        r"|two|three|four|several|only|also|sometimes|usually|often|generally|an? (?:patient|person"
        r"|client|variety|range|combination|nurse|common|doctor|second|third|few|number|study))\b"
        r"|^(?:attacks?|drugs?|medications?|diseases?|conditions?|disorders?|tests?)$"
        r"|\b(?:it|its|this|that|these|those|they|their|them|he|she|his|her|we|our|us|you|your|i|my"
        r"|who|which|what|is|are|was|were|be|been|has|have|had|may|can|will|should|must|do|does"
        r"|if|when|because|above|below|under|over|near|between|through|during|after|before|without"
        r"|than|same|first|second|last|latter|former|aim|purpose|goal|objective"
        r"|study|results?|methods?|treatment|symptoms?|causes?|diagnosis|introduction|overview"
        r"|example|reason|problem|question|answer)\b|\b(?:of|in|with|and|or|to|for|by|the|a|an|\w+ly|\d+)$"
    ),
}
_MENTIONS = 3
_STATEMENTS = 100  # no passage has more; it keeps time in proportion to the text
# Entries on drugs begin with it and need not name the drug.
_OF_TITLE = {"nature"}


def find_aspects(text: str, *, title: str, lang: Lang, under_title: bool) -> Findings | None:
    """Return what a passage says of its title's subject, or else of one that it catches itself.

    `under_title`: all of the text is about its title, as in an encyclopedia, so that a sentence
    without a subject is about it even where the passage does not name it. Nothing is found
    where the subject is a pronoun, a clause or only mentioned in passing.

    >>> find_aspects("痛风是指尿酸盐沉积所致的关节病。", title="", lang="zh", under_title=False)
    Findings(subject='痛风', aspects=('definition',), other='')
    """
    statements = _statements(text, lang)[:_STATEMENTS]
    if not statements:
        return None
    topic = _title_subject(title, lang)
    if topic and (own := _about_topic(statements, text, topic, under_title)):
        return _findings(_plain(topic, text, lang), own)
    caught = {_key(found.subject) for found in statements if found.subject}
    # without a title, what names no subject is said of the only one that is caught
    unnamed = {""} if not title and len(caught) == 1 else set()
    for found in statements:
        if found.subject and _is_central(found, text):
            own = [s for s in statements if _key(s.subject) in unnamed | {_key(found.subject)}]
            return _findings(_plain(found.subject, text, lang), own)
    return None


def _about_topic(
    statements: list[_Statement], text: str, topic: str, under_title: bool
) -> list[_Statement]:
    """Return what is said of the title's subject, by name or where no other can be meant."""
    named = {found for found in statements if _same(found.subject, topic)}
    if named or under_title:
        return [found for found in statements if found in named or not found.subject]
    in_text = _key(topic) in text.casefold()
    return [
        found
        for found in statements
        if not found.subject and (found.aspect in _OF_TITLE or (found.labelled and in_text))
    ]


def _statements(text: str, lang: Lang) -> list[_Statement]:
    """Return what the sentences state, in the order of the text."""
    statements = []
    for number, sentence in enumerate(_SENTENCE[lang].findall(text)):
        if sentence.endswith(("？", "?")):
            continue
        bare = sentence.strip()
        bare = bare[mark.end() :] if (mark := _MARKER.match(bare)) else bare
        for aspect, pattern in _COMPILED[lang]:
            if match := pattern.match(bare):
                caught = match.groupdict()
                subject, other = caught.get("x") or "", caught.get("y") or ""
                if all(not part or _is_clean(part, lang) for part in (subject, other)):
                    labelled = match[0].endswith(("】", "：", ":"))
                    statements.append(_Statement(subject, aspect, other, number, labelled))
    return statements


def _findings(subject: str, statements: list[_Statement]) -> Findings:
    """Return the aspects of one subject, each once; a comparison is asked for by itself."""
    aspects = list(dict.fromkeys(found.aspect for found in statements))
    if len(aspects) > 1 and "comparison" in aspects:
        aspects.remove("comparison")
    if "definition" in aspects and "name" in aspects:
        aspects.remove("name")
    other = next((found.other for found in statements if found.other), "")
    return Findings(subject, tuple(aspects), other if aspects == ["comparison"] else "")


def _is_clean(phrase: str, lang: Lang) -> bool:
    """Return whether a phrase can stand by itself as the subject of a question."""
    return _UNCLEAN[lang].search(phrase) is None


def _title_subject(title: str, lang: Lang) -> str:
    """Return a title without its note in brackets if it is a plain noun phrase, else nothing."""
    subject = re.sub(r" ?[（(〈].*$", "", title)
    plain = re.fullmatch(_PARTS[lang]["{x}"], subject) and _is_clean(subject, lang)
    return subject if plain else ""


def _is_central(found: _Statement, text: str) -> bool:
    """Return whether a passage opens with what it states of a subject, or comes back to it."""
    return found.sentence == 0 or text.casefold().count(_key(found.subject)) >= _MENTIONS


def _same(one: str, other: str) -> bool:
    return _key(one) == _key(other)


def _key(subject: str) -> str:
    """Return a subject without article and capitals."""
    return re.sub("^an? ", "", subject.casefold())


def _plain(subject: str, text: str, lang: Lang) -> str:
    """Return a subject as it is written within a sentence: `Heart Failure` as `heart failure`."""
    if lang == "zh":
        return subject
    for written in (subject.lower(), subject[:1].lower() + subject[1:]):
        if written.startswith(("a ", "an ")) or f" {written}" in text:
            return written
    return subject
