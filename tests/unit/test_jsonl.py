from pathlib import Path

import pytest
from given import conversation, passage, read_lines, write_records
from hypothesis import given
from hypothesis import strategies as st

from onestage import jsonl
from onestage.errors import InputError
from onestage.records import Conversation, Draw, Passage

_TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), max_size=10)


@given(_TEXTS, st.integers(1, 1200))
def test_records_come_back_whole_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], part_max_bytes: int
) -> None:
    folder = tmp_path_factory.mktemp("parts")
    records = [passage(text) for text in texts] + [conversation("q", text) for text in texts]
    with jsonl.PartWriter(folder, part_max_bytes=part_max_bytes) as writer:
        for record in records:
            writer.write(record)
    files = jsonl.part_files(folder)
    assert list(jsonl.read_records(files, Passage | Conversation)) == records
    assert [path.name for path in files] == [f"part-{n:05d}.jsonl" for n in range(len(files))]
    for path in files:
        lines = path.read_bytes().count(b"\n")
        assert path.stat().st_size <= part_max_bytes or lines == 1
        assert lines or not records


def test_nothing_written_is_an_empty_file_and_not_an_absence(tmp_path: Path) -> None:
    write_records(tmp_path, [])
    assert [path.name for path in jsonl.part_files(tmp_path)] == ["part-00000.jsonl"]
    assert list(jsonl.read_records(jsonl.part_files(tmp_path), Draw)) == []


def test_stems_stand_side_by_side(tmp_path: Path) -> None:
    write_records(tmp_path, [Draw(0, "a", 0, "s", 0)])
    write_records(tmp_path, [Draw(0, "b", 0, "s", 0)], "heldout")
    assert [line["id"] for line in read_lines(tmp_path, "heldout")] == ["b"]
    assert len(jsonl.part_files(tmp_path)) == 1


def test_text_is_utf_8_and_keys_stand_in_the_order_of_the_record(tmp_path: Path) -> None:
    write_records(tmp_path, [Draw(0, "血", 1, "web", 0)])
    assert (tmp_path / "part-00000.jsonl").read_text(encoding="utf-8") == (
        '{"order":0,"id":"血","copy":1,"source":"web","phase":0}\n'
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"order":0', "truncated"),
        ('{"order":"0","id":"a","copy":0,"source":"s","phase":0}', "Expected `int`, got `str`"),
        ('{"order":0,"id":"a","copy":0,"source":"s"}', "missing required field `phase`"),
        ('{"order":0,"id":"a","copy":0,"source":"s","phase":0,"x":1}', "unknown field `x`"),
        ("", "truncated"),
    ],
)
def test_a_bad_line_is_named_by_file_and_number(tmp_path: Path, line: str, said: str) -> None:
    write_records(tmp_path, [Draw(0, "a", 0, "s", 0)])
    path = tmp_path / "part-00000.jsonl"
    path.write_text(path.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        list(jsonl.read_records([path], Draw))
    assert f"{path}, line 2: " in str(caught.value)
    assert said in str(caught.value)


def test_a_missing_part_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="dvc repro"):
        jsonl.part_files(tmp_path / "nowhere")
