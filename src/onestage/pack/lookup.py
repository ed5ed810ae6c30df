"""Conversations found by id without holding them in memory: an index of byte offsets."""

from bisect import bisect_right
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec

from onestage.errors import InputError
from onestage.records import Conversation


class _Id(msgspec.Struct):
    id: str


class ConversationLookup:
    """Reads single conversations out of JSON Lines files; about 200 bytes of index a record."""

    def __init__(self, files: list[Path]) -> None:
        self._streams: list[BinaryIO] = [path.open("rb") for path in files]
        self._starts: list[int] = []  # of each file, if all lay end to end
        self._decoder = msgspec.json.Decoder(Conversation)
        self._places: dict[str, int] = {}  # bytes from the start of the first file
        try:
            self._index()
        except InputError:
            self._close()
            raise

    def _index(self) -> None:
        decode = msgspec.json.Decoder(_Id).decode
        place = 0
        for stream in self._streams:
            self._starts.append(place)
            for line_number, line in enumerate(stream, start=1):
                try:
                    self._places[decode(line).id] = place
                except msgspec.DecodeError as error:
                    raise _bad_line(stream, line_number, error) from error
                place += len(line)

    def __enter__(self) -> Self:
        return self

    def __getitem__(self, name: str) -> Conversation:
        if name not in self._places:
            raise InputError(
                f"conversation {name}: drawn by sample but not in dedupe's output; run dvc repro"
            )
        place = self._places[name]
        number = bisect_right(self._starts, place) - 1
        stream, offset = self._streams[number], place - self._starts[number]
        stream.seek(offset)
        try:
            return self._decoder.decode(stream.readline())
        except msgspec.DecodeError as error:
            stream.seek(0)
            raise _bad_line(stream, stream.read(offset).count(b"\n") + 1, error) from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def _close(self) -> None:
        for stream in self._streams:
            stream.close()


def _bad_line(stream: BinaryIO, line: int, error: msgspec.DecodeError) -> InputError:
    return InputError(
        f"{stream.name}, line {line}: {error}; the file is not what its stage wrote: "
        "run dvc checkout or dvc repro"
    )
