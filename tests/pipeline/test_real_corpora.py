"""Collect over every real file: nothing is lost, bent or said twice, by counts of its own.

Records are read by plain means (plain_reading), documents rebuilt from them, and held against
what collect wrote.
"""

import html
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from lxml import etree
from plain_reading import raw_files, raw_text, xml_records
from real_collecting import Collected, Place, place_of
from real_files import FILES, FORMATS, NEEDS_FILES, SOURCES, derive_files, source

from onestage.collect.passages import cut_passages
from onestage.records import Conversation, Rejection
from onestage.sentences import sentences
from onestage.sources import Source

pytestmark = [pytest.mark.xdist_group("real_corpora"), NEEDS_FILES]

XML = [key for key in SOURCES if FORMATS[key] == "xml"]
# What no cut may part.
FORMS = {
    "power of ten": r"10[⁰¹²³⁴-⁹⁺⁻]+(?:/[A-Za-zμ]+)?",
    "script": r"[A-Za-z0-9)\]]+[⁰¹²³⁴-₎]+[A-Za-z0-9]*",
    "script without a form": r"\w+[\^_]\([^()\n]*\)",
    "dose": r"\d+(?:[.,]\d+)* ?(?:[mkμµn]?g|[mdμµ]?[lL]|[mμµn]?mol(?:/[lL])?|mmHg|IU|℃|°C|[%％‰]"
    r"|[cmkμµn]?m[²³]?)(?![A-Za-z])",
    "dose in Chinese": r"\d+(?:\.\d+)?(?:毫克|毫升|微克|千克|公斤|毫米|厘米)",
    "number": r"\d+(?:[.,:]\d+)+",
    "range": r"\d+ ?[～~–-] ?\d+",
    "bound": r"[<>≤≥] ?\d+",
}  # fmt: skip
_FORM = {name: re.compile(form) for name, form in FORMS.items()}
# Of the radicals that are whole characters Unicode maps none; these stand in the files.
_RADICALS = str.maketrans("⻅⻆⻓⻔⻚", "见角长门页")
# What NFKC would make ordinary digits and letters of.
_SCRIPT = re.compile("[²³¹⁰-₎½¼¾㎎㏄℃①-⑳Ⅰ-ⅿ]")
# What a cross-reference without a text of its own gives.
_TARGET = re.compile(r"\[[\w-]+\]")
_MASK = re.compile(r"\[(?:EMAIL|PHONE|ID|RECORD|ACCOUNT)\]")


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Collected]:
    work = tmp_path_factory.mktemp("real")
    derive_files(work)
    return cache(lambda key: Collected(source(key, work), key, work / key))


@pytest.fixture(params=SOURCES, scope="module")
def corpus(request: pytest.FixtureRequest, collected: Callable[[str], Collected]) -> Collected:
    return collected(request.param)


def test_every_file_is_read(tmp_path: Path) -> None:
    manifest = json.loads((FILES / "MANIFEST.json").read_text(encoding="utf-8"))
    named = {
        FILES / entry["name"] / file["file"]
        for entry in manifest["entries"]
        for file in entry["files"]
    }
    read = {path for key in SOURCES for path in raw_files(source(key, tmp_path))}
    assert read == named


def test_every_record_comes_out_once(corpus: Collected) -> None:
    """Each record of the files is a bad one, or a document of which something is told."""
    bad = [place_of(item) for item in corpus.rejected if "found" in item.detail]
    assert sorted(bad) == sorted(place for place, fields in corpus.raw.items() if fields is None)
    told = {(item.file, item.record) for item in corpus.items if not isinstance(item, Rejection)}
    told |= {place_of(item) for item in corpus.rejected}
    assert told == set(corpus.raw)
    assert corpus.counts["records"] == len(corpus.raw) > 0
    assert corpus.counts["documents"] == len(corpus.documents)
    assert sum(corpus.counts["bad_records"].values()) == len(bad)


def test_documents_are_kept_or_rejected(corpus: Collected) -> None:
    kept = {(item.file, item.record) for item in corpus.items if not isinstance(item, Rejection)}
    assert corpus.counts["documents_kept"] == len(kept)
    lost = set(corpus.documents) - kept
    first: dict[Place, str] = {}
    for item in corpus.rejected:
        first.setdefault(place_of(item), item.reason)
    assert corpus.counts["documents_rejected"] == Counter(first[place] for place in lost)
    empty = {place for place, text in corpus.documents.items() if not text}
    assert {place for place in lost if first[place] == "empty"} >= empty
    if corpus.source.kind != "sft":
        assert corpus.counts["documents_rejected"].get("empty", 0) == len(empty)


def test_passages_and_characters_add_up(corpus: Collected) -> None:
    if corpus.source.kind == "sft":
        contents = [
            [message.content for message in item.messages]
            for item in corpus.items
            if isinstance(item, Conversation)
        ]
        assert corpus.counts["chars_kept"] == sum(len("".join(turns)) for turns in contents)
        places = [
            (item.file, item.record) for item in corpus.items if isinstance(item, Conversation)
        ]
        assert ["\n".join(turns) for turns in contents] == [
            corpus.documents[place] for place in places
        ]
        return
    cut = [item for item in corpus.rejected if "start" in item.detail]
    assert corpus.counts["passages"] == len(corpus.kept) + len(cut)
    assert corpus.counts["passages_kept"] == len(corpus.kept)
    assert corpus.counts["passages_rejected"] == Counter(item.reason for item in cut)
    kept = sum(len(item.text) for item in corpus.kept)
    rejected = sum(int(item.detail["end"]) - int(item.detail["start"]) for item in cut)
    chars = sum(map(len, corpus.documents.values()))
    between = [chars for place, spans in corpus.spans() for chars in _between(corpus, place, spans)]
    assert not "".join(between).strip()
    assert [corpus.counts[f"chars{name}"] for name in ("_kept", "_rejected", "_between", "")] == [
        kept,
        rejected,
        sum(map(len, between)),
        chars,
    ]


def _between(corpus: Collected, place: Place, spans: list[tuple[int, int]]) -> list[str]:
    """Return what lies before, between and after the passages of a document."""
    text = corpus.documents[place]
    edges = [0, *(edge for span in spans for edge in span), len(text)]
    return [text[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True)]


def test_passages_are_cut_from_their_documents(corpus: Collected) -> None:
    for item in corpus.kept:
        start, end = item.span
        assert corpus.documents[item.file, item.record][start:end] == item.text
        assert item.text == item.text.strip() != ""
    for item in corpus.rejected:
        if "start" in item.detail:
            start, end = int(item.detail["start"]), int(item.detail["end"])
            text = corpus.documents[place_of(item)][start:end]
            assert text.startswith(str(item.detail.get("excerpt", "")))


def test_passages_follow_one_another(corpus: Collected) -> None:
    for place, spans in corpus.spans():
        edges = [edge for span in spans for edge in span]
        assert edges == sorted(edges), place
        assert all(start < end for start, end in spans)
        assert 0 <= edges[0] <= edges[-1] <= len(corpus.documents[place])


def test_no_cut_parts_a_quantity(corpus: Collected) -> None:
    parted = []
    for place, spans in corpus.spans():
        text = corpus.documents[place]
        for edge in {edge for span in spans for edge in span} - {0, len(text)}:
            parted += [(place, *found) for found in _across(text, edge)]
    assert parted == []


# Each of them is part of a dose or a value; the other forms span several.
_WHOLE = ("power of ten", "script", "dose", "dose in Chinese", "number")


def test_short_passages_part_no_quantity(corpus: Collected) -> None:
    """The same with bounds so tight that most sentences are cut somewhere."""
    parted = []
    for place, text in corpus.documents.items():
        spans = cut_passages(text, sentences(text), min_chars=10, max_chars=60)
        for edge in {edge for span in spans for edge in span} - {0, len(text)}:
            parted += [(place, *found) for found in _across(text, edge) if found[0] in _WHOLE]
    assert parted == []


def _across(text: str, edge: int) -> list[tuple[str, str]]:
    """Return what a cut at this place parts, by the name of its form."""
    window, middle = text[max(0, edge - 40) : edge + 40], min(edge, 40)
    return [
        (name, match[0])
        for name, form in _FORM.items()
        for match in form.finditer(window)
        if match.start() < middle < match.end()
    ]


def test_all_these_forms_are_in_the_files(collected: Callable[[str], Collected]) -> None:
    found = Counter(
        name
        for key in SOURCES
        for text in collected(key).documents.values()
        for name, form in _FORM.items()
        for _ in form.finditer(text)
    )
    assert set(found) == set(FORMS)
    assert min(found.values()) >= 5
    assert found["dose"] > 4000


@pytest.mark.parametrize("key", [key for key in SOURCES if key not in XML])
def test_no_character_of_a_record_is_lost_or_made_up(
    collected: Callable[[str], Collected], key: str
) -> None:
    """Letters and digits of a raw record and of its document are the same, scripts resolved."""
    corpus = collected(key)
    for place, text in corpus.documents.items():
        mapped = _mapped_text(corpus.raw[place] or {}, corpus.source)
        shown = [_letters(piece) for piece in _MASK.split(text)]
        pattern = ".{4,60}?".join(map(re.escape, shown))
        assert re.fullmatch(pattern, _letters(mapped)), (place, mapped, text)
        assert Counter(_SCRIPT.findall(mapped)) <= Counter(_SCRIPT.findall(text)), place


@pytest.mark.parametrize("key", XML)
def test_no_character_of_xml_is_lost_or_made_up(
    collected: Callable[[str], Collected], key: str
) -> None:
    corpus = collected(key)
    names = corpus.source.fields.text
    for path in raw_files(corpus.source):
        for number, record in enumerate(xml_records(path, corpus.source), start=1):
            for name in names:
                fields = corpus.raw[path.name, number] or {}
                texts = (_bare_text(record.xpath(name)), fields[name])
                bare, read = (_letters(_TARGET.sub("", text)) for text in texts)
                assert read == bare


def _bare_text(nodes: list[Any]) -> str:
    """Return all text below some elements, comments apart."""
    return "".join(
        text
        for node in nodes
        for text in (node.xpath(".//text()") if etree.iselement(node) else [node])
    )


def _mapped_text(fields: dict[str, Any], given: Source) -> str:
    """Return the fields that make a document, edited as the source says."""
    mapping = given.fields
    names = [*mapping.instruction, mapping.output] if given.kind == "sft" else mapping.text
    texts = []
    for name in names:
        used = re.findall(r"\{(\w+)\}", name)
        values = {key: _edited(_field(fields, key), given) for key in used or [name]}
        if all(value.strip() for value in values.values()):
            texts.append(name.format_map(values) if used else values[name])
    return "\n".join(texts)


def _edited(text: str, given: Source) -> str:
    for pattern, replacement in given.replace:
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    return text


def _field(fields: dict[str, Any], name: str) -> str:
    value: Any = fields
    for key in [name] if name in fields else name.split("."):
        value = value.get(key)
    return value or ""


def _letters(text: str) -> str:
    for _ in range(3):
        text = re.sub(r"&#?\w+;", lambda found: html.unescape(found[0]), text)
    text = re.sub(r"</?[A-Za-z][^<>]*>|<!--[^<>]*-->", "", text)
    text = re.sub("â[\x80-\x9f].", lambda found: found[0].encode("latin-1").decode(), text)
    folded = unicodedata.normalize("NFKC", text.translate(_RADICALS))
    return "".join(filter(str.isalnum, folded))


def test_no_replacement_character_is_made(corpus: Collected) -> None:
    files = {path.name: raw_text(path, corpus.source) for path in raw_files(corpus.source)}
    for item in corpus.items:
        written = msgspec.json.encode(item).decode()
        file = str(item.detail["file"]) if isinstance(item, Rejection) else item.file
        assert written.count("\ufffd") == 0 or "\ufffd" in files[file]


def test_ids_are_unique(collected: Callable[[str], Collected]) -> None:
    ids = [item.id for key in SOURCES for item in collected(key).items]
    assert len(set(ids)) == len(ids) > 50_000
