"""The plan of reading a source: its files in name order, each in parts that read by themselves."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

from onestage.collect.encodings import is_ascii_safe, newline, resolve_encoding
from onestage.collect.faults import container_faults
from onestage.collect.json_records import holds_json_lines
from onestage.collect.lines import ByteLines
from onestage.collect.opening import is_compressed, open_raw
from onestage.collect.raw import MAX_RECORD_BYTES, Shard
from onestage.collect.tables import header_end, row_groups, row_starts
from onestage.collect.texts import record_boundary
from onestage.errors import InputError
from onestage.fingerprint import file_digest
from onestage.sources import Source

_COPY_BYTES = 2**20


def plan_shards(source: Source, *, shard_bytes: int = 16 * 2**20) -> list[Shard]:
    """Return the shards of a source in order, each of about `shard_bytes`.

    Files of json, xml, html and compressed ones are one shard each, and so are those of csv in
    an encoding where a longer character may hold the byte of a quote. A file of format json
    that holds JSON Lines is read as such: the two cannot be mistaken for each other.

    Raises:
        InputError: nothing is there, a file is empty, or cannot be read as its format.
    """
    root = Path(source.path)
    shards: list[Shard] = []
    for path in source_files(root, source.include):
        name = path.name if root.is_file() else path.relative_to(root).as_posix()
        with container_faults(path, source):
            shards += _file_shards(name, path, source, shard_bytes)
    return shards


def _file_shards(name: str, path: Path, source: Source, shard_bytes: int) -> list[Shard]:
    kind, encoding = str(source.format), "utf-8"
    if kind == "parquet":
        if is_compressed(path):
            raise InputError(f"{path}: parquet is compressed within; unpack the file")
        ranges = row_groups(path, shard_bytes)
        return [Shard(name, str(path), encoding, kind, *part) for part in ranges]
    if kind != "xml":
        encoding = resolve_encoding(path, source.encoding)
    if kind == "json" and not source.record and holds_json_lines(path, encoding):
        kind = "jsonl"
    whole = Shard(name, str(path), encoding, kind, 0, path.stat().st_size)
    starts = [0, *_inner_starts(whole, source, shard_bytes), whole.stop]
    return [whole._replace(start=start, stop=stop) for start, stop in pairwise(starts)]


def _inner_starts(whole: Shard, source: Source, shard_bytes: int) -> list[int]:
    """Return where a file is parted: at any byte where records are lines, else between records."""
    width = len(newline(whole.encoding))
    step = max(shard_bytes - shard_bytes % width, width)
    path = Path(whole.path)
    if is_compressed(path) or whole.stop <= step:
        return []
    if whole.format in ("jsonl", "tsv") or source.record == "line":
        return list(range(step, whole.stop, step))
    if whole.format == "csv" and is_ascii_safe(whole.encoding):
        with open_raw(path) as stream:
            lines = ByteLines(stream, whole.encoding, stop=whole.stop, limit=MAX_RECORD_BYTES)
            return list(_spaced(row_starts(lines), step))
    if whole.format == "txt" and source.record != "file":
        return list(_boundaries(whole, source, step))
    return []


def _spaced(starts: Iterator[int], step: int) -> Iterator[int]:
    """Yield the first start of each stretch of `step` bytes but the first."""
    following = step
    for start in starts:
        if start >= following:
            yield start
            following = start + step


def _boundaries(whole: Shard, source: Source, step: int) -> Iterator[int]:
    place = step
    with open_raw(Path(whole.path)) as stream:
        while place < whole.stop:
            stream.seek(0)
            lines = ByteLines(stream, whole.encoding, stop=whole.stop, limit=MAX_RECORD_BYTES)
            lines.seek(place)
            boundary = record_boundary(lines, source)
            if boundary is None or boundary >= whole.stop:
                return
            yield boundary
            place = boundary + step


def source_files(root: Path, include: str) -> list[Path]:
    """Return the file itself, or a folder's files that match, in name order.

    Raises:
        InputError: nothing is there; or a file is empty, cannot be read, or has a name that
            cannot be written; or a folder is a link, which is not followed.
    """
    if root.is_file():
        files = [root]
    elif root.is_dir():
        _require_no_linked_folder(root)
        files = sorted(path for path in root.rglob(include) if not path.is_dir())
    else:
        raise InputError(f"{root}: no such file or folder; mend the source's path in params.yaml")
    if not files:
        raise InputError(f"{root}: no file matches the include pattern {include!r}")
    for path in files:
        _require_readable(path)
    return files


def _require_no_linked_folder(root: Path) -> None:
    for folder, inner, _ in os.walk(root, onerror=_refuse):
        for name in inner:
            if (path := Path(folder, name)).is_symlink():
                raise InputError(
                    f"{path}: a link to a folder, which is not followed; "
                    "put the folder itself there, or make it a source of its own"
                )


def _refuse(error: OSError) -> None:
    raise InputError(f"{error.filename}: cannot be read ({error.strerror}); mend its permissions")


def _require_readable(path: Path) -> None:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise InputError(f"{str(path)!a}: the name is not UTF-8; rename the file") from None
    if not path.is_file():
        raise InputError(f"{path}: a broken link or no ordinary file; remove it")
    if not path.stat().st_size:
        raise InputError(f"{path}: the file is empty; remove it or fetch it again")


def shard_sizes(shards: Sequence[Shard]) -> list[int]:
    """Return how many bytes each shard reads; row groups share their file's equally."""
    parts = Counter(shard.path for shard in shards)
    return [
        Path(shard.path).stat().st_size // parts[shard.path]
        if shard.format == "parquet"
        else shard.stop - shard.start
        for shard in shards
    ]


@cache
def _digest_of_state(path: Path, _size: int, _changed_ns: int) -> str:
    """Return a hash of a file; once a process, however many shards the file has."""
    return file_digest(path)


def shard_digest(shard: Shard) -> str:
    """Return a hash (24 hex digits) of all that a shard's records come from.

    That is its place, encoding and bytes on disk up to the end of its last line, and of csv
    and tsv the first row of the file, which may be a header; of parquet the whole file.
    """
    digest = hashlib.blake2b(digest_size=12)
    for word in (shard.file, shard.encoding, shard.format, str(shard.start), str(shard.stop)):
        digest.update(word.encode() + b"\0")
    path = Path(shard.path)
    start, stop = shard.start, shard.stop
    if shard.format == "parquet":
        state = path.stat()
        digest.update(_digest_of_state(path, state.st_size, state.st_mtime_ns).encode())
        return digest.hexdigest()
    header_stop = header_end(shard) if shard.format in ("csv", "tsv") and start else 0
    runs_on = False
    with path.open("rb") as stream:
        digest.update(stream.read(header_stop))
        # Whether a line begins at the start shows in what precedes it.
        stream.seek(max(0, start - len(newline(shard.encoding))))
        while part := stream.read(max(0, min(_COPY_BYTES, stop - stream.tell()))):
            digest.update(part)
            runs_on = not part.endswith(newline(shard.encoding))
        if runs_on:
            digest.update(stream.readline(MAX_RECORD_BYTES))
    return digest.hexdigest()
