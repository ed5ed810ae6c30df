"""unify in mode `openai`, run as a command against a server with faults, and killed."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from given import ROOT, parameters, passage, read_lines, write_params, write_records
from llm_server import ALL_FAULTS, LlmServer, honest, is_answer_call, serving

from onestage.cli import main as cli

_KEY = "sk-planted-5f1d0c"


def _workplace(folder: Path, count: int, **unify: Any) -> Path:
    """Write parameters and passages for one source."""
    folder.mkdir(exist_ok=True)
    document = parameters()
    document["unify"] |= {"mode": "openai", "budget_tokens": {"web": 10**9}, **unify}
    document["unify"]["limits"] = {"timeout_s": 1.0, "attempts": 8, "give_up_s": 20.0}
    write_params(folder, document)
    texts = [
        f"第{n}段讲高血压的诊断。收缩压要测三次，取其平均，每次相隔2分钟。" for n in range(count)
    ]
    write_records(folder / "in", map(passage, texts))
    return folder


_OPTIONS = {
    "passages": "in", "out": "out/web", "rejected": "rejected/web", "responses": "responses/web",
    "store": "scratch/responses.sqlite", "metrics": "metrics/web.json",
}  # fmt: skip


def _start(folder: Path, base_url: str, concurrency: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "stages.unify"]
    command += [part for key, value in _OPTIONS.items() for part in (f"--{key}", value)]
    environment = {
        **os.environ,
        "OPENAI_BASE_URL": base_url,
        "OPENAI_API_KEY": _KEY,
        "ONESTAGE_LLM_CONCURRENCY": str(concurrency),
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}",
    }
    return subprocess.Popen(
        command, cwd=folder, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def _run(folder: Path, base_url: str, concurrency: int = 8) -> tuple[int, str]:
    running = _start(folder, base_url, concurrency)
    output, _ = running.communicate(timeout=240)
    return running.returncode, output


def _digests(folder: Path) -> dict[str, str]:
    """Return a hash of every file of the outs."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for out in ("out", "rejected", "responses", "metrics")
        for path in sorted((folder / out).rglob("*"))
        if path.is_file()
    }


def _fails_at_times(prompt: str, seed: int) -> str:
    """Answer so that a fifth of the first tries fail a check, and a few passages fail all."""
    number = int(hashlib.sha256(prompt.encode()).hexdigest(), 16) + seed
    if is_answer_call(prompt) and number % 5 == 0:
        return "参考资料指出应当就医。"
    return honest(prompt, seed)


def test_every_passage_ends_once_whatever_the_endpoint_does(tmp_path: Path) -> None:
    folder = _workplace(tmp_path / "w", 2000)
    with serving(LlmServer(_fails_at_times, faults=ALL_FAULTS, late_s=1.5)) as app:
        code, output = _run(folder, app.base_url, concurrency=50)
    assert (code, output) == (0, "")
    assert set(app.faulted) == set(ALL_FAULTS)
    kept, rejected = read_lines(folder / "out/web"), read_lines(folder / "rejected/web")
    ended = Counter(line["parent"] for line in kept) + Counter(line["id"] for line in rejected)
    assert ended == Counter(line["id"] for line in read_lines(folder / "in"))
    assert 0 < len(rejected) < 200
    assert {line["reason"] for line in rejected} == {"answer_reveals_reference"}
    assert all(set(line["detail"]) == {"try-0", "try-1"} for line in rejected)
    # What went out whole was asked for once; nothing else was kept.
    assert set(app.sent.values()) == {1}
    metrics = json.loads((folder / "metrics/web.json").read_text("utf-8"))
    assert metrics["responses"] == len(app.sent) == len(read_lines(folder / "responses/web"))
    assert metrics["prompt_tokens"] == 60 * len(app.sent)
    assert metrics["checks_failed"]["answer_reveals_reference"] > 2 * len(rejected)


def test_killed_ten_times_it_ends_with_the_same_bytes(tmp_path: Path) -> None:
    concurrency, kills = 6, 10
    whole, torn = _workplace(tmp_path / "whole", 250), _workplace(tmp_path / "torn", 250)
    with serving(LlmServer(_fails_at_times, latency_s=0.02)) as app:
        assert _run(whole, app.base_url, concurrency) == (0, "")
    asked = app.asked.total()
    moments = sorted(random.Random(3).sample(range(1, asked - 2 * concurrency), kills))
    with serving(LlmServer(_fails_at_times, latency_s=0.02)) as app:
        for moment in moments:
            running = _start(torn, app.base_url, concurrency)
            _wait_until(lambda moment=moment: app.sent.total() >= moment)
            assert running.poll() is None
            os.kill(running.pid, signal.SIGKILL)
            running.communicate()
            assert not (torn / "out/web").exists()
        assert _run(torn, app.base_url, concurrency) == (0, "")
    assert _digests(torn) == _digests(whole)
    assert _digests(whole)
    assert asked < app.asked.total() <= asked + kills * concurrency


def _wait_until(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.002)


def _asked_again(folder: Path, **unify: Any) -> tuple[LlmServer, list[dict[str, Any]]]:
    """Run once more with other parameters; return what was asked and the outcome."""
    _workplace(folder, 40, **unify)
    with serving(LlmServer(_fails_at_times)) as app:
        assert _run(folder, app.base_url) == (0, "")
    return app, read_lines(folder / "out/web")


def test_a_change_asks_only_for_what_it_must(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    first, kept = _asked_again(folder)
    assert first.asked.total() >= 80
    before = _digests(folder)
    again, _ = _asked_again(folder)
    assert (again.asked.total(), _digests(folder)) == (0, before)
    checks = parameters()["unify"]["checks"]
    for changed in ({"reveals_reference": False}, {"question_max_chars": 27}):
        filtered, found = _asked_again(folder, checks={**checks, **changed})
        assert filtered.asked.total() == 0
        assert found != kept
    prompts = tmp_path / "prompts"
    prompts.mkdir()
    for path in (ROOT / "prompts/unify").iterdir():
        text = path.read_text("utf-8")
        more = "请分段。\n" if path.name == "answer.zh.txt" else ""
        (prompts / path.name).write_text(more + text, "utf-8")
    changed_prompt, _ = _asked_again(folder, prompts=str(prompts))
    assert not set(changed_prompt.asked) & set(first.asked)
    assert sum(map(is_answer_call, changed_prompt.prompts)) >= 40
    assert 0 < sum(not is_answer_call(prompt) for prompt in changed_prompt.prompts) < 20


def test_a_replay_elsewhere_needs_no_endpoint(tmp_path: Path) -> None:
    here, there = _workplace(tmp_path / "here", 30), _workplace(tmp_path / "there", 30)
    with serving(LlmServer(_fails_at_times)) as app:
        assert _run(here, app.base_url) == (0, "")
    (there / "scratch").mkdir()
    store = str(there / "scratch/responses.sqlite")
    asked = app.asked.total()
    options = ["responses", "import", str(here / "responses/web"), "--store", store]
    for new in (asked, 0):
        told = CliRunner().invoke(cli, options)
        assert told.output == f"{store}: {asked} responses, {new} of them new\n"
    assert _run(there, "http://127.0.0.1:1/v1") == (0, "")
    assert _digests(there) == _digests(here)


@pytest.mark.parametrize("status", [401, 500])
def test_the_key_appears_nowhere(tmp_path: Path, status: int) -> None:
    """The server sends the key back in its errors, as some do."""
    folder = _workplace(tmp_path / "w", 5)

    class Refusing(LlmServer):
        async def _respond(self, request: Any, key: str, send: Any) -> None:
            body = json.dumps({"error": {"message": f"bad key {_KEY}"}}).encode()
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body", "body": body})

    begin = time.monotonic()
    _workplace(folder, 5)
    document = (folder / "params.yaml").read_text("utf-8")
    assert "20.0" in document
    (folder / "params.yaml").write_text(document.replace("20.0", "2.0"), "utf-8")
    with serving(Refusing()) as app:
        code, output = _run(folder, app.base_url)
    assert app.keys == {f"Bearer {_KEY}"}
    assert code == 1
    assert len(output.splitlines()) == 1
    assert time.monotonic() - begin < 20
    assert ("the key is refused" if status == 401 else "status_500") in output
    for path in folder.rglob("*"):
        assert path.is_dir() or _KEY.encode() not in path.read_bytes()
    assert _KEY not in output
