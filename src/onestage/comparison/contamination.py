"""How much of each benchmark dedupe found in the corpus."""

from pathlib import Path
from typing import Any

import msgspec

from onestage.errors import InputError


class _Source(msgspec.Struct, frozen=True):
    records: int


class BenchmarkCounts(msgspec.Struct, frozen=True):
    """A benchmark's entry in dedupe's `contamination.json`, as far as compare reads it."""

    items: int
    items_found: int
    sources: dict[str, _Source]

    def as_metrics(self) -> dict[str, Any]:
        """Return {items, items_found, records}: the last are conversations that held any."""
        records = sum(source.records for source in self.sources.values())
        return {"items": self.items, "items_found": self.items_found, "records": records}


def read_contamination(path: Path, benchmarks: set[str]) -> dict[str, dict[str, Any]]:
    """Return the counts of each benchmark that was answered.

    Raises:
        InputError: no such file, not dedupe's, or a benchmark is missing.
    """
    try:
        counts = msgspec.json.decode(path.read_bytes(), type=dict[str, BenchmarkCounts])
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; run dvc repro dedupe") from error
    except msgspec.DecodeError as error:
        raise InputError(
            f"{path}: not what dedupe wrote ({error}); run dvc repro dedupe"
        ) from error
    missing = sorted(benchmarks - counts.keys())
    if missing:
        raise InputError(
            f"{path}: no counts of benchmark {', '.join(missing)}; run dvc repro dedupe"
        )
    return {name: counts[name].as_metrics() for name in sorted(benchmarks)}
