"""What the `sample` section holds, and where each strategy puts a source."""

from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple

import msgspec

from onestage.errors import InputError, ParamError
from onestage.params import From0Below1, NotNegative, Params, Positive
from onestage.records import Kind

Strategy = Literal["priority", "random", "sequential", "two_stage"]
# Beyond all use; an infinite priority would make all keys of its source equal.
Priority = Annotated[float, msgspec.Meta(ge=1e-6, le=1e6)]


class Sample(Params, frozen=True):
    """The `sample` section; each mapping holds a figure per source.

    `strategy` says what comes when: `priority` mixes all copies by weight, `random` with equal
    weights; `sequential` takes sources by falling priority, those of equal priority together;
    `two_stage` takes domain text in phase 0 and SFT data in phase 1.

    `priority` is pi, `epochs` how many copies of a record are drawn, `cap` the most records
    of a source that are used (0: all), `minimum` the fewest that dedupe must have left of it,
    `heldout_share` the share that measures loss and is never trained. A source that one of the
    last three does not name has none.
    """

    seed: int
    strategy: Strategy
    priority: dict[str, Priority]
    epochs: dict[str, Positive]
    cap: dict[str, NotNegative] = msgspec.field(default_factory=dict)
    minimum: dict[str, NotNegative] = msgspec.field(default_factory=dict)
    heldout_share: dict[str, From0Below1] = msgspec.field(default_factory=dict)


class Standing(NamedTuple):
    """A source's place: all copies of a smaller `turn` come before, by `weight` among equals."""

    turn: int
    weight: float
    phase: int


def standings(kinds: Mapping[str, Kind], choices: Sample) -> dict[str, Standing]:
    """Return where the strategy puts each source, given the sources' kinds.

    Raises:
        ParamError: a source has no priority or no epochs.
    """
    for source in kinds:
        for name, figures in (("priority", choices.priority), ("epochs", choices.epochs)):
            if source not in figures:
                raise ParamError(
                    f"params: sample.{name}.{source} is missing; add it to params.yaml"
                )
    if choices.strategy == "priority":
        return {source: Standing(0, choices.priority[source], 0) for source in kinds}
    if choices.strategy == "sequential":
        falling = sorted({choices.priority[source] for source in kinds}, reverse=True)
        return {
            source: Standing(falling.index(choices.priority[source]), 1.0, 0) for source in kinds
        }
    if choices.strategy == "two_stage":
        phases = {source: int(kind == "sft") for source, kind in kinds.items()}
        return {source: Standing(phase, 1.0, phase) for source, phase in phases.items()}
    return {source: Standing(0, 1.0, 0) for source in kinds}


def require_minimum(records: Mapping[str, int], choices: Sample) -> None:
    """Refuse a corpus that has vanished or shrunk, wherever the loss happened.

    Raises:
        InputError: a source has fewer records than its minimum.
    """
    for source, minimum in choices.minimum.items():
        found = records.get(source, 0)
        if found < minimum:
            raise InputError(
                f"source {source}: expected at least {minimum} records after dedupe "
                f"(sample.minimum.{source}), found {found}; look at its metrics and rejections "
                "in collect, unify and dedupe, or lower the minimum"
            )
