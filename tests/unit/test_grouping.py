"""What is grouped is what a look at every other place would find equal."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from onestage.grouping import firsts, grouped, groups_of_several, new_groups

_PAIRS = st.lists(st.tuples(*[st.integers(0, 3).map(lambda n: n * 2**61)] * 2), max_size=30)


@given(_PAIRS)
def test_firsts_of_one_and_of_two_columns(pairs: list[tuple[int, int]]) -> None:
    one, other = np.array(pairs, dtype=np.uint64).reshape(-1, 2).T
    values = one.tolist()
    assert firsts(one).tolist() == [values.index(value) for value in values]
    assert firsts(one, other).tolist() == [pairs.index(pair) for pair in pairs]


@given(_PAIRS)
def test_groups_are_sorted_by_place(pairs: list[tuple[int, int]]) -> None:
    one = np.array(pairs, dtype=np.uint64).reshape(-1, 2)[:, 0]
    order, starts = grouped(one)
    assert order.tolist() == sorted(range(len(pairs)), key=lambda at: (pairs[at][0], at))
    assert (one[order] == one[order[starts]]).all()


@given(_PAIRS)
def test_only_what_is_not_alone_is_in_a_group(pairs: list[tuple[int, int]]) -> None:
    values = [value for value, _ in pairs]
    places, first = groups_of_several(np.array(values, dtype=np.uint64))
    assert sorted(places.tolist()) == [
        at for at, value in enumerate(values) if values.count(value) > 1
    ]
    assert [values.index(values[place]) for place in places] == first.tolist()


@given(st.lists(st.lists(st.integers(0, 3), min_size=6, max_size=6), max_size=8))
def test_a_group_is_new_once(bands: list[list[int]]) -> None:
    """Each band gives six places a key; those who share one are a group."""
    known = np.empty(0, dtype=np.uint64)
    seen: set[frozenset[int]] = set()
    for keys in bands:
        members, names = groups_of_several(np.array(keys, dtype=np.uint64))
        new, known = new_groups(members, names, known)
        groups = {frozenset(at for at in range(6) if keys[at] == key) for key in keys}
        groups = {group for group in groups if len(group) > 1}
        assert set(members[new].tolist()) == set().union(*(groups - seen))
        assert len(members[new]) == sum(map(len, groups - seen))
        seen |= groups
    assert len(known) == len(seen)
