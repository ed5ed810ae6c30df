"""The `unify` section of the parameter file."""

from typing import Literal

from onestage.params import Above0, From0, NotNegative, Params, Positive, Share

Mode = Literal["raw", "template", "openai"]


class Shares(Params, frozen=True):
    """One share for each language."""

    zh: Share
    en: Share


class Call(Params, frozen=True):
    """How one of the calls is sampled: a temperature, and the tokens that it may answer with."""

    temperature: From0
    max_output_tokens: Positive


class Checks(Params, frozen=True):
    """What a question and an answer must be like; each check has a reason code of its own.

    Lengths in characters. `min_language_share`: letters in the script of the passage's language
    among all letters. `max_repeat_share`: n-grams of the answer that repeat an earlier one.
    `min_similarity`: share of the answer's pairs of characters, in English of its words of five
    letters and more but their endings, that the passage has, too. `numbers`: each figure of the
    answer stands in passage or question.
    """

    question_min_chars: NotNegative
    question_max_chars: Positive
    answer_min_chars: NotNegative
    leans_on_text: bool
    reveals_reference: bool
    refusal: bool
    boilerplate: bool
    min_language_share: Shares
    max_repeat_share: Share
    min_similarity: Shares
    numbers: bool


class Limits(Params, frozen=True):
    """When a request, a call and a run are given up.

    A request has `timeout_s`; a call that failed by `attempts` faults of the endpoint counts as
    a failed try; the run ends when nothing was answered for `give_up_s`.
    """

    timeout_s: Above0
    attempts: Positive
    give_up_s: Above0


class Price(Params, frozen=True):
    """Money for a million tokens, in whatever currency the budget is in."""

    prompt: From0
    completion: From0


class Unify(Params, frozen=True):
    """The whole section. Mode `openai` alone reads more than `mode` and `seed`.

    `context_tokens` is what the model can hold, prompt and answer. `tries` counts how often a
    passage is tried, each time with the next seed. Budgets are by source and count all that the
    source has ever cost in this store; a source that neither names may cost nothing.
    """

    mode: Mode
    seed: NotNegative
    model: str
    prompts: str
    context_tokens: Positive
    tries: Positive
    question: Call
    answer: Call
    checks: Checks
    limits: Limits
    price: Price
    budget_tokens: dict[str, NotNegative]
    budget_money: dict[str, From0]
