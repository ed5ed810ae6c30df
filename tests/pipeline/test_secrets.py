"""A key from the environment is in no file of a clone after a run of DVC, nor in what it prints."""

from pathlib import Path
from typing import Any

import pytest
from llm_server import LlmServer, serving
from pipeline.clones import Clone, ran

pytestmark = pytest.mark.xdist_group("first")

_KEY = "-".join(("sk", "planted", "77c1e0"))  # put together: this file is in the clone, too


class _Telling(LlmServer):
    """Answers, and then refuses, with the key in the words of the refusal."""

    async def _respond(self, request: Any, key: str, send: Any) -> None:
        if self.asked.total() <= 20:
            await super()._respond(request, key, send)
            return
        body = b'{"error": {"message": "bad key ' + _KEY.encode() + b'"}}'
        await send({"type": "http.response.start", "status": 401, "headers": []})
        await send({"type": "http.response.body", "body": body})


def _holding(clone: Clone) -> list[Path]:
    """Return all files of a clone and its home, DVC's own included, in which the key stands."""
    folders = (clone.root, Path(clone.environment["HOME"]))
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert any("cache" in path.parts for path in files)
    assert any(path.name == "responses.sqlite" for path in files)
    return [path for path in files if _KEY.encode() in path.read_bytes()]


def test_a_run_with_a_key_and_one_that_is_refused(first: Clone, tmp_path: Path) -> None:
    clone = first.copied_to(tmp_path / "clone")
    clone.set_param("unify.mode", "openai")
    clone.set_param("unify.budget_tokens", {"web_zh": 10**9})
    for server, succeeds in ((_Telling(), False), (LlmServer(), True)):
        with serving(server) as app:
            endpoint = {"OPENAI_BASE_URL": app.base_url, "OPENAI_API_KEY": _KEY}
            asking = Clone(clone.root, {**clone.environment, **endpoint})
            output = asking.dvc("repro", "--single-item", "unify@web_zh", succeeds=succeeds)
        assert app.keys == {f"Bearer {_KEY}"}
        assert ran(output) == ["unify@web_zh"]
        assert _KEY not in output
        assert _holding(clone) == []
    assert "unify@web_zh" in (clone.root / "dvc.lock").read_text()
    assert (clone.root / "runs" / "unify-web_zh.json").exists()
