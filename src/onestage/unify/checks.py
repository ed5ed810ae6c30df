"""What makes a question or an answer unfit for training: each check names its reason.

A check looks at the text alone and returns the particulars that it saw, or None.
"""

import re
from collections.abc import Iterator

from onestage.records import Lang
from onestage.similarity import comparable, ngrams
from onestage.unify.numbers import unsupported
from onestage.unify.settings import Checks

Fault = tuple[str, str]

_SOURCE_ZH = (
    "(?:资料|材料|文章|文本|文字|文献|原文|上文|本文|文中|段落|短文|内容|信息)(?![素学物性])"
)
_SOURCE_EN = r"(?:(?:given|provided|above|following|source|reference) )?"
_SAYS_EN = "(?:says?|states?|mentions?|describes?|indicates?|notes?|explains?|suggests?)"
_PASSAGE_EN = r"passage(?! (?:of|between|through|into|from|to)\b)"
# Not what words are part of others: 日本文化, 论文中, 临床资料中, the passage of urine.
_LEANS = re.compile(
    rf"(?:根据|基于|依据|按照)(?:[您你]|我们)?(?:以上|上述|上面|所给|给出|所?提供|前述|这段|该段|本段)的?{_SOURCE_ZH}"
    r"|(?:根据|基于|依据|按照)(?:资料|文章|文本|文字|文献|原文|[上本该此]文|文中|段落|短文)"
    r"|(?:根据|基于|依据|按照)(?:材料|内容|信息)(?:[，,。：:？?]|中|里|可|回答|判断|$)"
    r"|(?<![论中英])文中|(?<!以)上文|原文(?!化)|(?<!日)本文|作者(?:认为|指出|提到|建议)"
    rf"|(?:这|该|本|上述|以上|所给)(?:段|篇|份|则)?(?:话|{_SOURCE_ZH})"
    r"|(?<![床历理])(?:资料|文章|文字)(?:中|里|所|提到|指出|显示|表明)|材料(?:指出|提到)|如前所述|(?:本|该)(?:研究|综述)(?!所|院|生)"
    rf"|\b(?:according to|based on|in|from) (?:the|this|that) {_SOURCE_EN}"
    rf"(?:{_PASSAGE_EN}|text|article|document|author|excerpt)s?\b"
    rf"|\b(?:the|this) {_SOURCE_EN}(?:{_PASSAGE_EN}|article|excerpt)\b|\bthe authors?\b"
    r"|\b(?:according to|based on) (?:the|this|that) materials?\b(?! of\b)"
    r"|\b(?:the|this) (?:given|provided|above|following|source|reference) materials?\b"
    r"|\bthe (?:given|provided|above|following) (?:context|text|document)\b"
    r"|\b(?:mentioned|described|stated|listed|given|provided) (?:above|in the text)\b"
    r"|\b(?:according to|based on) the (?:(?:given|provided|above) )?(?:information|context|data)\b"
    r"|\b(?:this|the present|our) study\b(?! (?:type|design)\b)"
    rf"|\b(?:the|this) (?:text|document|source|context|material|reference) {_SAYS_EN}\b",
    re.IGNORECASE,
)
# 参考值 and 参考范围 are terms of the laboratory, and so are a reference range and method.
_REVEALS = re.compile(
    rf"(?:根据|参照|结合|按照|如|见)参考(?![值范区标限水剂物])|提供的参考|参考所?提供|参考(?:资料|文献|内容|信息|材料|文本|[：:])|{_LEANS.pattern}"
    r"|\b(?:the|this|provided|given) (?:(?:provided|given) )?"
    r"(?:references?(?! (?:range|interval|value|standard|dose|laboratory|population|drug|method"
    r"|group|electrode|point|level|sequence|genome|test|curve|solution|strain|frame)s?\b)"
    r"|text(?! messages?\b))\b"
    r"|\bprovided information|\binformation (?:you |that was )?provided\b",
    re.IGNORECASE,
)
_REFUSES = re.compile(
    r"(?:作为|我(?:只)?是)(?:一个|一名|一款)?(?:AI|人工智能|(?:大型?)?语言模型)"
    r"|(?:我|本人)(?:无法|不能|没有办法)(?:回答|为您|给出|协助)"
    r"|(?:我|本人)(?:无法|不能|没有办法)提供(?:.{0,8}(?:建议|信息|问题|提问|答案|帮助|诊断|咨询|意见|指导)|\W|$)"
    r"|无法(?:回答|提供)(?:这个|该|此|您|你)"
    r"|\A\W*(?:很?抱歉|对不起|不好意思|很?遗憾)|\A\W*sorry\b\W+(?:but )?I\b"
    r"|\bas an? (?:AI|artificial intelligence|language model)\b|\bI(?:'m| am) (?:only )?an? AI\b"
    r"|\bI(?:['’]m| am) (?:sorry|unable|not able|not a (?:doctor|physician|medical))\b"
    r"|\bI (?:cannot|can['’]t|can not|won['’]t) (?:answer|provide|help|assist|give|comply)"
    r"|我不是(?:一名)?(?:医生|医师)",
    re.IGNORECASE,
)
_BOILERPLATE = re.compile(
    r"希望(?:以上|这些|我的|上述|能).{0,8}(?:帮助|有用|帮到)|希望对[您你].{0,4}帮助|</?think>|={5,}|如(?:果)?(?:您|你)?(?:还)?有(?:其他|任何|更多)"
    r".{0,4}(?:问题|疑问)|祝(?:您|你|患者).{0,6}(?:康复|健康|愉快)|\A\W*(?:好的|当然(?:可以)?)[，,！!。：:]"
    r"|\A\W*以下[是为].{0,8}(?:问题|提问)的?(?:回答|答案|解答)"
    r"|\A#+ *(?:问题|提问|答案|回答|Question|Answer)\b|\A\W*(?:great|good|excellent) question\b"
    r"|\A\W*(?:问题|提问|答案|回答|答|问|Question|Answer|Response)\W{0,3}[：:]"
    r"|\bhope (?:this|that|it) helps\b|\bfeel free to\b|\blet me know if\b"
    r"|\A\W*(?:sure|certainly|of course|absolutely)\b(?=[,.!:])\W|\A\W*here (?:is|are|'s)\b",
    re.IGNORECASE,
)
_IDEOGRAPHS = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]")
_LATIN = re.compile(r"[A-Za-zÀ-ɏ]")
_WORD = re.compile(r"[^\W_]+")
# A question has one line: what stands in others is talk, or an order to whoever answers.
_SEVERAL_LINES = re.compile(r"\S\s*\n\s*\S")
# Shorter English words are mostly those that any text has; what follows is mostly an ending.
_STEM_CHARS = 5
# Runs of so many characters, or words, hardly come twice in an answer by chance.
_RUN_CHARS = 8
_RUN_WORDS = 5
_SHOWN = 5


def question_faults(question: str, *, passage: str, lang: Lang, checks: Checks) -> Iterator[Fault]:
    """Yield reason and particulars of each check that the question on a passage fails."""
    if len(question) < checks.question_min_chars:
        yield "question_too_short", f"{len(question)} chars"
    if len(question) > checks.question_max_chars:
        yield "question_too_long", f"{len(question)} chars"
    if checks.leans_on_text and (found := _LEANS.search(question)):
        yield "question_leans_on_text", found[0]
    if checks.boilerplate and _SEVERAL_LINES.search(question):
        yield "question_several_lines", f"{len(question.splitlines())} lines"
    if checks.numbers and (figures := unsupported(question, passage)):
        yield "numbers", ", ".join(figures[:_SHOWN])
    yield from _text_faults(question, lang=lang, checks=checks)


def answer_faults(
    answer: str, *, question: str, passage: str, lang: Lang, checks: Checks
) -> Iterator[Fault]:
    """Yield the same for an answer to a question on a passage, the hidden reference."""
    if checks.reveals_reference and (found := _REVEALS.search(answer)):
        yield "answer_reveals_reference", found[0]
    yield from reply_faults(answer, lang=lang, checks=checks)
    share = similarity(answer, passage, lang)
    if share < getattr(checks.min_similarity, lang):
        yield "low_similarity", f"{share:.3f}"
    if checks.numbers and (figures := unsupported(answer, passage, question)):
        yield "numbers", ", ".join(figures[:_SHOWN])


def reply_faults(answer: str, *, lang: Lang, checks: Checks) -> Iterator[Fault]:
    """Yield the same for an answer that has no passage behind it."""
    if len(answer) < checks.answer_min_chars:
        yield "answer_too_short", f"{len(answer)} chars"
    share = repeat_share(answer, lang)
    if share > checks.max_repeat_share:
        yield "repetition", f"{share:.3f}"
    yield from _text_faults(answer, lang=lang, checks=checks)


def _text_faults(text: str, *, lang: Lang, checks: Checks) -> Iterator[Fault]:
    if checks.refusal and (found := _REFUSES.search(text)):
        yield "refusal", found[0]
    if checks.boilerplate and (found := _BOILERPLATE.search(text)):
        yield "boilerplate", found[0]
    share = language_share(text, lang)
    if share < getattr(checks.min_language_share, lang):
        yield "wrong_language", f"{share:.3f}"


def language_share(text: str, lang: Lang) -> float:
    """Return the share of letters in the language's script; an ideograph counts as two letters.

    >>> language_share("口服 mg", "zh")
    0.6666666666666666
    """
    ideographs, latin = 2 * len(_IDEOGRAPHS.findall(text)), len(_LATIN.findall(text))
    share = ideographs / (ideographs + latin) if ideographs + latin else 1.0
    return share if lang == "zh" else 1 - share if ideographs + latin else 1.0


def similarity(answer: str, passage: str, lang: Lang) -> float:
    """Return the share of the answer that the passage has, too: pairs of characters, in English
    the first five letters of words that have as many. An answer without any has 1.

    A measure of both sides, such as Jaccard's, would judge an answer by its length: a short and
    faithful one shares little of a long passage.

    >>> similarity("Resting relieves pain.", "It was relieved as she rested.", "en")
    0.5
    """
    own, passages = _terms(answer, lang), _terms(passage, lang)
    return len(own & passages) / len(own) if own else 1.0


def _terms(text: str, lang: Lang) -> set[str]:
    if lang == "zh":
        return set(ngrams(comparable(text), 2))
    words = _WORD.findall(text.lower())
    return {word[:_STEM_CHARS] for word in words if len(word) >= _STEM_CHARS}


def repeat_share(text: str, lang: Lang) -> float:
    """Return the share of runs, of 8 characters or in English 5 words, that came before."""
    if lang == "zh":
        runs: list[object] = [
            text[i : i + _RUN_CHARS] for i in range(max(0, len(text) - _RUN_CHARS + 1))
        ]
    else:
        words = _WORD.findall(text.lower())
        runs = list(zip(*(words[i:] for i in range(_RUN_WORDS)), strict=False))
    return 1 - len(set(runs)) / len(runs) if runs else 0.0
