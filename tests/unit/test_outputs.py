import json
from pathlib import Path

import pytest

from onestage import outputs
from onestage.errors import InputError


def test_outputs_appear_together_when_the_block_succeeds(tmp_path: Path) -> None:
    folder, file = tmp_path / "deep" / "out", tmp_path / "metrics" / "m.json"
    with outputs.staged(folder, file) as (folder_part, file_part):
        (folder_part / "a").write_text("a", encoding="utf-8")
        outputs.write_json(file_part, {"n": 1})
        assert not folder.exists()
        assert not file.exists()
    assert (folder / "a").read_text(encoding="utf-8") == "a"
    assert json.loads(file.read_text(encoding="utf-8")) == {"n": 1}
    assert not list(tmp_path.rglob("*.partial"))


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_nothing_is_left_when_the_block_fails(tmp_path: Path, error: type[BaseException]) -> None:
    folder, file = tmp_path / "out", tmp_path / "m.json"
    for old in (folder, tmp_path / "out.partial"):
        old.mkdir()
        (old / "old").write_text("old", encoding="utf-8")
    (tmp_path / "m.json.partial").write_text("old", encoding="utf-8")

    def fail_half_way() -> None:
        with outputs.staged(folder, file) as (folder_part, file_part):
            assert not list(folder_part.iterdir())
            file_part.write_text("half", encoding="utf-8")
            raise error

    with pytest.raises(error):
        fail_half_way()
    assert not list(tmp_path.iterdir())


def test_json_keeps_order_and_rounds_floats(tmp_path: Path) -> None:
    outputs.write_json(tmp_path / "m.json", {"b": 1 / 3, "a": [{"血": 2.0}, (1e-9,)]})
    text = (tmp_path / "m.json").read_text(encoding="utf-8")
    assert text.startswith('{\n  "b": 0.333333,\n  "a": [')
    assert "血" in text
    assert json.loads(text)["a"][1] == [0.0]


def test_csv_has_unix_line_ends(tmp_path: Path) -> None:
    rows = [{"x": 1, "y": 1 / 3}, {"x": 2, "y": "a,b"}]
    outputs.write_csv(tmp_path / "t.csv", rows)
    assert (tmp_path / "t.csv").read_bytes() == b'x,y\n1,0.333333\n2,"a,b"\n'


def test_a_folder_is_not_taken_for_a_file(tmp_path: Path) -> None:
    (tmp_path / "v1.0").mkdir()
    (tmp_path / "v1.0" / "mine").write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match=r"v1\.0: expected a file to write, found a folder"):
        outputs.staged(tmp_path / "v1.0").__enter__()
    assert (tmp_path / "v1.0" / "mine").exists()
