"""No file that a source seems to have is passed over in silence."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from onestage.collect.shards import source_files
from onestage.errors import InputError


def _broken_link(folder: Path) -> None:
    (folder / "b.txt").symlink_to(folder / "gone")


def _pipe(folder: Path) -> None:
    os.mkfifo(folder / "b.txt")


def _linked_folder(folder: Path) -> None:
    (folder.parent / "elsewhere").mkdir()
    (folder / "b").symlink_to(folder.parent / "elsewhere")


def _empty(folder: Path) -> None:
    (folder / "b.txt").touch()


def _foreign_name(folder: Path) -> None:
    Path(os.fsdecode(os.fsencode(folder) + b"/\xb8\xdf.txt")).write_text("a", encoding="utf-8")


@pytest.mark.parametrize(
    ("put", "said"),
    [
        (_broken_link, "b.txt: a broken link"),
        (_pipe, "b.txt: .* no ordinary file"),
        (_linked_folder, "b: a link to a folder"),
        (_empty, "b.txt: the file is empty"),
        (_foreign_name, "the name is not UTF-8"),
    ],
)
def test_what_cannot_be_read_is_named(
    tmp_path: Path, put: Callable[[Path], None], said: str
) -> None:
    folder = tmp_path / "raw"
    folder.mkdir()
    (folder / "a.txt").write_text("a", encoding="utf-8")
    put(folder)
    with pytest.raises(InputError, match=said):
        source_files(folder, "*.txt")


def test_files_are_found_in_name_order_at_any_depth_and_through_links(tmp_path: Path) -> None:
    for name in ("raw/b/a.txt", "raw/a.txt", "raw/c.md", "other"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("a", encoding="utf-8")
    (tmp_path / "raw/a.txt.txt").symlink_to(tmp_path / "other")
    found = [
        path.relative_to(tmp_path).as_posix() for path in source_files(tmp_path / "raw", "*.txt")
    ]
    assert found == ["raw/a.txt", "raw/a.txt.txt", "raw/b/a.txt"]
    with pytest.raises(InputError, match="no file matches"):
        source_files(tmp_path / "raw", "*.csv")
