"""A small OpenAI-compatible endpoint on 127.0.0.1 whose answers a test decides."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = str | dict[str, Any] | int | bytes


class ChatServer(ThreadingHTTPServer):
    """Keeps what it was asked; `answer(prompt, number)` gives text, a choice (perhaps with its
    usage), a status, the body of an error, a page.
    """

    daemon_threads = True

    def __init__(self, answer: Callable[[str, int], Answer], models: int, retry_after: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.models = models
        self.retry_after = retry_after
        self.requests: list[dict[str, Any]] = []
        self.lock = threading.Lock()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    @property
    def prompts(self) -> list[str]:
        return [request["messages"][-1]["content"] for request in self.requests]


class _Handler(BaseHTTPRequestHandler):
    server: ChatServer

    def do_GET(self) -> None:
        self._send(self.server.models, {"object": "list", "data": []})

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            number = len(self.server.requests)
            self.server.requests.append(request)
        answer = self.server.answer(request["messages"][-1]["content"], number)
        if isinstance(answer, int):
            self._send(answer, {"error": {"message": "refused"}})
            return
        if isinstance(answer, bytes):
            self._send_bytes(200, answer, "text/html")
            return
        if isinstance(answer, dict) and "error" in answer:
            self._send(400, answer)
            return
        choice = {"message": answer} if isinstance(answer, str) else answer
        usage = choice.pop("usage", {"prompt_tokens": 60, "completion_tokens": 40})
        if isinstance(choice["message"], str):
            choice["message"] = {"role": "assistant", "content": choice["message"]}
        self._send(
            200,
            {
                "id": "x",
                "object": "chat.completion",
                "created": 0,
                "model": request["model"],
                "choices": [{"index": 0, "finish_reason": "stop", **choice}],
                "usage": usage,
            },
        )

    def _send(self, status: int, body: dict[str, Any]) -> None:
        self._send_bytes(status, json.dumps(body).encode(), "application/json")

    def _send_bytes(self, status: int, content: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        if status == 429 and self.server.retry_after:
            self.send_header("Retry-After", self.server.retry_after)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def chat_server(
    answer: Callable[[str, int], Answer], *, models: int = 200, retry_after: str = ""
) -> Iterator[ChatServer]:
    """Serve in a thread while the block runs; `models` is the status of the list of models."""
    server = ChatServer(answer, models, retry_after)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
