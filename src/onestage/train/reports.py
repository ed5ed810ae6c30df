"""What a run tells of its losses: metrics and the rows of plots."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from onestage import outputs

Row = dict[str, Any]


def loss_changes(before: dict[str, float], after: dict[str, float]) -> dict[str, Row]:
    """Return the held-out loss by source, before and after, and the share by which it fell."""
    return {
        source: {"before": loss, "after": after[source], "drop": 1 - after[source] / loss}
        for source, loss in before.items()
    }


def write_plots(
    folder: Path,
    steps: Sequence[Row],
    sources: Sequence[Row],
    changes: dict[str, Row],
) -> None:
    """Write the loss by step, by step and source, and held out by source."""
    outputs.write_csv(folder / "loss.csv", steps)
    outputs.write_csv(folder / "source_loss.csv", sources)
    heldout = list(_heldout_rows(changes))
    outputs.write_csv(folder / "heldout_loss.csv", heldout, ("source", "when", "loss"))


def _heldout_rows(changes: dict[str, Row]) -> Iterable[Row]:
    for source, change in changes.items():
        for when in ("before", "after"):
            yield {"source": source, "when": when, "loss": change[when]}
