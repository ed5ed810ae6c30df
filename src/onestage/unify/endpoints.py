"""The only code that speaks to OpenAI-compatible endpoints: one call, however often it takes."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

import aiohttp
import httpx2
import msgspec
import openai

from onestage.errors import InputError, OnestageError
from onestage.unify.budget import Budget
from onestage.unify.lanes import LONGEST_REST_S, Lane, Lanes
from onestage.unify.responses import FAULT, Spent
from onestage.unify.settings import Limits
from onestage.unify.tokens import most_tokens

# Waiting times grow from the first to the last, each drawn between nothing and the whole of it.
_FIRST_WAIT_S = 0.5
_LAST_WAIT_S = 30.0
# So many failures without one reply between them are no fault of the records.
_FAILED_AT_ONCE = 20
# So few requests that fail while nobody else asks may be to blame themselves.
_FEW = 3
# An overload counts as this share of a failure, once others were answered meanwhile.
_OVERLOAD_WEIGHT = 1 / 5
_LONGEST_ASKED_WAIT_S = 300.0
_SHOWN_CHARS = 200
# Chosen by params, not by the record: what refuses one of them refuses all requests.
_CHOSEN = ("model", "temperature", "seed", "max_tokens", "max_completion_tokens")
_NO_SUCH = (404, 405)
# A gateway lost what the model may have written.
_MAY_HAVE_ANSWERED = (502, 504, 524)
_OVERLOADED = (408, 409, 425, 429)
_OVERLOAD = ("overloaded", "timeout", "connection", "status_503")
_NO_MONEY = ("insufficient_quota", "billing_not_active", "billing_hard_limit_reached")


class Endpoint(NamedTuple):
    """An address and the key for it."""

    base_url: str
    api_key: str


class Request(NamedTuple):
    """What is asked: the prompt as the only message, and how the answer is sampled.

    All of it and nothing else names the response in the store; whom it is asked does not.
    """

    model: str
    prompt: str
    temperature: float
    max_output_tokens: int
    seed: int


class Reply(NamedTuple):
    """What came back; `finish_reason` is the endpoint's, or a fault's."""

    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int


class _Part(msgspec.Struct):
    text: str | None = None


class _Message(msgspec.Struct):
    content: str | list[_Part] | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: float | None = None
    completion_tokens: float | None = None


class _Completion(msgspec.Struct):
    choices: list[_Choice]
    usage: _Usage | None = None


_DECODER = msgspec.json.Decoder(_Completion)


class _FaultError(Exception):
    """A request failed and may be tried again; `paid` says whether it may have cost something."""

    def __init__(self, kind: str, *, paid: bool, wait_s: float = 0.0) -> None:
        super().__init__(kind)
        self.kind = kind
        self.paid = paid
        self.wait_s = wait_s


class Endpoints:
    """Asks one of several endpoints that serve the same model, each with its own number at once.

    `faults` counts by kind what went wrong, requests that were tried again included.
    """

    def __init__(
        self, endpoints: Sequence[Endpoint], budget: Budget, *, concurrency: int, limits: Limits
    ) -> None:
        self._budget = budget
        self._keys = [endpoint.api_key for endpoint in endpoints]
        self._limits = limits
        self._clients = {
            endpoint.base_url: openai.AsyncOpenAI(
                base_url=endpoint.base_url,
                api_key=endpoint.api_key,
                timeout=limits.timeout_s,
                max_retries=0,  # tried again here, where it is counted
                http_client=openai.DefaultAioHttpClient(),
            )
            for endpoint in endpoints
        }
        rest_s = min(LONGEST_REST_S, limits.give_up_s / 4)
        self._lanes = Lanes(
            [Lane(url, concurrency, longest_rest_s=rest_s) for url in self._clients]
        )
        self._answered = time.monotonic()
        self._replies = self._failed_since_reply = 0
        self._failing: set[Request] = set()  # since the last reply
        self._length_fields = dict.fromkeys(self._clients, "max_tokens")
        self._stopped: OnestageError | None = None
        self._stopping = asyncio.Event()
        self.faults: Counter[str] = Counter()

    async def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            await client.close()

    async def ask(self, request: Request) -> Reply:
        """Return the reply; a fault of the endpoint is tried again up to `limits.attempts` times.

        An overloaded endpoint (429) is waited for; where others are answered meanwhile, five
        such refusals count as one attempt.

        Raises:
            InputError: the key is refused, the address or model is unknown, there is no money
                left, or nothing was answered for `limits.give_up_s`.
            ParamError: a request could exceed the budget.
        """
        tried, failed = 0, 0.0
        before = self._replies
        while True:
            lane, found = await self._tried(request)
            if isinstance(found, Reply):
                return found
            tried += 1
            others = self._replies > before
            failed += 1 if found.kind != "overloaded" else _OVERLOAD_WEIGHT * others
            if failed >= self._limits.attempts and await self._is_alive(lane, since=before):
                return self._given_up(lane, found.kind)
            if death := await self._death(lane, found.kind):
                raise self._stop_all(death)
            asked_s = min(found.wait_s, _LONGEST_ASKED_WAIT_S, self._limits.give_up_s / 2)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), _wait_s(tried, asked_s))

    async def _tried(self, request: Request) -> tuple[Lane, Reply | _FaultError]:
        """Make one request, and let its lane know how it went."""
        lane = await self._lanes.enter()
        if not self._failing and self._lanes.in_flight == 1:
            self._answered = time.monotonic()  # nothing was asked until now
        try:
            reply = await self._paid(lane, request)
        except _FaultError as error:
            lane.ended(overloaded=error.kind in _OVERLOAD)
            if error.kind != "overloaded":
                lane.failed(asyncio.get_running_loop().time())
            self._failing.add(request)
            self.faults[error.kind] += 1
            return lane, error
        except OnestageError as error:
            raise self._stop_all(error) from None
        else:
            self._answered = time.monotonic()
            self._failing.clear()
            lane.ended(overloaded=False)
            lane.replied()
            return lane, reply
        finally:
            self._lanes.leave(lane)

    async def _is_alive(self, lane: Lane, *, since: int) -> bool:
        """Return whether a fault is the record's: others were answered, or the list of models."""
        if self._replies > since:
            return True
        try:
            await self._clients[lane.base_url].get("/models", cast_to=httpx2.Response)
        except openai.APIStatusError as error:
            return error.status_code < 500
        except openai.APIError:
            return False
        return True

    def _given_up(self, lane: Lane, kind: str) -> Reply:
        """Return what stands for a reply; too many of them without one reply end the run."""
        self._failed_since_reply += 1
        if self._failed_since_reply >= _FAILED_AT_ONCE:
            raise self._stop_all(InputError(
                f"{lane.base_url}: {_FAILED_AT_ONCE} requests in a row failed (last: {kind}); "
                "check the server, model and unify section, and run again"
            ))  # fmt: skip
        return Reply("", f"{FAULT}{kind}", 0, 0)

    def _stop_all(self, error: OnestageError) -> OnestageError:
        """Let no further request begin, nor anybody wait; return the first reason."""
        self._stopped = self._stopped or error
        self._stopping.set()
        self._lanes.open()
        return self._stopped

    async def _paid(self, lane: Lane, request: Request) -> Reply:
        """Make one request within the budget.

        What failed or was cut off and may have been paid for counts as the most that it can have
        cost, and so does a reply without a count of tokens.
        """
        most = Spent(most_tokens(request.prompt), request.max_output_tokens)
        await self._set_aside(most)
        actual = Spent()
        try:
            reply = await self._once(lane, request)
            if not reply.finish_reason.startswith(FAULT):
                self._replies += 1
                self._failed_since_reply = 0
                if not (reply.prompt_tokens and reply.completion_tokens):
                    reply = reply._replace(**most._asdict())
            actual = Spent(reply.prompt_tokens, reply.completion_tokens)
        except _FaultError as error:
            if error.paid:
                actual = most
                self._budget.lost(most)
            raise
        except asyncio.CancelledError:
            actual = most
            self._budget.lost(most)
            raise
        finally:
            self._budget.count(most, actual)
        return reply

    async def _set_aside(self, most: Spent) -> None:
        """Reserve what a request may cost; wait while only requests under way leave no room."""
        while True:
            if self._stopped:
                raise self._stopped
            if self._budget.reserve(most):
                return
            self._budget.changed.clear()
            await self._budget.changed.wait()

    async def _once(self, lane: Lane, request: Request) -> Reply:
        length_field = self._length_fields[lane.base_url]
        try:
            # The typed call would spend more on checking a body that is made here than on sending
            # it, and would take any page that comes with status 200 for a completion.
            # The client's own limit is one for each read: a trickle would never meet it.
            async with asyncio.timeout(self._limits.timeout_s):
                response = await self._clients[lane.base_url].post(
                    "/chat/completions",
                    cast_to=httpx2.Response,
                    body={
                        "model": request.model,
                        "messages": [{"role": "user", "content": request.prompt}],
                        "temperature": request.temperature,
                        length_field: request.max_output_tokens,
                        "seed": request.seed,
                    },
                )
            return _reply(response.content)
        except TimeoutError:
            raise _FaultError("timeout", paid=True) from None
        except openai.APIStatusError as error:
            if error.status_code == 400 and error.param == length_field == "max_tokens":
                # Some models know the limit by its newer name alone.
                self._length_fields[lane.base_url] = "max_completion_tokens"
                return await self._once(lane, request)
            return self._refused(lane, error)
        except openai.APIConnectionError as error:  # timeouts are among them
            raise _lost(error) from None

    def _refused(self, lane: Lane, error: openai.APIStatusError) -> Reply:
        """Return that a record's request is refused; raise what concerns more than the record."""
        status = error.status_code
        # What others are answered for is not refused to all: a moderated prompt has 403, too.
        unanswered = not self._replies
        if status == 401 or (status == 403 and unanswered):
            raise self._stop(lane, error, "the key is refused", "check OPENAI_API_KEY")
        if status in _NO_SUCH:
            raise self._stop(
                lane, error, "no such address or model", "check OPENAI_BASE_URL and unify.model"
            )
        if status == 402 or error.code in _NO_MONEY:
            raise self._stop(lane, error, "there is no money left", "pay, and run again")
        if status in _OVERLOADED:
            raise _FaultError("overloaded", paid=False, wait_s=_retry_after(error)) from None
        if status >= 500:
            paid = status in _MAY_HAVE_ANSWERED
            raise _FaultError(f"status_{status}", paid=paid, wait_s=_retry_after(error)) from None
        if status == 400 and unanswered and error.param in _CHOSEN:
            raise self._stop(lane, error, f"{error.param} is refused", "change the unify section")
        self.faults[f"status_{status}"] += 1
        return self._given_up(lane, f"status_{status}: {self._told(error)}")

    def _stop(self, lane: Lane, error: openai.APIStatusError, what: str, remedy: str) -> InputError:
        return InputError(
            f"{lane.base_url}: {what} (status {error.status_code}: {self._told(error)}); {remedy}"
        )

    def _told(self, error: openai.APIStatusError) -> str:
        """Return the beginning of the endpoint's own words, without a key that stands in them."""
        message = error.message
        for key in self._keys:
            message = message.replace(key, "***")
        return message[:_SHOWN_CHARS]

    async def _death(self, lane: Lane, kind: str) -> InputError | None:
        """Return why the run ends where nothing was answered for too long.

        A few requests that fail alone do not end it while the endpoint lives.
        """
        silent = time.monotonic() - self._answered
        if silent <= self._limits.give_up_s:
            return None
        if len(self._failing) <= _FEW and await self._is_alive(lane, since=self._replies):
            return None
        return InputError(
            f"{lane.base_url}: no answer from the endpoint for {silent:.0f} s (last: {kind}); "
            "check OPENAI_BASE_URL and that the server runs, and run again: all responses so far "
            "are kept"
        )


def _lost(error: openai.APIConnectionError) -> _FaultError:
    """Return what became of a request by the transport's own error.

    The client calls every broken connection a timeout. One that was never made has cost nothing.
    """
    cause = error.__cause__.__cause__ if error.__cause__ else None
    if isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return _FaultError("connection", paid=False)
    if isinstance(cause, TimeoutError):
        return _FaultError("timeout", paid=True)
    return _FaultError("connection", paid=True)


def _reply(body: bytes) -> Reply:
    """Return what a completion says; anything else that comes with status 200 is a fault."""
    try:
        completion = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # A page of HTML is no completion that anyone charges for.
        paid = body.lstrip()[:1] == b"{"
        raise _FaultError("malformed", paid=paid) from None
    if not completion.choices:
        raise _FaultError("no_choices", paid=True)
    choice, usage = completion.choices[0], completion.usage or _Usage()
    content = choice.message.content or ""
    if isinstance(content, list):
        content = "".join(part.text or "" for part in content)
    return Reply(
        content.strip(),
        choice.finish_reason or "stop",
        int(usage.prompt_tokens or 0),
        int(usage.completion_tokens or 0),
    )


def _retry_after(error: openai.APIStatusError) -> float:
    """Return the seconds that the endpoint asks to wait, told as a number or a date, or 0."""
    asked: Any = error.response.headers.get("retry-after", "")
    with suppress(ValueError):
        return max(0.0, float(asked))
    with suppress(ValueError, TypeError):
        return max(0.0, parsedate_to_datetime(asked).timestamp() - time.time())
    return 0.0


def _wait_s(tried: int, asked_s: float) -> float:
    """Return what the endpoint asked for and a little, or a time that grows with each try."""
    growing = min(_LAST_WAIT_S, _FIRST_WAIT_S * 2 ** min(tried - 1, 16))
    longest = _FIRST_WAIT_S if asked_s else growing
    return asked_s + random.uniform(0, longest)  # noqa: S311  (spreads requests; enters no byte)
