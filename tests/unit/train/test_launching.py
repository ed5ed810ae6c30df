"""What is told of ranks that failed."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from onestage.errors import InputError
from onestage.train.launching import first_cause


def _failure(folder: Path, name: str, exitcode: int, record: Any = None, at: int = 9) -> Any:
    file = folder / name
    if record is not None:
        message, precise, known = record
        more = {"timestamp": str(int(precise)), "precise": precise, "known": known}
        file.write_text(json.dumps({"message": {"message": message, "extraInfo": more}}))
    return SimpleNamespace(exitcode=exitcode, error_file=str(file), timestamp=at)


def test_the_first_known_reason_is_told(tmp_path: Path) -> None:
    """A rank that loses its neighbour fails a moment before or after it, with a traceback."""
    error = first_cause(
        {
            0: _failure(tmp_path, "a", 1, ("Traceback: connection closed", 9.1, False)),
            1: _failure(tmp_path, "b", 1, ("out of memory", 9.2, True)),
            2: _failure(tmp_path, "c", 1, ("out of memory too", 9.3, True)),
            3: _failure(tmp_path, "d", -15),
        }
    )
    assert isinstance(error, InputError)
    assert str(error) == "rank 1: out of memory"


def test_a_bug_keeps_its_traceback(tmp_path: Path) -> None:
    bug = ("Traceback\n  line\nKeyError", 9.9, False)
    error = first_cause({0: _failure(tmp_path, "a", -15), 1: _failure(tmp_path, "b", 1, bug)})
    assert isinstance(error, RuntimeError)
    assert str(error) == "rank 1: Traceback\n  line\nKeyError"


@pytest.mark.parametrize(
    ("exitcode", "said", "kind"),
    [(-9, "killed by SIGKILL; is there memory", InputError), (3, "exit code 3", RuntimeError)],
)
def test_a_rank_that_left_no_word(tmp_path: Path, exitcode: int, said: str, kind: type) -> None:
    lost = ("Traceback: connection closed", 9.1, False)
    error = first_cause(
        {0: _failure(tmp_path, "a", 1, lost), 1: _failure(tmp_path, "b", exitcode, at=8)}
    )
    assert isinstance(error, kind)
    assert said in str(error)
