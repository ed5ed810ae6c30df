"""The ranks, started with torchrun or DeepSpeed's launcher; what is told when they fail."""

import json
import logging
import math
import os
import signal
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from onestage.errors import InputError
from onestage.train import deepspeed_launcher, ranks


def start(module: str, arguments: list[str]) -> None:
    """Run `python -m module arguments` in the ranks asked for; return when all have ended well.

    Raises:
        InputError: ranks are asked for wrongly, or one failed; with its number and its message.
    """
    by_deepspeed = ranks.launcher() == "deepspeed"
    with _reports() if by_deepspeed else nullcontext() as folder:
        if folder is None:
            failures = _failures_of_torchrun(module, arguments)
        else:
            failures = deepspeed_launcher.failures(module, arguments, folder)
        if failures:
            raise first_cause(failures)


def _reports() -> tempfile.TemporaryDirectory[str]:
    """Return a folder for the words of ranks, on a file system that all hosts share."""
    scratch = Path("scratch")
    scratch.mkdir(exist_ok=True)
    return tempfile.TemporaryDirectory(prefix="ranks-", dir=scratch)


def _failures_of_torchrun(module: str, arguments: list[str]) -> dict[int, Any]:
    import torch.distributed.run  # noqa: PLC0415  (takes seconds, and is not always needed)
    from torch.distributed.elastic.multiprocessing.errors import (  # noqa: PLC0415
        ChildFailedError,
    )

    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    launcher: Any = torch.distributed.run
    logging.getLogger(launcher.__name__).setLevel(logging.ERROR)
    place = [] if "PET_NNODES" in os.environ else ["--standalone"]
    options = [*place, f"--nproc-per-node={ranks.asked()}", "--max-restarts=0", "--module", module]
    # The launcher sets this for its ranks unless it is set; threads are the parameters' choice.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        launcher.run(launcher.parse_args([*options, *arguments]))
    except ChildFailedError as error:
        failures: dict[int, Any] = error.failures
        return failures
    return {}


def first_cause(failures: dict[int, Any]) -> Exception:
    """Return the error that failed first; of known and unknown ones a known one.

    One rank often fails because another did, with an error of the network that tells nothing.
    """
    told = sorted((_told(failure), rank) for rank, failure in failures.items())
    (unknown, _, message), first = told[0]
    return (RuntimeError if unknown else InputError)(f"rank {first}: {message}")


def _told(failure: Any) -> tuple[bool, float, str]:
    """Return whether a rank failed for an unknown reason (a bug), when, and what it says."""
    try:
        record = json.loads(Path(failure.error_file).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        if failure.exitcode >= 0:
            return True, failure.timestamp, f"ended with exit code {failure.exitcode}"
        if failure.exitcode == -signal.SIGTERM:  # how the launcher ends the others
            return True, math.inf, "was ended from outside"
        name = signal.Signals(-failure.exitcode).name
        return False, failure.timestamp, f"killed by {name}; is there memory enough on its host?"
    more = record["message"]["extraInfo"]
    return not more["known"], more["precise"], record["message"]["message"]
