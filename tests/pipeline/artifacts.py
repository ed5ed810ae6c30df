"""What the stages of a clone wrote, read without the project's own code."""

import csv
import json
from pathlib import Path
from typing import Any

Record = dict[str, Any]

SOURCES = tuple(
    f"{kind}_{lang}"
    for kind in ("books", "encyclopedia", "literature", "web", "sft")
    for lang in ("zh", "en")
)


def records(folder: Path, stem: str = "part") -> list[Record]:
    """Return all records of a folder's parts."""
    files = sorted(folder.glob(f"{stem}-*.jsonl"))
    assert files, f"{folder} holds no {stem}-*.jsonl"
    return [json.loads(line) for path in files for line in path.read_bytes().splitlines()]


def of_sources(folder: Path) -> dict[str, list[Record]]:
    """Return the records of a folder that holds one folder a source."""
    return {source: records(folder / source) for source in SOURCES}


def metrics(root: Path, name: str) -> Record:
    """Return one file of metrics."""
    value: Record = json.loads((root / "metrics" / f"{name}.json").read_text(encoding="utf-8"))
    return value


def table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a plot's CSV."""
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))
