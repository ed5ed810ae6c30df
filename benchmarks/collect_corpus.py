"""Generates a mixed raw corpus of a stated size for the benchmarks of collect.

    python benchmarks/collect_corpus.py FOLDER [--megabytes 300] [--seed 1]
    python benchmarks/collect_corpus.py FOLDER --single-file --megabytes 2000

Clauses of the toy prose are joined at random, with numbers and words that vary, so that the
text means little but has the statistics that matter for speed: words, lengths, marks, and
passages that differ from one another. Planted are what a raw corpus has: exact and
near-duplicates (5 %), general text beside medical, personal data, boilerplate, menus, repeated
lines, symbols and short fragments. The same seed gives the same bytes on any machine, with any
number of processes. `corpus.json` in FOLDER lists the sources as params.yaml names them.
"""

import csv
import io
import json
import os
import re
from collections.abc import Iterator
from functools import cache, partial
from html import escape
from multiprocessing import get_context
from multiprocessing.pool import Pool
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import click

PROSE = Path(__file__).parent.parent / "data" / "toy" / "prose"
BLOCK_BYTES = 1_000_000
KINDS = ("web", "books", "encyclopedia", "literature")

Document = dict[str, str]


class Layout(NamedTuple):
    """A source: its share of the bytes, what it is, and how a block of documents is written."""

    key: str
    path: str
    format: str
    lang: str
    kind: str
    share: float
    medical: float  # share of documents
    paragraphs: int  # at most, a document
    fields: dict[str, Any]
    options: dict[str, str]


LAYOUTS = (
    Layout("web_zh", "web_zh.jsonl", "jsonl", "zh", "web", 0.34, 0.4, 6,
           {"title": "title", "text": ["text"]}, {}),
    Layout("web_en", "web_en.jsonl", "jsonl", "en", "web", 0.21, 0.4, 6,
           {"title": "title", "text": ["text"]}, {}),
    Layout("forum_zh", "forum_zh.csv", "csv", "zh", "web", 0.12, 0.8, 2,
           {"title": "title", "text": ["ask", "answer"]}, {}),
    Layout("papers_en", "papers_en.csv", "csv", "en", "literature", 0.08, 0.6, 2,
           {"title": "title", "text": ["abstract"]}, {}),
    Layout("books_zh", "books_zh", "txt", "zh", "book", 0.12, 0.8, 60,
           {"title": "title", "text": ["text"]}, {"include": "*.txt", "record": "file"}),
    Layout("entries_en", "entries_en", "xml", "en", "encyclopedia", 0.08, 0.7, 4,
           {"title": "title", "text": ["para"]}, {"include": "*.xml", "record": "//entry"}),
    Layout("pages_en", "pages_en", "html", "en", "web", 0.05, 0.4, 6,
           {"title": "title", "text": ["text"]}, {"include": "*.html"}),
)  # fmt: skip

# General sentences are made of these: who does what, with what, where and when.
GENERAL = {
    "zh": (
        ("这家公司", "球队", "市政府", "摄影爱好者", "一位作家", "车站附近的店主", "教练", "设计师",
         "出版社", "游客", "村里的老人", "工程师", "导演", "学校", "菜市场", "航空公司"),
        ("在上周末", "去年春天", "连续第三年", "经过半年准备", "今天早晨", "比赛结束后",
         "出人意料地", "按照计划", "在大雨中", "与邻城一起", "第一次", "悄悄地"),
        ("推出了", "修好了", "谈到", "展示了", "卖掉了", "收集了", "参观了", "改建了", "讨论了",
         "预订了", "拍下了", "宣布了", "比较了"),
        ("一款新手机", "旧钢琴", "决赛的门票", "山路上的桥", "秋季菜单", "二手汽车", "一场音乐会",
         "一部纪录片", "老街的门牌", "电影票价", "河边的步道", "新的航线", "木质家具"),
    ),
    "en": (
        ("The company", "Our team", "The city council", "A photographer", "The author",
         "A shopkeeper", "The coach", "The designer", "A small publisher", "Most tourists",
         "The engineer", "The director", "A local school", "The airline", "My neighbour"),
        ("last weekend", "in spring", "for the third year", "after months of work",
         "this morning", "to everyone's surprise", "as planned", "in heavy rain", "quietly",
         "for the first time"),
        ("sold", "repaired", "talked about", "showed", "collected", "visited", "rebuilt",
         "discussed", "booked", "filmed", "announced", "compared", "painted"),
        ("a new phone", "an old piano", "tickets for the final", "the bridge on the mountain road",
         "the autumn menu", "a used car", "the grass of the stadium", "a documentary",
         "the price of cinema tickets", "the path along the river", "a new route", "oak furniture"),
    ),
}  # fmt: skip
AMOUNTS = {
    "zh": ("约{}%", "每次{} mg", "共{}例", "{}～70岁", "持续{}天", "{}×10⁹/L", "{} mmHg", "第{}页",
           "（P<0.0{}）", "剂量为{} mg/d", "编号{}", "占{}/100"),
    "en": ("in {}% of cases", "{} mg daily", "n = {}", "for {} days", "at {} mmHg", "{}×10⁹/L",
           "(p < 0.0{})", "{} mL/min", "aged {} years", "number {}", "after {} h", "pH 7.{}"),
}  # fmt: skip
BOILERPLATE = {
    "zh": ("版权所有，未经许可不得转载。", "点击关注公众号，获取更多资讯。",
           "以上内容仅供参考，不能代替面诊。", "本文来源于网络，如有侵权请联系删除。"),
    "en": ("All rights reserved.", "Subscribe to our newsletter for more stories like this.",
           "This content is for information only and is no substitute for advice.",
           "We use cookies to improve your experience on this site."),
}  # fmt: skip
MENUS = {
    "zh": "首页\n上一页\n下一页\n登录 | 注册 | 收藏\n相关阅读",
    "en": "Home\nNext\nPrevious\nLog in | Register | Share\nRead more",
}
PERSONAL = {
    "zh": ("联系电话1{}。", "请发邮件至reader{}@example.com。", "住院号{}，请核对。"),
    "en": ("Call 555-{}.", "Write to reader{}@example.com for details.", "MRN {} was checked."),
}
NEAR_EDITS = {
    "zh": (("可以", "能够"), ("因此", "所以"), ("患者", "病人"), ("，", "，也")),
    "en": ((" because ", " since "), (" often ", " frequently "), (" patients ", " people "),
           (" the ", " this ")),
}  # fmt: skip
HEADINGS = {
    "zh": ("一、概述", "二、临床表现", "三、治疗", "四、注意事项"),
    "en": ("Overview", "Signs", "Treatment", "Notes"),
}
SYMBOLS = "★☆■□◆◇▲△●○※→←↑↓|/\\=+-_~^*#@$%&<>{}[]"


@cache
def clauses(lang: str, *, medical: bool) -> tuple[str, ...]:
    """Return the clauses of the toy prose, without the marks at their ends."""
    names = [f"{kind}_{lang}{'' if medical else '.nonmedical'}.md" for kind in KINDS]
    text = "\n".join((PROSE / name).read_text(encoding="utf-8") for name in names)
    lines = [line for line in text.split("\n") if line and not line.startswith("#")]
    marks = r"[，。；：！？]" if lang == "zh" else r"(?<=[a-z])[,.;:!?] "
    parts = (part.strip(" .") for line in lines for part in re.split(marks, line))
    shortest = 5 if lang == "zh" else 20
    return tuple(part for part in parts if shortest <= len(part) <= 20 * shortest)


class Writer:
    """Composes documents of one block; all that it draws comes from one seeded generator."""

    def __init__(self, drawn: Random, layout: Layout) -> None:
        self._drawn = drawn
        self._layout = layout
        self._lang = layout.lang
        self._made: list[Document] = []

    def _one(self, items: tuple[str, ...]) -> str:
        return items[int(self._drawn.random() * len(items))]

    def _amount(self) -> str:
        return self._one(AMOUNTS[self._lang]).format(self._drawn.randrange(2, 990))

    def _sentence(self, *, medical: bool) -> str:
        zh = self._lang == "zh"
        if not medical and self._drawn.random() < 0.6:
            words = [self._one(part) for part in GENERAL[self._lang]]
            more = clauses(self._lang, medical=False)
            tail = self._one(more) if self._drawn.random() < 0.5 else self._amount()
            words.append(f"，{tail}" if zh else f", {tail}")
        else:
            count = 2 + int(self._drawn.random() * 3)
            chosen = [self._one(clauses(self._lang, medical=medical)) for _ in range(count)]
            if self._drawn.random() < 0.4:
                chosen.insert(1, self._amount())
            words = ["，".join(chosen) if zh else ", ".join(chosen)]
        if zh:
            return f"{''.join(words)}。"
        text = " ".join(words).replace(" , ", ", ")
        return f"{text[:1].upper()}{text[1:]}."

    def _paragraph(self, *, medical: bool) -> str:
        count = 2 + int(self._drawn.random() * 6)
        joint = "" if self._lang == "zh" else " "
        return joint.join(self._sentence(medical=medical) for _ in range(count))

    def _prose(self) -> Document:
        medical = self._drawn.random() < self._layout.medical
        count = 1 + int(self._drawn.random() * self._layout.paragraphs)
        parts: list[str] = []
        for number in range(count):
            if count > 2 and number % 3 == 0:
                parts.append(self._one(HEADINGS[self._lang]))
            parts.append(self._paragraph(medical=medical))
        if self._layout.kind == "web":
            self._add_residue(parts)
        title = self._sentence(medical=medical)[:40].rstrip("。. ")
        return {"title": title, "text": "\n".join(parts)}

    def _add_residue(self, parts: list[str]) -> None:
        """Add what surrounds the text of a web page, to some."""
        chance = self._drawn.random()
        if chance < 0.25:
            parts.append(self._one(BOILERPLATE[self._lang]))
        elif chance < 0.32:
            parts.insert(0, MENUS[self._lang])
        elif chance < 0.37:
            number = self._drawn.randrange(3_000_000_000, 9_999_999_999)
            parts.append(self._one(PERSONAL[self._lang]).format(number))
        elif chance < 0.39:
            parts.extend([self._sentence(medical=False)] * 5)

    def _junk(self) -> Document:
        """Symbols, or a fragment."""
        if self._drawn.random() < 0.5:
            text = "".join(self._one(tuple(SYMBOLS)) for _ in range(200))
        else:
            text = self._one(HEADINGS[self._lang])
        return {"title": "", "text": text}

    def _near(self, document: Document) -> Document:
        text = document["text"]
        for old, new in NEAR_EDITS[self._lang]:
            text = text.replace(old, new, 1)
        return {"title": document["title"], "text": text + self._sentence(medical=False)}

    def document(self) -> Document:
        """Return a new document, junk (4 %), or a copy of a former one (5 %, half of it edited)."""
        chance = self._drawn.random()
        if chance < 0.05 and self._made:
            former = self._made[int(self._drawn.random() * len(self._made))]
            return former if chance < 0.025 else self._near(former)
        made = self._junk() if chance > 0.96 else self._prose()
        self._made.append(made)
        return made


def block(layout: Layout, seed: int, size: int, number: int) -> list[Document]:
    """Return the documents of a block of about `size` bytes; any process makes the same ones."""
    # A generator seeded by a string draws the same on every machine and with any hash seed.
    writer = Writer(Random(f"{seed}/{layout.key}/{number}"), layout)  # noqa: S311
    documents: list[Document] = []
    while size > 0:
        documents.append(writer.document())
        size -= len(documents[-1]["text"].encode()) + 40
    return documents


def rendered(layout: Layout, seed: int, size: int, number: int) -> list[bytes]:
    """Return a block as it stands in its file, or file by file where each is a document."""
    documents = block(layout, seed, size, number)
    if layout.format == "jsonl":
        return [_jsonl(f"https://example.com/{layout.key}/{number}", documents)]
    if layout.format == "csv":
        return [_csv(layout, documents, with_header=number == 0)]
    if layout.format == "xml":
        return [_xml(documents)]
    if layout.format == "html":
        return list(map(_html, documents))
    return [document["text"].encode() for document in documents]


def _jsonl(url: str, documents: list[Document]) -> bytes:
    lines = (
        json.dumps({"url": f"{url}/{place}", **document}, ensure_ascii=False)
        for place, document in enumerate(documents)
    )
    return "".join(f"{line}\n" for line in lines).encode()


def _inline_html(text: str) -> str:
    """Return text as it stands in columns that were pages: entities, breaks, scripts."""
    text = escape(text, quote=False).replace("10⁹", "10<sup>9</sup>")
    return text.replace("\n", "<br>").replace(" mg", "&nbsp;mg")


def _csv(layout: Layout, documents: list[Document], *, with_header: bool) -> bytes:
    stream = io.StringIO(newline="")
    rows = csv.writer(stream, lineterminator="\n")
    if with_header:
        rows.writerow([layout.fields["title"], *layout.fields["text"]])
    for document in documents:
        texts = document["text"].split("\n", len(layout.fields["text"]) - 1)
        texts += [""] * (len(layout.fields["text"]) - len(texts))
        rows.writerow([document["title"], *map(_inline_html, texts)])
    return stream.getvalue().encode()


def _xml(documents: list[Document]) -> bytes:
    entries: list[str] = []
    for document in documents:
        paras = "".join(f"<para>{escape(line)}</para>\n" for line in document["text"].split("\n"))
        entries.append(f"<entry>\n<title>{escape(document['title'])}</title>\n{paras}</entry>\n")
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    return f"{head}\n<entries>\n{''.join(entries)}</entries>\n".encode()


def _html(document: Document) -> bytes:
    title = escape(document["title"])
    body = "".join(f"<p>{escape(line)}</p>\n" for line in document["text"].split("\n"))
    menu = "<nav><ul><li><a href='/'>Home</a></li><li><a href='/a'>About</a></li></ul></nav>"
    return (
        f"<!DOCTYPE html><html><head><title>{title}</title></head><body>{menu}"
        f"<article><h1>{title}</h1>\n{body}</article>"
        "<footer>All rights reserved.</footer></body></html>\n"
    ).encode()


def generate(folder: Path, layout: Layout, *, megabytes: float, seed: int, pool: Pool) -> int:
    """Write one source and return its size in bytes."""
    size = int(megabytes * 1e6)
    numbers = range(max(1, round(size / BLOCK_BYTES)))
    blocks = pool.imap(partial(rendered, layout, seed, size // len(numbers)), numbers)
    if layout.format in {"txt", "html", "xml"}:
        return _write_files(folder / layout.path, layout.format, blocks)
    return _write_file(folder / layout.path, blocks)


def _write_file(path: Path, blocks: Iterator[list[bytes]]) -> int:
    with path.open("wb") as stream:
        for parts in blocks:
            stream.writelines(parts)
        return stream.tell()


def _write_files(folder: Path, ending: str, blocks: Iterator[list[bytes]]) -> int:
    folder.mkdir(exist_ok=True)
    written = 0
    for place, part in enumerate(part for parts in blocks for part in parts):
        written += (folder / f"{place:06d}.{ending}").write_bytes(part)
    return written


def described(layout: Layout) -> dict[str, object]:
    """Return a source as the section `sources` describes it, its path within the folder."""
    return {
        "path": layout.path,
        "kind": layout.kind,
        "lang": layout.lang,
        "format": layout.format,
        "fields": layout.fields,
        **layout.options,
    }


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--megabytes", default=300.0, show_default=True, help="Size of the whole, 10⁶ bytes.")
@click.option("--seed", default=1, show_default=True)
@click.option("--single-file", is_flag=True, help="Only web_zh, one file of the whole size.")
@click.option("--processes", default=os.cpu_count() or 1, show_default=True)
def main(folder: Path, megabytes: float, seed: int, single_file: bool, processes: int) -> None:
    """Write the corpus and a description of its sources."""
    folder.mkdir(parents=True, exist_ok=True)
    layouts = [LAYOUTS[0]._replace(share=1.0)] if single_file else list(LAYOUTS)
    with get_context("spawn").Pool(processes) as pool:
        for layout in layouts:
            size = megabytes * layout.share
            written = generate(folder, layout, megabytes=size, seed=seed, pool=pool)
            print(f"{layout.path}: {written / 1e6:.1f} MB")
    sources = {layout.key: described(layout) for layout in layouts}
    text = json.dumps(sources, ensure_ascii=False, indent=2)
    (folder / "corpus.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
