"""What is in the store stays there, whatever ends the run."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from onestage.errors import InputError
from onestage.unify.responses import Response, ResponseStore, Spent


def _response(key: str, **more: object) -> Response:
    return msgspec.structs.replace(
        Response(key, f"s-{key}", "answer", 0, 2, "m", "口服 5 mg。", "stop", 60, 40), **more
    )


def test_a_response_comes_back_as_it_went_in(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "responses.sqlite"
    with closing(ResponseStore(path)) as store:
        assert store.get("a") is None
        store.put(_response("a"), "web")
        store.put(_response("a", text="other"), "web")
    with closing(ResponseStore(path)) as store:
        assert store.get("a") == _response("a")
        assert store.spent("web") == Spent(120, 80)
        assert store.spent("other") == Spent()
        store.charge("web", 5, 7)
        assert store.spent("web") == Spent(125, 87)


def test_a_passage_is_settled_with_the_most_tries_it_was_allowed(tmp_path: Path) -> None:
    with closing(ResponseStore(tmp_path / "r.sqlite")) as store:
        assert store.settled("s") == 0
        for tries, expected in ((2, 2), (1, 2), (3, 3)):
            store.settle("s", tries)
            assert store.settled("s") == expected


def test_responses_are_taken_over_all_or_none(tmp_path: Path) -> None:
    def broken():  # type: ignore[no-untyped-def]
        yield _response("c")
        raise InputError("line 2")

    with closing(ResponseStore(tmp_path / "r.sqlite")) as store:
        assert store.add([_response("a"), _response("b", tries=3)]) == (2, 2)
        assert store.add([_response("a"), _response("d")]) == (2, 1)
        assert (store.settled("s-a"), store.settled("s-b")) == (2, 3)
        with pytest.raises(InputError):
            store.add(broken())
        assert store.get("c") is None
        assert store.settled("s-c") == 0
        assert store.spent("web") == Spent()


def test_two_runs_share_a_store(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    with closing(ResponseStore(path)) as one, closing(ResponseStore(path)) as other:
        one.put(_response("a"), "web")
        assert other.get("a") == _response("a")
        other.put(_response("b"), "web")
        assert one.spent("web") == Spent(120, 80)


def test_a_killed_run_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    code = f"""
import os, signal
from pathlib import Path
from onestage.unify.responses import Response, ResponseStore
store = ResponseStore(Path({str(path)!r}))
for n in range(50):
    store.put(Response(str(n), "s", "answer", 0, 2, "m", "t", "stop", 1, 1), "web")
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    with closing(ResponseStore(path)) as store:
        assert all(store.get(str(n)) for n in range(50))
        assert store.spent("web") == Spent(50, 50)


def test_what_is_no_store_is_told(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    path.write_text("no database" * 100)
    with pytest.raises(InputError, match="not the store of responses"):
        ResponseStore(path)
