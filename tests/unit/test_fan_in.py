from pathlib import Path

import pytest

from onestage.errors import InputError
from onestage.fan_in import keyed_folders


def test_folders_come_in_the_order_of_the_keys(tmp_path: Path) -> None:
    for name in ("a", "b", "c.partial"):
        (tmp_path / name).mkdir()
    assert list(keyed_folders(tmp_path, ["b", "a"], "unify")) == ["b", "a"]


@pytest.mark.parametrize(
    ("there", "said"), [(["a"], r"dvc repro unify@b"), (["a", "b", "c"], r"rm -r .*c")]
)
def test_a_missing_or_stray_folder_is_refused(tmp_path: Path, there: list[str], said: str) -> None:
    for name in there:
        (tmp_path / name).mkdir()
    with pytest.raises(InputError, match=said):
        keyed_folders(tmp_path, ["a", "b"], "unify")
