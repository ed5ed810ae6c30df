"""Packing loses and cuts nothing, keeps phases apart and the order of first samples."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from onestage.pack.rows import Sample, pack_rows
from onestage.records import Draw, PackedRow

_ROW = 16


@st.composite
def _samples(draw: st.DrawFn) -> list[Sample]:
    lengths = draw(st.lists(st.integers(1, _ROW), max_size=30))
    border = draw(st.integers(0, 30))
    found = []
    for order, length in enumerate(lengths):
        start = draw(st.integers(0, length - 1))
        tokens = [1000 * order + place for place in range(length)]  # each token tells its place
        phase = int(order >= border)
        trained = [(start, length)]
        found.append(Sample(Draw(order, f"id{order}", 0, "web", phase), tokens, trained))
    return found


def _pack(samples: list[Sample], open_rows: int) -> list[PackedRow]:
    return list(pack_rows(samples, seq_len_tokens=_ROW, open_rows=open_rows))


@given(_samples(), st.integers(1, 3))
def test_no_sample_is_lost_cut_or_changed(samples: list[Sample], open_rows: int) -> None:
    by_id = {sample.draw.id: sample for sample in samples}
    rows = _pack(samples, open_rows)
    packed = [(row, sample) for row in rows for sample in row.samples]
    assert sorted(sample.id for _, sample in packed) == sorted(by_id)
    for row, sample in packed:
        given_ids = by_id[sample.id].input_ids
        assert row.input_ids[sample.start : sample.end] == given_ids
        trained = [token for a, b in sample.trained for token in row.input_ids[a:b]]
        expected = [token for a, b in by_id[sample.id].trained for token in given_ids[a:b]]
        assert trained == expected


@given(_samples(), st.integers(1, 3))
def test_rows_are_full_of_samples_end_to_end(samples: list[Sample], open_rows: int) -> None:
    for row in _pack(samples, open_rows):
        assert 0 < len(row.input_ids) <= _ROW
        borders = [0, *(sample.end for sample in row.samples)]
        assert [sample.start for sample in row.samples] == borders[:-1]
        assert borders[-1] == len(row.input_ids)


@given(_samples(), st.integers(1, 3))
def test_rows_stand_in_the_order_of_their_first_samples(
    samples: list[Sample], open_rows: int
) -> None:
    order = {sample.draw.id: sample.draw.order for sample in samples}
    rows = _pack(samples, open_rows)
    firsts = [order[row.samples[0].id] for row in rows]
    assert firsts == sorted(firsts)
    for row in rows:
        within = [order[sample.id] for sample in row.samples]
        assert within == sorted(within)


@given(_samples(), st.integers(1, 3))
def test_no_row_crosses_a_phase(samples: list[Sample], open_rows: int) -> None:
    phases = {sample.draw.id: sample.draw.phase for sample in samples}
    rows = _pack(samples, open_rows)
    for row in rows:
        assert {phases[sample.id] for sample in row.samples} == {row.phase}
    assert all(left.phase <= right.phase for left, right in pairwise(rows))


@given(_samples(), st.integers(1, 3))
def test_a_sample_is_never_far_from_its_place(samples: list[Sample], open_rows: int) -> None:
    """When a row is closed early, no later sample may join it: at most `open_rows` are open."""
    order = {sample.draw.id: sample.draw.order for sample in samples}
    rows = _pack(samples, open_rows)
    for place, row in enumerate(rows):
        last = max(order[sample.id] for sample in row.samples)
        opened_before = [later for later in rows[place + 1 :] if order[later.samples[0].id] < last]
        assert len(opened_before) < open_rows
