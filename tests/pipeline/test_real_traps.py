"""Each trap of the real files by itself: what stands there, and what collect makes of it."""

import csv
import io
import json
import re
import shutil
import unicodedata
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree
from plain_reading import codec, raw_files, raw_text
from real_collecting import Collected, place_of
from real_files import FILES, NEEDS_FILES, choices, derive_files, source

from onestage.collect.merging import Collected as Item
from onestage.records import Conversation, Rejection

pytestmark = [pytest.mark.xdist_group("real_traps"), NEEDS_FILES]

KANGXI = re.compile("[\u2f00-\u2fd5]")
CLASSICS = FILES / "book_zh_tcm_classics"
FIXTURES = FILES / "fixture_encodings_cmmlu_anatomy"


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("traps")
    derive_files(folder)
    return folder


@pytest.fixture(scope="module")
def collected(work: Path) -> Callable[..., Collected]:
    """Return a call that collects a source, changed as it says."""
    made: dict[str, Collected] = {}

    def collect(key: str, *, called: str = "", **more: object) -> Collected:
        name = key + str(sorted(more.items(), key=str))
        if name not in made:
            made[name] = Collected(source(key, work, **more), called or key, work / str(len(made)))
        return made[name]

    return collect


Collect = Callable[..., Collected]


def texts(corpus: Collected) -> list[str]:
    """Return everything that is passed on."""
    return [
        text
        for item in corpus.items
        if not isinstance(item, Rejection)
        for text in (
            [message.content for message in item.messages]
            if isinstance(item, Conversation)
            else [item.text, item.title]
        )
    ]


# Radicals in the place of ideographs


def test_radicals_are_in_one_file() -> None:
    found = {
        path.name: len(KANGXI.findall(path.read_text(encoding="utf-8")))
        for path in FILES.glob("bench_cmmlu_*/*.csv")
    }
    assert {name: count for name, count in found.items() if count} == {
        "test_computer_science.csv": 605
    }


def test_radicals_become_ideographs(collected: Collect) -> None:
    corpus = collected("general_cmmlu_zh")
    seen = 0
    for place, fields in corpus.raw.items():
        raw = "".join(str((fields or {})[name]) for name in corpus.source.fields.text)
        document = corpus.documents[place]
        meant = Counter(map(ordinary, KANGXI.findall(raw)))
        seen += meant.total()
        assert all(document.count(sign) == raw.count(sign) + n for sign, n in meant.items())
        assert not re.search("[\u2e80-\u2fd5]", document)
    assert seen == 605


def ordinary(radical: str) -> str:
    return unicodedata.normalize("NFKC", radical)


# Line ends, colons and broken bytes of the classics


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        ("000-神农本草经.txt", {"\r\r\n": 378, "\r\n": 4712, "\n": 378}),
        ("001-吴普本草.txt", {"\r\r\n": 231, "\r\n": 1712, "\n": 231}),
        ("130-济生集.txt", {"\r\n": 240, "\n": 907}),
        ("153-小儿卫生总微论方.txt", {"\r\n": 672, "\n": 7762}),
    ],
)
def test_mixed_line_ends_part_lines(collected: Collect, name: str, ends: dict[str, int]) -> None:
    """Each line of the file, however it ends, is one line of a document."""
    raw = (CLASSICS / name).read_bytes().decode("gb18030")
    assert Counter(re.findall(r"\r\r\n|\r\n|\n|\r", raw)) == ends
    corpus = collected("classics_zh", include=name, wrapped=False, replace=[])
    lines = [line for text in corpus.documents.values() for line in text.split("\n") if line]
    is_heading = re.compile(corpus.source.heading).match
    expected = [
        spaced(line)
        for line in re.split(r"\r*\n", raw)
        if spaced(line) and not is_heading(line)
    ]  # fmt: skip
    assert lines == expected


def spaced(line: str) -> str:
    """Return a line of the classics as it must look: the full-width space is one, too."""
    line = re.sub("[ \u3000\t]+", " ", line.replace("∶", "：")).strip()
    return "".join(
        unicodedata.normalize("NFKC", sign)
        if sign.isalnum() and "\uff00" < sign < "\uff5f"
        else sign
        for sign in line
    )


def test_the_sign_of_ratios_is_a_colon(collected: Collect) -> None:
    raw = [raw_text(path, source("classics_zh", Path())) for path in CLASSICS.glob("*.txt")]
    assert sum(text.count("∶") for text in raw) > 3000
    corpus = collected("classics_zh")
    assert not [text for text in texts(corpus) if re.search("[∶\r]", text)]
    assert not [text for text in corpus.documents.values() if re.search("[∶\r]", text)]


def test_wrapped_lines_are_whole_sentences(collected: Collect) -> None:
    """The first lines of a file whose lines have 78 columns, read by eye."""
    (document,) = [
        text
        for (name, _), text in collected("classics_zh").documents.items()
        if name.startswith("000") and text.startswith("《记》曰")
    ]
    assert document.split("\n")[0].startswith(
        "《记》曰：医不三世，不服其药。郑康成曰：慎物齐也。孔冲远引旧说云：三世者，一曰《黄帝针灸》，"
        "二曰《神农本草》，三曰《素女脉诀》。康成《周礼注》亦曰：五药，草、木、虫、石、谷也。"
    )


@pytest.mark.parametrize("encoding", ["gb18030", "auto"])
def test_broken_bytes_cost_their_sections(collected: Collect, encoding: str) -> None:
    name = "203-婴童类萃.txt"
    corpus = collected("classics_zh", include=name, encoding=encoding)
    data, faults = (CLASSICS / name).read_bytes(), list[int]()
    while True:
        begin = faults[-1] + 2 if faults else 0
        try:
            data[begin:].decode("gb18030")
            break
        except UnicodeDecodeError as error:
            faults.append(begin + error.start)
    assert faults[0] == 27395
    bad = [item for item in corpus.rejected if item.reason == "undecodable"]
    assert [str(item.detail["found"]) for item in bad] == [
        f"byte 0x{data[fault]:02x} at byte {fault} does not decode as gb18030" for fault in faults
    ]
    assert len(corpus.documents) == data.count("<篇名>".encode("gb18030")) - len(bad)
    assert not [text for text in texts(corpus) if re.search("[\ufffd\ud800-\udfff]", text)]


# Residue, empty and stock answers


def test_residue_of_the_encyclopedia(collected: Collect) -> None:
    corpus = collected("encyclopedia_zh")
    data = (FILES / "ency_zh_disease_gbk" / "disease_part1.csv").read_bytes().decode("gb18030")
    rows = list(csv.reader(io.StringIO(data, newline="")))
    assert rows[0][-5:] == [""] * 5
    assert all(row[-5:] == [""] * 5 for row in rows)
    assert sum(cell.endswith("[详细]") for row in rows for cell in row) > 20_000
    assert corpus.counts["records"] == len(rows) - 1
    assert corpus.counts["bad_records"] == {}
    assert not [text for text in texts(corpus) if "详细]" in text or "..." in text]
    first = corpus.documents["disease_part1.csv", 1]
    assert (
        "阳痿的典型症状：心理性性功能障碍、男子性功能障碍、雄激素过少、精冷不育、脉涩或结。"
        in first
    )
    assert "他达拉非片" in first
    assert "枸橼酸西地那非" not in first  # it stands there cut short


def test_answers_that_were_taken_out(collected: Collect) -> None:
    corpus = collected("withheld_en")
    pairs = sum(path.read_bytes().count(b"<QAPair ") for path in raw_files(corpus.source))
    assert pairs == 141
    assert corpus.kept == []
    assert [item.reason for item in corpus.items if isinstance(item, Rejection)] == ["empty"] * 141
    assert corpus.counts["documents_rejected"] == {"empty": 141}


def test_repeated_answers_stay_once(collected: Collect) -> None:
    """Answers of doctors: of those that read the same one stays, of near ones the first."""
    corpus = collected("web_zh", replace=[])
    reasons = Counter(item.reason for item in corpus.rejected)
    read = [letters(item.text) for item in corpus.kept]
    assert len(set(read)) == len(read)
    left = {item.id: item.text for item in corpus.kept}
    for item in corpus.rejected:
        if item.reason in ("exact_duplicate", "near_duplicate"):
            text = corpus.documents[place_of(item)]
            mine = letters(text[int(item.detail["start"]) : int(item.detail["end"])])
            other = letters(left[str(item.detail["kept"])])
            assert similarity(mine, other) == pytest.approx(item.detail["similarity"], abs=1e-4)
            assert (mine == other) == (item.reason == "exact_duplicate")
    assert reasons["exact_duplicate"] >= 100
    assert reasons["near_duplicate"] >= 5


def similarity(left: str, right: str) -> float:
    """Return the Jaccard similarity of 5-grams."""
    one, other = ({text[at : at + 5] for at in range(len(text) - 4)} for text in (left, right))
    return len(one & other) / len(one | other)


def test_stock_phrases_stay_where_they_say_little(collected: Collect) -> None:
    """A phrase of 120 answers is no reason to drop an answer that says more."""
    phrase = "祝患者身体早日恢复健康"
    corpus = collected("web_zh", replace=[])
    assert sum(phrase in text for text in corpus.documents.values()) > 40
    assert sum(phrase in item.text for item in corpus.kept) > 20
    limit = choices().boilerplate.max_share
    for item in corpus.rejected:
        if item.reason == "boilerplate":
            assert float(item.detail["share"]) > limit


def letters(text: str) -> str:
    """Return what counts when texts are compared: no case, width, white space, punctuation.

    A point, a dash, a colon or a stroke within a number makes another number.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    held = re.sub(r"(?<=\d)[./:-](?=\d)", lambda found: chr(0xE000 + ord(found[0])), folded)
    return "".join(sign for sign in held if sign >= "\ue000" or _counts(sign))


def _counts(sign: str) -> bool:
    return unicodedata.category(sign)[0] not in "PZC"


# Containers and encodings


def same_items(items: list[Item], others: list[Item]) -> bool:
    """Compare what was collected, but for the names of files."""
    return [_nameless(item) for item in items] == [_nameless(item) for item in others]


def _nameless(item: Item) -> str:
    found = json.loads(json.dumps(_plain(item), ensure_ascii=False))
    found.pop("file", None)
    found.get("detail", {}).pop("file", None)
    return json.dumps(found, ensure_ascii=False)


def _plain(item: Item) -> dict[str, object]:
    return {
        name: [[turn.role, turn.content] for turn in value] if name == "messages" else value
        for name in item.__struct_fields__
        for value in [getattr(item, name)]
    }


def test_json_lines_by_another_name(work: Path, collected: Collect) -> None:
    expected = collected("sft_zh")
    copy = work / "llama_data.json"
    shutil.copyfile(expected.source.path, copy)
    found = collected("sft_zh", path=str(copy), format="json")
    assert found.counts == expected.counts
    assert found.counts["documents_kept"] > 8000
    assert same_items(found.items, expected.items)


@pytest.mark.parametrize("encoding", ["declared", "auto"])
@pytest.mark.parametrize(
    ("name", "declared"),
    [
        ("anatomy_gbk.csv", "gb18030"),
        ("anatomy_utf8bom_crlf.csv", "utf-8"),
        ("anatomy_utf16le.csv", "utf-16"),
    ],
)
def test_three_encodings_are_one_text(
    collected: Collect, name: str, declared: str, encoding: str
) -> None:
    original = FILES / "bench_cmmlu_medical" / "test_anatomy.csv"
    expected = collected("cmmlu_zh", called="q", path=str(original))
    found = collected(
        "cmmlu_zh",
        called="q",
        path=str(FIXTURES / name),
        encoding=declared if encoding == "declared" else "auto",
    )
    assert len(expected.kept) > 30
    assert found.counts == expected.counts
    assert same_items(found.items, expected.items)


def test_the_fixtures_are_what_they_are_called() -> None:
    given = source("encodings_zh", Path())
    data = {path.name: path.read_bytes() for path in raw_files(given)}
    assert {name: codec(given, content) for name, content in data.items()} == {
        "anatomy_gbk.csv": "gb18030",
        "anatomy_utf8bom_crlf.csv": "utf-8-sig",
        "anatomy_utf16le.csv": "utf-16",
    }


# Entities and tags of PubMed

_SUPER = dict(zip("0123456789+-−=()n®", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ®", strict=True))
_SUB = dict(zip("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎", strict=True))


def test_entities_and_scripts_of_abstracts(collected: Collect) -> None:
    corpus = collected("literature_en")
    tags = 0
    for place, fields in corpus.raw.items():
        raw = (fields or {})["text"]
        document = corpus.documents[place]
        for tag, content in re.findall(r"<(su[bp])>([^<]*)</su[bp]>", raw):
            table, mark = (_SUPER, "^") if tag == "sup" else (_SUB, "_")
            plain = content.replace("&#174;", "®").replace("&#8224;", "†").strip()
            is_formed = all(sign in table for sign in plain)
            expected = "".join(map(table.get, plain)) if is_formed else f"{mark}({plain})"
            assert expected in document, (place, content)
            tags += 1
        assert not re.search(r"</?[a-z]+>|&#?\w+;", document)
    assert tags == 334
    kept = "\n".join(item.text for item in corpus.kept)
    # as they stand there, with another sign for the product and a narrow space before the unit
    assert len(re.findall(r"\d ?[×·] ?10⁻⁹", "\n".join(corpus.documents.values()))) >= 2
    assert re.search(r"10⁻[⁰-⁹¹²³]", kept)


# A preface in several modules


def test_a_preface_of_several_modules(tmp_path: Path, collected: Collect) -> None:
    """The same paragraphs before the text of ten modules; three of them may keep it."""
    book = FILES / "book_en_openstax_pharmacology"
    preface = _paragraphs(book / "m00482.cnxml")[0:3:2]
    assert 700 < sum(map(len, preface)) < 900
    for path in sorted(book.glob("m00*.cnxml"))[:10]:
        own = _paragraphs(path)
        lines = [f"{path.stem}", *preface, *own]
        (tmp_path / f"{path.stem}.txt").write_text("\n".join(lines), encoding="utf-8")
    corpus = collected(
        "plays_en", path=str(tmp_path), record="file", include="*.txt", min_density=0.0
    )
    begin = preface[0][:60]
    kept = [item.file for item in corpus.kept if begin in item.text]
    allowed = choices().boilerplate.min_documents
    names = sorted(path.name for path in tmp_path.iterdir())
    assert kept == names[:allowed]
    dropped = [item for item in corpus.rejected if begin[:20] in str(item.detail.get("excerpt"))]
    assert {item.reason for item in dropped} == {"boilerplate"}
    assert [item.detail["file"] for item in dropped] == names[allowed:]
    assert {item.file for item in corpus.kept} == set(names)  # their own text stays


def _paragraphs(path: Path) -> list[str]:
    root = etree.parse(path).getroot()
    found = (" ".join("".join(node.itertext()).split()) for node in root.iter("{*}para"))
    return [text for text in found if len(text) > 100]
