"""Labelled passages: JSON Lines of `text` and `label`, 1 (of the domain) or 0 (general)."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from onestage.errors import InputError


class Labelled(msgspec.Struct, frozen=True):
    """One passage; other fields of the line are not read."""

    text: str
    label: bool | Literal[0, 1]


_DECODER = msgspec.json.Decoder(Labelled)
_EXPECTED = 'expected {"text": "...", "label": 1} (or 0, true, false)'


def read_labelled(paths: Iterable[Path]) -> list[Labelled]:
    """Read all passages; those without a visible character are left out.

    Raises:
        InputError: a file is missing, a line is not of the form, or one of both labels is lacking.
    """
    given = list(paths)
    rows = [row for path in given for row in _rows(path) if row.text.strip()]
    of_domain = sum(bool(row.label) for row in rows)
    if not of_domain or of_domain == len(rows):
        names = ", ".join(map(str, given))
        raise InputError(
            f"{names}: expected passages of both labels, found {of_domain} of label 1 and "
            f"{len(rows) - of_domain} of label 0; add those that lack"
        )
    return rows


def _rows(path: Path) -> list[Labelled]:
    rows = []
    for number, line in _numbered_lines(path):
        try:
            rows.append(_DECODER.decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InputError(f"{path}, line {number}: {_EXPECTED}, found {error}") from error
    return rows


class _Text(msgspec.Struct):
    text: str


def read_passages(paths: Iterable[Path]) -> list[str]:
    """Read unlabelled passages: the field `text` of .jsonl files, the lines of all others.

    Raises:
        InputError: a file is missing, not UTF-8, a line has no `text`, or there is no passage.
    """
    passages: list[str] = []
    given = list(paths)
    for path in given:
        for number, line in _numbered_lines(path):
            try:
                is_json = path.suffix == ".jsonl"
                text = msgspec.json.decode(line, type=_Text).text if is_json else line.decode()
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise InputError(
                    f'{path}, line {number}: expected {{"text": "..."}} (in files not called '
                    f".jsonl: a line of UTF-8), found {error}; mend or convert it"
                ) from error
            passages.append(text)
    visible = [text for text in passages if text.strip()]
    if not visible:
        raise InputError(f"{', '.join(map(str, given))}: expected passages, found none; add text")
    return visible


def _numbered_lines(path: Path) -> Iterable[tuple[int, bytes]]:
    """Yield the lines that are not blank, numbered from 1, without a byte order mark."""
    try:
        lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); mend its path") from error
    return [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
