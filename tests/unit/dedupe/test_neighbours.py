"""Which vectors are similar, against a plain matrix of cosines."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onestage.dedupe import neighbours
from onestage.dedupe.embeddings import Vectors
from onestage.dedupe.neighbours import Exact, Graph, cosines, within

pytestmark = pytest.mark.usefixtures("one_thread")


def _drawn(seed: int, rows: int, parts: int, dimensions: int = 3) -> Vectors:
    """Return unit vectors with coordinates so coarse that many cosines are equal."""
    draw = np.random.default_rng(seed)
    found = draw.integers(-1, 2, (rows, parts, dimensions)).astype(np.float64)
    norms = np.linalg.norm(found, axis=2, keepdims=True)
    return (found / np.where(norms > 0, norms, 1)).astype(np.float32)


def _plain_cosine(one: Vectors, two: Vectors) -> float:
    """Return the smallest cosine of the parts of two vectors, one product at a time."""
    each = []
    for left, right in zip(one.tolist(), two.tolist(), strict=True):
        product = sum(a * b for a, b in zip(left, right, strict=True))
        length = (sum(a * a for a in left) * sum(b * b for b in right)) ** 0.5
        each.append(product / length if length else 0.0)
    return round(min(each), 6)


def _decided(vectors: Vectors, pairs: neighbours.Pairs, threshold: float) -> set[tuple[int, int]]:
    similar = cosines(vectors, *pairs) >= threshold
    return set(zip(pairs[0][similar].tolist(), pairs[1][similar].tolist(), strict=True))


@given(
    st.integers(0, 10**6),
    st.integers(0, 25),
    st.sampled_from([1, 2]),
    st.sampled_from([1, 3, 7, 100]),
    st.sampled_from([0.5, 0.707107, 0.8, 1.0]),
)
def test_exact_pairs_are_those_of_a_plain_matrix(
    seed: int, rows: int, parts: int, at_once: int, threshold: float
) -> None:
    vectors = _drawn(seed, rows, parts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "_ROWS_AT_ONCE", at_once)
        patch.setattr(neighbours, "_PAIRS_AT_ONCE", at_once)
        index = Exact(rows, (parts, 3), threshold)
        for begin in range(0, rows, 4):  # every other one, in several steps
            added = np.arange(begin, min(begin + 4, rows))[::2]
            index.add(added, vectors[added])
        among = _decided(vectors, index.near(vectors), threshold)
        own = _decided(vectors, within(vectors, threshold), threshold)
    similar = {
        (one, two)
        for one in range(rows)
        for two in range(rows)
        if _plain_cosine(vectors[one], vectors[two]) >= threshold
    }
    assert among == {(one, two) for one, two in similar if two % 2 == 0}
    assert own == {(one, two) for one, two in similar if two < one}


def test_a_cosine_equal_to_the_threshold_is_similar() -> None:
    vectors = np.array([[[0.6, 0.8]], [[1.0, 0.0]], [[0.0, 0.0]]], dtype=np.float32)
    assert _decided(vectors, within(vectors, 0.6), 0.6) == {(1, 0)}
    assert _decided(vectors, within(vectors, 0.600001), 0.600001) == set()
    repeated = np.repeat(_drawn(5, 1, 2, 384), 2, axis=0)
    assert _decided(repeated, within(repeated, 1.0), 1.0) == {(1, 0)}


def test_the_least_similar_part_counts() -> None:
    vectors = np.array([[[1, 0], [1, 0]], [[1, 0], [0, 1]]], dtype=np.float32)
    assert len(within(vectors, 0.5)[0]) == 0
    assert cosines(vectors, np.array([1]), np.array([0])).tolist() == [0.0]


def _clustered(count: int, dimensions: int) -> Vectors:
    """Return vectors of which each fourth lies near another one."""
    draw = np.random.default_rng(11)
    found = draw.standard_normal((count, dimensions))
    found[3::4] = found[0::4][: len(found[3::4])]
    found[3::4] += draw.standard_normal((len(found[3::4]), dimensions)) * 0.2
    unit = found / np.linalg.norm(found, axis=1, keepdims=True)
    return unit[:, np.newaxis].astype(np.float32)


def test_a_graph_finds_almost_all_that_are_similar() -> None:
    pytest.importorskip("usearch")
    vectors, asked = _clustered(4000, 48), np.arange(3, 4000, 4)
    added = np.setdiff1d(np.arange(4000), asked)
    found = []
    for _ in range(2):
        index = Graph((1, 48))
        for begin in range(0, len(added), 1000):
            rows = added[begin : begin + 1000]
            index.add(rows, vectors[rows])
        places, rows = index.near(vectors[asked])
        found.append(_decided(vectors, (asked[places], rows), 0.9))
    assert found[0] == found[1]
    exact = Exact(len(added), (1, 48), 0.9)
    exact.add(added, vectors[added])
    places, rows = exact.near(vectors[asked])
    wanted = _decided(vectors, (asked[places], rows), 0.9)
    assert len(wanted) > 900
    assert len(found[0] & wanted) >= 0.99 * len(wanted)
    assert found[0] <= wanted


def test_a_graph_of_nothing_proposes_nothing() -> None:
    pytest.importorskip("usearch")
    index = Graph((2, 3))
    index.add(np.arange(0), _drawn(1, 0, 2))
    places, rows = index.near(_drawn(1, 2, 2))
    assert len(places) == len(rows) == 0
