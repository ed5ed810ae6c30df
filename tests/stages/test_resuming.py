"""A run that is killed goes on from its last whole state and ends with the same files."""

import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from training_runs import command, environment, first_step, outputs, random_rows, run, write_run

ROWS = random_rows(79)  # 40 steps of two, the last with one row
CHOICES = {"rows_per_step": 2, "rows_per_device": 1, "save_every_steps": 8, "log_every_steps": 4}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_run(tmp_path_factory.mktemp("undisturbed"), ROWS, **CHOICES)
    run(folder)
    assert not list((folder / "scratch" / "train").iterdir())
    return folder


def _states(folder: Path) -> list[Path]:
    return sorted((folder / "scratch" / "train").glob("*/step-*"))


def _kill_when(folder: Path, *, states: int, delay_s: float = 0.0, **more: str) -> bool:
    """Start a run, kill it once it has so many states, a moment later; say whether it was ours."""
    running = subprocess.Popen(
        command(), cwd=folder, env=environment(**more), stderr=subprocess.DEVNULL
    )
    seen: set[str] = set()
    while len(seen) < states and running.poll() is None:
        seen |= {path.name for path in _states(folder)}
        time.sleep(0.002)
    time.sleep(delay_s)
    running.send_signal(signal.SIGKILL)
    return running.wait() == -signal.SIGKILL


@pytest.mark.xdist_group("resuming")
def test_a_killed_run_ends_as_an_undisturbed_one(tmp_path: Path, undisturbed: Path) -> None:
    """Killed before the first state, between two, and while one is written; one is torn too."""
    folder = write_run(tmp_path, ROWS, **CHOICES)
    assert _kill_when(folder, states=2)
    assert not (folder / "model").exists()
    assert 1 <= len(_states(folder)) <= 2
    assert _kill_when(folder, states=len(_states(folder)) + 1, delay_s=0.01)
    last = _states(folder)[-1]
    weights = last / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-7])
    run(folder)
    assert outputs(folder) == outputs(undisturbed)
    assert first_step(folder) == int(last.name[5:]) - 8
    assert not list((folder / "scratch" / "train").iterdir())


@pytest.mark.xdist_group("resuming")
def test_a_state_is_of_these_parameters_only(tmp_path: Path) -> None:
    folder = write_run(tmp_path, ROWS[:24], **CHOICES)
    assert _kill_when(folder, states=1)
    (state,) = {path.parent for path in _states(folder)}
    write_run(folder, ROWS[:24], **CHOICES, seed=5)
    run(folder)
    assert [path.name for path in (folder / "scratch" / "train").iterdir()] == [state.name]


@pytest.mark.long
@pytest.mark.xdist_group("resuming")
def test_ten_kills_at_random_moments(tmp_path: Path, undisturbed: Path) -> None:
    """Each of another run: while it starts, or some moment after one of its five states."""
    drawing = random.Random(20)
    last: list[int] = []
    for n in range(20):
        if len(last) == 10:
            break
        folder = write_run(tmp_path / str(n), ROWS, **CHOICES)
        states = drawing.randrange(5)
        delay = drawing.uniform(0, 0.3 if states else 10.0)
        if not _kill_when(folder, states=states, delay_s=delay):
            continue  # it ended first, as on a fast machine
        last.append(int(_states(folder)[-1].name[5:]) if _states(folder) else 0)
        run(folder)
        assert outputs(folder) == outputs(undisturbed), f"killed after step {last[-1]}"
        assert first_step(folder) == last[-1]
    print("last states", last)  # noqa: T201  (with -s: for the log)
    assert len(last) == 10
    assert len(set(last)) >= 3


@pytest.mark.long
@pytest.mark.xdist_group("resuming")
def test_a_run_killed_after_its_last_step_has_nothing_left_to_train(
    tmp_path: Path, undisturbed: Path
) -> None:
    folder = write_run(tmp_path, ROWS, **CHOICES)
    assert _kill_when(folder, states=5)
    run(folder)
    assert outputs(folder) == outputs(undisturbed)
    assert first_step(folder) == 40


@pytest.mark.long
@pytest.mark.xdist_group("resuming")
def test_two_ranks_go_on_as_well(tmp_path: Path) -> None:
    whole = write_run(tmp_path / "whole", ROWS, **CHOICES)
    run(whole, ONESTAGE_RANKS="2")
    folder = write_run(tmp_path / "killed", ROWS, **CHOICES)
    assert _kill_when(folder, states=2, ONESTAGE_RANKS="2")
    run(folder, ONESTAGE_RANKS="2")
    assert first_step(folder) >= 8
    assert outputs(folder) == outputs(whole)
