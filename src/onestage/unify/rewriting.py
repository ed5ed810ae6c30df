"""Mode `openai`: each passage is rewritten by two calls, from the store or from an endpoint."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import msgspec

from onestage.errors import OnestageError
from onestage.identity import content_id
from onestage.records import Conversation, Detail, Message, Passage, Rejection
from onestage.unify.calls import Reply, Request
from onestage.unify.checks import Fault, answer_faults, question_faults, reply_faults
from onestage.unify.endpoints import Endpoints
from onestage.unify.forms import conversation, is_unanswered, turns
from onestage.unify.prompts import CallName, Prompts
from onestage.unify.responses import FAULT, Response, ResponseStore
from onestage.unify.settings import Unify

# So many passages are begun for each request at once: enough that one that waits for an endpoint to
# recover holds nobody up.
_AHEAD = 16
# Ends that servers tell of besides `stop` and its kin; an answer that ended so is no whole one.
_CUT_OFF = frozenset(["length", "max_tokens", "model_length"])
_NO_ANSWER = frozenset(["abort", "error", "tool_calls", "function_call"])


class Rewritten(NamedTuple):
    """What became of a record, the responses on which that rests, in the order of the calls, and
    the reasons for which a try failed.
    """

    record: Conversation | Rejection
    responses: list[Response]
    failed: list[str]


class _Try(NamedTuple):
    """Which try of which record; a settled one is judged by what is stored."""

    series: str
    number: int
    settled: bool


class _Outcome(NamedTuple):
    """What a try gave: the turns that were made, the checks that failed, the responses."""

    messages: list[Message]
    faults: list[Fault]
    responses: list[Response]


class Missing(NamedTuple):
    """The first response that is needed and not stored: of which try, and of which of its calls."""

    number: int
    call: int


class _StoppedError(Exception):
    """No further request may begin; the reason is kept aside."""


class _NotAskedError(Exception):
    """A settled passage is judged by what is stored, and this was never asked.

    `responses` are those of the same try that were.
    """

    def __init__(self, responses: list[Response]) -> None:
        super().__init__()
        self.responses = responses


class Rewriter:
    """Rewrites the records of one source.

    `connect` is called when the first request has to be made: what the store answers needs
    neither endpoint nor budget. `usage` counts requests, tokens and what the store saved.
    """

    def __init__(
        self,
        choices: Unify,
        prompts: Prompts,
        store: ResponseStore,
        connect: Callable[[], Endpoints],
        *,
        ahead: int,
    ) -> None:
        self._choices = choices
        self._prompts = prompts
        self._store = store
        self._connect = connect
        self._ahead = ahead * _AHEAD
        self._endpoints: Endpoints | None = None
        self._under_way: dict[str, asyncio.Event] = {}
        self._stop: OnestageError | None = None
        self.usage: Counter[str] = Counter()

    @property
    def faults(self) -> Counter[str]:
        """Return how many requests failed, by kind."""
        return self._endpoints.faults if self._endpoints else Counter()

    @property
    def tokens_lost(self) -> int:
        """Return what may have been paid for without a reply."""
        return self._endpoints.tokens_lost if self._endpoints else 0

    def rewrite(self, records: Iterable[Passage | Conversation]) -> Iterator[Rewritten]:
        """Yield what becomes of each record, in order; passages in hand are bounded.

        Raises:
            InputError: the endpoint refuses the key, or does not answer.
            ParamError: a request could exceed the budget, or there is none.
        """
        loop = asyncio.new_event_loop()
        tasks: deque[asyncio.Task[Rewritten]] = deque()
        try:
            for record in records:
                tasks.append(loop.create_task(self._one(record)))
                if len(tasks) >= self._ahead:
                    yield self._first(loop, tasks)
            while tasks:
                yield self._first(loop, tasks)
        finally:
            self._end(loop, tasks)

    def _first(
        self, loop: asyncio.AbstractEventLoop, tasks: deque[asyncio.Task[Rewritten]]
    ) -> Rewritten:
        try:
            found = loop.run_until_complete(tasks[0])
        except _StoppedError:
            # What is under way is paid for: it is waited for and kept.
            loop.run_until_complete(_ended(tasks))
            raise self._stop or RuntimeError("stopped without a reason") from None
        tasks.popleft()
        return found

    def _end(self, loop: asyncio.AbstractEventLoop, tasks: deque[asyncio.Task[Rewritten]]) -> None:
        for task in tasks:
            task.cancel()
        loop.run_until_complete(_ended(tasks))
        if self._endpoints:
            loop.run_until_complete(self._endpoints.close())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

    async def _one(self, record: Passage | Conversation) -> Rewritten:
        if isinstance(record, Conversation) and not is_unanswered(record):
            return Rewritten(record, [], [])
        series = _series_of(record, self._choices, self._prompts)
        settled = self._is_settled(series)
        reason, detail = "not_asked", dict[str, Detail]()
        responses: list[Response] = []
        failed: list[str] = []
        for number in range(self._choices.tries):
            try:
                outcome = await self._tried(record, _Try(series, number, settled))
            except _NotAskedError as error:
                responses += error.responses
                continue
            responses += outcome.responses
            if not outcome.faults:
                self._settle(series, settled=settled)
                return Rewritten(self._kept(record, outcome.messages, number), responses, failed)
            failed += [name for name, _ in outcome.faults]
            reason = outcome.faults[0][0]
            detail[f"try-{number}"] = "; ".join(f"{name}: {seen}" for name, seen in outcome.faults)
        self._settle(series, settled=settled)
        return Rewritten(Rejection(record.id, record.source, reason, detail), responses, failed)

    async def missing(self, record: Passage | Conversation) -> Missing | None:
        """Return what the record needs an endpoint for first, or None where the store suffices."""
        series = _series_of(record, self._choices, self._prompts)
        if self._is_settled(series):
            return None
        for number in range(self._choices.tries):
            try:
                outcome = await self._tried(record, _Try(series, number, settled=True))
            except _NotAskedError as error:
                return Missing(number, len(error.responses))
            if not outcome.faults:
                return None
        return None

    def _is_settled(self, series: str) -> bool:
        """Return whether a record has come to its end before, with as many tries allowed."""
        return self._store.settled(series) >= self._choices.tries

    def _settle(self, series: str, *, settled: bool) -> None:
        if not settled:
            self._store.settle(series, self._choices.tries)

    def _kept(
        self, record: Passage | Conversation, messages: list[Message], number: int
    ) -> Conversation:
        names: tuple[CallName, ...] = ("question", "answer")
        if isinstance(record, Conversation):
            names = ("reply",)
        digests = ":".join(f"{name}-{self._prompts[name, record.lang].digest}" for name in names)
        via = f"openai:{self._choices.model}:{digests}:try-{number}"
        if isinstance(record, Conversation):
            return msgspec.structs.replace(record, messages=[*record.messages, *messages], via=via)
        return conversation(record, messages=messages, text="", via=via)

    async def _tried(self, record: Passage | Conversation, attempt: _Try) -> _Outcome:
        if isinstance(record, Conversation):
            return await self._replied(record, attempt)
        checks = self._choices.checks
        asked = await self._response("question", _question_prompt(record, self._prompts), attempt)
        faults = _call_faults(asked) or list(
            question_faults(asked.text, passage=record.text, lang=record.lang, checks=checks)
        )
        if faults:
            return _Outcome([], faults, [asked])
        prompt = self._prompts["answer", record.lang].render(
            passage=record.text, question=asked.text
        )
        try:
            answered = await self._response("answer", prompt, attempt)
        except _NotAskedError:
            raise _NotAskedError([asked]) from None
        faults = _call_faults(answered) or list(
            answer_faults(
                answered.text,
                question=asked.text,
                passage=record.text,
                lang=record.lang,
                checks=checks,
            )
        )
        return _Outcome(turns(asked.text, answered.text), faults, [asked, answered])

    async def _replied(self, record: Conversation, attempt: _Try) -> _Outcome:
        replied = await self._response("reply", _reply_prompt(record, self._prompts), attempt)
        faults = _call_faults(replied) or list(
            reply_faults(replied.text, lang=record.lang, checks=self._choices.checks)
        )
        return _Outcome([Message(role="assistant", content=replied.text)], faults, [replied])

    async def _response(self, call: CallName, prompt: str, attempt: _Try) -> Response:
        """Return a response from the store; if it is not there, ask for it, once.

        Raises:
            _NotAskedError: the record is settled, and this was never asked.
            _StoppedError: no request may be made.
        """
        choices = self._choices
        sampled = choices.question if call == "question" else choices.answer
        seed = choices.seed + attempt.number
        request = Request(
            choices.model, prompt, sampled.temperature, sampled.max_output_tokens, seed
        )
        key = content_id(*map(str, request))
        while (stored := self._store.get(key)) is None and key in self._under_way:
            await self._under_way[key].wait()
        if stored is not None:
            self.usage["responses_from_store"] += 1
            self.usage["tokens_saved"] += stored.prompt_tokens + stored.completion_tokens
        elif attempt.settled:
            raise _NotAskedError([])
        else:
            reply = await self._asked(request, key)
            own = Response(
                key, attempt.series, call, attempt.number, choices.tries, choices.model, *reply
            )
            stored = self._store.put(own)
            self._under_way.pop(key).set()
        return msgspec.structs.replace(
            stored, series=attempt.series, call=call, attempt=attempt.number, tries=choices.tries
        )

    async def _asked(self, request: Request, key: str) -> Reply:
        self._under_way[key] = asyncio.Event()
        try:
            if self._stop:
                raise self._stop
            self._endpoints = self._endpoints or self._connect()
            reply = await self._endpoints.ask(request)
        except BaseException as error:
            self._under_way.pop(key).set()
            if not isinstance(error, OnestageError):
                raise
            self._stop = self._stop or error
            raise _StoppedError from None
        self.usage["requests_answered"] += 1
        self.usage["tokens_spent"] += reply.prompt_tokens + reply.completion_tokens
        return reply


def _series_of(record: Passage | Conversation, choices: Unify, prompts: Prompts) -> str:
    """Return what names all tries of a record: all that its requests depend on but the try."""
    if isinstance(record, Conversation):
        calls: tuple[object, ...] = (_reply_prompt(record, prompts), choices.answer)
    else:
        answer = prompts["answer", record.lang].digest
        calls = (_question_prompt(record, prompts), choices.question, answer, choices.answer)
    return content_id(choices.model, choices.seed, *map(str, calls))


def _question_prompt(passage: Passage, prompts: Prompts) -> str:
    return prompts["question", passage.lang].render(passage=passage.text)


def _reply_prompt(record: Conversation, prompts: Prompts) -> str:
    return prompts["reply", record.lang].render(instruction=record.messages[-1].content)


async def _ended(tasks: Iterable[asyncio.Task[Rewritten]]) -> None:
    """Wait for all, whatever comes of them."""
    await asyncio.gather(*tasks, return_exceptions=True)


def _call_faults(response: Response) -> list[Fault]:
    """Return what is wrong with the call itself, whatever its text says."""
    if response.finish_reason.startswith(FAULT):
        return [("no_response", response.finish_reason.removeprefix(FAULT))]
    if response.finish_reason in _CUT_OFF:
        return [("cut_off", f"{response.completion_tokens} tokens")]
    if response.finish_reason == "content_filter":
        return [("content_filter", "by the endpoint")]
    if response.finish_reason in _NO_ANSWER:
        return [("no_response", response.finish_reason)]
    return [] if response.text else [("empty", response.call)]
