"""Conversations found by id without holding them in memory: an index of byte offsets."""

from bisect import bisect_right
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec

from onestage import jsonl
from onestage.errors import InputError
from onestage.records import Conversation


class _Id(msgspec.Struct):
    id: str


class ConversationLookup:
    """Reads single conversations out of JSON Lines files; about 200 bytes of index a record."""

    def __init__(self, files: list[Path]) -> None:
        self._files = files
        self._starts: list[int] = []  # of each file, if all lay end to end
        self._decoder = msgspec.json.Decoder(Conversation)
        self._places: dict[str, int] = {}  # bytes from the start of the first file
        start = 0
        for path in files:
            self._starts.append(start)
            for offset, record in jsonl.read_placed(path, _Id):
                self._places[record.id] = start + offset
            start += path.stat().st_size

    def __enter__(self) -> Self:
        self._streams: list[BinaryIO] = [path.open("rb") for path in self._files]
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
            line = stream.read(offset).count(b"\n") + 1
            raise jsonl.bad_line(self._files[number], line, error) from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for stream in self._streams:
            stream.close()
