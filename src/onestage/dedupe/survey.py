"""What must be known of every record before it is decided who stays: one folder a part file.

It is kept in arrays on disk, so that neither texts nor signatures of six million records have to
be in memory, and so that each part, and later each band, is worked on by itself, here or on a
cluster.
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from onestage.dedupe.judged import View, hashed_grams, judged_text, seen
from onestage.dedupe.settings import TextGrams
from onestage.grouping import Numbers
from onestage.records import Conversation
from onestage.similarity import PERMUTATIONS, Hashes, band_keys, signatures

# So many texts are signed at a time.
_BATCH = 512
_COLUMN_TYPES = {
    "ids": np.dtype("S"),
    "offsets": np.dtype(np.int64),
    "chars": np.dtype(np.int64),
    "sft": np.dtype(np.bool_),
    "digests": np.dtype(np.uint64),
}


def survey(placed: Iterator[tuple[int, Conversation]], folder: Path, choices: TextGrams) -> None:
    """Write into an existing folder what is to be known of the records of one file.

    Each record comes with the byte where its line begins. One entry a record, in order: `ids`;
    `offsets`, that byte; `chars` of the judged text; `sft`; `digests`, two words for its
    comparable text. For each view, one entry a record that has it: `keys-VIEW`, uint64 [BANDS,
    records], and `sketches-VIEW`, the lowest byte of each number of its signature, uint8
    [records, PERMUTATIONS].
    """
    columns: dict[str, list[Any]] = {name: [] for name in _COLUMN_TYPES}
    views = {view: _Signed(choices.seed) for view in View}
    for offset, record in placed:
        chars, is_sft = len(judged_text(record)), record.kind == "sft"
        row = (record.id, offset, chars, is_sft, _digest(record))
        for values, value in zip(columns.values(), row, strict=True):
            values.append(value)
        for view in View if is_sft else [View.WHOLE]:
            views[view].add(hashed_grams(judged_text(record, view), record.lang, choices))
    for name, values in columns.items():
        column = np.array(values, dtype=_COLUMN_TYPES[name])
        np.save(folder / f"{name}.npy", column.reshape(-1, 2) if name == "digests" else column)
    for view, signed in views.items():
        keys, sketches = signed.columns()
        np.save(folder / f"keys-{view}.npy", keys)
        np.save(folder / f"sketches-{view}.npy", sketches)


class _Signed:
    """Signs texts, many at a time."""

    def __init__(self, seed: int) -> None:
        none = np.empty((0, PERMUTATIONS), dtype=np.uint32)
        self._seed = seed
        self._waiting: list[Hashes] = []
        self._keys = [band_keys(none)]
        self._sketches = [none.astype(np.uint8)]

    def add(self, hashed: Hashes) -> None:
        self._waiting.append(hashed)
        if len(self._waiting) >= _BATCH:
            self._sign()

    def _sign(self) -> None:
        found = signatures(self._waiting, self._seed)
        self._keys.append(band_keys(found))
        self._sketches.append(found.astype(np.uint8))
        self._waiting = []

    def columns(self) -> tuple[Hashes, NDArray[np.uint8]]:
        """Return the keys by band, and the sketches, of all texts."""
        if self._waiting:
            self._sign()
        return np.concatenate(self._keys).T.copy(), np.concatenate(self._sketches)


def _digest(record: Conversation) -> tuple[int, int]:
    """Return 128 bits by which equal comparable texts are known; SFT equals in both its parts."""
    views = (View.INSTRUCTION, View.OUTPUT) if record.kind == "sft" else (View.WHOLE,)
    joined = "\x1f".join(seen(judged_text(record, view)) for view in views)
    digest = hashlib.blake2b(f"{len(views)}{joined}".encode(), digest_size=16).digest()
    return int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:], "big")


def part_folder(folder: Path, number: int) -> Path:
    """Return where the survey of a file is, by the file's number."""
    return folder / f"{number:05d}"


def band_column(folders: Sequence[Path], view: View, band: int) -> Hashes:
    """Return the keys of one band, one for each record that has the view."""
    rows = [np.load(folder / f"keys-{view}.npy", mmap_mode="r")[band] for folder in folders]
    return np.concatenate(rows)


class Surveyed:
    """The surveys of all files as one; a record's place counts through them in their order."""

    def __init__(self, folder: Path, files: Sequence[Path]) -> None:
        self.folder = folder
        self.folders = [part_folder(folder, number) for number in range(len(files))]
        self.files = files
        self.ids = self._column("ids")
        self.chars = self._column("chars")
        self.sft = self._column("sft")
        self.digests = self._column("digests")
        self._offsets = self._column("offsets")
        lengths = [len(self._mapped(number, "offsets")) for number in range(len(files))]
        self.starts = np.cumsum([0, *lengths])
        self._decoder = msgspec.json.Decoder(Conversation)

    def _mapped(self, number: int, name: str) -> NDArray[Any]:
        found: NDArray[Any] = np.load(self.folders[number] / f"{name}.npy", mmap_mode="r")
        return found

    def _column(self, name: str) -> NDArray[Any]:
        return np.concatenate([self._mapped(number, name) for number in range(len(self.files))])

    def places(self, view: View) -> Numbers:
        """Return the places of the records that have a view, rising."""
        return np.arange(len(self.ids)) if view is View.WHOLE else np.flatnonzero(self.sft)

    def sketches(self, view: View) -> NDArray[np.uint8]:
        """Return the sketches of a view, one for each of the `places`; 128 bytes a record."""
        return self._column(f"sketches-{view}")

    def lines(self, places: Numbers) -> tuple[Numbers, Numbers]:
        """Return for each place the number of its file and the byte where its line begins."""
        return np.searchsorted(self.starts, places, side="right") - 1, self._offsets[places]

    def record(self, place: int) -> Conversation:
        """Read one record."""
        number = int(np.searchsorted(self.starts, place, side="right")) - 1
        with self.files[number].open("rb") as stream:
            stream.seek(int(self._offsets[place]))
            return self._decoder.decode(stream.readline())
