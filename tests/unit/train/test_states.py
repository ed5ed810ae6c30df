"""Kept states: whole or absent, of one run and of one process."""

import multiprocessing
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onestage.errors import InputError
from onestage.train.states import States, fingerprint, is_whole, write_manifest


def _publish(states: States, step: int, content: bytes = b"weights") -> None:
    written = states.writing / f"checkpoint-{step}"
    (written / "deep").mkdir(parents=True)
    (written / "model.safetensors").write_bytes(content)
    (written / "deep" / "optimizer.pt").write_bytes(content * 3)
    states.publish(written, step)


def _names(states: States) -> list[str]:
    return [path.name for path in states.kept()]


def test_only_the_last_states_are_kept(tmp_path: Path) -> None:
    states = States(tmp_path / "run", keep=2)
    with states.taken():
        for step in (5, 10, 100, 1000):
            _publish(states, step)
    assert _names(states) == ["step-00000100", "step-00001000"]
    assert all(is_whole(state) for state in states.kept())


def test_a_state_that_is_saved_again_replaces_the_former(tmp_path: Path) -> None:
    states = States(tmp_path, keep=2)
    _publish(states, 5, b"one")
    _publish(states, 5, b"two")
    assert (states.kept()[0] / "model.safetensors").read_bytes() == b"two"


@pytest.mark.parametrize("how", ["cut", "changed", "missing", "no manifest", "bad manifest"])
def test_a_torn_state_is_removed_and_an_earlier_one_taken(tmp_path: Path, how: str) -> None:
    states = States(tmp_path / "run", keep=3)
    _publish(states, 5)
    _publish(states, 10)
    last = states.kept()[-1]
    file, manifest = last / "deep" / "optimizer.pt", last / "manifest.json"
    whole = file.read_bytes()
    if how == "cut":
        file.write_bytes(whole[:-1])
    elif how == "changed":
        file.write_bytes(whole[:-1] + b"?")
    elif how == "missing":
        file.unlink()
    elif how == "no manifest":
        manifest.unlink()
    else:
        manifest.write_bytes(manifest.read_bytes()[:20])
    (states.writing / "checkpoint-15").mkdir(parents=True)
    with states.taken():
        assert _names(states) == ["step-00000005"]
        assert not states.writing.exists()


@given(st.binary(min_size=1, max_size=40), st.data())
def test_any_changed_byte_tells(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("state")
    (folder / "file").write_bytes(content)
    write_manifest(folder)
    assert is_whole(folder)
    place = data.draw(st.integers(0, len(content) - 1))
    changed = bytearray(content)
    changed[place] ^= data.draw(st.integers(1, 255))
    (folder / "file").write_bytes(changed)
    assert not is_whole(folder)
    shutil.rmtree(folder)


def _take(folder: Path, answers: "multiprocessing.Queue[str]") -> None:
    try:
        with States(folder, keep=2).taken():
            answers.put("taken")
    except InputError as error:
        answers.put(str(error))


def test_a_run_is_one_process_at_a_time(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    answers: multiprocessing.Queue[str] = context.Queue()
    with States(tmp_path, keep=2).taken():
        other = context.Process(target=_take, args=(tmp_path, answers))
        other.start()
        assert "another process is training this very run" in answers.get(timeout=60)
        other.join()
    answers.close()
    answers.join_thread()


def test_a_fingerprint_is_of_all_that_determines_the_weights(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"rows")
    second.write_bytes(b"weights")
    choices = {"train": {"seed": 1, "note": "说明"}, "base": {"path": "x"}}
    one = fingerprint(choices, [first, second], ranks=1)
    assert fingerprint(choices, [first, second], ranks=1) == one
    assert fingerprint(choices, [first, second], ranks=2) != one
    assert fingerprint({**choices, "train": {"seed": 2}}, [first, second], ranks=1) != one
    second.write_bytes(b"weightS")
    assert fingerprint(choices, [first, second], ranks=1) != one
