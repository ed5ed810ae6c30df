"""Whatever the size of shards, the records are the same, in the same order."""

import csv
import io
import json
import pickle
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as arrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from raw_files import read, source

from onestage.collect import json_records
from onestage.collect.raw import BadRecord
from onestage.collect.shards import plan_shards, shard_digest
from onestage.errors import InputError

# Line ends of all kinds, quotes in and out of place, blanks and headings.
_PIECES = st.sampled_from(
    [
        "a",
        "高血压",
        "#",
        "# h",
        " ",
        "\u3000",
        "\t",
        ",",
        '"',
        '""',
        "\n",
        "\n\n",
        "\r",
        "\r\n",
        "\r\r\n",
    ]
)
_CELLS = st.lists(st.lists(_PIECES, max_size=4).map("".join), min_size=1, max_size=3)
_LINES = ('{"text": "a"}', '"高血压"', "{", "", "7", '"\\ud800"', '"' + "x" * 40 + '"')
_SIZES = st.integers(1, 60)


def _as_one_shard(given_source: Any, **more: Any) -> list[Any]:
    return [item.value for item in read(given_source, **more)]


def _check(path: Path, shard_bytes: int, **more: Any) -> None:
    given_source = source(path, **more)
    try:
        whole = _as_one_shard(given_source, max_record_bytes=30)
    except InputError:
        with pytest.raises(InputError):
            read(given_source, shard_bytes=shard_bytes, max_record_bytes=30)
        return
    assert _as_one_shard(given_source, shard_bytes=shard_bytes, max_record_bytes=30) == whole


def _write(folder: pytest.TempPathFactory, name: str, content: bytes) -> Path:
    path = folder.mktemp("a") / name
    path.write_bytes(content or b"x")
    return path


@given(
    pieces=st.lists(_PIECES, max_size=40),
    size=_SIZES,
    record=st.sampled_from(["line", "paragraph", "section", "file"]),
    codec=st.sampled_from(["utf-8", "gb18030", "utf-16"]),
)
@settings(max_examples=200, deadline=None)
def test_txt(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[str], size: int, record: str, codec: str
) -> None:
    path = _write(tmp_path_factory, "a.txt", "".join(pieces).encode(codec))
    more = {"heading": "#(.*)"} if record == "section" else {}
    _check(path, size, record=record, encoding=codec, **more)


@given(pieces=st.lists(_PIECES, max_size=40), size=_SIZES, layout=st.sampled_from(["csv", "tsv"]))
@settings(max_examples=200, deadline=None)
def test_tables_of_anything(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[str], size: int, layout: str
) -> None:
    _check(
        _write(tmp_path_factory, f"a.{layout}", ("text\n" + "".join(pieces)).encode()),
        size,
        header=True,
    )


@given(
    rows=st.lists(_CELLS, min_size=1, max_size=12),
    size=_SIZES,
    codec=st.sampled_from(["utf-8", "gb18030", "utf-16"]),
)
@settings(max_examples=200, deadline=None)
def test_well_formed_csv(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], size: int, codec: str
) -> None:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(["text", "b", "c"])
    writer.writerows([["x", *row[1:]] for row in rows])
    path = _write(tmp_path_factory, "a.csv", stream.getvalue().encode(codec))
    given_source = source(path, encoding=codec)
    found = _as_one_shard(given_source, shard_bytes=size)
    assert found == [dict(zip(["text", "b", "c"], ["x", *row[1:]], strict=False)) for row in rows]
    _check(path, size, encoding=codec)


@given(
    lines=st.lists(st.sampled_from(_LINES)),
    size=_SIZES,
)
@settings(max_examples=100, deadline=None)
def test_jsonl(tmp_path_factory: pytest.TempPathFactory, lines: list[str], size: int) -> None:
    _check(_write(tmp_path_factory, "a.jsonl", "\n".join(lines).encode()), size)


def test_parquet_in_groups_of_rows(tmp_path: Path) -> None:
    rows = [{"text": f"第{number}行", "other": "x"} for number in range(1000)]
    parquet.write_table(arrow.Table.from_pylist(rows), tmp_path / "a.parquet", row_group_size=100)
    given_source = source(tmp_path / "a.parquet")
    shards = plan_shards(given_source, shard_bytes=1)
    assert [(shard.start, shard.stop) for shard in shards] == [(n, n + 1) for n in range(10)]
    found = _as_one_shard(given_source, shard_bytes=3000)
    assert found == [{"text": row["text"]} for row in rows]


def test_shards_are_about_as_large_as_asked_and_cover_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"text\n" + b'"a\nb"\n' * 1000)
    shards = plan_shards(source(path), shard_bytes=500)
    assert (shards[0].start, shards[-1].stop) == (0, path.stat().st_size)
    assert all(left.stop == right.start for left, right in pairwise(shards))
    assert all(500 <= shard.stop - shard.start < 520 for shard in shards[:-1])
    assert pickle.loads(pickle.dumps(shards)) == shards
    assert len(read(source(path), shard_bytes=500)) == 1000


def test_a_digest_changes_with_the_shard_its_header_and_its_place(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"text,b\n" + b"aaaa,b\n" * 100)
    before = [shard_digest(shard) for shard in plan_shards(source(path), shard_bytes=70)]
    assert len(set(before)) == len(before) > 5
    path.write_bytes(b"text,b\n" + b"aaaa,b\n" * 99 + b"aaxa,b\n")
    after = [shard_digest(shard) for shard in plan_shards(source(path), shard_bytes=70)]
    assert [one == two for one, two in zip(before, after, strict=True)][-2:] == [True, False]
    assert before[:-1] == after[:-1]
    path.write_bytes(b"text,c\n" + b"aaaa,b\n" * 100)
    changed = [shard_digest(shard) for shard in plan_shards(source(path), shard_bytes=70)]
    assert not set(changed) & set(before)
    moved = path.rename(tmp_path / "b.csv")
    assert not set(changed) & {
        shard_digest(shard) for shard in plan_shards(source(moved), shard_bytes=70)
    }


def test_a_digest_is_the_same_wherever_the_source_lies(tmp_path: Path) -> None:
    digests = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.jsonl").write_text('{"text": "a"}\n')
        digests += map(shard_digest, plan_shards(source(tmp_path / name / "a.jsonl")))
    assert digests[0] == digests[1]


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_json_lines_under_a_json_name(tmp_path: Path, end: str) -> None:
    path = tmp_path / "a.json"
    path.write_text('\n{"text": "a"}\n{"text": "b"}\n{"text": ' + end)
    found = _as_one_shard(source(path), shard_bytes=16)
    assert found[:2] == [{"text": "a"}, {"text": "b"}]
    assert isinstance(found[2], BadRecord)


@pytest.mark.parametrize(
    "content", ['["a",\n"b"]', '[\n"a"\n,"b"]\n\n', '["a","b"]', ' [ "a" , "b" ] ']
)
def test_a_json_list_is_no_json_lines(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    assert _as_one_shard(source(path)) == [{"text": "a"}, {"text": "b"}]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(
    items=st.lists(_JSON, max_size=8),
    indent=st.sampled_from([None, 1]),
    ascii_only=st.booleans(),
    block=st.integers(1, 30),
)
@settings(max_examples=150, deadline=None)
def test_json_is_parsed_the_same_in_blocks_of_any_size(
    tmp_path_factory: pytest.TempPathFactory,
    items: list[Any],
    indent: int | None,
    ascii_only: bool,
    block: int,
) -> None:
    wrapped = {"skipped": [items, "x"], "data": [{"parts": items}, {"parts": ["last"]}]}
    path = tmp_path_factory.mktemp("a") / "a.json"
    path.write_text(json.dumps(wrapped, indent=indent, ensure_ascii=ascii_only), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_records.MarkedText, "_BLOCK_BYTES", block)
        found = _as_one_shard(source(path, record="data.parts"))
    expected = [{"text": item} if isinstance(item, str) else item for item in [*items, "last"]]
    for value, item in zip(found, expected, strict=True):
        assert value == item or (isinstance(value, BadRecord) and not isinstance(item, dict))
