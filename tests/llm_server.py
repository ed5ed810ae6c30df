"""A server that speaks the chat protocol, as an ASGI app, with faults at stated shares.

What it answers depends on the prompt and the seed alone. It keeps a journal of what it was asked
and of what went out whole.
"""

import asyncio
import hashlib
import json
import random
import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import uvicorn

Faults = Mapping[str, float]
ALL_FAULTS = {"busy": 0.2, "broken": 0.05, "late": 0.02, "malformed": 0.02, "cut": 0.01}
_FENCE = re.compile(r"^(=====(?:\d+)?=====)$", re.MULTILINE)
_ASKED = re.compile(r"^(?:问题：|Question: )", re.MULTILINE)


def fenced(prompt: str) -> str:
    """Return the passage between the prompt's last two fences, found without the project's code."""
    places = list(_FENCE.finditer(prompt))
    inside = prompt[places[-2].end() + 1 : places[-1].start() - 1]
    return inside.partition("\n\n")[2] if _ASKED.match(inside) else inside


def is_answer_call(prompt: str) -> bool:
    """Return whether the prompt carries a question."""
    return bool(_ASKED.search(prompt))


def honest(prompt: str, seed: int) -> str:
    """Return a question or an answer that passes all checks, and differs with the seed."""
    passage = fenced(prompt)
    if is_answer_call(prompt):
        return f"{passage}"
    name = re.sub(r"\W", "", passage)[:12]
    return f"关于{name}，临床上要注意哪些要点？" + "？" * (seed % 3)


class LlmServer:
    """The app and its journal. `answer(prompt, seed)` says what the model says.

    `asked` counts requests by what was asked, `sent` the answers that left whole.
    """

    def __init__(
        self,
        answer: Callable[[str, int], str] = honest,
        *,
        faults: Faults | None = None,
        latency_s: float = 0.0,
        late_s: float = 3.0,
    ) -> None:
        self._answer = answer
        self._faults = dict(faults or {})
        self._latency_s = latency_s
        self._late_s = late_s
        self._random = random.Random(7)
        self.base_url = ""
        self.asked: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self.faulted: Counter[str] = Counter()
        self.prompts: list[str] = []
        self.keys: set[str] = set()
        self.in_flight = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        if scope["method"] == "GET":
            await _send(send, 200, b'{"data": []}')
            return
        headers = dict(scope["headers"])
        self.keys.add(headers.get(b"authorization", b"").decode())
        body = b""
        while (event := await receive()) and event["type"] == "http.request":
            body += event.get("body", b"")
            if not event.get("more_body"):
                break
        request = json.loads(body)
        key = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
        self.asked[key] += 1
        self.in_flight += 1
        try:
            await self._respond(request, key, send)
        finally:
            self.in_flight -= 1

    async def _respond(self, request: Any, key: str, send: Any) -> None:
        fault = self._drawn()
        if fault:
            self.faulted[fault] += 1
        if fault == "late":
            await asyncio.sleep(self._late_s)
        await asyncio.sleep(self._latency_s)
        prompt = request["messages"][-1]["content"]
        if fault == "busy":
            await _send(
                send, 429, b'{"error": {"message": "slow down"}}', [(b"retry-after", b"0.1")]
            )
        elif fault == "broken":
            await _send(send, 500, b"Internal Server Error")
        elif fault == "malformed":
            await _send(send, 200, b'{"choices": [{"mess')
        elif fault == "cut":
            await _send(send, 200, b'{"choices"', length=4000)
        else:
            self.prompts.append(prompt)
            await _send(send, 200, completion(self._answer(prompt, request["seed"])))
            self.sent[key] += fault != "late"

    def _drawn(self) -> str:
        place = self._random.random()
        for fault, share in self._faults.items():
            place -= share
            if place < 0:
                return fault
        return ""


def completion(text: str, finish_reason: str = "stop") -> bytes:
    """Return a body as the protocol has it."""
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": finish_reason}
    usage = {"prompt_tokens": 60, "completion_tokens": 40, "total_tokens": 100}
    return json.dumps({"id": "x", "object": "chat.completion", "created": 0, "model": "m",
                       "choices": [{"index": 0, **choice}], "usage": usage}).encode()  # fmt: skip


async def _send(
    send: Any, status: int, body: bytes, more: list[tuple[bytes, bytes]] | None = None,
    *, length: int | None = None,
) -> None:  # fmt: skip
    headers = [(b"content-type", b"application/json")]
    headers += [(b"content-length", str(length or len(body)).encode()), *(more or [])]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@contextmanager
def serving(app: LlmServer) -> Iterator[LlmServer]:
    """Serve on a free port of 127.0.0.1, in a thread, while the block runs."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    app.base_url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    config = uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=0)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield app
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
