"""What is in the store stays there, whatever ends the run."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from given import MEDICAL
from hypothesis import given
from hypothesis import strategies as st

from onestage.errors import InputError
from onestage.unify import responses
from onestage.unify.responses import Response, ResponseStore, Spent


def _response(key: str, **more: object) -> Response:
    return msgspec.structs.replace(
        Response(key, f"s-{key}", "answer", 0, 2, "m", "口服 5 mg。", "stop", 60, 40), **more
    )


def test_a_response_comes_back_as_it_went_in(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "responses.sqlite"
    with closing(ResponseStore(path)) as store:
        assert store.get("a") is None
        store.put(_response("a"))
        store.put(_response("a", text="other"))
    with closing(ResponseStore(path)) as store:
        assert store.get("a") == _response("a")


def test_no_sign_of_a_response_is_lost(tmp_path: Path) -> None:
    text = "\n".join([*MEDICAL, "", "\0", "\U0002070e", "'; DROP TABLE responses; --"])
    stored = _response("k'\"", text=text, finish_reason="fault:status_500: \n")
    with closing(ResponseStore(tmp_path / "r.sqlite")) as store:
        store.put(stored)
        assert store.get("k'\"") == stored


@given(st.text("abcd", max_size=20))
def test_the_first_response_of_a_key_stays(keys: str) -> None:
    with closing(ResponseStore(Path(":memory:"))) as store:
        for place, key in enumerate(keys):
            stored = store.put(_response(key, text=str(place)))
            assert stored.text == str(keys.index(key))
        for key in "abcd":
            held = store.get(key)
            assert (held and held.text) == (str(keys.index(key)) if key in keys else None)


@given(
    st.lists(
        st.tuples(st.sampled_from(["web'", "sft"]), st.integers(-9, 9), st.integers(-9, 9)),
        max_size=20,
    )
)
def test_what_sources_are_charged_adds_up(charges: list[tuple[str, int, int]]) -> None:
    with closing(ResponseStore(Path(":memory:"))) as store:
        for charge in charges:
            store.charge(*charge)
        for source in ("web'", "sft", "other"):
            own = [(prompt, completion) for name, prompt, completion in charges if name == source]
            assert store.spent(source) == Spent(sum(p for p, _ in own), sum(c for _, c in own))


def test_a_passage_is_settled_with_the_most_tries_it_was_allowed(tmp_path: Path) -> None:
    with closing(ResponseStore(tmp_path / "r.sqlite")) as store:
        assert store.settled("s") == 0
        for tries, expected in ((2, 2), (1, 2), (3, 3)):
            store.settle("s", tries)
            assert store.settled("s") == expected


def test_responses_are_taken_over_all_or_none(tmp_path: Path) -> None:
    def broken() -> Iterator[Response]:
        yield _response("c")
        raise InputError("line 2")

    with closing(ResponseStore(tmp_path / "r.sqlite")) as store:
        assert store.add([_response("a"), _response("b", tries=3)]) == (2, 2, 0)
        assert store.add([_response("a"), _response("d")]) == (2, 1, 0)
        assert (store.settled("s-a"), store.settled("s-b")) == (2, 3)
        with pytest.raises(InputError):
            store.add(broken())
        assert store.get("c") is None
        assert store.settled("s-c") == 0
        assert store.spent("web") == Spent()


def test_two_runs_share_a_store(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    with closing(ResponseStore(path)) as one, closing(ResponseStore(path)) as other:
        one.put(_response("a"))
        assert other.get("a") == _response("a")
        other.put(_response("b"))
        assert one.get("b") == _response("b")
        one.charge("web", 5, 7)
        assert other.spent("web") == Spent(5, 7)


def test_runs_that_write_at_once_wait_for_one_another(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"

    def run(name: str) -> None:
        with closing(ResponseStore(path)) as store:
            for n in range(40):
                store.put(_response(f"{name}-{n}"))
                store.charge("web", 1, 0)
                store.settle("s", n)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(run, "abc"))
    with closing(ResponseStore(path)) as store:
        assert store.spent("web") == Spent(120, 0)
        assert store.settled("s") == 39
        assert all(store.get(f"{name}-{n}") for name in "abc" for n in range(40))


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), signal.SIGKILL)", "os._exit(9)"])
def test_a_killed_run_loses_nothing(tmp_path: Path, end: str) -> None:
    path = tmp_path / "r.sqlite"
    code = f"""
import os, signal
from pathlib import Path
from onestage.unify.responses import Response, ResponseStore
store = ResponseStore(Path({str(path)!r}))
for n in range(50):
    store.put(Response(str(n), "s", "answer", 0, 2, "m", "t", "stop", 1, 1))
    store.charge("web", 1, 1)
{end}
"""
    ended = subprocess.run([sys.executable, "-c", code], check=False)
    assert ended.returncode in (9, -signal.SIGKILL)
    with closing(ResponseStore(path)) as store:
        assert all(store.get(str(n)) for n in range(50))
        assert store.spent("web") == Spent(50, 50)


def test_a_run_killed_while_it_takes_responses_over_leaves_none_of_them(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    code = f"""
import os, signal
from pathlib import Path
from onestage.unify.responses import Response, ResponseStore
def some():
    for n in range(50):
        yield Response(str(n), "s", "answer", 0, 2, "m", "t", "stop", 1, 1)
    os.kill(os.getpid(), signal.SIGKILL)
ResponseStore(Path({str(path)!r})).add(some())
"""
    ended = subprocess.run([sys.executable, "-c", code], check=False)
    assert ended.returncode == -signal.SIGKILL
    with closing(ResponseStore(path)) as store:
        assert not any(store.get(str(n)) for n in range(50))
        assert store.settled("s") == 0
        assert store.add([_response("1")]) == (1, 1, 0)


def test_a_response_replaces_a_fault_and_nothing_else(tmp_path: Path) -> None:
    fault = msgspec.structs.replace(_response("a"), text="", finish_reason="fault:timeout")
    other = msgspec.structs.replace(_response("b"), text="another")
    with closing(ResponseStore(tmp_path / "r.sqlite")) as store:
        assert store.put(fault) == fault
        assert store.put(_response("b")) == _response("b")
        assert store.add([_response("a"), other]) == (2, 1, 1)
        assert (store.get("a"), store.get("b")) == (_response("a"), _response("b"))
        assert store.add([fault]) == (1, 0, 1)
        assert store.get("a") == _response("a")


def test_a_full_disk_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    with closing(ResponseStore(tmp_path / "r.sqlite")) as store:
        store.put(_response("a"))
        store._base.execute("PRAGMA max_page_count = 20")
        many = [_response(str(n), text="x" * 999) for n in range(200)]
        with pytest.raises(InputError, match=r"cannot be written \(database or disk is full\)"):
            store.add(many)
        assert store.get("0") is None
        assert store.get("a") == _response("a")


def test_a_store_that_is_held_is_not_to_be_moved_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(responses, "_BUSY_S", 0.05)
    path = tmp_path / "r.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(InputError, match=r"cannot be opened \(database is locked\); m"):
            ResponseStore(path)


def test_a_folder_in_its_place_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"{tmp_path}: the store of responses cannot") as caught:
        ResponseStore(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_store_is_an_ordinary_database(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    with closing(ResponseStore(path)) as store:
        store.put(_response("a"))
    with closing(sqlite3.connect(path)) as base:
        assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert base.execute("SELECT key, text FROM responses").fetchall() == [("a", "口服 5 mg。")]


def test_what_is_no_store_is_told(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    path.write_text("no database" * 100)
    with pytest.raises(InputError, match="not the store of responses"):
        ResponseStore(path)
