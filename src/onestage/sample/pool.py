"""All conversations that may be drawn, as arrays: 14 bytes each instead of an object."""

import re
from array import array
from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from onestage.errors import InputError
from onestage.records import Kind
from onestage.sample.keys import ID, Ids

_ID_FORM = re.compile(r"[0-9a-f]{24}")
_ID_DIGITS = 24
_READ_TOGETHER = 2**14


class Candidate(msgspec.Struct, frozen=True):
    """What sampling needs to know of a conversation."""

    id: str
    source: str
    kind: Kind


class Pool(NamedTuple):
    """Record i has the id `ids[i]` and comes from `sources[source[i]]`; `sources` are sorted."""

    ids: Ids
    source: NDArray[np.uint16]
    sources: list[str]
    kinds: dict[str, Kind]

    def records(self) -> dict[str, int]:
        """Return how many records each source has."""
        counts = np.bincount(self.source, minlength=len(self.sources)).tolist()
        return dict(zip(self.sources, counts, strict=True))


def pool_of(candidates: Iterable[Candidate]) -> Pool:
    """Gather the candidates of a stream, in whatever order they come.

    Raises:
        InputError: an id that is not 24 hexadecimal digits, or a source of two kinds.
    """
    ids = bytearray()
    source = array("H")
    numbers: dict[tuple[str, Kind], int] = {}
    waiting = iter(candidates)
    while together := list(islice(waiting, _READ_TOGETHER)):
        ids += _as_bytes([candidate.id for candidate in together])
        source.extend(
            numbers.setdefault((candidate.source, candidate.kind), len(numbers))
            for candidate in together
        )
    kinds = _one_kind_each(numbers)
    sources = sorted(kinds)
    places = np.array([sources.index(name) for name, _ in numbers], dtype=np.uint16)
    return Pool(
        np.frombuffer(ids, dtype=ID),
        places[np.frombuffer(source, dtype=np.uint16)],
        sources,
        kinds,
    )


def id_texts(ids: Ids) -> list[str]:
    """Return ids as the text that records carry."""
    digits = ids.tobytes().hex()
    return [digits[start : start + _ID_DIGITS] for start in range(0, len(digits), _ID_DIGITS)]


def _as_bytes(names: list[str]) -> bytes:
    for name in names:
        if not _ID_FORM.fullmatch(name):
            raise InputError(
                f"id {name}: expected 24 hexadecimal digits; the conversations are not what "
                "dedupe wrote: run dvc checkout or dvc repro"
            )
    return bytes.fromhex("".join(names))


def _one_kind_each(found: Iterable[tuple[str, Kind]]) -> dict[str, Kind]:
    kinds: dict[str, Kind] = {}
    for source, kind in found:
        if kinds.setdefault(source, kind) != kind:
            raise InputError(
                f"source {source}: expected records of one kind, found {kinds[source]} and {kind}; "
                "the conversations are not what dedupe wrote: run dvc checkout or dvc repro"
            )
    return kinds
