"""What a run took is told, however it ended, and nothing of what it may not tell."""

import json
from pathlib import Path
from typing import Any

import pytest

from onestage.errors import InputError
from onestage.telemetry import Stopwatch


def test_a_run_that_ends_well_and_one_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    facts: dict[str, Any] = {}
    with Stopwatch("a", facts):
        facts["rows"] = 3
    with pytest.raises(InputError), Stopwatch("b", {}):
        raise InputError("sk-secret")
    told = {name: json.loads(Path(f"runs/{name}.json").read_text()) for name in "ab"}
    assert (told["a"]["rows"], told["a"]["ended"]) == (3, "well")
    assert told["b"]["ended"] == "InputError"
    assert "sk-secret" not in Path("runs/b.json").read_text()
    assert told["a"]["seconds"] >= 0
    assert told["a"]["versions"]["dvc"]
