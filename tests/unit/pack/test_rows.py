"""Packing loses and cuts nothing, keeps phases apart and the order of first samples."""

import random
from itertools import accumulate, combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from onestage.pack.rows import Packed, Sample, pack_rows
from onestage.records import Draw, PackedRow

_ROW = 16
# Full rows, halves and what is just too much for a gap; or any mixture.
_LENGTHS = st.sampled_from([1, 1, 7, 8, 9, 15, 16]) | st.integers(1, _ROW)


@st.composite
def _samples(draw: st.DrawFn) -> list[Sample]:
    shortest = draw(st.sampled_from([0, 8, 20]))  # left alone, lists are mostly short
    lengths = draw(st.lists(_LENGTHS, min_size=shortest, max_size=40))
    border = draw(st.integers(0, len(lengths)))
    found = []
    for order, length in enumerate(lengths):
        start = order % length
        tokens = [1000 * order + place for place in range(length)]  # each token tells its place
        phase = int(order >= border)
        trained = [(start, length)]
        found.append(Sample(Draw(order, f"id{order}", 0, "web", phase), tokens, trained))
    return found


def _pack(samples: list[Sample], max_rows: int) -> list[PackedRow]:
    return [row for row, _ in _packed(samples, max_rows)]


def _packed(samples: list[Sample], max_rows: int) -> list[Packed]:
    return list(pack_rows(samples, seq_len_tokens=_ROW, max_displacement_rows=max_rows))


@given(_samples(), st.integers(1, 4))
def test_no_sample_is_lost_cut_or_changed(samples: list[Sample], max_rows: int) -> None:
    by_id = {sample.draw.id: sample for sample in samples}
    rows = _pack(samples, max_rows)
    packed = [(row, sample) for row in rows for sample in row.samples]
    assert sorted(sample.id for _, sample in packed) == sorted(by_id)
    for row, sample in packed:
        given_ids = by_id[sample.id].input_ids
        assert row.input_ids[sample.start : sample.end] == given_ids
        trained = [token for a, b in sample.trained for token in row.input_ids[a:b]]
        expected = [token for a, b in by_id[sample.id].trained for token in given_ids[a:b]]
        assert trained == expected


@given(_samples(), st.integers(1, 4))
def test_rows_are_full_of_samples_end_to_end(samples: list[Sample], max_rows: int) -> None:
    for row in _pack(samples, max_rows):
        assert 0 < len(row.input_ids) <= _ROW
        borders = [0, *(sample.end for sample in row.samples)]
        assert [sample.start for sample in row.samples] == borders[:-1]
        assert borders[-1] == len(row.input_ids)


@given(_samples(), st.integers(1, 4))
def test_rows_stand_in_the_order_of_their_first_samples(
    samples: list[Sample], max_rows: int
) -> None:
    order = {sample.draw.id: sample.draw.order for sample in samples}
    rows = _pack(samples, max_rows)
    firsts = [order[row.samples[0].id] for row in rows]
    assert firsts == sorted(firsts)
    for row in rows:
        within = [order[sample.id] for sample in row.samples]
        assert within == sorted(within)


@given(_samples(), st.integers(1, 4))
def test_no_row_crosses_a_phase(samples: list[Sample], max_rows: int) -> None:
    phases = {sample.draw.id: sample.draw.phase for sample in samples}
    rows = _pack(samples, max_rows)
    for row in rows:
        assert {phases[sample.id] for sample in row.samples} == {row.phase}
    assert all(left.phase <= right.phase for left, right in pairwise(rows))


@given(_samples(), st.integers(1, 4))
def test_no_sample_moves_farther_than_allowed(samples: list[Sample], max_rows: int) -> None:
    """Places are counted anew: tokens before a sample among the draws and in the rows."""
    drawn = {}
    tokens = 0
    for sample in samples:
        drawn[sample.draw.id] = tokens
        tokens += len(sample.input_ids)
    before = 0
    for row, moved_tokens in _packed(samples, max_rows):
        found = [before + sample.start - drawn[sample.id] for sample in row.samples]
        assert moved_tokens == found
        assert all(abs(moved) < max_rows * _ROW for moved in found)
        before += len(row.input_ids)


@given(_samples())
def test_one_row_of_displacement_is_the_order_itself(samples: list[Sample]) -> None:
    packed = [sample.id for row in _pack(samples, 1) for sample in row.samples]
    assert packed == [sample.draw.id for sample in samples]


def _fuller(waiting: list[Sample]) -> int:
    """Return the most tokens that the oldest in order and two others can fill, by trying all."""
    lengths = [len(sample.input_ids) for sample in waiting]
    fitting = [n for n in range(1, len(lengths) + 1) if sum(lengths[:n]) <= _ROW]
    most = 0
    for kept in fitting[-3:]:  # at most the last two that fit in order are left waiting
        for others in range(3):
            for added in combinations(lengths[kept:], others):
                tokens = sum(lengths[:kept]) + sum(added)
                most = max(most, tokens if tokens <= _ROW else 0)
    return most


@given(_samples(), st.integers(1, 4))
def test_each_row_is_filled_as_well_as_its_window_allows(
    samples: list[Sample], max_rows: int
) -> None:
    waiting = {sample.draw.order: sample for sample in samples}
    ends = list(accumulate(len(sample.input_ids) for sample in samples))
    for row in _pack(samples, max_rows):
        oldest = min(waiting)
        begin = ends[oldest] - len(waiting[oldest].input_ids)
        window = [
            sample
            for order, sample in sorted(waiting.items())
            if ends[order] - begin <= max_rows * _ROW
            and sample.draw.phase == waiting[oldest].draw.phase
        ]
        assert row.samples[0].id == waiting[oldest].draw.id
        assert len(row.input_ids) == _fuller(window)
        for sample in row.samples:
            del waiting[int(sample.id.removeprefix("id"))]


def test_fill_and_displacement_of_long_tailed_lengths() -> None:
    """Lengths like those of a corpus of passages: about 525 tokens, seldom more than 2,000."""
    chance = random.Random(1)
    lengths = [min(4096, int(chance.lognormvariate(6.02, 0.7)) + 10) for _ in range(4000)]
    samples = [Sample(Draw(n, "a", 0, "web", 0), [0] * size, []) for n, size in enumerate(lengths)]
    packed = list(pack_rows(samples, seq_len_tokens=4096, max_displacement_rows=8))
    # All but the last rows, for which nothing comes that could fill them.
    assert sum(len(row.input_ids) for row, _ in packed[:-8]) > 0.995 * 4096 * len(packed[:-8])
