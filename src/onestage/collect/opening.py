"""Raw files opened as streams of bytes, decompressed by their ending within bounds."""

import io
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import zstandard

# Texts of all kinds (prose, tables, dictionaries, JSON) shrink 2 to 9 times under gzip, xz
# and zstd at their best, so 100 times leaves room for boilerplate and is no text beyond it;
# small files may be more uniform than that.
_MAX_RATIO = 100
_ALWAYS_ALLOWED_BYTES = 64 * 2**20
# So little is decompressed at once that even the densest input (zstd: 4 bytes for 128 KiB)
# unpacks into 32 MiB.
_INPUT_BYTES = 2**10
_BUFFER_BYTES = 2**18
# The largest dictionaries that the tools themselves use without being told to.
_XZ_MEMORY_BYTES = 2**27
_ZSTD_WINDOW_BYTES = 2**27

_ENGINES: dict[str, Callable[[], Any]] = {
    ".gz": lambda: zlib.decompressobj(wbits=31),
    ".xz": lambda: lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_XZ_MEMORY_BYTES),
    ".zst": lambda: zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES).decompressobj(),
}
_ENGINES[".zstd"] = _ENGINES[".zst"]


def is_compressed(path: Path) -> bool:
    """Say whether a file's ending is that of a compressed file: .gz, .xz, .zst or .zstd."""
    return path.suffix.lower() in _ENGINES


def max_output_bytes(compressed_bytes: int) -> int:
    """Return how much text so many compressed bytes can hold at most."""
    return max(_ALWAYS_ALLOWED_BYTES, _MAX_RATIO * compressed_bytes)


def stem(path: Path) -> str:
    """Return a file's name without its endings: `book.txt.gz` is `book`."""
    return Path(path.stem).stem if is_compressed(path) else path.stem


def open_raw(path: Path) -> BinaryIO:
    """Open a file for reading bytes; a compressed one gives what was compressed.

    Reading raises ValueError where the output outgrows what text can be, EOFError where the
    file ends early, and the decompressor's own error where it is corrupt.
    """
    raw = path.open("rb", buffering=_BUFFER_BYTES)
    if not is_compressed(path):
        return raw
    decompressed = _Decompressed(raw, _ENGINES[path.suffix.lower()], path.stat().st_size)
    return io.BufferedReader(decompressed, _BUFFER_BYTES)


class _Decompressed(io.RawIOBase):
    """The content of a compressed file, one or more frames end to end."""

    def __init__(self, raw: BinaryIO, new_engine: Callable[[], Any], compressed_bytes: int) -> None:
        self._raw = raw
        self._new_engine = new_engine
        self._engine: Any = None
        self._rest = b""
        self._ready = memoryview(b"")
        self._allowed = max_output_bytes(compressed_bytes)

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._raw.close()
        super().close()

    def readinto(self, buffer: Any) -> int:
        while not self._ready and self._advance():
            pass
        part = self._ready[: len(buffer)]
        buffer[: len(part)] = part
        self._ready = self._ready[len(part) :]
        return len(part)

    def _advance(self) -> bool:
        """Decompress a little more; False at the end of the file."""
        data = self._rest or self._raw.read(_INPUT_BYTES)
        self._rest = b""
        if self._engine is None:
            data = data.lstrip(b"\0")  # padding between frames
            if data:
                self._engine = self._new_engine()
            else:
                return self._raw.peek(1) != b""  # type: ignore[attr-defined, no-any-return]
        if not data:
            raise EOFError("compressed data ends early")
        self._ready = memoryview(self._engine.decompress(data))
        self._allowed -= len(self._ready)
        if self._allowed < 0:
            raise ValueError(
                f"decompresses to more than {_MAX_RATIO} times its size, as no text does"
            )
        if self._engine.eof:
            self._rest, self._engine = self._engine.unused_data, None
        return True
