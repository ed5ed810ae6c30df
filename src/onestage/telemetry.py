"""What a run took and where it ran: in runs/, never in an artifact."""

import json
import platform
import resource
import time
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_FOLDER = Path("runs")
_LIBRARIES = ("torch", "transformers", "tokenizers", "dvc")


class Stopwatch:
    """Writes runs/NAME.json when the block ends: how, seconds, peak memory, host, versions.

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
            "versions": {library: version(library) for library in _LIBRARIES},
        }
        _FOLDER.mkdir(exist_ok=True)
        text = json.dumps(report, indent=2) + "\n"
        (_FOLDER / f"{self._name}.json").write_text(text, encoding="utf-8")
