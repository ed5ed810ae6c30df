from pathlib import Path

import pytest

from onestage.errors import InputError
from onestage.labelled import Labelled, read_labelled, read_passages


def _write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_both_ways_to_say_a_label_are_read_from_several_files(tmp_path: Path) -> None:
    one = _write(tmp_path / "a.jsonl", '\ufeff{"text": "发热", "label": 1, "x": 2}\n\n'.encode())
    two = _write(
        tmp_path / "b.jsonl", b'{"label": false, "text": "news"}\r\n{"text":" ","label":1}'
    )
    assert read_labelled([one, two]) == [Labelled("发热", 1), Labelled("news", False)]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"text": "a"}', "line 2: expected .* found .*label"),
        (b'{"text": "a", "label": "medical"}', "line 2: expected .* found .*label"),
        (b'{"text": "a", "label": 2}', "line 2: expected .* found .*label"),
        (b'{"text": 3, "label": 1}', "line 2: expected .* found .*text"),
        (b"a,1", "line 2: expected .* found "),
        (b'{"text": "\xff", "label": 1}', "line 2: expected .* found "),
    ],
)
def test_a_line_of_another_form_is_refused(tmp_path: Path, line: bytes, said: str) -> None:
    path = _write(tmp_path / "a.jsonl", b'{"text": "a", "label": 1}\n' + line)
    with pytest.raises(InputError, match=said):
        read_labelled([path])


def test_one_label_alone_is_refused(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.jsonl", b'{"text": "a", "label": 1}\n')
    with pytest.raises(InputError, match="found 1 of label 1 and 0 of label 0"):
        read_labelled([path])
    with pytest.raises(InputError, match="cannot be read"):
        read_labelled([tmp_path / "none.jsonl"])


def test_passages_are_fields_or_lines(tmp_path: Path) -> None:
    fields = _write(tmp_path / "a.jsonl", b'{"text": "a\\nb", "label": 1}\n{"text": ""}\n')
    lines = _write(tmp_path / "b.txt", b'{"text": 1}\n\nsecond\n')
    assert read_passages([fields, lines]) == ["a\nb", '{"text": 1}', "second"]
    with pytest.raises(InputError, match=r"c\.jsonl, line 1: expected"):
        read_passages([_write(tmp_path / "c.jsonl", b"second\n")])
    with pytest.raises(InputError, match=r"d\.txt, line 2: expected"):
        read_passages([_write(tmp_path / "d.txt", b"one\n\xd6\xd0\n")])
    with pytest.raises(InputError, match=r"e\.txt: expected passages, found none"):
        read_passages([_write(tmp_path / "e.txt", b" \n")])
