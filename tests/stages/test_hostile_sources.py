"""Files made to do harm, through the whole stage: a bad record or one error, little memory."""

import gzip
import json
import lzma
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import zstandard
from given import ROOT, parameters, read_lines, write_params

_GOOD = "高血压病人要按时服药，注意休息。"
_OTHER = "服药之后血压仍高的，应当复诊换药。"
_FOLDERS = {"out": "o/out", "rejected": "o/rejected", "metrics": "o/m.json"}
# The stage with the most memory that it held; a child's `ru_maxrss` begins with its parent's.
_MEASURED = """
import re, sys
from pathlib import Path
from stages import collect
try:
    collect.main()
finally:
    peak = re.search("VmHWM:\\\\s*(\\\\d+) kB", Path("/proc/self/status").read_text())
    Path("peak").write_text(peak[1])
"""
_MOST_MIB = 600


class Run(NamedTuple):
    """How the stage ended, what it wrote, and the most memory that it held."""

    code: int
    lines: list[str]
    texts: list[str]
    rejected: list[str]
    peak_mib: float


def _collect(folder: Path, name: str, **source: Any) -> Run:
    """Run the stage over one file of the folder, in a process of its own."""
    document = parameters()
    suffixes = Path(name).suffixes
    given = {"format": suffixes[0][1:], "fields": {"text": ["text"]}, "path": name, **source}
    document["sources"]["web"] |= given
    write_params(folder, document)
    (folder / "lexicon.txt").write_text("高血压\n服药\n", encoding="utf-8")
    (folder / "none").touch()
    options = [part for key, value in _FOLDERS.items() for part in (f"--{key}", value)]
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, "--source", "web", *options],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "ONESTAGE_WORKERS": "1", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    written = [path.name for path in (folder / "o").rglob("*") if path.is_file()]
    assert not list(folder.rglob("*.partial"))
    assert done.stdout == ""
    if done.returncode:
        assert written == []
    else:
        assert sorted(written) == ["m.json", "part-00000.jsonl", "part-00000.jsonl"]
    return Run(
        done.returncode,
        done.stderr.splitlines(),
        [item["text"] for item in read_lines(folder / "o" / "out")],
        [item["reason"] for item in read_lines(folder / "o" / "rejected")],
        int((folder / "peak").read_text()) / 1024,
    )


def _fails(folder: Path, name: str, said: str, **source: Any) -> None:
    """Expect one line that says what is wrong with which file."""
    run = _collect(folder, name, **source)
    assert (run.code, len(run.lines)) == (1, 1), run
    assert run.lines[0].startswith(f"Error: {name}")
    assert said in run.lines[0]
    assert len(run.lines[0]) < 600
    assert run.peak_mib < _MOST_MIB


def _spares_neighbours(folder: Path, name: str, reason: str, **source: Any) -> None:
    """Expect the record in the middle to be bad, and nothing else."""
    run = _collect(folder, name, max_bad_records=1, **source)
    assert (run.code, run.lines) == (0, []), run
    assert run.texts == [_GOOD, _OTHER]
    assert run.rejected == [reason]
    assert run.peak_mib < _MOST_MIB


# XML

_LAUGHS = "<!DOCTYPE d [<!ENTITY a0 'ha'>" + "".join(
    f"<!ENTITY a{level} '{f'&a{level - 1};' * 10}'>" for level in range(1, 12)
)
_RECORDS = ["//r", "//r[1]"]  # as a stream, in a tree


@pytest.mark.parametrize("record", _RECORDS)
@pytest.mark.parametrize(
    "xml",
    [
        f"{_LAUGHS}]><d><r><text>&a11;{_GOOD}</text></r></d>",
        f"<!DOCTYPE d [<!ENTITY a '{'ha' * 10**5}'>]><d><r><text>{'&a;' * 10**5}</text></r></d>",
        "<d>" * 10**5,
        f"<d><r><text>{_GOOD}\0</text></r></d>",
        f"<d><r><text>{_GOOD}</text></r>",
    ],
    ids=["laughs", "one large entity", "depth", "NUL", "open end"],
)
def test_xml_that_expands(tmp_path: Path, xml: str, record: str) -> None:
    (tmp_path / "a.xml").write_text(xml, encoding="utf-8")
    _fails(tmp_path, "a.xml", "cannot be read as xml", record=record)


@pytest.mark.parametrize("record", _RECORDS)
def test_xml_that_fetches(tmp_path: Path, record: str) -> None:
    (tmp_path / "secret").write_text("hidden", encoding="utf-8")
    uri = (tmp_path / "secret").as_uri()
    (tmp_path / "a.xml").write_text(
        f"<!DOCTYPE d SYSTEM '{uri}' [<!ENTITY e SYSTEM '{uri}'>"
        f"<!ENTITY % p SYSTEM 'http://127.0.0.1:9/x'> %p;]><d><r><text>{_GOOD}&e;</text></r></d>",
        encoding="utf-8",
    )
    run = _collect(tmp_path, "a.xml", record=record)
    assert (run.code, run.lines, run.texts) == (0, [], [f"{_GOOD}&e;"])


@pytest.mark.parametrize("record", _RECORDS)
def test_xml_without_records_is_not_held(tmp_path: Path, record: str) -> None:
    with (tmp_path / "a.xml").open("wb") as out:
        out.write(b"<d>")
        for _ in range(24):
            out.write(b"<e>x</e>" * 2**17)
        out.write(b"</d>")
    _fails(tmp_path, "a.xml", "16777216 bytes without a record", record=record)


# Compressed files

_BOMB_BYTES = 2**28
_TOOLS: dict[str, Callable[..., Any]] = {
    "gz": gzip.open,
    "xz": partial(lzma.open, preset=0),
    "zst": zstandard.open,
}


@pytest.fixture(scope="module", params=_TOOLS)
def bomb(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a compressed file that is hundreds of times as large as it looks."""
    path = tmp_path_factory.mktemp("bombs") / f"bomb.{request.param}"
    with _TOOLS[request.param](path, "wb") as out:
        for _ in range(_BOMB_BYTES >> 20):
            out.write(b"x" * 2**20)
    assert path.stat().st_size < _BOMB_BYTES / 200
    return path


@pytest.mark.parametrize(
    ("layout", "more"),
    [
        ("txt", {"record": "file"}),
        ("txt", {"record": "paragraph"}),
        ("jsonl", {}),
        ("csv", {"header": False, "fields": {"text": ["0"]}}),
    ],
)
def test_a_bomb_is_an_error(tmp_path: Path, bomb: Path, layout: str, more: Any) -> None:
    name = f"a.{layout}{bomb.suffix}"
    (tmp_path / name).symlink_to(bomb)
    _fails(tmp_path, name, "decompresses to more than 100 times its size", **more)


# Long records

_LONG_BYTES = 3 * 2**24
_HEADING = {"record": "section", "heading": "# (.*)"}
_LAYOUTS = [
    ("jsonl", '{{"text": "{0}"}}\n{{"text": "{1}"}}\n{{"text": "{2}"}}\n', {}),
    ("jsonl", '{{"text": "{0}"}}\n{1}\n{{"text": "{2}"}}\n', {}),
    ("json", '["{0}",\n"{1}", "{2}"]', {}),
    ("json", '["{0}",\n{{"a": ["{1}"]}}, "{2}"]', {}),
    ("csv", 'text\n{0}\n"{1}"\n{2}\n', {}),
    ("csv", "text\n{0}\n{1}\n{2}\n", {}),
    ("tsv", "text\n{0}\n{1}\n{2}\n", {}),
    ("txt", "{0}\n{1}\n{2}\n", {"record": "line"}),
    ("txt", "{0}\n\n{1}\n\n{2}\n", {"record": "paragraph"}),
    ("txt", "# a\n{0}\n# b\n{1}\n# c\n{2}\n", _HEADING),
]  # fmt: skip


def _write_long(path: Path, layout: str, size: int) -> None:
    head, tail = layout.split("{1}")
    with path.open("wb") as out:
        out.write(head.format(_GOOD).encode())
        for _ in range(size >> 20):
            out.write(b"x" * 2**20)
        out.write(tail.format(_GOOD, "", _OTHER).encode())


@pytest.mark.parametrize(("layout", "content", "more"), _LAYOUTS)
def test_a_long_record_is_bad(tmp_path: Path, layout: str, content: str, more: Any) -> None:
    _write_long(tmp_path / f"a.{layout}", content, _LONG_BYTES)
    _spares_neighbours(tmp_path, f"a.{layout}", "oversized", **more)


def test_a_long_record_that_is_not_allowed(tmp_path: Path) -> None:
    _write_long(tmp_path / "a.jsonl", '"{0}"\n"{1}"\n"{2}"\n', _LONG_BYTES)
    _fails(tmp_path, "a.jsonl", "record 2: oversized: the record at byte 51 is longer")


@pytest.mark.long
@pytest.mark.parametrize(("layout", "content", "more"), _LAYOUTS)
def test_a_gigabyte_in_one_record(tmp_path: Path, layout: str, content: str, more: Any) -> None:
    path = tmp_path / f"a.{layout}"
    _write_long(path, content, 2**30)
    _spares_neighbours(tmp_path, path.name, "oversized", **more)
    path.unlink()


@pytest.mark.parametrize("layout", ["html", "txt"])
def test_a_long_file_is_bad(tmp_path: Path, layout: str) -> None:
    _write_long(tmp_path / f"a.{layout}", "<p>{0}{1}</p>", _LONG_BYTES)
    more = {"record": "file"} if layout == "txt" else {}
    _fails(tmp_path, f"a.{layout}", "record 1: oversized: ", **more)


# NUL bytes, depth


@pytest.mark.parametrize(
    ("name", "content", "more"),
    [
        ("a.jsonl", '{{"text": "{0}\\u0000"}}\n{{"text": "\0{0}"}}\n', {"max_bad_records": 1}),
        ("a.json", '["{0}\\u0000"]', {}),
        ("a.csv", "text\n\0{0}\0\n", {}),
        ("a.tsv", "text\n\0{0}\0\n", {}),
        ("a.txt", "\0{0}\0\n", {"record": "line"}),
        ("a.txt", "\0{0}\0\n", {"record": "file"}),
        ("a.html", "<p>\0{0}\0</p>\n", {}),
    ],
)
def test_nul_bytes_are_no_text(tmp_path: Path, name: str, content: str, more: Any) -> None:
    (tmp_path / name).write_text(content.format(_GOOD), encoding="utf-8")
    run = _collect(tmp_path, name, **more)
    assert (run.code, run.lines, run.texts) == (0, [], [_GOOD])
    assert run.rejected == ["unparsable"] * more.get("max_bad_records", 0)


def test_nul_bytes_in_json_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(f'["{_GOOD}\0"]', encoding="utf-8")
    _fails(tmp_path, "a.json", "cannot be read as json")


@pytest.mark.parametrize("depth", [101, 900, 100_000])
@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_deep_lines_of_json(tmp_path: Path, depth: int, brackets: str) -> None:
    lines = [f'"{_GOOD}"', _deep(depth, brackets), f'"{_OTHER}"']
    (tmp_path / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    _spares_neighbours(tmp_path, "a.jsonl", "unparsable")


def test_a_deep_list_of_json(tmp_path: Path) -> None:
    items = [f'"{_GOOD}"', "\n" + _deep(900, "[]"), f'"{_OTHER}"']
    (tmp_path / "a.json").write_text(f"[{','.join(items)}]", encoding="utf-8")
    _spares_neighbours(tmp_path, "a.json", "unparsable")
    items[1] = "\n" + _deep(100_000, "[]")
    (tmp_path / "a.json").write_text(f"[{','.join(items)}]", encoding="utf-8")
    _fails(tmp_path, "a.json", "cannot be read as json")


def _deep(depth: int, brackets: str) -> str:
    opening = '{"a":' if brackets == "{}" else "["
    inner = json.dumps(_GOOD) if brackets == "{}" else ""
    return f'{{"text": {opening * depth}{inner}{brackets[1] * depth}}}'


@pytest.mark.parametrize("tag", ["<p>", "<div>", "<sup>", "<table><tr><td>"])
def test_deep_html(tmp_path: Path, tag: str) -> None:
    """A page is read, or bad; in each case the stage ends as it should."""
    (tmp_path / "a.html").write_text(tag * 50_000 + _GOOD, encoding="utf-8")
    run = _collect(tmp_path, "a.html")
    assert run.code in (0, 1)
    assert len(run.lines) == run.code
    assert run.peak_mib < _MOST_MIB
