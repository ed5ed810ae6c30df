"""Conversations found by id without holding them in memory: an index of byte offsets."""

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
        self._decoder = msgspec.json.Decoder(Conversation)
        self._places: dict[str, tuple[int, int]] = {}
        names = msgspec.json.Decoder(_Id)
        for number, stream in enumerate(self._streams):
            offset = 0
            for line in stream:
                self._places[names.decode(line).id] = (number, offset)
                offset += len(line)

    def __enter__(self) -> Self:
        return self

    def __getitem__(self, name: str) -> Conversation:
        if name not in self._places:
            raise InputError(
                f"conversation {name}: drawn by sample but not in dedupe's output; run dvc repro"
            )
        number, offset = self._places[name]
        self._streams[number].seek(offset)
        return self._decoder.decode(self._streams[number].readline())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for stream in self._streams:
            stream.close()
