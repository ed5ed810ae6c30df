"""The curriculum: weighted order without replacement that depends on no other record."""

import math
import random
from collections import Counter
from decimal import Decimal, localcontext

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from onestage.records import Draw, Kind
from onestage.sample.curriculum import Copies, Curriculum, _ascending, draw_curriculum
from onestage.sample.keys import ID, uniform
from onestage.sample.pool import Candidate, pool_of
from onestage.sample.settings import Sample

_KINDS: dict[str, Kind] = {"web": "web", "book": "book", "tale": "literature", "sft": "sft"}
_SOURCES = tuple(_KINDS)


def _candidate(number: int, source: str) -> Candidate:
    return Candidate(f"{number:024x}", source, _KINDS[source])


_CANDIDATES = st.lists(
    st.builds(_candidate, st.integers(0, 2**96 - 1), st.sampled_from(_SOURCES)),
    max_size=30,
    unique_by=lambda candidate: candidate.id,
)
_STRATEGIES = st.sampled_from(["priority", "random", "sequential", "two_stage"])
_CHOICES = st.builds(
    Sample,
    seed=st.integers(0, 9),
    strategy=_STRATEGIES,
    priority=st.just({"web": 32.0, "book": 4.0, "tale": 4.0, "sft": 1.0}),
    epochs=st.just({"web": 1, "book": 2, "tale": 1, "sft": 3}),
    cap=st.dictionaries(st.sampled_from(_SOURCES), st.integers(0, 5)),
    heldout_share=st.dictionaries(st.sampled_from(_SOURCES), st.sampled_from([0.0, 0.3, 0.9])),
)


def _drawn(found: list[Candidate], choices: Sample) -> tuple[list[Draw], list[Draw]]:
    curriculum = draw_curriculum(pool_of(found), choices)
    return list(curriculum.draws()), list(curriculum.heldout_draws())


def _copies(draws: list[Draw]) -> list[tuple[str, int]]:
    return [(draw.id, draw.copy) for draw in draws]


@given(_CANDIDATES, _CHOICES)
def test_every_copy_is_drawn_capped_or_held_out(found: list[Candidate], choices: Sample) -> None:
    curriculum = draw_curriculum(pool_of(found), choices)
    draws, held = list(curriculum.draws()), list(curriculum.heldout_draws())
    by_source = {candidate.id: candidate.source for candidate in found}
    records = Counter(by_source.values())
    counts = curriculum.counts(choices)
    assert set(counts) == set(records)
    for source, number in records.items():
        of_source = [draw for draw in draws if draw.source == source]
        heldout = [draw for draw in held if draw.source == source]
        epochs = choices.epochs[source]
        used = number - len(heldout)
        used = min(used, choices.cap.get(source) or used)
        assert counts[source] == {
            "records": number,
            "epochs": epochs,
            "drawn": used * epochs,
            "capped": (number - len(heldout) - used) * epochs,
            "heldout": len(heldout) * epochs,
        }
        assert Counter(draw.copy for draw in of_source) == Counter(
            {copy: used for copy in range(epochs) if used}
        )
    assert all(by_source[draw.id] == draw.source for draw in draws + held)
    assert len(set(_copies(draws))) == len(draws)
    assert not {draw.id for draw in draws} & {draw.id for draw in held}
    assert [draw.order for draw in draws] == list(range(len(draws)))
    assert [draw.order for draw in held] == list(range(len(held)))


@given(_CANDIDATES, _CHOICES)
def test_the_order_is_that_of_the_formula(found: list[Candidate], choices: Sample) -> None:
    """Sorted by -log(u)/pi with forty digits, one copy at a time."""
    draws, _ = _drawn(found, choices)
    domain = [source for source in _SOURCES if source != "sft"]
    turns = {
        "priority": [_SOURCES],
        "random": [_SOURCES],
        "sequential": [["web"], ["book", "tale"], ["sft"]],
        "two_stage": [domain, ["sft"]],
    }[choices.strategy]

    def wait(draw: Draw) -> tuple[Decimal, str, int]:
        name = np.frombuffer(bytes.fromhex(draw.id), dtype=ID)
        u = uniform(name, seed=choices.seed, purpose="draw", copy=draw.copy)[0]
        weighted = choices.strategy == "priority"
        weight = Decimal(choices.priority[draw.source]) if weighted else Decimal(1)
        return -Decimal(float(u)).ln() / weight, draw.id, draw.copy

    with localcontext() as context:
        context.prec = 40
        expected = [
            draw
            for sources in turns
            for draw in sorted((draw for draw in draws if draw.source in sources), key=wait)
        ]
    assert _copies(draws) == _copies(expected)


@given(_CANDIDATES, _CHOICES, st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(
    found: list[Candidate], choices: Sample, order: random.Random
) -> None:
    shuffled = list(found)
    order.shuffle(shuffled)
    assert _drawn(found, choices) == _drawn(shuffled, choices)


@given(_CANDIDATES, _CHOICES, st.sampled_from(_SOURCES), st.integers(0, 2**96 - 1))
def test_a_record_added_or_removed_moves_no_other(
    found: list[Candidate], choices: Sample, source: str, number: int
) -> None:
    """A record that changes is one removed and one added, since ids hash the content."""
    new = _candidate(number, source)
    found = [candidate for candidate in found if candidate.id != new.id]
    (before, held_before), (after, held_after) = (
        _drawn(part, choices) for part in (found, [*found, new])
    )
    others = [copy for copy in _copies(after) if copy[0] != new.id]
    lost = {name for name, _ in set(_copies(before)) - set(others)}
    # a cap can put one record out for the new one, and no record comes in for it
    assert set(others) <= set(_copies(before))
    assert len(lost) <= (1 if choices.cap.get(source) else 0)
    assert others == [copy for copy in _copies(before) if copy[0] not in lost]
    assert [draw.id for draw in held_after if draw.id != new.id] == [
        draw.id for draw in held_before
    ]


@given(_CANDIDATES, _CHOICES, st.integers(1, 4))
def test_shards_drawn_apart_keep_their_order_in_the_whole(
    found: list[Candidate], choices: Sample, shards: int
) -> None:
    choices = Sample(choices.seed, choices.strategy, choices.priority, choices.epochs)
    whole = _copies(_drawn(found, choices)[0])
    for shard in range(shards):
        part = found[shard::shards]
        names = {candidate.id for candidate in part}
        assert _copies(_drawn(part, choices)[0]) == [c for c in whole if c[0] in names]


@given(_CANDIDATES, _CHOICES)
def test_phases_follow_one_another(found: list[Candidate], choices: Sample) -> None:
    for draws in _drawn(found, choices):
        phases = [draw.phase for draw in draws]
        assert phases == sorted(phases)
        two = choices.strategy == "two_stage"
        assert phases == [int(two and draw.source == "sft") for draw in draws]


def test_equal_keys_are_ordered_by_id_and_copy() -> None:
    """A handful of keys for thousands of copies, so that the sort's own order would show."""
    order = random.Random(3)
    numbers = [order.randrange(2**96) for _ in range(500)]
    numbers += [number ^ 1 for number in numbers]  # differ in the last bit only
    ids = np.frombuffer(b"".join(n.to_bytes(12, "big") for n in numbers), dtype=ID)
    found = [(n, c) for n in range(len(numbers)) for c in range(3)]
    order.shuffle(found)
    some = [0.25, math.nextafter(0.25, 1), math.nextafter(0.5, 0), 0.5, 1.0]
    keys = np.array([order.choice(some) for _ in found])
    record, copy = np.array(found, np.uint32).T
    place = _ascending(keys, Copies(record, copy), ids)
    rows = [(key, numbers[n], c) for key, (n, c) in zip(keys.tolist(), found, strict=True)]
    assert [rows[i] for i in place] == sorted(rows)


def test_nothing_to_draw() -> None:
    curriculum = draw_curriculum(pool_of([]), Sample(1, "sequential", {}, {}))
    assert (list(curriculum.draws()), list(curriculum.heldout_draws())) == ([], [])
    assert curriculum.counts(Sample(1, "sequential", {}, {})) == {}


def test_a_held_out_share_is_that_share() -> None:
    choices = Sample(3, "priority", {"web": 1}, {"web": 1}, heldout_share={"web": 0.1})
    curriculum = draw_curriculum(pool_of([_candidate(n, "web") for n in range(5000)]), choices)
    # three standard deviations of 21.2
    assert abs(len(curriculum.heldout.record) - 500) < 64


def _first_half(curriculum: Curriculum) -> Counter[str]:
    draws = list(curriculum.draws())
    return Counter(draw.source for draw in draws[: len(draws) // 2])


def test_half_way_priorities_have_shifted_the_mixture() -> None:
    """Shares 1 - t^32 of web and 1 - t of sft with sum 1: t = .923, 1846 of web's 2000."""
    found = [_candidate(n, ("web", "sft")[n % 2]) for n in range(4000)]
    choices = Sample(1, "priority", {"web": 32, "sft": 1}, {"web": 1, "sft": 1})
    # the keys are hashes, so this is one fixed outcome; a standard deviation is 11.5
    assert abs(_first_half(draw_curriculum(pool_of(found), choices))["web"] - 1846) < 40
