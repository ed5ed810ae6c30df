"""What recurs is found as a look at every earlier place would find it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from onestage.collect.recurrence import (
    candidate_pairs,
    earlier_documents,
    near_duplicates,
    ordinals,
)

_HASHES = st.lists(st.integers(0, 4).map(lambda n: n * 2**61), max_size=30)


@given(_HASHES)
def test_ordinals(values: list[int]) -> None:
    hashes = np.array(values, dtype=np.uint64)
    assert ordinals(hashes).tolist() == [values[:n].count(v) for n, v in enumerate(values)]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), max_size=30))
def test_earlier_documents_are_counted_once_each(steps: list[tuple[int, int]]) -> None:
    values = [value for value, _ in steps]
    documents = np.cumsum([step for _, step in steps], dtype=np.int64)
    expected = [
        len({documents[j] for j in range(n) if values[j] == value and documents[j] < documents[n]})
        for n, value in enumerate(values)
    ]
    assert earlier_documents(np.array(values, dtype=np.uint64), documents).tolist() == expected


def test_pairs_of_a_group_are_linear_in_number() -> None:
    pairs = list(candidate_pairs(lambda: [np.zeros(500, dtype=np.uint64)], np.arange(500), 1))
    assert len(pairs) < 1000
    assert pairs == sorted(pairs)
    assert {later for later, _ in pairs} == set(range(1, 500))


@given(st.lists(st.lists(st.integers(0, 3), min_size=2, max_size=2), max_size=25))
def test_candidates_share_a_key_and_every_place_with_a_partner_has_one(
    keys: list[list[int]],
) -> None:
    bands = np.array(keys, dtype=np.uint64).reshape(-1, 2).T
    places = np.arange(len(keys)) * 3
    found = list(candidate_pairs(lambda: bands, places, 1))
    both = [pair for pair in found if keys[pair[0] // 3] == keys[pair[1] // 3]]
    assert list(candidate_pairs(lambda: bands, places, 2)) == both
    for later, earlier in found:
        assert later > earlier
        assert any(a == b for a, b in zip(keys[later // 3], keys[earlier // 3], strict=True))
    for n, own in enumerate(keys):
        partners = any(a == b for other in keys[:n] for a, b in zip(own, other, strict=True))
        assert partners == any(later == 3 * n for later, _ in found)


def test_what_falls_falls_to_one_that_stays() -> None:
    """Texts on a line, 0.1 apart: the third is similar to the second, which has fallen."""
    similar = {(0, 1): 0.9, (1, 2): 0.9, (0, 2): 0.7, (2, 3): 0.9, (0, 3): 0.6}
    pairs = [(1, 0), (2, 1), (3, 2)]
    found = near_duplicates(pairs, lambda earlier, later: similar[(earlier, later)], 0.8)
    assert {place: match.kept for place, match in found.items()} == {1: 0, 3: 2}
