"""Lines of a stream of bytes with their offsets; none longer than a bound is ever held."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from onestage.collect.encodings import byte_order_mark, newline
from onestage.collect.opening import is_compressed, open_raw
from onestage.collect.raw import Shard


class ByteLines:
    r"""The lines of a shard as bytes, parted by `\n` in the encoding's units.

    `position` is the offset of the byte that is read next, in the decompressed stream.
    """

    def __init__(self, stream: BinaryIO, codec: str, *, stop: int, limit: int) -> None:
        self.codec = codec
        self.limit = limit
        self.position = 0
        self._stream = stream
        self._newline = newline(codec)
        self._stop = stop
        self._skip_mark()

    def _skip_mark(self) -> None:
        mark = byte_order_mark(self.codec)
        if mark and self._stream.peek(len(mark)).startswith(mark):  # type: ignore[attr-defined]
            self.position = len(self._stream.read(len(mark)))

    def seek(self, start: int) -> None:
        """Go to the first line that begins at `start` or after; the file is not compressed."""
        if start <= self.position:
            return
        before = max(self.position, start - len(self._newline))
        self._stream.seek(before)
        self.position = before
        while self.position < self._stop and not self.ends_line(piece := self.piece()) and piece:
            pass

    def ends_line(self, piece: bytes) -> bool:
        """Say whether a piece is the last one of its line."""
        return piece.endswith(self._newline) and len(piece) % len(self._newline) == 0

    def line(self) -> bytes:
        """Return the next piece, b"" where the shard ends."""
        return self.piece() if self.position < self._stop else b""

    def piece(self) -> bytes:
        """Return the rest of a line, cut soon after `limit` bytes; b"" at the end of the file."""
        if self._newline == b"\n":
            piece = self._stream.readline(self.limit + 1)
        else:
            piece = self._wide_piece()
        self.position += len(piece)
        return piece

    def _wide_piece(self) -> bytes:
        """Read up to a whole unit that is a line break: its last byte may be part of others."""
        width, last = len(self._newline), self._newline.strip(b"\0")
        piece = bytearray()
        while len(piece) <= self.limit:
            part = self._read_through(last)
            if not part:
                break
            piece += part
            piece += self._stream.read(-len(piece) % width)
            if piece.endswith(self._newline):
                break
        return bytes(piece)

    def _read_through(self, last: bytes) -> bytes:
        if last == b"\n":
            return self._stream.readline(self.limit + 1)
        ahead = self._stream.peek(1)  # type: ignore[attr-defined]
        return self._stream.read(ahead.find(last) + 1 or len(ahead))

    def __iter__(self) -> Iterator[tuple[int, bytes | None]]:
        """Yield each line with its offset, None instead of one that is longer than the bound."""
        while self.position < self._stop:
            offset = self.position
            piece = self.piece()
            if not piece:
                return
            if len(piece) <= self.limit:
                yield offset, piece
                continue
            while piece and not self.ends_line(piece) and self.position < self._stop:
                piece = self.piece()
            yield offset, None


@contextmanager
def shard_lines(shard: Shard, limit: int) -> Iterator[ByteLines]:
    """Open a shard at its first line."""
    path = Path(shard.path)
    stop = sys.maxsize if is_compressed(path) else shard.stop
    with open_raw(path) as stream:
        lines = ByteLines(stream, shard.encoding, stop=stop, limit=limit)
        lines.seek(shard.start)
        yield lines
