from hypothesis import given
from hypothesis import strategies as st

from onestage.identity import content_id, document_id, keyed_fraction

_PART = st.one_of(st.integers(), st.text(st.characters(exclude_categories=["Cs", "Cc"])))
_PARTS = st.lists(_PART, min_size=1, max_size=4)


def test_ids_are_those_of_every_former_release() -> None:
    """Another value here renames every record that a team has: think before changing it."""
    assert content_id("web_zh", "高血压", 0) == "00193917cc9b9e34c74e9608"
    assert document_id("web_zh", content_id("高血压"), 0) == "d3b09fe66c5d07ba6b28988e"
    assert keyed_fraction(1, "a", 0) == 0.9106197457735352


@given(_PARTS, _PARTS)
def test_ids_differ_where_the_parts_do(left: list[str | int], right: list[str | int]) -> None:
    same = [str(part) for part in left] == [str(part) for part in right]
    assert (content_id(*left) == content_id(*right)) == same


@given(_PARTS)
def test_fractions_lie_between_0_and_1(parts: list[str | int]) -> None:
    assert 0 < keyed_fraction(*parts) < 1
