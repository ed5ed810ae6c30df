"""Priority sampling without replacement: the curriculum as one order over all copies.

P_t(x) = pi(x) / sum over y not yet drawn of pi(y) (arXiv 2311.09774, section on the data
sampler). Drawing by it is the same as sorting by the keys log(u)/pi(x), u uniform in (0, 1)
(Efraimidis and Spirakis, 2006). u comes from a keyed hash of (seed, id, copy), so that adding
or removing a record moves no other relative to the rest.
"""

import math
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from onestage.errors import ParamError
from onestage.identity import keyed_fraction
from onestage.params import Above0, From0Below1, NotNegative, Params, Positive
from onestage.records import Draw


class Sample(Params, frozen=True):
    """The `sample` section, each figure per source.

    `priority` is pi, `epochs` how many copies of a record are drawn, `cap` the most records
    of a source that are used (0: all), `heldout_share` the share that measures loss and is
    never trained; sources that the last two do not name have none.
    """

    seed: int
    priority: dict[str, Above0]
    epochs: dict[str, Positive]
    cap: dict[str, NotNegative] = msgspec.field(default_factory=dict)
    heldout_share: dict[str, From0Below1] = msgspec.field(default_factory=dict)


class Candidate(msgspec.Struct, frozen=True):
    """What sampling needs to know of a conversation."""

    id: str
    source: str


class Curriculum(NamedTuple):
    """Draws in order, held-out records (copy 0), and how many copies of each were capped."""

    draws: list[Draw]
    heldout: list[Draw]
    capped: Counter[str]


def draw_curriculum(candidates: Iterable[Candidate], choices: Sample) -> Curriculum:
    """Return all copies in the order in which they are trained.

    Conservation, for each source: records x epochs = drawn + capped + held out, in copies.

    Raises:
        ParamError: a source has no priority or no epochs.
    """
    by_source: dict[str, list[str]] = {}
    for candidate in candidates:
        by_source.setdefault(candidate.source, []).append(candidate.id)
    keyed: list[tuple[float, str, int, str]] = []
    heldout: list[tuple[str, str]] = []
    capped: Counter[str] = Counter()
    for source, ids in by_source.items():
        priority, epochs = _figures(source, choices)
        share = choices.heldout_share.get(source, 0.0)
        used = [name for name in ids if keyed_fraction(choices.seed, "heldout", name) >= share]
        heldout += [(source, name) for name in set(ids).difference(used)]
        used, dropped = _capped(used, choices.cap.get(source, 0), choices.seed)
        capped[source] = dropped * epochs
        for name in used:
            for copy in range(epochs):
                key = math.log(keyed_fraction(choices.seed, name, copy)) / priority
                keyed.append((-key, name, copy, source))
    keyed.sort()
    draws = [
        Draw(order, name, copy, source, phase=0)
        for order, (_, name, copy, source) in enumerate(keyed)
    ]
    held = [Draw(i, name, 0, source, phase=0) for i, (source, name) in enumerate(sorted(heldout))]
    return Curriculum(draws, held, capped)


def _figures(source: str, choices: Sample) -> tuple[float, int]:
    for name, figures in (("priority", choices.priority), ("epochs", choices.epochs)):
        if source not in figures:
            raise ParamError(f"params: sample.{name}.{source} is missing; add it to params.yaml")
        if figures[source] <= 0:
            raise ParamError(f"params: sample.{name}.{source}: expected a number above 0")
    return choices.priority[source], choices.epochs[source]


def _capped(ids: list[str], cap: int, seed: int) -> tuple[list[str], int]:
    """Keep the `cap` ids with the smallest keyed hash: which ones depends on no other's place."""
    if not cap or len(ids) <= cap:
        return ids, 0
    ranked = sorted(ids, key=lambda name: (keyed_fraction(seed, "cap", name), name))
    return ranked[:cap], len(ids) - cap


def course(draws: list[Draw], *, steps: int = 20) -> list[dict[str, str | float]]:
    """Return each source's share among the draws of each twentieth of the course.

    Rows {progress, source, share}, progress being the end of the interval, 0 to 1.
    """
    rows: list[dict[str, str | float]] = []
    sources = sorted({draw.source for draw in draws})
    for step in range(steps):
        part = draws[len(draws) * step // steps : len(draws) * (step + 1) // steps]
        counts = Counter(draw.source for draw in part)
        for source in sources:
            share = counts[source] / len(part) if part else 0.0
            rows.append({"progress": (step + 1) / steps, "source": source, "share": share})
    return rows
