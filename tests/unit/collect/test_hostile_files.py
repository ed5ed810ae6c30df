"""Files made to do harm give a bad record or one error, in bounded memory."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet
from raw_files import reasons, source, values

from onestage.collect.raw import BadRecord
from onestage.errors import InputError

_LAUGHS = "<!DOCTYPE d [<!ENTITY a0 'ha'>" + "".join(
    f"<!ENTITY a{level} '{f'&a{level - 1};' * 10}'>" for level in range(1, 12)
)


def _file(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("record", ["//r", "//r[1]"])
def test_entities_do_not_multiply(tmp_path: Path, record: str) -> None:
    xml = f"{_LAUGHS}]><d><r><text>&a11; 5 mg</text></r></d>"
    with pytest.raises(InputError, match="cannot be read as xml"):
        values(source(_file(tmp_path / "a.xml", xml), record=record))


@pytest.mark.parametrize("record", ["//r", "//r[1]"])
@pytest.mark.parametrize("uri", ["{file}", "http://127.0.0.1:9/x"])
def test_entities_fetch_nothing(tmp_path: Path, record: str, uri: str) -> None:
    secret = _file(tmp_path / "secret", "hidden").as_uri()
    uri = uri.format(file=secret)
    xml = (
        f"<!DOCTYPE d SYSTEM '{uri}' [<!ENTITY e SYSTEM '{uri}'><!ENTITY % p SYSTEM '{uri}'> %p;]>"
        "<d><r><text>a&e;b</text></r></d>"
    )
    (value,) = values(source(_file(tmp_path / "a.xml", xml), record=record))
    assert value["text"] == "a&e;b"


def test_xml_without_an_end_of_depth_is_an_error(tmp_path: Path) -> None:
    path = _file(tmp_path / "a.xml", "<d>" * 100_000)
    with pytest.raises(InputError, match="cannot be read as xml"):
        values(source(path, record="//r"))


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.jsonl", b'{"text": "a\\u0000b"}\n{"text": "c\0d"}\n{"text": "e"}', ["a\0b", None, "e"]),
        ("a.json", b'["a\\u0000b", "e"]', ["a\0b", "e"]),
        ("a.csv", b"text\na\0b\ne\n", ["a\0b", "e"]),
        ("a.tsv", b"text\na\0b\ne\n", ["a\0b", "e"]),
        ("a.txt", b"a\0b\ne\n", ["a\0b\n", "e\n"]),
    ],
)
def test_nul_bytes_are_read(
    tmp_path: Path, name: str, content: bytes, expected: list[str | None]
) -> None:
    path = _file(tmp_path / name, content)
    found = values(source(path, record="line" if name == "a.txt" else ""))
    texts = [None if isinstance(value, BadRecord) else value["text"] for value in found]
    assert texts == expected


@pytest.mark.parametrize(
    ("name", "content", "more"),
    [
        ("a.json", b'["a\0b"]', {}),
        ("a.xml", b"<d><r><text>a\0b</text></r></d>", {"record": "//r"}),
    ],
)
def test_nul_bytes_that_the_format_forbids_are_an_error(
    tmp_path: Path, name: str, content: bytes, more: dict[str, Any]
) -> None:
    with pytest.raises(InputError, match="cannot be read as"):
        values(source(_file(tmp_path / name, content), **more))


@pytest.mark.parametrize("depth", [101, 900, 100_000])
def test_deep_json(tmp_path: Path, depth: int) -> None:
    deep = '{"text": ' + "[" * depth + "]" * depth + "}"
    lines = _file(tmp_path / "a.jsonl", f'{{"text": "a"}}\n{deep}\n{{"text": "b"}}\n')
    assert reasons(source(lines)) == ["", "unparsable", ""]
    listed = source(_file(tmp_path / "a.json", f'["a",\n{deep}, "b"]'))
    if depth < 1000:
        assert reasons(listed) == ["", "unparsable", ""]
        return
    with pytest.raises(InputError, match="cannot be read as json"):
        values(listed)


def test_depth_that_data_have_is_read(tmp_path: Path) -> None:
    deep: Any = "x"
    for _ in range(90):
        deep = [deep]
    path = _file(tmp_path / "a.jsonl", json.dumps({"text": "[" * 200, "deep": deep}))
    assert reasons(source(path)) == [""]


def test_numbers_and_half_pairs(tmp_path: Path) -> None:
    content = ["1" * 5000, "1e999", "NaN", r'"\ud83d"', r'"\ude00\ud83d"', r'"\ud83d\ude00"']
    lines = "\n".join(f'{{"text": "a", "b": {item}}}' for item in content)
    expected = ["unparsable", "", "", "undecodable", "undecodable", ""]
    assert reasons(source(_file(tmp_path / "a.jsonl", lines))) == expected
    items = ",".join(f'{{"text": {item}}}' for item in content[3:])
    assert reasons(source(_file(tmp_path / "a.json", f"[{items}]"))) == expected[3:]


_LONG = "x" * 3000
_BY_HEADING = {"record": "section", "heading": "# (.*)"}


@pytest.mark.parametrize(
    ("name", "content", "more"),
    [
        ("a.jsonl", f'"a"\n"{_LONG}"\n"b"\n', {}),
        ("a.json", f'["a",\n["{_LONG}", {{}}, ["\\"]"]], "b"]', {}),
        ("a.json", f'["a",\n"{_LONG}\\"{_LONG}", "b"]', {}),
        ("a.json", f'["a",\n{json.dumps([{"k": ["y"]}] * 300)}, "b"]', {}),
        ("a.csv", f"text\na\n{_LONG}\nb\n", {}),
        ("a.csv", f'text,c\na,c\n"x",{_LONG}\nb,c\n', {}),
        ("a.csv", f'text\na\n"{_LONG}\n""{_LONG}"",""\n{_LONG}"\nb\n', {}),
        ("a.csv", 'text\na\n"' + "short\n" * 300 + '"\nb\n', {}),
        ("a.csv", f'text,c\na,c\n5" pipe {_LONG} "x,"quoted\n"\nb,c\n', {}),
        ("a.tsv", f'text\na\n"{_LONG}\nb\n', {}),
        ("a.txt", f"a\n{_LONG}\nb\n", {"record": "line"}),
        ("a.txt", f"a\n\n{_LONG}\n\nb\n", {"record": "paragraph"}),
        ("a.txt", "a\n\n" + "short\n" * 300 + "\n\nb\n", {"record": "paragraph"}),
        ("a.txt", "# 1\na\n# 2\n" + "short\n\n" * 300 + "# 3\nb\n", _BY_HEADING),
    ],
)  # fmt: skip
@pytest.mark.parametrize("block", [64, 2**20])
def test_what_is_too_long_is_passed_over(
    tmp_path: Path, name: str, content: str, more: dict[str, Any], block: int
) -> None:
    given = source(_file(tmp_path / name, content), **more)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("onestage.collect.json_records.MarkedText._BLOCK_BYTES", block)
        found = values(given, max_record_bytes=1000)
        assert reasons(given, max_record_bytes=1000) == ["", "oversized", ""]
    assert [value["text"].strip() for value in (found[0], found[2])] == ["a", "b"]
    if more.get("record") != "section":
        place = content.index("a") + 2 if "text" not in content else content.index("\na") + 3
        assert any(f"{offset} is longer" in found[1].detail for offset in range(place, place + 4))


def test_a_txt_file_that_is_too_long_is_bad(tmp_path: Path) -> None:
    path = _file(tmp_path / "a.txt", "short\n" * 300)
    assert reasons(source(path, record="file"), max_record_bytes=1000) == ["oversized"]


_WRITE_AND_READ = """
import re, sys
from pathlib import Path
from raw_files import reasons, source
path, head, tail, record = Path(sys.argv[1]), *sys.argv[2:5]
with path.open("wb") as out:
    out.write(head.encode().decode("unicode_escape").encode())
    for _ in range(1024):
        out.write(b"x" * 2**20)
    out.write(tail.encode().decode("unicode_escape").encode())
more = {"record": record} if record else {}
found = reasons(source(path, **more))
# Not `ru_maxrss`: that of a child begins with what its parent held.
peak_kib = re.search("VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1]
print(found, int(peak_kib) // 1024)
"""


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "head", "tail", "record"),
    [
        ("a.jsonl", r'"a"\n"', r'"\n"b"\n', ""),
        ("a.json", r'["a",\n"', r'", "b"]', ""),
        ("a.csv", r'text\na\n"', r'"\nb\n', ""),
        ("a.tsv", r"text\na\n", r"\nb\n", ""),
        ("a.txt", r"a\n", r"\nb\n", "line"),
        ("a.txt", r"a\n\n", r"\n\nb\n", "paragraph"),
    ],
)
def test_a_gigabyte_in_one_record_takes_little_memory(
    tmp_path: Path, name: str, head: str, tail: str, record: str
) -> None:
    run = subprocess.run(
        [sys.executable, "-c", _WRITE_AND_READ, str(tmp_path / name), head, tail, record],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    (tmp_path / name).unlink()
    found, peak_mib = run.stdout.rsplit(" ", 1)
    assert found == "['', 'oversized', '']"
    assert int(peak_mib) < 600


def test_parquet_that_grows_beyond_text_is_refused(tmp_path: Path) -> None:
    texts = pyarrow.table({"text": ["x" * 2**20] * 70})
    parquet.write_table(texts, tmp_path / "a.parquet", compression="zstd", use_dictionary=False)
    with pytest.raises(InputError, match=r"a\.parquet: row group 0 of \d+ bytes grows to 73\d{6};"):
        reasons(source(tmp_path / "a.parquet"))


def test_a_parquet_row_that_is_too_long_is_rejected_alone(tmp_path: Path) -> None:
    parquet.write_table(pyarrow.table({"text": ["a", "b" * 100, "c"]}), tmp_path / "a.parquet")
    assert values(source(tmp_path / "a.parquet"), max_record_bytes=99) == [
        {"text": "a"},
        BadRecord("oversized", "the row is longer than 99 characters"),
        {"text": "c"},
    ]
