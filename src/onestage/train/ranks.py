"""Several ranks: asked for and found in the environment; what one says when it fails.

ONESTAGE_RANKS is the number of ranks on this host. Several hosts are described as torchrun
expects it: PET_NNODES, PET_NODE_RANK, PET_MASTER_ADDR and so on. A process that a launcher
started (it has RANK and WORLD_SIZE) is a rank and starts none.
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


def is_rank() -> bool:
    """Return whether a launcher started this process."""
    return "RANK" in os.environ and "WORLD_SIZE" in os.environ


def rank() -> int:
    """Return this process's number among all ranks; 0 is the one that writes."""
    return int(os.environ["RANK"]) if is_rank() else 0


def ranks() -> int:
    """Return the number of ranks that train together."""
    return int(os.environ["WORLD_SIZE"]) if is_rank() else 1


def ranks_to_start() -> int:
    """Return how many ranks this process has to start: 0 where it trains itself.

    Raises:
        InputError: ONESTAGE_RANKS is no whole number above 0.
    """
    asked = os.environ.get("ONESTAGE_RANKS", "1")
    if not asked.isdecimal() or int(asked) < 1:
        raise InputError(f"ONESTAGE_RANKS: expected a whole number above 0, found {asked!r}")
    several = int(asked) > 1 or int(os.environ.get("PET_NNODES", "1").split(":")[0]) > 1
    return int(asked) if several and not is_rank() else 0


@contextmanager
def reporting() -> Iterator[None]:
    """Within a rank, leave an error to the launching process to tell, which hears of all ranks.

    Without a launcher of this project the error just goes on.
    """
    place = os.environ.get("TORCHELASTIC_ERROR_FILE")
    if not is_rank() or place is None:
        yield
        return
    _end_with_launcher()
    try:
        yield
    except Exception as error:
        known = isinstance(error, OnestageError | OSError)
        message = " ".join(str(error).split()) if known else traceback.format_exc()
        now = time.time()
        extra = {"timestamp": str(int(now)), "precise": now, "known": known}
        record = {"message": {"message": message, "extraInfo": extra}}
        Path(place).write_text(json.dumps(record), encoding="utf-8")
        # Without waiting for other ranks, which the end of a process group would do.
        sys.stdout.flush()
        os._exit(1)


def _end_with_launcher() -> None:
    """Let this rank end when its launcher is killed, instead of training on unseen."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_KILL_WITH_PARENT, signal.SIGKILL)
