"""The curriculum as one order over all copies, by weighted sampling without replacement.

P_t(x) = pi(x) / sum over y not yet drawn of pi(y) (arXiv 2311.09774, section on the data
sampler). Drawing by it is the same as sorting by -log(u)/pi(x), u uniform in (0, 1)
(Efraimidis and Spirakis, 2006). u is hashed from seed, id and copy, so that adding or removing
a record moves no other relative to the rest.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onestage.records import Draw
from onestage.sample.keys import Fractions, Ids, uniform, waits
from onestage.sample.pool import Pool, id_texts
from onestage.sample.settings import Sample, Standing, standings

# Places in the pool, and which of a record's copies: four bytes each hold 4 * 10⁹ records.
Places = NDArray[np.uint32]
_TOLD_TOGETHER = 2**16
_NO_PLACES: Places = np.empty(0, np.uint32)


class Copies(NamedTuple):
    """Copies in order: the `copy[i]`-th of the record at `record[i]` in the pool."""

    record: Places
    copy: Places


class Curriculum(NamedTuple):
    """What is drawn, in order; held-out records (copy 0); copies of each source that were capped.

    Conservation, for each source: records x epochs = drawn + capped + held out, in copies.
    """

    pool: Pool
    standing: dict[str, Standing]
    drawn: Copies
    heldout: Copies
    capped: dict[str, int]

    def draws(self) -> Iterator[Draw]:
        """Yield the curriculum."""
        return self._told(self.drawn)

    def heldout_draws(self) -> Iterator[Draw]:
        """Yield the held-out records, sorted by phase, source and id."""
        return self._told(self.heldout)

    def _told(self, copies: Copies) -> Iterator[Draw]:
        names = self.pool.sources
        phases = [self.standing[name].phase for name in names]
        for start in range(0, len(copies.record), _TOLD_TOGETHER):
            record = copies.record[start : start + _TOLD_TOGETHER]
            rows = zip(
                id_texts(self.pool.ids[record]),
                copies.copy[start : start + _TOLD_TOGETHER].tolist(),
                self.pool.source[record].tolist(),
                strict=True,
            )
            for order, (name, copy, source) in enumerate(rows, start):
                yield Draw(order, name, copy, names[source], phases[source])

    def counts(self, choices: Sample) -> dict[str, dict[str, int]]:
        """Return the terms of the conservation equation for each source, in copies."""
        drawn, heldout = self._by_source(self.drawn), self._by_source(self.heldout)
        return {
            source: {
                "records": number,
                "epochs": choices.epochs[source],
                "drawn": drawn[source],
                "capped": self.capped[source],
                "heldout": heldout[source] * choices.epochs[source],
            }
            for source, number in self.pool.records().items()
        }

    def _by_source(self, copies: Copies) -> dict[str, int]:
        return self.pool._replace(source=self.pool.source[copies.record]).records()


def draw_curriculum(pool: Pool, choices: Sample) -> Curriculum:
    """Return all copies in the order in which they are trained.

    Raises:
        ParamError: a source has no priority or no epochs.
    """
    standing = standings(pool.kinds, choices)
    used: dict[str, Places] = {}
    held: dict[str, Places] = {}
    capped: dict[str, int] = {}
    for number, source in enumerate(pool.sources):
        records = np.flatnonzero(pool.source == number).astype(np.uint32)
        trained, held[source] = _parted(records, pool.ids, choices, source)
        used[source] = _within_cap(trained, pool.ids, choices, source)
        capped[source] = (len(trained) - len(used[source])) * choices.epochs[source]
    turns = [
        _drawn(pool.ids, {name: used[name] for name in used if standing[name].turn == turn},
               standing, choices)
        for turn in sorted({place.turn for place in standing.values()})
    ]  # fmt: skip
    return Curriculum(pool, standing, _joined(turns), _held_out(pool, held, standing), capped)


def _parted(records: Places, ids: Ids, choices: Sample, source: str) -> tuple[Places, Places]:
    """Part a source's records into those to train and those held out, all copies together."""
    share = choices.heldout_share.get(source, 0.0)
    if not share:
        return records, records[:0]
    is_held = uniform(ids[records], seed=choices.seed, purpose="heldout") < share
    return records[~is_held], records[is_held]


def _within_cap(records: Places, ids: Ids, choices: Sample, source: str) -> Places:
    """Return the `cap` records with the smallest hash: no other record's place decides which."""
    cap = choices.cap.get(source, 0)
    if not cap or len(records) <= cap:
        return records
    hashes = uniform(ids[records], seed=choices.seed, purpose="cap")
    return records[_ascending(hashes, Copies(records, np.zeros_like(records)), ids)[:cap]]


def _drawn(
    ids: Ids, used: dict[str, Places], standing: dict[str, Standing], choices: Sample
) -> Copies:
    """Return all copies of the sources of one turn by the time that each waits."""
    total = sum(len(records) * choices.epochs[source] for source, records in used.items())
    copies = Copies(np.empty(total, np.uint32), np.empty(total, np.uint32))
    keys = np.empty(total)
    start = 0
    for source, records in used.items():
        found = ids[records]
        for number in range(choices.epochs[source]):
            part = slice(start, start + len(records))
            copies.record[part], copies.copy[part] = records, number
            keys[part] = waits(
                found, weight=standing[source].weight, seed=choices.seed, copy=number
            )
            start = part.stop
    place = _ascending(keys, copies, ids)
    return Copies(copies.record[place], copies.copy[place])


def _ascending(keys: Fractions, copies: Copies, ids: Ids) -> NDArray[np.int64]:
    """Return the places of the copies sorted by key, id and copy; keys are above 0.

    The bits of such keys sort as they do. A key's last bits give way to its place, since sorting
    numbers takes half the time of sorting places by them; the few keys that then look alike
    are sorted again, whole, with the ids of equal ones.
    """
    last = (1 << len(keys).bit_length()) - 1
    place = (keys.view(np.int64) & ~last) | np.arange(len(keys))
    place.sort()
    alike = (place[1:] ^ place[:-1]) <= last
    place &= last
    tied = np.flatnonzero(np.append(alike, False) | np.append(False, alike))
    if tied.size:
        among = place[tied]
        names = ids[copies.record[among]]
        place[tied] = among[
            np.lexsort((copies.copy[among], names["low"], names["high"], keys[among]))
        ]
    return place


def _held_out(pool: Pool, held: dict[str, Places], standing: dict[str, Standing]) -> Copies:
    record = np.concatenate([*held.values(), _NO_PLACES])
    phases = np.array([standing[name].phase for name in pool.sources], dtype=np.uint16)
    names, source = pool.ids[record], pool.source[record]
    record = record[np.lexsort((names["low"], names["high"], source, phases[source]))]
    return Copies(record, np.zeros_like(record))


def _joined(turns: list[Copies]) -> Copies:
    if len(turns) == 1:
        return turns[0]
    record = np.concatenate([_NO_PLACES, *(copies.record for copies in turns)])
    return Copies(record, np.concatenate([_NO_PLACES, *(copies.copy for copies in turns)]))
