"""Conversations found by id without holding them in memory: an index of byte offsets."""

from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self, TypeVar

import msgspec

from onestage.errors import InputError
from onestage.records import Conversation

T = TypeVar("T")


class _Id(msgspec.Struct):
    id: str


class _Place(NamedTuple):
    stream: int
    line: int
    offset: int


class ConversationLookup:
    """Reads single conversations out of JSON Lines files; about 200 bytes of index a record."""

    def __init__(self, files: list[Path]) -> None:
        self._streams: list[BinaryIO] = [path.open("rb") for path in files]
        self._decoder = msgspec.json.Decoder(Conversation)
        self._places: dict[str, _Place] = {}
        try:
            self._index()
        except InputError:
            self._close()
            raise

    def _index(self) -> None:
        names = msgspec.json.Decoder(_Id)
        for number, stream in enumerate(self._streams):
            offset = 0
            for line_number, line in enumerate(stream, start=1):
                place = _Place(number, line_number, offset)
                self._places[self._decoded(names, line, place).id] = place
                offset += len(line)

    def _decoded(self, decoder: msgspec.json.Decoder[T], line: bytes, place: _Place) -> T:
        try:
            return decoder.decode(line)
        except msgspec.DecodeError as error:
            raise InputError(
                f"{self._streams[place.stream].name}, line {place.line}: {error}; the file is not "
                "what its stage wrote: run dvc checkout or dvc repro"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __getitem__(self, name: str) -> Conversation:
        if name not in self._places:
            raise InputError(
                f"conversation {name}: drawn by sample but not in dedupe's output; run dvc repro"
            )
        place = self._places[name]
        stream = self._streams[place.stream]
        stream.seek(place.offset)
        return self._decoded(self._decoder, stream.readline(), place)

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
