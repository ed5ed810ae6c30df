"""The ranks started with DeepSpeed's launcher: on this host, or on those of a hostfile.

ONESTAGE_HOSTFILE has DeepSpeed's form, a line `host slots=N` for each host. Several hosts are
reached by pdsh; where NODE_RANK is set, the stage is started on every host by itself instead, and
this is the host of that number. MASTER_ADDR and MASTER_PORT say where ranks meet.
"""

import base64
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from onestage.errors import InputError
from onestage.train import ranks

_LINE = re.compile(r"(\S+)\s+slots=([1-9]\d*)\s*(#.*)?")
_PORT = "29500"  # DeepSpeed's


class Plan(NamedTuple):
    """What is to be started: the devices of each host, by name, and the ranks it begins with."""

    hosts: dict[str, list[str]]
    hostfile: str | None
    node: int | None  # None: this process starts the ranks of all hosts

    @property
    def by_pdsh(self) -> bool:
        """Whether ranks are started on other hosts too."""
        return self.node is None

    @property
    def first_rank(self) -> int:
        """The lowest number of the ranks that this process starts."""
        return sum(len(devices) for devices in list(self.hosts.values())[: self.node or 0])

    @property
    def number(self) -> int:
        """How many ranks this process starts."""
        parts = [len(devices) for devices in self.hosts.values()]
        return sum(parts) if self.node is None else parts[self.node]


def failures(module: str, arguments: list[str], reports: str) -> dict[int, Any]:
    """Run `python -m module arguments` in the ranks asked for; return what is known of failures.

    By rank: its exit code, the file in `reports` with its error, the time. None when all ended
    well.

    Raises:
        InputError: DeepSpeed or pdsh is not installed, the environment describes no hosts, or the
            launcher was killed.
    """
    plan = planned()
    _require_programs(plan)
    started = command(plan, [sys.executable, "-u", "-m", module, *arguments], reports)
    ended = subprocess.run(
        started,
        check=False,
        # Killed itself, it would leave its ranks behind: told to end, it ends them first.
        preexec_fn=lambda: ranks.end_with_parent(signal.SIGTERM),
    )
    if ended.returncode < 0:
        name = signal.Signals(-ended.returncode).name
        raise InputError(f"DeepSpeed's launcher was killed by {name}, and its ranks with it")
    return found_failures(plan, Path(reports), ended.returncode)


def planned() -> Plan:
    """Return what the environment asks for.

    Raises:
        InputError: a variable or a line of the hostfile that cannot be meant so.
    """
    hostfile = os.environ.get("ONESTAGE_HOSTFILE")
    if hostfile is None:
        return Plan({"localhost": _own_devices(ranks.asked())}, None, 0)
    if "ONESTAGE_RANKS" in os.environ:
        raise InputError(
            "ONESTAGE_RANKS: the hostfile says how many ranks each host gets; unset it"
        )
    hosts = read_hostfile(Path(hostfile))
    node = os.environ.get("NODE_RANK")
    if node is None:
        return Plan(hosts, hostfile, None if len(hosts) > 1 else 0)
    if not node.isdecimal() or int(node) >= len(hosts):
        raise InputError(
            f"NODE_RANK: expected 0 to {len(hosts) - 1}, the place of this host in {hostfile}, "
            f"found {node!r}"
        )
    return Plan(hosts, hostfile, int(node))


def _own_devices(number: int) -> list[str]:
    """Return the devices of as many ranks; the launcher would pass over CUDA_VISIBLE_DEVICES."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    devices = visible.split(",") if visible else [str(n) for n in range(number)]
    if len(devices) < number:
        raise InputError(
            f"ONESTAGE_RANKS: {number} ranks asked for, but CUDA_VISIBLE_DEVICES ({visible}) names "
            f"{len(devices)}; each rank takes one"
        )
    return devices[:number]


def read_hostfile(path: Path) -> dict[str, list[str]]:
    """Return the numbers of the devices of each host, in the file's order.

    Raises:
        InputError: no such file, no host, a host twice, a line that is not `host slots=N`.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"ONESTAGE_HOSTFILE: {path} cannot be read ({error})") from error
    hosts: dict[str, list[str]] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _LINE.fullmatch(line.strip())
        if found is None or found[1] in hosts:
            raise InputError(
                f"{path}:{number}: expected `host slots=N`, each host once, found {line.strip()!r}"
            )
        hosts[found[1]] = [str(n) for n in range(int(found[2]))]
    if not hosts:
        raise InputError(f"{path}: names no host; expected lines of `host slots=N`")
    return hosts


def command(plan: Plan, rank_command: list[str], reports: str) -> list[str]:
    """Return the command that starts the ranks of a plan.

    For ranks of this host alone it is what DeepSpeed's command starts on each host: that one asks
    ssh for the name even of a single host, and ends with 0 when what it started is killed.
    """
    where = _rendezvous(plan)
    if plan.by_pdsh:
        launcher = ["deepspeed.launcher.runner", f"--hostfile={plan.hostfile}", "--no_ssh_check"]
    else:
        world = base64.urlsafe_b64encode(json.dumps(plan.hosts).encode()).decode()
        launcher = ["deepspeed.launcher.launch", f"--world_info={world}"]
        launcher.append(f"--node_rank={plan.node}")
    quiet = ["--log_level=critical", "--no_local_rank"]
    # On other hosts the environment is pdsh's, and not this one.
    settings = {
        "ONESTAGE_REPORTS": reports,
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
    }
    inner = ["env", *(f"{name}={value}" for name, value in settings.items()), *rank_command]
    return [sys.executable, "-m", *launcher, *where, *quiet, "--no_python", *inner]


def _rendezvous(plan: Plan) -> list[str]:
    alone = len(plan.hosts) == 1
    address = os.environ.get("MASTER_ADDR", "127.0.0.1" if alone else next(iter(plan.hosts)))
    port = os.environ.get("MASTER_PORT", _free_port() if alone else _PORT)
    return [f"--master_addr={address}", f"--master_port={port}"]


def _free_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def _require_programs(plan: Plan) -> None:
    if find_spec("deepspeed") is None:
        raise InputError(
            "ONESTAGE_LAUNCHER=deepspeed needs the package deepspeed; pip install --constraint "
            "constraints.txt --editable '.[deepspeed]'"
        )
    if plan.by_pdsh and shutil.which("pdsh") is None:
        raise InputError(
            f"{plan.hostfile} names {len(plan.hosts)} hosts, which DeepSpeed's launcher reaches by "
            "pdsh: install it, or start this stage on every host, with NODE_RANK=0, 1 and so on"
        )


def found_failures(plan: Plan, reports: Path, code: int) -> dict[int, Any]:
    """Return the failures of ranks; one that left no word stands for the launcher's exit code."""
    numbers = range(plan.first_rank, plan.first_rank + plan.number)
    files = {number: reports / f"{number}.json" for number in numbers}
    # Opened by name: a shared folder's listing may be older than what stands in it.
    words = {number: _word(file) for number, file in files.items()}
    if code == 0 and words[plan.first_rank] == "{}":
        return {}
    told = [number for number, word in words.items() if word not in {"", "{}"}]
    silent = [number for number, word in words.items() if not word]
    chosen = told if code == 1 and told else told + silent[:1]
    failure = {"exitcode": _exit_code(plan, code), "timestamp": time.time()}
    return {
        number: SimpleNamespace(error_file=str(files[number]) if number in told else "", **failure)
        for number in chosen or [plan.first_rank]  # all ended well, and one fell at the door
    }


def _word(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError:
        return ""


def _exit_code(plan: Plan, code: int) -> int:
    """Return the exit code of the rank that failed, of which the launcher leaves 8 bits.

    So -9, of one that was killed, comes as 247. By pdsh the code may also be ssh's own.
    """
    killed = not plan.by_pdsh and 256 - code in set(signal.Signals)
    return code - 256 if killed else code
