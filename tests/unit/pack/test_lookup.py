from pathlib import Path

import pytest
from given import conversation, write_records

from onestage import jsonl
from onestage.errors import InputError
from onestage.pack.lookup import ConversationLookup


def test_conversations_are_found_across_parts(tmp_path: Path) -> None:
    records = [conversation(f"问{n}", "答") for n in range(20)]
    with jsonl.PartWriter(tmp_path, part_max_bytes=500) as writer:
        for record in records:
            writer.write(record)
    files = jsonl.part_files(tmp_path)
    assert len(files) > 1
    with ConversationLookup(files) as lookup:
        for record in reversed(records):
            assert lookup[record.id] == record
        with pytest.raises(InputError, match=r"conversation nobody: .*run dvc repro"):
            lookup["nobody"]


@pytest.mark.parametrize("line", ["{", '{"type":"conversation","id":"a"}'])
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    write_records(tmp_path, [conversation("问", "答")])
    path = tmp_path / "part-00000.jsonl"
    path.write_text(path.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")

    def read() -> None:
        with ConversationLookup([path]) as lookup:
            lookup["a"]

    with pytest.raises(InputError, match=rf"{path}, line 2: "):
        read()
