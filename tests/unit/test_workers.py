"""The same results in the same order, whoever works; errors arrive as they were raised."""

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from onestage.errors import InputError
from onestage.workers import ordered_map, worker_count


def _square(number: int) -> int:
    if number == 13:
        raise InputError("13 is not allowed; take another number")
    return number * number


def _pid(_: int) -> int:
    return os.getpid()


def _end_itself(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _folder(_: int) -> Path:
    return Path.cwd()


@pytest.mark.parametrize("workers", ["1", "2", "3"])
def test_results_come_in_order(workers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONESTAGE_WORKERS", workers)
    assert list(ordered_map(_square, range(12))) == [number * number for number in range(12)]
    done = ordered_map(_square, [3, 13, 4])
    assert next(done) == 9
    with pytest.raises(InputError, match=r"^13 is not allowed; take another number$"):
        next(done)
    assert multiprocessing.active_children() == []


def test_one_item_or_one_worker_starts_no_other_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONESTAGE_WORKERS", "2")
    assert list(ordered_map(_pid, [1])) == [os.getpid()]
    assert os.getpid() not in list(ordered_map(_pid, [1, 2]))
    monkeypatch.setenv("ONESTAGE_WORKERS", "1")
    assert list(ordered_map(_pid, [1, 2])) == [os.getpid()] * 2


def test_a_worker_that_is_ended_is_told_and_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ONESTAGE_WORKERS", "2")
    with pytest.raises(InputError, match=r"ended from outside.*fewer workers"):
        list(ordered_map(_end_itself, [1, 2]))


def test_workers_see_the_same_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ONESTAGE_WORKERS", "2")
    monkeypatch.chdir(tmp_path)
    assert set(ordered_map(_folder, [1, 2])) == {tmp_path}


def test_the_number_of_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONESTAGE_WORKERS", raising=False)
    assert worker_count() == len(os.sched_getaffinity(0))
    for wrong in ("0", "-1", "two", ""):
        monkeypatch.setenv("ONESTAGE_WORKERS", wrong)
        with pytest.raises(InputError, match="ONESTAGE_WORKERS: expected a number"):
            worker_count()


def test_ray_without_its_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "local")
    monkeypatch.setitem(__import__("sys").modules, "ray.util.multiprocessing", None)
    with pytest.raises(InputError, match=r"install onestage\[ray\]"):
        list(ordered_map(_square, [1, 2]))
