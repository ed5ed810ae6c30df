"""What pack wrote: the files of rows to train and of held-out rows, and the sources in them."""

from pathlib import Path
from typing import NamedTuple

from onestage import jsonl
from onestage.errors import InputError
from onestage.records import PackedRow


class Packed(NamedTuple):
    """Files of rows to train and of held-out rows; every source that occurs in either, sorted."""

    train: list[Path]
    heldout: list[Path]
    sources: list[str]


def packed_files(folder: Path) -> Packed:
    """Return a folder's rows, each read once and so found whole.

    Raises:
        InputError: a bad row, no file, or no row to train on.
    """
    train, heldout = jsonl.part_files(folder, "rows"), jsonl.part_files(folder, "heldout")
    if next(jsonl.read_records(train, PackedRow), None) is None:
        raise InputError(
            f"{folder}: no rows to train on; look at the rejections of the stages before"
        )
    rows = jsonl.read_records([*train, *heldout], PackedRow)
    sources = {sample.source for row in rows for sample in row.samples}
    return Packed(train, heldout, sorted(sources))
