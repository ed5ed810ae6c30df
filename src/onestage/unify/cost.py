"""What rewriting a source will ask for, before a request is made."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from onestage.errors import InputError
from onestage.records import Conversation, Passage
from onestage.unify.forms import is_unanswered
from onestage.unify.prompts import Prompts
from onestage.unify.rewriting import Missing
from onestage.unify.settings import Unify
from onestage.unify.tokens import likely_tokens

# A question has about so many tokens; an answer about as many as its passage.
_QUESTION_TOKENS = 40
_REPLY_TOKENS = 400


class Estimate(NamedTuple):
    """Requests and tokens that a source still needs: if each next try is kept, and at `most` if
    every try is needed and each answer as long as it may be.
    """

    records: int = 0
    settled: int = 0
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    most_requests: int = 0
    most_prompt_tokens: int = 0
    most_completion_tokens: int = 0

    def plus(self, other: "Estimate") -> "Estimate":
        """Return the sum of both."""
        return Estimate(*(left + right for left, right in zip(self, other, strict=True)))


class _Calls(NamedTuple):
    """Prompts of a record, and what their answers will and may be, in tokens."""

    prompts: list[int]
    answers: list[int]
    longest: list[int]


def estimate(
    records: Iterable[Passage | Conversation],
    prompts: Prompts,
    choices: Unify,
    *,
    missing: Callable[[Passage | Conversation], Missing | None],
) -> Estimate:
    """Return what the records still need; those of which nothing is missing need nothing."""
    whole = Estimate()
    for record in filter(_is_asked, records):
        first = missing(record)
        if first is None:
            whole = whole.plus(Estimate(records=1, settled=1))
            continue
        calls = _calls(record, prompts, choices)
        left = _Calls(*(numbers[first.call :] for numbers in calls))
        more = choices.tries - first.number - 1
        whole = whole.plus(Estimate(
            records=1,
            requests=len(left.prompts),
            prompt_tokens=sum(left.prompts),
            completion_tokens=sum(left.answers),
            most_requests=len(left.prompts) + len(calls.prompts) * more,
            most_prompt_tokens=sum(left.prompts) + sum(calls.prompts) * more,
            most_completion_tokens=sum(left.longest) + sum(calls.longest) * more,
        ))  # fmt: skip
    return whole


def require_context(
    records: Iterable[Passage | Conversation], prompts: Prompts, choices: Unify
) -> int:
    """Return how many records there are, all of which the model can hold with their answers.

    Raises:
        InputError: some are too long; none is ever shortened.
    """
    count = too_long = 0
    worst, worst_id = 0, ""
    for record in records:
        count += 1
        if not _is_asked(record):
            continue
        calls = _calls(record, prompts, choices)
        needed = max(map(sum, zip(calls.prompts, calls.longest, strict=True)))
        if needed > choices.context_tokens:
            too_long += 1
            worst, worst_id = max((worst, worst_id), (needed, record.id))
    if too_long:
        raise InputError(
            f"{too_long} of {count} passages are too long for unify.context_tokens "
            f"{choices.context_tokens}: {worst_id} needs about {worst} tokens with its answer; "
            "lower collect.max_chars or unify.answer.max_output_tokens, or take a model that "
            "holds more"
        )
    return count


def _is_asked(record: Passage | Conversation) -> bool:
    return isinstance(record, Passage) or is_unanswered(record)


def _calls(record: Passage | Conversation, prompts: Prompts, choices: Unify) -> _Calls:
    if isinstance(record, Conversation):
        asked = prompts["reply", record.lang].render(instruction=record.messages[-1].content)
        most = choices.answer.max_output_tokens
        return _Calls([likely_tokens(asked)], [min(_REPLY_TOKENS, most)], [most])
    own = likely_tokens(record.text)
    empty = {"passage": "", "question": ""}
    bare = [
        likely_tokens(prompts[name, record.lang].render(**empty)) for name in ("question", "answer")
    ]
    question = min(_QUESTION_TOKENS, choices.question.max_output_tokens)
    longest = [choices.question.max_output_tokens, choices.answer.max_output_tokens]
    return _Calls(
        [bare[0] + own, bare[1] + own + question], [question, min(own, longest[1])], longest
    )
