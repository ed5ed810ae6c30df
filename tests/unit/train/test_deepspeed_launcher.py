"""What DeepSpeed's launcher is told, and what is told of its ranks; tests/pipeline runs it."""

import base64
import json
import signal
import sys
from pathlib import Path

import pytest

from onestage.errors import InputError
from onestage.train import deepspeed_launcher as launching
from onestage.train import ranks
from onestage.train.launching import first_cause

_VARIABLES = (
    "ONESTAGE_HOSTFILE",
    "ONESTAGE_LAUNCHER",
    "ONESTAGE_RANKS",
    "CUDA_VISIBLE_DEVICES",
    "MASTER_ADDR",
    "MASTER_PORT",
    "NODE_RANK",
    "OMP_NUM_THREADS",
    "PET_NNODES",
    "RANK",
)
_RANK = ["python", "-m", "stages.train", "--rows=data/pack"]


@pytest.fixture(autouse=True)
def _no_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)


def _hostfile(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = folder / "hosts"
    file.write_text(text, encoding="utf-8")
    monkeypatch.setenv("ONESTAGE_LAUNCHER", "deepspeed")
    monkeypatch.setenv("ONESTAGE_HOSTFILE", str(file))
    return file


def _world(command: list[str]) -> dict[str, list[str]]:
    (found,) = (part for part in command if part.startswith("--world_info="))
    world: dict[str, list[str]] = json.loads(base64.urlsafe_b64decode(found.partition("=")[2]))
    return world


def test_ranks_of_this_host_need_no_hostfile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONESTAGE_LAUNCHER", "deepspeed")
    assert not ranks.are_to_start()
    monkeypatch.setenv("ONESTAGE_RANKS", "2")
    assert ranks.are_to_start()
    command = launching.command(launching.planned(), _RANK, "scratch/words")
    assert command[:3] == [sys.executable, "-m", "deepspeed.launcher.launch"]
    assert _world(command) == {"localhost": ["0", "1"]}
    settings = ["ONESTAGE_REPORTS=scratch/words", "OMP_NUM_THREADS=1"]
    assert command[command.index("--no_python") :] == ["--no_python", "env", *settings, *_RANK]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6,7")  # only these are this run's
    assert _world(launching.command(launching.planned(), _RANK, "w")) == {"localhost": ["4", "6"]}


def test_each_rank_takes_a_visible_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONESTAGE_LAUNCHER", "deepspeed")
    monkeypatch.setenv("ONESTAGE_RANKS", "3")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6")
    with pytest.raises(InputError, match=r"3 ranks asked for, but .* \(4,6\) names 2"):
        launching.planned()


def test_a_hostfile_of_one_host_needs_no_ssh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _hostfile(tmp_path, "# ours\n\nlocalhost slots=2  # both\n", monkeypatch)
    assert ranks.are_to_start()
    command = launching.command(launching.planned(), _RANK, "words")
    assert command[2] == "deepspeed.launcher.launch"
    assert _world(command) == {"localhost": ["0", "1"]}
    assert "--master_addr=127.0.0.1" in command


def test_several_hosts_by_pdsh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = _hostfile(tmp_path, "first slots=8\nsecond slots=4\n", monkeypatch)
    monkeypatch.setenv("HF_TOKEN", "secret-of-mine")
    plan = launching.planned()
    assert (plan.first_rank, plan.number) == (0, 12)
    command = launching.command(plan, _RANK, "words")
    assert command == [
        *(sys.executable, "-m", "deepspeed.launcher.runner", f"--hostfile={file}"),
        *("--no_ssh_check", "--master_addr=first", "--master_port=29500"),
        *("--log_level=critical", "--no_local_rank", "--no_python"),
        *("env", "ONESTAGE_REPORTS=words", "OMP_NUM_THREADS=1", *_RANK),
    ]
    monkeypatch.setenv("MASTER_ADDR", "10.0.0.1")
    monkeypatch.setenv("MASTER_PORT", "12345")
    command = launching.command(plan, _RANK, "words")
    assert {"--master_addr=10.0.0.1", "--master_port=12345"} <= set(command)


def test_several_hosts_each_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _hostfile(tmp_path, "first slots=8\nsecond slots=4\n", monkeypatch)
    monkeypatch.setenv("NODE_RANK", "1")
    plan = launching.planned()
    assert (plan.first_rank, plan.number) == (8, 4)
    command = launching.command(plan, _RANK, "words")
    assert command[2] == "deepspeed.launcher.launch"
    assert [len(devices) for devices in _world(command).values()] == [8, 4]
    assert {"--node_rank=1", "--master_addr=first", "--master_port=29500"} <= set(command)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no host"),
        ("first\n", r"hosts:1: expected `host slots=N`, each host once, found 'first'"),
        ("first slots=0\n", "hosts:1: expected `host"),
        ("first slots=2\nfirst slots=2\n", "hosts:2: expected `host slots=N`, each host once"),
    ],
)
def test_a_hostfile_that_cannot_be_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    _hostfile(tmp_path, text, monkeypatch)
    with pytest.raises(InputError, match=message):
        launching.planned()


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"ONESTAGE_LAUNCHER": "mpirun"}, "expected torchrun or deepspeed, found 'mpirun'"),
        ({"ONESTAGE_LAUNCHER": "torchrun"}, "ONESTAGE_HOSTFILE is set, which .*=torchrun"),
        ({"PET_NNODES": "2"}, "PET_NNODES is set, which ONESTAGE_LAUNCHER=deepspeed"),
        ({"ONESTAGE_RANKS": "2"}, "ONESTAGE_RANKS: the hostfile says how many"),
        ({"NODE_RANK": "2"}, "NODE_RANK: expected 0 to 1, .* found '2'"),
        ({"ONESTAGE_HOSTFILE": "/nowhere/hosts"}, "/nowhere/hosts cannot be read"),
    ],
)
def test_an_environment_that_cannot_be_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], message: str
) -> None:
    _hostfile(tmp_path, "first slots=8\nsecond slots=4\n", monkeypatch)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=message):
        assert ranks.are_to_start() and launching.planned()  # noqa: PT018  (the second depends)


_TWO = launching.Plan({"localhost": ["0", "1"]}, None, 0)
_BY_PDSH = launching.Plan({"first": ["0"], "second": ["0"]}, "hosts", None)


def _say(folder: Path, rank: int, message: str, *, known: bool) -> None:
    more = {"timestamp": "9", "precise": 9.0, "known": known}
    record = {"message": {"message": message, "extraInfo": more}}
    (folder / f"{rank}.json").write_text(json.dumps(record), encoding="utf-8")


def test_all_ended_well(tmp_path: Path) -> None:
    for rank in (0, 1):
        (tmp_path / f"{rank}.json").write_text("{}", encoding="utf-8")
    assert launching.found_failures(_TWO, tmp_path, 0) == {}


def test_a_launcher_that_says_well_too_soon(tmp_path: Path) -> None:
    """DeepSpeed's command ends with 0 when a signal ends what it has started."""
    error = first_cause(launching.found_failures(_BY_PDSH, tmp_path, 0))
    assert str(error) == "rank 0: ended with exit code 0"


def test_a_rank_that_falls_after_its_last_word(tmp_path: Path) -> None:
    for rank in (0, 1):
        (tmp_path / f"{rank}.json").write_text("{}", encoding="utf-8")
    error = first_cause(launching.found_failures(_TWO, tmp_path, 256 - signal.SIGSEGV))
    assert str(error).startswith("rank 0: killed by SIGSEGV")


def test_the_rank_that_was_killed_is_told(tmp_path: Path) -> None:
    _say(tmp_path, 0, "Traceback: connection closed", known=False)
    killed = 256 - signal.SIGKILL
    error = first_cause(launching.found_failures(_TWO, tmp_path, killed))
    assert isinstance(error, InputError)
    assert str(error).startswith("rank 1: killed by SIGKILL")


def test_what_a_rank_says_comes_before_how_it_ended(tmp_path: Path) -> None:
    _say(tmp_path, 1, "no memory", known=True)
    error = first_cause(launching.found_failures(_TWO, tmp_path, 1))
    assert isinstance(error, InputError)
    assert str(error) == "rank 1: no memory"


def test_a_code_of_ssh_is_no_signal(tmp_path: Path) -> None:
    error = first_cause(launching.found_failures(_BY_PDSH, tmp_path, 255))
    assert str(error) == "rank 0: ended with exit code 255"
