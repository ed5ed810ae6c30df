"""Instructions for a passage without a language model: questions that its text answers.

As in adaptation by reading comprehension (arXiv 2309.09530), patterns look for what a passage says
of its subject: what it is, whence it comes, how it shows, how it is treated ... A question is
asked only where a pattern has found its answer.
"""

import re

from onestage.identity import keyed_fraction
from onestage.quantities import QUANTITY, inside_number
from onestage.records import Conversation, Lang, Passage
from onestage.unify.aspects import Findings, find_aspects
from onestage.unify.forms import conversation, turns

# One aspect is asked for with one of these; {0} is the subject, {1} what it is compared with.
_ASPECTS: dict[Lang, dict[str, tuple[str, ...]]] = {
    "zh": {
        "definition": ("什么是{0}？", "请解释{0}的含义。", "{0}指的是什么？"),
        "name": ("{0}还有哪些名称？", "{0}又称什么？"),
        "cause": ("{0}是什么原因引起的？", "请说明{0}的原因。", "哪些原因会引起{0}？"),
        "symptom": ("{0}有哪些表现？", "{0}通常表现为什么？", "请描述{0}的表现。"),
        "diagnosis": ("怎样诊断{0}？", "请说明{0}的诊断。"),
        "examination": ("{0}需要做哪些检查？", "请说明{0}的常用检查。"),
        "treatment": ("怎样治疗{0}？", "{0}的治疗方法有哪些？", "请谈谈{0}的治疗。"),
        "prevention": ("怎样预防{0}？", "请谈谈{0}的预防。"),
        "use": ("{0}有什么用途？", "{0}用于哪些情况？"),
        "nature": ("请说明{0}的性味和功用。", "{0}的性味如何，有什么功用？"),
        "comparison": ("{0}与{1}有什么不同？", "请比较{0}与{1}。"),
        "differential": ("{0}应与哪些情况相鉴别？", "请谈谈{0}的鉴别诊断。"),
    },
    "en": {
        "definition": ("How would you define {0}?", "Please explain what is meant by {0}."),
        "name": ("What are other names of {0}?",),
        "cause": ("What is the cause of {0}?", "What can bring about {0}?"),
        "symptom": ("What are the signs and symptoms of {0}?", "In what way may {0} show itself?"),
        "diagnosis": ("How is the diagnosis of {0} made?", "How does one diagnose {0}?"),
        "treatment": ("What is the treatment of {0}?", "How does one treat {0}?"),
        "prevention": ("How can one prevent {0}?", "What helps to prevent {0}?"),
        "use": ("What is the use of {0}?", "For what purpose does one use {0}?"),
        "comparison": ("How would you compare {0} with {1}?", "What sets {0} apart from {1}?"),
    },
}
# Several are asked for by name; {1} is their list.
_SEVERAL: dict[Lang, tuple[str, ...]] = {
    "zh": ("请介绍{0}的{1}。", "请说明{0}的{1}。", "能讲讲{0}的{1}吗？"),
    "en": ("Please describe {1} of {0}.", "Could you explain {1} of {0}?"),
}
_NOUNS: dict[Lang, dict[str, str]] = {
    "zh": {
        "definition": "定义",
        "name": "别名",
        "cause": "原因",
        "symptom": "表现",
        "diagnosis": "诊断",
        "examination": "检查",
        "treatment": "治疗",
        "prevention": "预防",
        "use": "用途",
        "nature": "性味和功用",
        "differential": "鉴别诊断",
    },
    "en": {
        "definition": "the meaning",
        "name": "other names",
        "cause": "the cause",
        "symptom": "the symptoms",
        "diagnosis": "the diagnosis",
        "treatment": "the treatment",
        "prevention": "the prevention",
        "use": "the use",
    },
}
# Where no aspect is found: {0} is the passage's title, or its first words where it has none.
_OPENING: dict[Lang, tuple[str, ...]] = {
    "zh": (
        "请介绍{0}。",
        "关于{0}，有哪些要点？",
        "能讲讲{0}吗？",
        "我想了解{0}，请说明。",
    ),
    "en": (
        "Please explain: {0}.",
        "What should one know about {0}?",
        "Could you describe {0}?",
        "Give an account of the following subject: {0}.",
    ),
}
_SEQUEL: dict[Lang, tuple[str, ...]] = {
    "zh": (
        "关于{0}，请接着从“{1}”讲起。",
        "谈到{0}，“{1}”这一点怎么理解？",
        "{0}这一主题中，请说明“{1}”。",
    ),
    "en": (
        "On the subject of {0}, please continue from: {1}",
        "With regard to {0}, what is meant by: {1}",
        "Still on {0}, please expand on: {1}",
    ),
}
# A title that is a question, as in question-and-answer sources, is the instruction itself.
_QUESTION_SEQUEL: dict[Lang, str] = {
    "zh": "{0}请接着从“{1}”讲起。",
    "en": "{0} Please continue from: {1}",
}
# Titles of forums that ask without a mark.
_UNMARKED: dict[Lang, re.Pattern[str]] = {
    "zh": re.compile(
        r"(?:吗|呢|怎么办|怎么样|怎么回事|如何是好|为什么|是什么|怎么治疗?|如何治疗|多少钱|多久)$"
    ),
    "en": re.compile(
        r"^(?:(?:how|what|why|when|where|which|who) (?:do|does|did|is|are|can|could|should|would|"
        r"will|long|much|many|often|to)|(?:is|are|can|could|do|does|should|will|would) (?:i|my|it|"
        r"this|there|you|we)) [^.:]+$",
        re.IGNORECASE,
    ),
}
# What joins a passage to the one before it says nothing of its subject.
_JOINT = re.compile(
    r"\A(?:However|Moreover|Furthermore|Therefore|Thus|Hence|Additionally|Finally|Overall|Conversely|"
    r"Similarly|Consequently|Nevertheless|Also|In (?:conclusion|addition|contrast|summary|fact)|"
    r"For (?:example|instance)|On the other hand|As a result)\b,? +"
    r"|\A(?:但是|但|然而|因此|所以|此外|另外|总之|例如|而且)[，、]"
)
_SUBJECT_CHARS = {"zh": 24, "en": 70}
_CLAUSE_ENDS = "，。；：！？,;!?\n"


def as_template(passage: Passage, *, seed: int) -> Conversation:
    """Return an instruction that the passage answers, with the passage unchanged as output.

    A title that is a question is asked as it stands. Otherwise the question is about what the
    passage says of its subject (`onestage.unify.aspects`), and where nothing is found it is made
    from the title and first words. Which wording is used depends on (seed, passage id) alone.
    `via` tells the form and the wording: `template:opening-0`, `template:cause-1`,
    `template:definition+treatment-0` (aspects in the order of the text).
    """
    form, wordings, filled = _question(passage)
    variant = int(keyed_fraction(seed, passage.id) * len(wordings))
    instruction = wordings[variant].format(*filled)
    via = f"template:{form}-{variant}"
    return conversation(passage, messages=turns(instruction, passage.text), text="", via=via)


def _question(passage: Passage) -> tuple[str, tuple[str, ...], tuple[str, str]]:
    """Return the form, its wordings and what is put into them."""
    first_words = _first_words(passage.text, passage.lang)
    opening = passage.span[0] == 0 or not passage.title
    part = "opening" if opening else "sequel"
    if asked := _asked(passage.title, passage.lang):
        wordings = ("{0}",) if opening else (_QUESTION_SEQUEL[passage.lang],)
        return f"question-{part}", wordings, (asked, first_words)
    found = find_aspects(
        passage.text,
        title=passage.title,
        lang=passage.lang,
        under_title=passage.kind == "encyclopedia",
    )
    if found is not None:
        return _about(found, passage.lang)
    title = passage.title.rstrip("。.！!") or first_words
    return part, (_OPENING if opening else _SEQUEL)[passage.lang], (title, first_words)


def _asked(title: str, lang: Lang) -> str:
    """Return a title that is a question, with its mark; forums often leave that out."""
    if title.endswith(("？", "?")):
        return title
    return f"{title}{'？' if lang == 'zh' else '?'}" if _UNMARKED[lang].search(title) else ""


def _about(found: Findings, lang: Lang) -> tuple[str, tuple[str, ...], tuple[str, str]]:
    """Return the form, wordings and filling that ask for what was found."""
    form = "+".join(found.aspects)
    if len(found.aspects) == 1:
        return form, _ASPECTS[lang][form], (found.subject, found.other)
    *others, last = [_NOUNS[lang][aspect] for aspect in found.aspects]
    listed = "、".join(others) + "和" if lang == "zh" else ", ".join(others) + " and "
    return form, _SEVERAL[lang], (found.subject, listed + last)


def _first_words(text: str, lang: str) -> str:
    """Return the first clause, cut to a length at which words and quantities stay whole."""
    limit = _SUBJECT_CHARS[lang]
    text = _JOINT.sub("", text, count=1) or text
    clause = text[: limit + 1]
    for index, character in enumerate(clause):
        if character in _CLAUSE_ENDS and index > 3 and not inside_number(text, index):
            return clause[:index]
    if len(text) <= limit:
        return text
    cut = limit if lang == "zh" else len(clause.rsplit(" ", 1)[0])
    for quantity in QUANTITY.finditer(text[: 2 * limit]):
        if 0 < quantity.start() < cut < quantity.end():
            cut = quantity.start()
    return text[:cut].rstrip()
