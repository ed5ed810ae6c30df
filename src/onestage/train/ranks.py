"""Several ranks: asked for and found in the environment; what one says when it fails.

ONESTAGE_RANKS is the number of ranks on this host, ONESTAGE_LAUNCHER what starts them. Several
hosts are described as that launcher expects it: to torchrun by PET_NNODES, PET_NODE_RANK,
PET_MASTER_ADDR and so on, to DeepSpeed's by a file of hosts, ONESTAGE_HOSTFILE. A process that a
launcher started (it has RANK and WORLD_SIZE) is a rank and starts none.
"""

import ctypes
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from onestage.errors import InputError, OnestageError

_KILL_WITH_PARENT = 1  # PR_SET_PDEATHSIG of Linux
_LAUNCHER_LOOKS_S = 3


def is_rank() -> bool:
    """Return whether a launcher started this process."""
    return "RANK" in os.environ and "WORLD_SIZE" in os.environ


def rank() -> int:
    """Return this process's number among all ranks; 0 is the one that writes."""
    return int(os.environ["RANK"]) if is_rank() else 0


def ranks() -> int:
    """Return the number of ranks that train together."""
    return int(os.environ["WORLD_SIZE"]) if is_rank() else 1


def asked() -> int:
    """Return how many ranks this host is to have.

    Raises:
        InputError: ONESTAGE_RANKS is no whole number above 0.
    """
    number = os.environ.get("ONESTAGE_RANKS", "1")
    if not number.isdecimal() or int(number) < 1:
        raise InputError(f"ONESTAGE_RANKS: expected a whole number above 0, found {number!r}")
    return int(number)


def launcher() -> str:
    """Return what is to start the ranks: `torchrun` or `deepspeed`.

    Raises:
        InputError: another launcher is named, or one by which the hosts are not described.
    """
    name = os.environ.get("ONESTAGE_LAUNCHER", "torchrun")
    if name not in {"torchrun", "deepspeed"}:
        raise InputError(f"ONESTAGE_LAUNCHER: expected torchrun or deepspeed, found {name!r}")
    foreign = "ONESTAGE_HOSTFILE" if name == "torchrun" else "PET_NNODES"
    if foreign in os.environ:
        raise InputError(
            f"{foreign} is set, which ONESTAGE_LAUNCHER={name} does not read; unset it or choose "
            "the other launcher (torchrun reads PET_NNODES, deepspeed ONESTAGE_HOSTFILE)"
        )
    return name


def are_to_start() -> bool:
    """Return whether this process has to start ranks, and does not train itself.

    Raises:
        InputError: the environment asks for them wrongly.
    """
    if is_rank():
        return False
    several_hosts = int(os.environ.get("PET_NNODES", "1").split(":")[0]) > 1
    by_file = launcher() == "deepspeed" and "ONESTAGE_HOSTFILE" in os.environ
    return asked() > 1 or several_hosts or by_file


@contextmanager
def reporting() -> Iterator[None]:
    """Within a rank, leave an error to the launching process to tell, which hears of all ranks.

    Without a launcher of this project the error just goes on.
    """
    place = _place_of_report()
    if not is_rank() or place is None:
        yield
        return
    end_with_parent(signal.SIGKILL)
    try:
        yield
    except Exception as error:
        known = isinstance(error, OnestageError | OSError)
        message = " ".join(str(error).split()) if known else traceback.format_exc()
        now = time.time()
        extra = {"timestamp": str(int(now)), "precise": now, "known": known}
        record = {"message": {"message": message, "extraInfo": extra}}
        place.write_text(json.dumps(record), encoding="utf-8")
        sys.stdout.flush()
        if not known and "ONESTAGE_REPORTS" in os.environ:
            # DeepSpeed's launcher looks once a second, and tells only how the rank ended that it
            # sees first: not this one, if this one only lost another that was killed.
            time.sleep(_LAUNCHER_LOOKS_S)
        # Without waiting for other ranks, which the end of a process group would do.
        os._exit(1)
    if "ONESTAGE_REPORTS" in os.environ:
        place.write_text("{}", encoding="utf-8")


def _place_of_report() -> Path | None:
    """Return the file for this rank's error: torchrun names it, ours is named by the rank."""
    folder = os.environ.get("ONESTAGE_REPORTS")
    if folder:
        return Path(folder) / f"{rank()}.json"
    file = os.environ.get("TORCHELASTIC_ERROR_FILE")
    return Path(file) if file else None


def end_with_parent(how: signal.Signals) -> None:
    """Let this process get a signal when its parent is killed, instead of going on unseen."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_KILL_WITH_PARENT, how)
