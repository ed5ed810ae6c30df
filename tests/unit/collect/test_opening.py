"""Compressed files give what was compressed, or one error; never more than text can be."""

import gzip
import json
import lzma
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from raw_files import source, values

from onestage.collect.opening import open_raw
from onestage.errors import InputError

_TOOLS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "xz": lzma.compress,
    "zst": zstandard.ZstdCompressor(write_checksum=True).compress,
    "zstd": zstandard.ZstdCompressor().compress,
}
_TEXTS = [f"10⁹/L 第{number}行 {random.Random(number).random()}" for number in range(5000)]
_CONTENTS = {
    "jsonl": "\n".join(json.dumps({"text": text}) for text in _TEXTS),
    "json": json.dumps(_TEXTS),
    "csv": "text\n" + "\n".join(_TEXTS),
    "txt": "\n".join(_TEXTS) + "\n",
    "xml": "<d>" + "".join(f"<r><text>{text}</text></r>" for text in _TEXTS) + "</d>",
}
_MORE = {"txt": {"record": "line"}, "xml": {"record": "//r"}}


@pytest.mark.parametrize("ending", _TOOLS)
@pytest.mark.parametrize("layout", _CONTENTS)
def test_compressed_files_read_like_plain_ones(tmp_path: Path, layout: str, ending: str) -> None:
    path = tmp_path / f"a.{layout}.{ending}"
    path.write_bytes(_TOOLS[ending](_CONTENTS[layout].encode()))
    found = values(source(path, **_MORE.get(layout, {})), shard_bytes=1000)
    assert [value["text"].strip() for value in found] == _TEXTS
    assert layout != "txt" or found[0]["title"] == "a"


@pytest.mark.parametrize("ending", _TOOLS)
def test_frames_end_to_end_are_one_file(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.txt.{ending}"
    path.write_bytes(_TOOLS[ending](b"one\n") + _TOOLS[ending](b"two\n") + bytes(8))
    with open_raw(path) as stream:
        assert stream.read() == b"one\ntwo\n"


@pytest.mark.parametrize("ending", _TOOLS)
@pytest.mark.parametrize("cut", [1, 10, 0.5, -1])
def test_a_truncated_file_is_an_error(tmp_path: Path, ending: str, cut: float) -> None:
    whole = _TOOLS[ending](_CONTENTS["jsonl"].encode())
    path = tmp_path / f"a.jsonl.{ending}"
    path.write_bytes(whole[: int(len(whole) * cut) if cut == 0.5 else int(cut)])
    with pytest.raises(InputError, match=r"a\.jsonl\..*compressed data ends early"):
        values(source(path))


@pytest.mark.parametrize("ending", ["gz", "xz", "zst"])
def test_a_corrupt_file_is_an_error(tmp_path: Path, ending: str) -> None:
    whole = bytearray(_TOOLS[ending](_CONTENTS["jsonl"].encode()))
    whole[len(whole) // 2] ^= 0x55
    path = tmp_path / f"a.jsonl.{ending}"
    path.write_bytes(whole)
    with pytest.raises(InputError, match=r"cannot be read as jsonl"):
        values(source(path))
    path.write_bytes(b"no such thing")
    with pytest.raises(InputError, match=r"cannot be read as jsonl"):
        values(source(path))


@pytest.mark.parametrize("ending", ["gz", "xz", "zst"])
def test_a_bomb_is_stopped(tmp_path: Path, ending: str) -> None:
    block = b" " * 2**20
    whole = _TOOLS[ending](b"".join([block] * 70))
    path = tmp_path / f"a.txt.{ending}"
    path.write_bytes(whole)
    given = source(path, record="line")
    with pytest.raises(InputError, match="more than 100 times its size"):
        values(given)


def test_parquet_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet.gz"
    path.write_bytes(gzip.compress(b"PAR1"))
    with pytest.raises(InputError, match="parquet is compressed within"):
        values(source(path))
