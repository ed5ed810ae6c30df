"""Encodings declared or found; a byte that does not decode costs its record alone."""

import codecs
import os
from pathlib import Path

import pytest
from given import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_files import reasons, source, values

from onestage.collect.encodings import resolve_encoding
from onestage.collect.raw import BadRecord
from onestage.errors import InputError
from onestage.sources import Fields

_REAL = Path(os.environ.get("ONESTAGE_REALDATA", ROOT.parent / "shared" / "realdata"))
_ZH = "患者因发热三天入院，体温39℃，给予对症治疗后好转。\n血红蛋白110 g/L，白细胞10×10⁹/L。\n" * 5
_EN = "The patient had a fever of 39°C; the dose was 5 µg – twice a day.\n" * 5


@pytest.mark.parametrize(
    ("text", "codec", "mark", "found"),
    [
        (_ZH, "utf-8", b"", "utf-8"),
        (_ZH, "utf-8", codecs.BOM_UTF8, "utf-8"),
        (_ZH, "gb18030", b"", "gb18030"),
        (_ZH, "utf-16-le", codecs.BOM_UTF16_LE, "utf-16-le"),
        (_ZH, "utf-16-be", codecs.BOM_UTF16_BE, "utf-16-be"),
        (_ZH, "utf-16-le", b"", "utf-16-le"),
        (_EN, "utf-16-be", b"", "utf-16-be"),
        (_EN, "utf-32-le", codecs.BOM_UTF32_LE, "utf-32-le"),
        (_EN, "utf-8", b"", "utf-8"),
        (_EN, "cp1252", b"", "cp1252"),
        ("plain\0 text\n" * 9, "ascii", b"", "utf-8"),
        ("发热", "gb18030", b"", "gb18030"),
    ],
)
def test_encodings_are_found(
    tmp_path: Path, text: str, codec: str, mark: bytes, found: str
) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(mark + text.encode(codec))
    name = resolve_encoding(path, "auto")
    assert (mark + text.encode(codec)).decode(name).lstrip("\ufeff") == text
    assert found in (name, "cp1252")
    lines = values(source(path, record="line", encoding="auto"))
    assert "".join(value["text"] for value in lines) == text + "\n" * (text[-1] != "\n")


@pytest.mark.parametrize("codec", ["utf-8", "gb18030"])
def test_damage_does_not_hide_an_encoding(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes((_ZH * 20).encode(codec) + b"\xff\n" + (_ZH * 20).encode(codec))
    assert resolve_encoding(path, "auto") == codec
    assert reasons(source(path, record="line", encoding="auto")).count("undecodable") == 1


@pytest.mark.parametrize("declared", ["klingon", "rot13", "utf-7", "unicode_escape"])
def test_what_is_no_encoding_of_lines_is_refused(tmp_path: Path, declared: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "a"}')
    with pytest.raises(InputError, match=f"{path}: .*encoding"):
        values(source(path, encoding=declared))


_BAD = {"utf-8": b"\xff", "gb18030": b"\xff", "utf-16": b"\x00\xdc", "big5": b"\xff"}


@pytest.mark.parametrize("codec", _BAD)
@pytest.mark.parametrize("layout", ["jsonl", "json", "csv", "tsv", "txt"])
@pytest.mark.parametrize("shard_bytes", [16, 2**24])
def test_a_bad_byte_costs_its_record_alone(
    tmp_path: Path, codec: str, layout: str, shard_bytes: int
) -> None:
    path = tmp_path / f"a.{layout}"
    begin = {"json": '["高", "火', "jsonl": '"高"\n"火', "txt": "高\n火"}.get(
        layout, "text\n高\n火"
    )
    end = {"json": '了", "好\ufffd"]', "jsonl": '了"\n"好\ufffd"\n'}.get(layout, "了\n好\ufffd\n")
    if codec == "big5":  # it has no such character
        end = end.replace("\ufffd", "")
    first = begin.encode(codec)
    last = end.encode("utf-16-le" if codec == "utf-16" else codec)
    path.write_bytes(first + _BAD[codec] + last)
    good, bad, after = values(
        source(path, encoding=codec, record="line" if layout == "txt" else ""),
        shard_bytes=shard_bytes,
    )
    assert good["text"].strip() == "高"
    assert after["text"].strip() == "好" + "\ufffd" * (codec != "big5")
    assert isinstance(bad, BadRecord)
    assert bad.reason == "undecodable"
    assert f"at byte {len(first)} " in bad.detail


@pytest.mark.parametrize("layout", ["txt", "csv"])
def test_lone_carriage_returns_keep_damage_apart(tmp_path: Path, layout: str) -> None:
    path = tmp_path / f"a.{layout}"
    path.write_bytes(b"text\rone\rtw\xffo\rthree\r\nfour\r\r\nfive\n")
    given = source(path, record="line" if layout == "txt" else "")
    found = values(given)[layout == "txt" :]
    texts = [value.reason if isinstance(value, BadRecord) else value["text"] for value in found]
    assert [text.strip() for text in texts] == ["one", "undecodable", "three", "four", "five"]
    assert found[1].detail.startswith("byte 0xff at byte 11 ")


@given(
    lines=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"))),
    codec=st.sampled_from(["utf-8", "gb18030", "utf-16-le", "utf-16-be", "utf-32-le", "cp037"]),
    shard_bytes=st.integers(1, 40),
)
@settings(max_examples=60, deadline=None)
def test_lines_come_back_in_any_encoding(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], codec: str, shard_bytes: int
) -> None:
    kept = [line for line in lines if line.encode(codec, "ignore").decode(codec) == line]
    path = tmp_path_factory.mktemp("a") / "a.txt"
    kept = ["x", *kept]
    path.write_bytes("".join(f"{line}\n" for line in kept).encode(codec))
    found = values(source(path, encoding=codec, record="line"), shard_bytes=shard_bytes)
    assert [value["text"] for value in found] == [f"{line}\n" for line in kept]


@pytest.mark.skipif(not _REAL.exists(), reason="the real files are not here")
def test_the_classic_that_does_not_decode_throughout() -> None:
    (path,) = (_REAL / "book_zh_tcm_classics").glob("203-*.txt")
    for encoding in ("gb18030", "auto"):
        found = values(source(path, format="txt", record="line", encoding=encoding))
        bad = [value.detail for value in found if isinstance(value, BadRecord)]
        assert "at byte 27395 " in bad[0]
        assert len(bad) < 10
        assert "\ufffd" not in str(found)


@pytest.mark.skipif(not _REAL.exists(), reason="the real files are not here")
def test_one_table_in_three_encodings() -> None:
    folder = _REAL / "fixture_encodings_cmmlu_anatomy"
    declared = {"gbk": "gb18030", "utf16le": "utf-16", "utf8bom_crlf": "utf-8"}
    found = [
        values(source(path, format="csv", encoding=encoding, fields=Fields(text=["Question"])))
        for path in sorted(folder.iterdir())
        for encoding in ("auto", declared[path.stem.split("_", 1)[1]])
    ]
    assert len(found) == 6
    assert len(found[0]) == 148
    assert all(records == found[0] for records in found)
