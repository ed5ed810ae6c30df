"""Ranks of the train stage started by DeepSpeed's launcher, on hosts that are all this machine."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from safetensors.numpy import load_file
from training_runs import command, environment, losses, random_rows, run, write_run

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(find_spec("deepspeed") is None, reason="deepspeed is not installed"),
    pytest.mark.xdist_group("deepspeed"),
]

ROWS = random_rows(43)
# In place of pdsh, which reaches a host by ssh: the same command in a shell for each host, with
# the environment that a login gives.
_PDSH = """#!/bin/sh
while [ "$1" != -w ]; do shift; done
hosts=$(echo "$2" | tr , ' '); shift 2
n=0; started=
for host in $hosts; do
  env -i HOME="$HOME" PATH="$PATH" sh -c "$(echo "$*" | sed "s/%n/$n/g")" &
  started="$started $!"; n=$((n + 1))
done
code=0
for one in $started; do wait $one || code=$?; done
exit $code
"""


def _write(folder: Path, hostfile: str = "localhost slots=2\n", number: int = 43) -> Path:
    rows = ROWS if number == len(ROWS) else random_rows(number)
    write_run(folder, rows, rows_per_step=8, rows_per_device=2, save_every_steps=3)
    (folder / "hosts").write_text(hostfile, encoding="utf-8")
    return folder


def _hosts(**more: str) -> dict[str, str]:
    return {"ONESTAGE_LAUNCHER": "deepspeed", "ONESTAGE_HOSTFILE": "hosts", **more}


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = _write(tmp_path_factory.mktemp("one"))
    run(folder)
    return folder


def _require_equal(found: Path, expected: Path) -> None:
    assert len(losses(expected)) == 6
    assert losses(found) == pytest.approx(losses(expected), abs=1e-4)
    names = [sorted(p.name for p in (folder / "model").iterdir()) for folder in (found, expected)]
    assert names[0] == names[1]
    weights = load_file(found / "model" / "model.safetensors")
    for name, values in load_file(expected / "model" / "model.safetensors").items():
        assert weights[name] == pytest.approx(values, abs=1e-4), name
    assert not list((found / "scratch").glob("ranks-*"))


def test_a_hostfile_of_this_host(tmp_path: Path, one: Path) -> None:
    done = run(_write(tmp_path), **_hosts())
    _require_equal(tmp_path, one)
    assert done.stderr == ""


def test_two_hosts_each_started_by_itself(tmp_path: Path, one: Path) -> None:
    _write(tmp_path, "alpha slots=1\nbeta slots=1\n")
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29617"}
    second = subprocess.Popen(
        command(), cwd=tmp_path, env=environment(**_hosts(NODE_RANK="1", **meeting))
    )
    run(tmp_path, **_hosts(NODE_RANK="0", **meeting))
    assert second.wait(timeout=60) == 0
    _require_equal(tmp_path, one)


def _pdsh_path(folder: Path) -> str:
    programs = folder / "programs"
    programs.mkdir()
    (programs / "pdsh").write_text(_PDSH, encoding="utf-8")
    (programs / "pdsh").chmod(0o755)
    return f"{programs}{os.pathsep}{os.environ['PATH']}"


def test_two_hosts_by_pdsh(tmp_path: Path, one: Path) -> None:
    path = _pdsh_path(tmp_path)
    _write(tmp_path, "alpha slots=1\nbeta slots=1\n")
    run(tmp_path, **_hosts(MASTER_ADDR="127.0.0.1", MASTER_PORT="29618", PATH=path))
    _require_equal(tmp_path, one)


def test_a_rank_on_another_host_that_fails(tmp_path: Path) -> None:
    path = _pdsh_path(tmp_path)
    write_run(tmp_path, ROWS, rows_per_step=9, rows_per_device=3)
    (tmp_path / "hosts").write_text("alpha slots=1\nbeta slots=1\n", encoding="utf-8")
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29619"}
    done = run(tmp_path, succeeds=False, **_hosts(**meeting, PATH=path))
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("Error")]
    assert line.startswith("Error: rank ")
    assert "rows_per_step (9) must be a multiple" in line


def test_without_pdsh_several_hosts_are_refused(tmp_path: Path) -> None:
    _write(tmp_path, "alpha slots=1\nbeta slots=1\n")
    done = run(tmp_path, succeeds=False, **_hosts(PATH="/nowhere"))
    (line,) = done.stderr.splitlines()
    assert "reaches by pdsh: install it, or start this stage on every host, with NODE_RANK" in line


def test_a_rank_that_fails_is_told_in_one_line(tmp_path: Path) -> None:
    write_run(tmp_path, ROWS, rows_per_step=9, rows_per_device=3)
    done = run(tmp_path, succeeds=False, ONESTAGE_LAUNCHER="deepspeed", ONESTAGE_RANKS="2")
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: rank ")
    assert "rows_per_step (9) must be a multiple" in line
    assert not list((tmp_path / "scratch").iterdir())


def _processes(folder: Path, *, ranks: bool) -> list[int]:
    """Return the ranks that train in a folder, or the launcher that has started them."""
    return [number for number in _running_in(folder) if _is_rank(number) == ranks]


def _running_in(folder: Path) -> Iterator[int]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            # A rank's command stands in its launcher's too; the stage's own has no such option.
            started = b"--rows=rows" in (process / "cmdline").read_bytes().split(b"\0")
            here = (process / "cwd").resolve() == folder.resolve()
        except OSError:
            continue
        if started and here:
            yield int(process.name)


def _is_rank(number: int) -> bool:
    try:
        return b"\0RANK=" in Path(f"/proc/{number}/environ").read_bytes()
    except OSError:
        return False


@pytest.mark.parametrize("killed", ["stage", "launcher", "rank"])
def test_nothing_is_left_behind(tmp_path: Path, killed: str) -> None:
    _write(tmp_path, number=4000)
    with subprocess.Popen(
        command(),
        cwd=tmp_path,
        env=environment(**_hosts()),
        stderr=subprocess.PIPE,
        text=True,
    ) as stage:
        while stage.poll() is None and not list(tmp_path.glob("scratch/train/*/step-*")):
            time.sleep(0.1)
        ranks = _processes(tmp_path, ranks=True)
        assert len(ranks) == 2
        (launcher,) = _processes(tmp_path, ranks=False)
        os.kill({"stage": stage.pid, "launcher": launcher, "rank": ranks[0]}[killed], 9)
        _, told = stage.communicate(timeout=60)
    lines = {
        "stage": (-signal.SIGKILL, ""),
        "launcher": (1, "Error: DeepSpeed's launcher was killed by SIGKILL, and its ranks with it"),
        "rank": (1, "killed by SIGKILL; is there memory enough on its host?"),
    }
    code, line = lines[killed]
    assert stage.returncode == code
    assert line in told
    assert len(told.splitlines()) == bool(line)
    until = time.monotonic() + 20
    while _processes(tmp_path, ranks=True) and time.monotonic() < until:
        time.sleep(0.1)
    assert not _processes(tmp_path, ranks=True)
