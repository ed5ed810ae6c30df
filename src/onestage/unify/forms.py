"""The forms that a passage can take without a language model: raw text and templates."""

from typing import Literal

from onestage.identity import content_id, keyed_fraction
from onestage.params import Above0, From0, NotNegative, Params, Positive
from onestage.quantities import QUANTITY, inside_number
from onestage.records import Conversation, Message, Passage

Mode = Literal["raw", "template", "openai"]


class Endpoint(Params, frozen=True):
    """What mode `openai` asks of the model; address, key and concurrency come from the environment.

    `tries` counts the attempts a call gets before its passage is rejected; each uses the
    next seed. Lengths of questions are in characters, as in the authors' filter.
    """

    model: str
    temperature: From0
    max_output_tokens: Positive
    tries: Positive
    question_max_chars: Positive
    timeout_s: Above0


class Unify(Params, frozen=True):
    """The `unify` section. `budget_tokens` bounds what mode `openai` may spend per source."""

    mode: Mode
    seed: int
    budget_tokens: NotNegative
    endpoint: Endpoint


# {0} is the passage's title, or its first words where it has none.
_OPENING = {
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
_SEQUEL = {
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
_QUESTION_SEQUEL = {"zh": "{0}请接着从“{1}”讲起。", "en": "{0} Please continue from: {1}"}
_SUBJECT_CHARS = {"zh": 24, "en": 70}
_CLAUSE_ENDS = "，。；：！？,;!?\n"


def as_raw(passage: Passage) -> Conversation:
    """Return the passage itself as training text: no instruction, all of it is output."""
    return conversation(passage, messages=[], text=passage.text, form="raw", via="raw")


def as_template(passage: Passage, *, seed: int) -> Conversation:
    """Return an instruction made from the title and first words, with the passage as output.

    A title that is a question is asked as it stands. Which wording is used otherwise depends
    on (seed, passage id) alone.
    """
    subject = _first_words(passage.text, passage.lang)
    opening = passage.span[0] == 0 or not passage.title
    part = "opening" if opening else "sequel"
    if passage.title.endswith(("？", "?")):
        wordings: tuple[str, ...] = ("{0}",) if opening else (_QUESTION_SEQUEL[passage.lang],)
        part, title = f"question-{part}", passage.title
    else:
        wordings = (_OPENING if opening else _SEQUEL)[passage.lang]
        title = passage.title.rstrip("。.！!") or subject
    variant = int(keyed_fraction(seed, passage.id) * len(wordings))
    instruction = wordings[variant].format(title, subject)
    via = f"template:{part}-{variant}"
    return conversation(
        passage, messages=turns(instruction, passage.text), text="", form="template", via=via
    )


def turns(instruction: str, output: str) -> list[Message]:
    """Return one user turn and one assistant turn."""
    return [Message(role="user", content=instruction), Message(role="assistant", content=output)]


def conversation(
    passage: Passage, *, messages: list[Message], text: str, form: str, via: str
) -> Conversation:
    """Return a conversation made from a passage; its id depends on the passage and the form."""
    return Conversation(
        id=content_id(passage.id, form),
        source=passage.source,
        kind=passage.kind,
        lang=passage.lang,
        messages=messages,
        text=text,
        passage=passage.text,
        parent=passage.id,
        file=passage.file,
        record=passage.record,
        via=via,
    )


def _first_words(text: str, lang: str) -> str:
    """Return the first clause, cut to a length at which words and quantities stay whole."""
    limit = _SUBJECT_CHARS[lang]
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
