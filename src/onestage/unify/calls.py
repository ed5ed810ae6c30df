"""One request to an OpenAI-compatible endpoint: the only code that speaks to one."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

import aiohttp
import httpx2
import msgspec
import openai

from onestage.errors import InputError

_SHOWN_CHARS = 200
_NO_SUCH = (404, 405)
# A gateway lost what the model may have written.
_MAY_HAVE_ANSWERED = (502, 504, 524)
_OVERLOADED = (408, 409, 425, 429)
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


class FaultError(Exception):
    """A request failed and may be tried again; `paid` says whether it may have cost something."""

    def __init__(self, kind: str, *, paid: bool, wait_s: float = 0.0) -> None:
        super().__init__(kind)
        self.kind = kind
        self.paid = paid
        self.wait_s = wait_s


class RefusedError(FaultError):
    """The endpoint will not answer this request; `parameter` says what it names as the reason."""

    def __init__(self, status: int, told: str, parameter: str) -> None:
        super().__init__(f"status_{status}", paid=False)
        self.args = (f"status_{status}: {told}",)
        self.parameter = parameter


class Connection:
    """A client of one endpoint. `keys` are never shown, whatever the endpoint says."""

    def __init__(self, endpoint: Endpoint, keys: Sequence[str], timeout_s: float) -> None:
        self.base_url = endpoint.base_url
        self._keys = keys
        self._timeout_s = timeout_s
        self._length_field = "max_tokens"
        self._client = openai.AsyncOpenAI(
            base_url=endpoint.base_url,
            api_key=endpoint.api_key,
            timeout=timeout_s,
            max_retries=0,  # tried again elsewhere, where it is counted
            http_client=openai.DefaultAioHttpClient(),
        )

    async def close(self) -> None:
        """Close all that is open."""
        await self._client.close()

    async def status_of_models(self) -> int:
        """Return the status of the list of models; 599 where there is no answer."""
        try:
            await self._client.get("/models", cast_to=httpx2.Response)
        except openai.APIStatusError as error:
            return error.status_code
        except openai.APIError:
            return 599
        return 200

    async def ask(self, request: Request) -> Reply:
        """Make one request and return the reply.

        Raises:
            FaultError: it failed, or the endpoint will not answer it.
            InputError: the key, the address or the model is wrong, or there is no money left.
        """
        length_field = self._length_field
        try:
            # The typed call would spend more on checking a body that is made here than on sending
            # it, and would take any page that comes with status 200 for a completion.
            # The client's own limit is one for each read: a trickle would never meet it.
            async with asyncio.timeout(self._timeout_s):
                response = await self._client.post(
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
            raise FaultError("timeout", paid=True) from None
        except openai.APIStatusError as error:
            if error.status_code == 400 and error.param == length_field == "max_tokens":
                # Some models know the limit by its newer name alone.
                self._length_field = "max_completion_tokens"
                return await self.ask(request)
            raise self._refusal(error) from None
        except openai.APIConnectionError as error:  # timeouts are among them
            raise _lost(error) from None

    def _refusal(self, error: openai.APIStatusError) -> InputError | FaultError:
        """Return that a request is refused, or what concerns more than the request."""
        status = error.status_code
        if status == 401:
            return self._stop(error, "the key is refused", "check OPENAI_API_KEY")
        if status in _NO_SUCH:
            return self._stop(
                error, "no such address or model", "check OPENAI_BASE_URL and unify.model"
            )
        if status == 402 or error.code in _NO_MONEY:
            return self._stop(error, "there is no money left", "pay, and run again")
        if status in _OVERLOADED:
            return FaultError("overloaded", paid=False, wait_s=_retry_after(error))
        if status >= 500:
            paid = status in _MAY_HAVE_ANSWERED
            return FaultError(f"status_{status}", paid=paid, wait_s=_retry_after(error))
        return RefusedError(status, self._told(error), error.param or "")

    def _stop(self, error: openai.APIStatusError, what: str, remedy: str) -> InputError:
        return InputError(
            f"{self.base_url}: {what} (status {error.status_code}: {self._told(error)}); {remedy}"
        )

    def _told(self, error: openai.APIStatusError) -> str:
        """Return the beginning of the endpoint's own words, without a key that stands in them."""
        message = error.message
        for key in self._keys:
            message = message.replace(key, "***")
        return message[:_SHOWN_CHARS]


def _lost(error: openai.APIConnectionError) -> FaultError:
    """Return what became of a request by the transport's own error.

    The client calls every broken connection a timeout. One that was never made has cost nothing.
    """
    cause = error.__cause__.__cause__ if error.__cause__ else None
    if isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return FaultError("connection", paid=False)
    if isinstance(cause, TimeoutError):
        return FaultError("timeout", paid=True)
    return FaultError("connection", paid=True)


def _reply(body: bytes) -> Reply:
    """Return what a completion says; anything else that comes with status 200 is a fault."""
    try:
        completion = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # A page of HTML is no completion that anyone charges for.
        paid = body.lstrip()[:1] == b"{"
        raise FaultError("malformed", paid=paid) from None
    if not completion.choices:
        raise FaultError("no_choices", paid=True)
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
