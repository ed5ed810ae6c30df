"""Rows of benchmark files as they stand: jsonl, json or csv, in a declared encoding."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from onestage.errors import InputError

QuestionFormat = Literal["jsonl", "json", "csv"]
_REMEDY = "mend the file, or format, encoding or header of its benchmarks entry"


def read_rows(path: Path, layout: QuestionFormat, encoding: str, *, header: bool) -> Iterator[Any]:
    """Yield what each question's row holds: of csv an object by column, of the others any value.

    A byte order mark is skipped; lines end as they like. Without a `header` the columns of csv
    are called 0, 1, 2, ...; cells that a short row lacks are null.

    Raises:
        InputError: no such file, other bytes than the encoding has, not the format, a column
            that stands twice, a row with more filled cells than columns.
    """
    text = _text(path, layout, encoding)
    number = 1
    try:
        if layout == "json":
            yield from _list(path, json.loads(text))
            return
        if layout == "csv":
            # Strict: a stray quote must not swallow the questions that follow it.
            rows = csv.reader(io.StringIO(text, newline=""), strict=True)
            for row in _by_column(path, rows, header=header):
                yield row
                number = rows.line_num + 1
            return
        for number, line in enumerate(text.split("\n"), start=1):  # noqa: B007  (told in the error)
            if line.strip():
                yield json.loads(line)
    except (ValueError, csv.Error, RecursionError) as error:  # or a number of 5000 digits
        raise _fault(path, number, layout, encoding, error) from error


def _text(path: Path, layout: str, encoding: str) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such benchmark file; mend benchmarks_dir or file") from error
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except UnicodeError as error:  # utf-16 without a mark raises it without a place
        start = getattr(error, "start", 0)
        number = content[:start].decode(encoding, "replace").count("\n") + 1 if start else 1
        raise _fault(path, number, layout, encoding, error) from error


def _fault(path: Path, line: int, layout: str, encoding: str, error: Exception) -> InputError:
    place = "" if layout == "json" and not isinstance(error, UnicodeError) else f", line {line}"
    more = "; one object a line is format jsonl" if "Extra data" in str(error) else ""
    return InputError(
        f"{path}{place}: not {layout} in {encoding.upper()} ({error}){more}; {_REMEDY}"
    )


def _list(path: Path, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise InputError(
            f"{path}: expected one list of objects, found {type(value).__name__}; "
            "one object a line is format jsonl"
        )
    return value


def _by_column(path: Path, rows: Any, *, header: bool) -> Iterator[dict[str, str | None]]:
    names: list[str] | None = None
    for cells in rows:
        if not cells:
            continue
        if names is None:
            names = cells if header else [str(number) for number in range(len(cells))]
            _require_names(path, names)
            if header:
                continue
        if any(cell.strip() for cell in cells[len(names) :]):
            raise InputError(
                f"{path}, line {rows.line_num}: {len(cells)} cells, expected {len(names)}; "
                "put double quotes around cells that hold commas"
            )
        yield dict.fromkeys(names) | dict(zip(names, cells, strict=False))


def _require_names(path: Path, names: list[str]) -> None:
    twice = [name for name, count in Counter(names).items() if name and count > 1]
    if twice:
        raise InputError(
            f"{path}: column {twice[0]!r} stands twice; rename one, or say header: false"
        )
