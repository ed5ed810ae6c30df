"""The toy run learns something of every source."""

import json
import math

import pytest
from pipeline.artifacts import SOURCES, metrics, table
from pipeline.clones import Clone

pytestmark = pytest.mark.xdist_group("first")

_LEAST_DROP = 0.2


def test_heldout_loss_falls_for_every_source(first: Clone) -> None:
    losses = metrics(first.root, "train")["heldout_loss"]
    assert sorted(losses) == sorted(SOURCES)
    drops = {name: 1 - found["after"] / found["before"] for name, found in losses.items()}
    assert {name: drop for name, drop in drops.items() if drop < _LEAST_DROP} == {}
    for name, found in losses.items():
        assert found["drop"] == pytest.approx(drops[name], abs=1e-5)


def test_untrained_loss_is_that_of_guessing(first: Clone) -> None:
    config = (first.root / "data" / "toy" / "base" / "config.json").read_bytes()
    guessing = math.log(json.loads(config)["vocab_size"])
    for found in metrics(first.root, "train")["heldout_loss"].values():
        assert found["before"] == pytest.approx(guessing, rel=0.02)


def test_plots_show_the_same_losses(first: Clone) -> None:
    losses = metrics(first.root, "train")["heldout_loss"]
    rows = table(first.root / "plots" / "train" / "heldout_loss.csv")
    plotted = {(row["source"], row["when"]): float(row["loss"]) for row in rows}
    told = {
        (name, when): found[when] for name, found in losses.items() for when in ("before", "after")
    }
    assert plotted == told
