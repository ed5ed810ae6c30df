"""Candidates as arrays, whatever order they come in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onestage.errors import InputError
from onestage.records import Kind
from onestage.sample.pool import Candidate, id_texts, pool_of

_KINDS: dict[str, Kind] = {"web": "web", "book": "book", "sft": "sft"}
_CANDIDATES = st.lists(
    st.builds(
        lambda name, source: Candidate(name, source, _KINDS[source]),
        st.text("0123456789abcdef", min_size=24, max_size=24),
        st.sampled_from(sorted(_KINDS)),
    ),
    max_size=20,
)


@given(_CANDIDATES)
def test_a_pool_holds_what_came(found: list[Candidate]) -> None:
    pool = pool_of(iter(found))
    sources = [pool.sources[number] for number in pool.source.tolist()]
    kinds = [pool.kinds[source] for source in sources]
    assert list(map(Candidate, id_texts(pool.ids), sources, kinds)) == found
    assert pool.sources == sorted(pool.sources) == sorted(pool.records())
    assert sum(pool.records().values()) == len(found)
    assert 0 not in pool.records().values()


def test_more_candidates_than_are_read_together() -> None:
    found = [Candidate(f"{n:024x}", "ab"[n % 2], "web") for n in range(2**14 + 5)]
    pool = pool_of(found)
    assert id_texts(pool.ids) == [candidate.id for candidate in found]
    assert pool.records() == {"a": 2**13 + 3, "b": 2**13 + 2}


@given(_CANDIDATES)
def test_ids_sort_as_their_texts_do(found: list[Candidate]) -> None:
    pool = pool_of(found)
    pairs = list(zip(pool.ids["high"].tolist(), pool.ids["low"].tolist(), strict=True))
    assert sorted(range(len(found)), key=lambda i: pairs[i]) == sorted(
        range(len(found)), key=lambda i: found[i].id
    )


@pytest.mark.parametrize("name", ["", "ab", "A" * 24, "0" * 23 + "g", "0" * 22 + " 1", "0" * 25])
def test_an_id_of_another_form_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"id {name}: expected 24 hexadecimal digits"):
        pool_of([Candidate("0" * 24, "web", "web"), Candidate(name, "web", "web")])


def test_a_source_of_two_kinds_is_refused() -> None:
    found = [Candidate("0" * 24, "web", "web"), Candidate("1" * 24, "web", "sft")]
    with pytest.raises(InputError, match=r"source web: .*one kind, found web and sft"):
        pool_of(found)
