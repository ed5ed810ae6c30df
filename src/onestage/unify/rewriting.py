"""Mode `openai`: each passage is rewritten by two calls to an OpenAI-compatible endpoint."""

import asyncio
import re
from collections.abc import Iterable, Iterator
from itertools import islice

import openai
from openai.types.chat import ChatCompletion

from onestage.errors import InputError, ParamError
from onestage.records import Conversation, Passage, Rejection
from onestage.unify.forms import Unify, conversation, turns
from onestage.unify.prompts import answer_prompt, question_prompt

_LEANS_ON_TEXT = re.compile(
    r"根据(上文|以上|资料|文章)|文中|文章中|上述资料|参考"
    r"|according to the (passage|text|material)|\b(the|this) (passage|reference|article)\b",
    re.IGNORECASE,
)
_CLIENT_RETRIES = 4


class _RefusedError(Exception):
    """An answer failed its check; the reason code is the message."""


class Rewriter:
    """Rewrites passages; holds the client and counts the tokens that were spent."""

    def __init__(self, choices: Unify, *, base_url: str, api_key: str, concurrency: int) -> None:
        if choices.budget_tokens <= 0:
            raise ParamError(
                "params: unify.budget_tokens is 0, so no call may be made; set it to the "
                "largest number of tokens that a source may cost"
            )
        self._choices = choices
        self._base_url = base_url
        self._concurrency = concurrency
        self._client = openai.AsyncOpenAI(
            base_url=base_url,
            api_key=api_key,
            timeout=choices.endpoint.timeout_s,
            max_retries=_CLIENT_RETRIES,
        )
        self.tokens_spent = 0
        self._tokens_reserved = 0

    def rewrite(self, passages: Iterable[Passage]) -> Iterator[Conversation | Rejection]:
        """Yield one conversation or rejection a passage, in order.

        Raises:
            InputError: the endpoint cannot be reached or refuses the request.
            ParamError: the next call could exceed `unify.budget_tokens`.
        """
        remaining = iter(passages)
        with asyncio.Runner() as runner:
            while window := list(islice(remaining, self._concurrency * 4)):
                yield from runner.run(self._window(window))
            runner.run(self._client.close())

    async def _window(self, passages: list[Passage]) -> list[Conversation | Rejection]:
        limit = asyncio.Semaphore(self._concurrency)

        async def bounded(passage: Passage) -> Conversation | Rejection:
            async with limit:
                return await self._one(passage)

        return await asyncio.gather(*map(bounded, passages))

    async def _one(self, passage: Passage) -> Conversation | Rejection:
        endpoint = self._choices.endpoint
        reasons: list[str] = []
        for attempt in range(endpoint.tries):
            try:
                question, answer = await self._two_calls(passage, attempt)
            except _RefusedError as refused:
                reasons.append(str(refused))
                continue
            return conversation(
                passage,
                messages=turns(question, answer),
                text="",
                form="openai",
                via=f"openai:{endpoint.model}:try-{attempt}",
            )
        detail: dict[str, str | int | float] = {"tries": ", ".join(reasons)}
        return Rejection(passage.id, passage.source, reasons[-1], detail)

    async def _two_calls(self, passage: Passage, attempt: int) -> tuple[str, str]:
        limit = self._choices.endpoint.question_max_chars
        question = await self._ask(
            question_prompt(passage.text, lang=passage.lang, limit=limit), attempt
        )
        if len(question) > limit:
            raise _RefusedError("question_too_long")
        if _LEANS_ON_TEXT.search(question):
            raise _RefusedError("question_leans_on_text")
        answer = await self._ask(answer_prompt(passage.text, question, lang=passage.lang), attempt)
        if _LEANS_ON_TEXT.search(answer):
            raise _RefusedError("answer_reveals_reference")
        return question, answer

    async def _ask(self, prompt: str, attempt: int) -> str:
        endpoint = self._choices.endpoint
        worst_case = len(prompt.encode()) + endpoint.max_output_tokens
        # A call that the client repeats may have been paid for each time.
        reserved = spent = worst_case * (_CLIENT_RETRIES + 1)
        self._reserve(reserved)
        try:
            raw = await self._client.chat.completions.with_raw_response.create(
                model=endpoint.model,
                messages=[{"role": "user", "content": prompt}],
                temperature=endpoint.temperature,
                max_tokens=endpoint.max_output_tokens,
                seed=self._choices.seed + attempt,
            )
            response = _completion(raw.parse())
            once = response.usage.total_tokens if response.usage else worst_case
            spent = once + raw.retries_taken * worst_case
        except (openai.OpenAIError, ValueError) as error:
            raise InputError(
                f"{self._base_url}: no answer from the endpoint ({type(error).__name__}: {error}); "
                "check OPENAI_BASE_URL, OPENAI_API_KEY and that the server runs"
            ) from error
        finally:
            self._tokens_reserved -= reserved
            self.tokens_spent += spent
        return _answer(response)

    def _reserve(self, worst_case: int) -> None:
        """Refuse a call that could exceed the budget, repeats by the client included.

        A byte-level tokenizer gives at most one token a byte, so this bound holds.
        """
        budget = self._choices.budget_tokens
        if self.tokens_spent + self._tokens_reserved + worst_case > budget:
            raise ParamError(
                f"params: unify.budget_tokens: {budget} would not cover the next call "
                f"(spent {self.tokens_spent}, at most {worst_case} more); raise it"
            )
        self._tokens_reserved += worst_case


def _completion(body: object) -> ChatCompletion:
    """The client takes whatever comes with status 200, be it a web page."""
    if not isinstance(body, ChatCompletion):
        raise ValueError("the response is no chat completion")
    return body


def _answer(response: ChatCompletion) -> str:
    if not response.choices or response.choices[0].finish_reason == "length":
        raise _RefusedError("cut_off" if response.choices else "empty")
    text = (response.choices[0].message.content or "").strip()
    if not text:
        raise _RefusedError("empty")
    return text
