"""The toy corpora read by plain means, to hold against what the pipeline made of them."""

import csv
import io
import json
from pathlib import Path
from typing import NamedTuple

from lxml import etree
from pyarrow import parquet


class Raw(NamedTuple):
    """A raw record: its place (file, number from 1) and title; `broken` if nobody can read it."""

    file: str
    record: int
    title: str
    broken: bool = False


def raw_corpora(toy: Path) -> dict[str, list[Raw]]:
    """Return the records of all ten sources, in their order."""
    corpora = toy / "corpora"
    book = etree.parse(corpora / "books_en.xml").getroot()
    abstracts = json.loads((corpora / "literature_en.json").read_text(encoding="utf-8"))
    words = parquet.read_table(corpora / "encyclopedia_en.parquet")
    papers = (corpora / "literature_zh.tsv").read_text(encoding="utf-8").splitlines()
    entries = _csv_titles(corpora / "encyclopedia_zh.csv", "gb18030")
    return {
        "books_zh": [_text_file(path) for path in sorted((corpora / "books_zh").iterdir())],
        "books_en": _numbered("books_en.xml", [node.text for node in book.iter("title")]),
        "encyclopedia_zh": _numbered("encyclopedia_zh.csv", entries),
        "encyclopedia_en": _numbered("encyclopedia_en.parquet", words["headword"].to_pylist()),
        "literature_zh": _numbered("literature_zh.tsv", [row.split("\t")[0] for row in papers]),
        "literature_en": _numbered("literature_en.json", [a.split("\n")[0] for a in abstracts]),
        "web_zh": [
            _json_line("web_zh.jsonl", number, line)
            for number, line in enumerate(_lines(corpora / "web_zh.jsonl"), start=1)
        ],
        "web_en": _numbered("web_en.csv", _csv_titles(corpora / "web_en.csv", "utf-8")),
        "sft_zh": _numbered("sft_zh.jsonl", _lines(toy / "sft_zh.jsonl")),
        "sft_en": _numbered("sft_en.jsonl", _lines(toy / "sft_en.jsonl")),
    }


def file_title(title: str) -> str:
    """Return a title as it can stand in the name of a file."""
    return "".join("-" if character in '\\/:*?"<>|' else character for character in title)


def _numbered(file: str, titles: list[str]) -> list[Raw]:
    return [Raw(file, number, title) for number, title in enumerate(titles, start=1)]


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").removesuffix("\n").split("\n")


def _csv_titles(path: Path, encoding: str) -> list[str]:
    text = path.read_bytes().decode(encoding)
    return [row["title"] for row in csv.DictReader(io.StringIO(text, newline=""))]


def _text_file(path: Path) -> Raw:
    try:
        path.read_bytes().decode("gb18030")
    except UnicodeDecodeError:
        return Raw(path.name, 1, path.stem, broken=True)
    return Raw(path.name, 1, path.stem.partition("-")[2])


def _json_line(file: str, number: int, line: str) -> Raw:
    try:
        value = json.loads(line)
    except json.JSONDecodeError:
        return Raw(file, number, "", broken=True)
    if not isinstance(value, dict) or "text" not in value:
        return Raw(file, number, "", broken=True)
    return Raw(file, number, value["title"])
