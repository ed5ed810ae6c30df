"""What every `onestage convert` must do with a model that it does not take."""

from pathlib import Path

from click.testing import Result


def require_refused(result: Result, out: Path, *parts: str) -> None:
    """Fail unless one line holds all `parts`, and nothing was written at or beside `out`."""
    assert result.exit_code == 1, result.output
    (line,) = result.stderr.splitlines()
    for part in parts:
        assert part in line
    assert not out.exists()
    assert not list(out.parent.glob("*.partial"))
