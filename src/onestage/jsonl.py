"""JSON Lines that stages exchange: read into checked records, written in parts of bounded size."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType, UnionType
from typing import BinaryIO, Self, TypeVar, cast

import jsonlines
import msgspec

from onestage.errors import InputError

PART_MAX_BYTES = 256 * 2**20

T = TypeVar("T")


class PartWriter:
    """Writes records to `part-00000.jsonl`, `part-00001.jsonl`, ... in an existing folder.

    A part is closed before a record would take it past `part_max_bytes`. There is always at
    least one part, so that an empty result is a file and not an absence.
    """

    def __init__(
        self, folder: Path, stem: str = "part", *, part_max_bytes: int = PART_MAX_BYTES
    ) -> None:
        self._folder = folder
        self._stem = stem
        self._part_max_bytes = part_max_bytes
        self._part = -1
        self._stream: BinaryIO | None = None
        self._bytes = 0

    def __enter__(self) -> Self:
        self._open_next()
        return self

    def _open_next(self) -> BinaryIO:
        if self._stream is not None:
            self._stream.close()
        self._part += 1
        self._bytes = 0
        self._stream = (self._folder / f"{self._stem}-{self._part:05d}.jsonl").open("wb")
        return self._stream

    def write(self, record: msgspec.Struct) -> None:
        """Append one record as one line of UTF-8."""
        line = msgspec.json.encode(record) + b"\n"
        stream = cast(BinaryIO, self._stream)
        if self._bytes and self._bytes + len(line) > self._part_max_bytes:
            stream = self._open_next()
        stream.write(line)
        self._bytes += len(line)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._stream is not None:
            self._stream.close()


def part_files(folder: Path, stem: str = "part") -> list[Path]:
    """Return a folder's parts in order.

    Raises:
        InputError: the folder or its parts are missing.
    """
    found = sorted(folder.glob(f"{stem}-*.jsonl"))
    if not found:
        raise InputError(
            f"{folder}: expected {stem}-00000.jsonl and found none; "
            "run the stage that writes it (dvc repro) or dvc checkout"
        )
    return found


def read_records(files: Iterable[Path], record_type: type[T] | UnionType) -> Iterator[T]:
    """Yield the records of pipeline artifacts, each line parsed and validated once.

    Raises:
        InputError: a line that does not decode, with file, line, field, expected and found.
    """
    decoder = msgspec.json.Decoder(record_type)
    for path in files:
        with path.open("rb") as stream:
            reader = jsonlines.Reader(cast("Iterable[bytes]", stream), loads=decoder.decode)
            yield from _checked(reader, path)


def read_placed(path: Path, record_type: type[T] | UnionType) -> Iterator[tuple[int, T]]:
    """Yield each record of one file with the byte at which its line begins.

    Raises:
        InputError: as `read_records`.
    """
    decoder = msgspec.json.Decoder(record_type)
    offset = 0
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                yield offset, cast(T, decoder.decode(line))
            except msgspec.DecodeError as error:
                raise bad_line(path, number, error) from error
            offset += len(line)


def bad_line(path: Path, line: int, cause: BaseException) -> InputError:
    """Return what to say of a line that its stage cannot have written."""
    return InputError(
        f"{path}, line {line}: {cause}; the file is not what its stage wrote: "
        "run dvc checkout or dvc repro"
    )


def _checked(reader: jsonlines.Reader, path: Path) -> Iterator[T]:
    line = 0
    while True:
        line += 1
        try:
            yield cast(T, reader.read())
        except EOFError:
            return
        except (msgspec.DecodeError, jsonlines.InvalidLineError) as error:
            raise bad_line(path, line, error.__cause__ or error) from error
