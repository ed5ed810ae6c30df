"""Two clones agree in every byte, whatever their folder, locale, clock and hash seed."""

import pytest
from pipeline.clones import OUTPUT_FOLDERS, Clone, digests

pytestmark = pytest.mark.xdist_group("second")


def test_outputs_are_byte_identical(first: Clone, second: Clone) -> None:
    one, other = digests(first.root), digests(second.root)
    for folder in OUTPUT_FOLDERS:
        assert any(path.startswith(f"{folder}/") for path in one), folder
    assert {path for path in one.keys() | other.keys() if one.get(path) != other.get(path)} == set()


def test_locks_are_byte_identical(first: Clone, second: Clone) -> None:
    assert (first.root / "dvc.lock").read_bytes() == (second.root / "dvc.lock").read_bytes()


def test_no_output_names_its_folder(second: Clone) -> None:
    folder = str(second.root).encode()
    paths = [second.root / "dvc.lock", *(second.root / path for path in digests(second.root))]
    assert [path for path in paths if folder in path.read_bytes()] == []
