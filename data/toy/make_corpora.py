"""Composes data/toy/corpora from data/toy/prose, with planted faults; run: python data/toy/make_corpora.py.

The prose was written for this project. This script lays it out in eight file formats and
plants duplicates, leaked benchmark questions, broken records and texts of extreme length. Its
output is committed, with a list of what it planted in data/toy/planted.json. It is
deterministic and uses nothing of the onestage package.
"""

import csv
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pyarrow as arrow
from pyarrow import parquet

HERE = Path(__file__).parent
OUT = HERE / "corpora"
SOURCES = [
    f"{kind}_{lang}"
    for kind in ("web", "books", "encyclopedia", "literature")
    for lang in ("zh", "en")
]

Document = dict[str, str]

# Small edits that leave a text a near-duplicate: what a second editor would change.
NEAR_EDITS = {
    "zh": [("患者", "病人"), ("通常", "一般"), ("应当", "应该"), ("因此", "所以")],
    "en": [("patients", "people"), ("usually", "commonly"), ("because", "since"), ("often", "frequently")],
}
SHORT = {"zh": ["头痛。", "见上。", "多喝水。"], "en": ["Headache.", "See above.", "Drink water."]}
LEAK_FRAME = {
    "zh": "病例讨论记录第{n}则。{question}{options}讨论到此结束，答案见下一期的讲解。",
    "en": "Notes of teaching round {n}. {question} {options} The discussion goes on next week.",
}


def read_prose(name: str) -> list[Document]:
    """Return the documents of a prose file: `# title`, then paragraphs."""
    text = (HERE / "prose" / f"{name}.md").read_text(encoding="utf-8")
    documents = []
    for block in re.split(r"(?m)^# ", text)[1:]:
        title, _, body = block.partition("\n")
        documents.append({"title": title.strip(), "text": body.strip()})
    return documents


def near_duplicate(document: Document, lang: str) -> Document:
    """Return the document with a few words exchanged and one sentence appended."""
    text = document["text"]
    for old, new in NEAR_EDITS[lang]:
        text = text.replace(old, new, 1)
    addition = "本文由另一位编辑整理。" if lang == "zh" else " Edited by a second hand."
    return {"title": document["title"], "text": text + addition}


def leaked(item: dict[str, Any], lang: str, number: int) -> Document:
    """Return a short text that contains a benchmark question with its options."""
    separator = "；" if lang == "zh" else "; "
    options = separator.join(f"{key}. {text}" for key, text in item["options"].items())
    frame = LEAK_FRAME[lang]
    text = frame.format(n=number, question=item["question"], options=options)
    title = "病例讨论" if lang == "zh" else "Teaching round"
    return {"title": f"{title} {number}", "text": text}


def benchmark_items(name: str) -> list[dict[str, Any]]:
    """Return the items of a toy benchmark that are long enough to be found by 64 characters."""
    path = HERE / "benchmarks" / f"{name}.jsonl"
    items = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [item for item in items if len(item["question"]) >= 100]


def compose() -> tuple[dict[str, list[Document]], list[dict[str, str]]]:
    """Return the documents of every source and the list of what was planted."""
    corpora = {source: read_prose(source) for source in SOURCES}
    planted: list[dict[str, str]] = []

    def plant(source: str, document: Document, what: str, detail: str = "") -> None:
        place = (len(planted) * 7 + 5) % len(corpora[source])
        corpora[source].insert(place, document)
        title = document["title"]
        planted.append({"source": source, "what": what, "title": title, "detail": detail})

    originals = {source: list(documents) for source, documents in corpora.items()}
    for source in SOURCES:
        for document in read_prose(f"{source}.nonmedical"):
            plant(source, document, "nonmedical")
    for lang in ("zh", "en"):
        _plant_duplicates(lang, originals, plant)
        for number, item in enumerate(benchmark_items(f"mc_{lang}")[:4], start=1):
            source = ("web", "literature")[number % 2] + f"_{lang}"
            plant(source, leaked(item, lang, number), "leaked_question", item["id"])
        for number, text in enumerate(SHORT[lang], start=1):
            plant(f"web_{lang}", {"title": f"short {number}", "text": text}, "very_short")
        plant(f"books_{lang}", read_prose(f"books_{lang}.long")[0], "very_long")
    return corpora, planted


def _plant_duplicates(lang: str, originals: dict[str, list[Document]], plant: Any) -> None:
    web, book, entry, paper = (
        f"{kind}_{lang}" for kind in ("web", "books", "encyclopedia", "literature")
    )
    for target, origin, index in ((web, web, 3), (book, book, 8), (web, entry, 5), (paper, book, 20)):
        document = originals[origin][index]
        plant(target, document, "exact_duplicate", f"of {origin}: {document['title']}")
    for target, origin, index in ((web, web, 11), (entry, web, 17), (paper, paper, 23)):
        document = originals[origin][index]
        near = near_duplicate(document, lang)
        plant(target, near, "near_duplicate", f"of {origin}: {document['title']}")


def jsonl(documents: list[Document]) -> bytes:
    """JSON Lines with three broken records: cut off, without text, and no object."""
    lines = [json.dumps(document, ensure_ascii=False) for document in documents]
    lines.insert(9, '{"title": "断行", "text": "这一条记录在中途')
    lines.insert(21, '{"title": "没有正文"}')
    lines.insert(33, "[1, 2, 3]")
    return ("\n".join(lines) + "\n").encode()


def separated(documents: list[Document], separator: str, header: bool, encoding: str) -> bytes:
    """CSV or TSV; TSV knows no quotes, so its paragraphs are joined by spaces."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=separator, lineterminator="\n")
    if header:
        writer.writerow(["title", "text"])
    for document in documents:
        text = document["text"]
        writer.writerow([document["title"], text.replace("\n\n", "") if separator == "\t" else text])
    return stream.getvalue().encode(encoding)


def scripted(text: str) -> str:
    """Return XML text in which superscript digits are elements, as publishers write them."""
    table = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
    return re.sub(
        r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+", lambda run: f"<sup>{run[0].translate(table)}</sup>", escape(text)
    )


def xml_book(documents: list[Document]) -> bytes:
    """One book in XML: sections with a title and paragraphs."""
    sections = []
    for document in documents:
        paragraphs = "\n".join(
            f"    <para>{scripted(paragraph)}</para>" for paragraph in document["text"].split("\n\n")
        )
        sections.append(
            f"  <section>\n    <title>{escape(document['title'])}</title>\n{paragraphs}\n  </section>"
        )
    body = "\n".join(sections)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<book>\n{body}\n</book>\n'.encode()


def write_txt_folder(documents: list[Document], folder: Path) -> None:
    """One GB18030 file a section; one more is cut inside of a character."""
    folder.mkdir()
    for number, document in enumerate(documents, start=1):
        name = re.sub(r"[\\/:*?\"<>|]", "-", document["title"])
        (folder / f"{number:02d}-{name}.txt").write_bytes(document["text"].encode("gb18030"))
    (folder / "99-残缺.txt").write_bytes("这一节的末尾少了半个字".encode("gb18030")[:-1] + b"\xff\xff")


def write_parquet(documents: list[Document], path: Path) -> None:
    """One table with a title and a body column."""
    table = arrow.table(
        {
            "headword": [document["title"] for document in documents],
            "body": [document["text"] for document in documents],
        }
    )
    parquet.write_table(table, path, compression="zstd", store_schema=False)


def main() -> None:
    """Write all corpora anew."""
    corpora, planted = compose()
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    (OUT / "web_zh.jsonl").write_bytes(jsonl(corpora["web_zh"]))
    (OUT / "web_en.csv").write_bytes(separated(corpora["web_en"], ",", True, "utf-8"))
    write_txt_folder(corpora["books_zh"], OUT / "books_zh")
    (OUT / "books_en.xml").write_bytes(xml_book(corpora["books_en"]))
    entries = separated(corpora["encyclopedia_zh"], ",", True, "gb18030")
    (OUT / "encyclopedia_zh.csv").write_bytes(entries)
    write_parquet(corpora["encyclopedia_en"], OUT / "encyclopedia_en.parquet")
    papers = separated(corpora["literature_zh"], "\t", False, "utf-8")
    (OUT / "literature_zh.tsv").write_bytes(papers)
    abstracts = [f"{paper['title']}\n{paper['text']}" for paper in corpora["literature_en"]]
    text = json.dumps(abstracts, ensure_ascii=False, indent=1) + "\n"
    (OUT / "literature_en.json").write_text(text, encoding="utf-8")
    planted += [
        {"source": "web_zh", "what": "broken_record", "title": "", "detail": detail}
        for detail in ("JSON cut off", "no text field", "a list in place of an object")
    ]
    broken = {"source": "books_zh", "what": "broken_record", "title": "99-残缺"}
    planted.append({**broken, "detail": "bytes that are no GB18030"})
    (HERE / "planted.json").write_text(
        json.dumps(planted, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
