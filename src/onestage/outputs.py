"""Outputs that appear whole or not at all: written beside their place, renamed on success."""

import csv
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from onestage.errors import InputError

# Git and DVC ignore this ending, so what a killed run leaves behind enters no hash.
PARTIAL_SUFFIX = ".partial"


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _refuse_folders(files: Iterable[Path]) -> None:
    """Never remove a folder, whoever's it is, in place of a file."""
    for path in files:
        if path.is_dir():
            raise InputError(f"{path}: expected a file to write, found a folder; name another")


@contextmanager
def staged(*paths: Path) -> Iterator[list[Path]]:
    """Yield a temporary path for each output; rename all of them when the block succeeds.

    A path without suffix is a folder and is created empty. If the block raises, nothing is
    left, neither temporary nor final.
    """
    _refuse_folders(path for path in paths if path.suffix)
    partial = [path.with_name(path.name + PARTIAL_SUFFIX) for path in paths]
    for path in (*partial, *paths):
        _remove(path)
    for path in partial:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.with_suffix("").suffix:
            path.mkdir()
    try:
        yield partial
    except BaseException:
        for path in partial:
            _remove(path)
        raise
    for source, target in zip(partial, paths, strict=True):
        source.rename(target)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write metrics: two-space indent, keys in the given order, floats to six decimals."""
    text = json.dumps(_rounded(value), indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return round(value, 6) if isinstance(value, float) else value


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ()) -> None:
    r"""Write rows of one shape for a plot: a header, `\n` line ends, floats to six decimals.

    `columns` are the header where there may be no row to take it from.
    """
    with path.open("w", encoding="utf-8", newline="") as stream:
        names = columns or list(rows[0])
        writer = csv.DictWriter(stream, fieldnames=names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(_rounded(row) for row in rows)
