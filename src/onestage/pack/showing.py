"""Packed rows found by number, and their tokens in groups that a reader can tell apart."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
from tokenizers import Tokenizer

from onestage.errors import InputError
from onestage.records import PackedRow, PackedSample


class Group(NamedTuple):
    """Text of neighbouring tokens that are all trained or all masked."""

    text: str
    trained: bool


def row_at(files: Iterable[Path], number: int) -> PackedRow:
    """Return the row with this number, counted from 0 over all files.

    Raises:
        InputError: there are not so many rows, or the row's line does not decode.
    """
    rows = 0
    for path in files:
        with path.open("rb") as stream:
            for line_number, line in enumerate(stream, start=1):
                if rows == number:
                    return _decoded(line, f"{path}, line {line_number}")
                rows += 1
    raise InputError(f"row {number}: there are {rows} rows; the first is number 0")


def _decoded(line: bytes, place: str) -> PackedRow:
    try:
        return msgspec.json.decode(line, type=PackedRow)
    except msgspec.DecodeError as error:
        raise InputError(
            f"{place}: {error}; the file is not what its stage wrote: run dvc checkout or dvc repro"
        ) from error


def groups(row: PackedRow, sample: PackedSample, tokenizer: Tokenizer) -> Iterator[Group]:
    """Yield a sample's text, masked and trained by turns.

    The tokens of a group are decoded together: a Chinese character may have several.
    """
    place = sample.start
    for start, end in (*sample.trained, (sample.end, sample.end)):
        for first, last, trained in ((place, start, False), (start, end, True)):
            if first < last:
                ids = row.input_ids[first:last]
                yield Group(tokenizer.decode(ids, skip_special_tokens=False), trained)
        place = end
