"""What a run took and where it ran: in runs/, never in an artifact."""

import json
import platform
import resource
import subprocess
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_FOLDER = Path("runs")
_LIBRARIES = ("torch", "transformers", "tokenizers", "accelerate", "deepspeed", "peft", "dvc")


class Stopwatch:
    """Writes runs/NAME.json when the block ends: how, seconds, memory, host, versions, commit.

    The message of an error is left out: it may hold what a run must not tell.
    """

    def __init__(self, name: str, facts: dict[str, Any]) -> None:
        self._name = name
        self._facts = facts

    def __enter__(self) -> Self:
        self._start = time.monotonic()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        report = {
            **self._facts,
            "ended": kind.__name__ if kind else "well",
            "seconds": round(time.monotonic() - self._start, 3),
            "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "host": platform.node(),
            "machine": f"{platform.system()} {platform.machine()}",
            "cpu": _cpu_model(),
            "commit": _commit(),
            "versions": _versions(),
        }
        _FOLDER.mkdir(exist_ok=True)
        text = json.dumps(report, indent=2) + "\n"
        (_FOLDER / f"{self._name}.json").write_text(text, encoding="utf-8")


def _versions() -> dict[str, str]:
    """Return the versions of the libraries that are installed; extras may not be."""
    found = {}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def _commit() -> str | None:
    """Return the commit that is checked out, with `-dirty` where files differ; None without git."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _cpu_model() -> str:
    """Return the processor's model where Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor())
