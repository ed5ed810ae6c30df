"""Times mode `openai` of unify against a server of fixed latency, beside a pool of threads.

    python benchmarks/unify_speed.py [--passages 3000] [--concurrency 200] [--latency 0.05 ...]
    python benchmarks/unify_speed.py --memory 1000 --memory 100000

The server is a process of its own on 127.0.0.1 that answers each request after the same time. The
ideal rate is concurrency / latency; all the rest is work of the client and, on the same cores, of
the server. The peer is what scripts usually do: threads, each with the synchronous client, two
calls a passage and a small JSON file for each. With --memory unify alone is run for so many
passages, each in a process of its own, and the peak memory is printed.
"""

import asyncio
import json
import multiprocessing
import resource
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import click
import openai

from onestage import params
from onestage.records import Passage
from onestage.unify.budget import Budget
from onestage.unify.calls import Endpoint
from onestage.unify.endpoints import Endpoints
from onestage.unify.prompts import load_prompts
from onestage.unify.responses import ResponseStore
from onestage.unify.rewriting import Rewriter
from onestage.unify.settings import Unify

ROOT = Path(__file__).resolve().parent.parent
TEXT = (
    "高血压的诊断以诊室血压为准，收缩压不低于140 mmHg或舒张压不低于90 mmHg，要在不同的日子测三次。"
    "首选改变生活方式，每日食盐少于6 g，每周运动5次；无效时由小剂量开始用药，"
    "例如氨氯地平每日一次5 mg，"
    "两到四周后复查，必要时加倍或联合用药。"
)


class _Answering(asyncio.Protocol):
    """Reads requests of one connection and answers each after the latency, and no sooner."""

    latency_s = 0.05

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._read = b""

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            head = self._read[:end].lower()
            length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
            if len(self._read) < end + 4 + length:
                return
            body = self._read[end + 4 : end + 4 + length]
            self._read = self._read[end + 4 + length :]
            asyncio.get_running_loop().call_later(self.latency_s, self._answer, body)

    def _answer(self, body: bytes) -> None:
        asks = "问题：".encode() not in body and b"\\u95ee\\u9898\\uff1a" not in body
        text = "高血压怎样诊断，怎样开始治疗？" if asks else TEXT
        choice = {"message": {"content": text}, "finish_reason": "stop", "index": 0}
        usage = {"prompt_tokens": 300, "completion_tokens": 100, "total_tokens": 400}
        found = {"id": "x", "object": "chat.completion", "created": 0, "model": "m"}
        content = json.dumps({**found, "choices": [choice], "usage": usage}).encode()
        head = (
            f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(content)}"
        )
        self._transport.write(head.encode() + b"\r\n\r\n" + content)  # type: ignore[attr-defined]


def _serve(listener: socket.socket, latency_s: float) -> None:
    async def forever() -> None:
        _Answering.latency_s = latency_s
        server = await asyncio.get_running_loop().create_server(_Answering, sock=listener)
        await server.serve_forever()

    asyncio.run(forever())


@contextmanager
def serving(latency_s: float) -> Iterator[str]:
    """Serve in a process of its own while the block runs; yield the address."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    server = multiprocessing.get_context("fork").Process(target=_serve, args=(listener, latency_s))
    server.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    finally:
        server.terminate()
        server.join()
        listener.close()


def passages(number: int) -> Iterator[Passage]:
    """Yield passages that differ, of about 150 characters."""
    for index in range(number):
        text = f"病例 {index}。{TEXT}"
        yield Passage(
            f"{index:024x}",
            "web",
            "web",
            "zh",
            "0" * 24,
            "a.jsonl",
            index,
            (0, len(text)),
            text,
            "",
        )


def choices() -> Unify:
    """Return the toy profile's section with a budget."""
    document = params.load_document(ROOT / "profiles" / "toy.yaml")
    document["unify"] |= {"mode": "openai", "budget_tokens": {"web": 10**12}}
    return params.section(document, "unify", Unify)


def unify_rate(base_url: str, number: int, concurrency: int) -> float:
    """Return how many requests a second unify makes, start-up of the interpreter aside."""
    section = choices()
    prompts = load_prompts(ROOT / "prompts" / "unify")
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(ResponseStore(Path(folder) / "responses.sqlite")) as store,
    ):

        def connect() -> Endpoints:
            budget = Budget(section, "web", store)
            asked = [Endpoint(base_url, "none")]
            return Endpoints(asked, budget, concurrency=concurrency, limits=section.limits)

        rewriter = Rewriter(section, prompts, store, connect, ahead=concurrency)
        begin = time.perf_counter()
        kept = sum(1 for _ in rewriter.rewrite(passages(number)))
        seconds = time.perf_counter() - begin
    if kept != number or rewriter.usage["requests_answered"] != 2 * number:
        sys.exit(f"{kept} of {number} passages, {rewriter.usage}, {rewriter.faults}")
    return 2 * number / seconds


def threads_rate(base_url: str, number: int, concurrency: int) -> float:
    """Return the same for a pool of threads that writes one file for each passage."""
    client = openai.OpenAI(base_url=base_url, api_key="none", max_retries=2)
    prompts = load_prompts(ROOT / "prompts" / "unify")
    names = count()

    def ask(prompt: str) -> str:
        found = client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": prompt}], temperature=0.7, seed=1
        )
        return found.choices[0].message.content or ""

    def one(passage: Passage) -> None:
        question = ask(prompts["question", "zh"].render(passage=passage.text))
        answer = ask(prompts["answer", "zh"].render(passage=passage.text, question=question))
        path = Path(folder) / f"{next(names)}.json"
        path.write_text(json.dumps({"question": question, "answer": answer}), encoding="utf-8")

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(concurrency) as pool:
        begin = time.perf_counter()
        list(pool.map(one, passages(number)))
        return 2 * number / (time.perf_counter() - begin)


def _memory(base_url: str, number: int, concurrency: int) -> None:
    rate = unify_rate(base_url, number, concurrency)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"| {number} | {peak:.0f} | {rate:.0f} |")


@click.command()
@click.option("--passages", "number", default=3000, show_default=True, help="How many to rewrite.")
@click.option("--concurrency", default=200, show_default=True, help="Requests at once.")
@click.option(
    "--latency", "latencies", multiple=True, type=float, default=(0.05, 0.1, 0.25, 0.5),
    show_default=True, help="Seconds to each answer.",
)  # fmt: skip
@click.option("--memory", multiple=True, type=int, help="Measure peak memory for so many passages.")
def main(
    number: int, concurrency: int, latencies: tuple[float, ...], memory: tuple[int, ...]
) -> None:
    """Print rates against the ideal and against threads, or peak memory."""
    if memory:
        print("| passages | peak MB | requests/s |\n|---|---|---|")
        with serving(latencies[0]) as base_url:
            for each in memory:
                worker = multiprocessing.get_context("spawn").Process(
                    target=_memory, args=(base_url, each, concurrency)
                )
                worker.start()
                worker.join()
        return
    print("| latency s | ideal/s | unify/s | of ideal | threads/s | of ideal | unify : threads |")
    print("|---" * 7 + "|")
    for latency in latencies:
        ideal = concurrency / latency
        with serving(latency) as base_url:
            own = unify_rate(base_url, number, concurrency)
            peer = threads_rate(base_url, number, concurrency)
        row = [f"{latency}", f"{ideal:.0f}", f"{own:.0f}", f"{own / ideal:.3f}"]
        row += [f"{peer:.0f}", f"{peer / ideal:.3f}", f"{own / peer:.2f}"]
        print("|", " | ".join(row), "|")


if __name__ == "__main__":
    main()
