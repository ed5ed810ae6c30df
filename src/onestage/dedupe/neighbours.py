"""Which vectors are similar to those that were added so far: compared with all, or by a graph.

A vector has one or more parts, float32 [parts, dimensions], each of length 1; two vectors are as
similar as the least similar of their parts. What an index proposes is a little more than what is
similar enough; `cosines` decides.
"""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from onestage.dedupe.embeddings import Vectors, device
from onestage.grouping import Numbers

# What 32-bit sums of products may be wrong by, and those of the 16 bits in a graph.
_SLACK = 1e-4
_ROWS_AT_ONCE = 16384
_PAIRS_AT_ONCE = 8192
# A vector has few others that stay so near to it: these do not resemble one another.
_NEIGHBOURS = 32
_EXPANSION = 128
Pairs = tuple[Numbers, Numbers]


class Index(Protocol):
    """Vectors that were added, each known by its row."""

    def add(self, rows: Numbers, vectors: Vectors) -> None:
        """Add vectors, float32 [rows, parts, dimensions]."""

    def near(self, asked: Vectors) -> Pairs:
        """Return places in `asked` and the rows of what may be similar to them."""


class Exact:
    """Compares with every vector that was added; `capacity` of them are the most."""

    def __init__(self, capacity: int, shape: tuple[int, int], threshold: float) -> None:
        import torch  # noqa: PLC0415  (only who asks for it waits for it)

        self._added: Any = torch.empty((capacity, *shape), dtype=torch.float32, device=device())
        self._rows = np.empty(0, dtype=np.int64)
        self._least = threshold - _SLACK

    def add(self, rows: Numbers, vectors: Vectors) -> None:
        """Add vectors."""
        begin, end = len(self._rows), len(self._rows) + len(rows)
        self._added[begin:end] = _tensor(vectors)
        self._rows = np.concatenate([self._rows, rows])

    def near(self, asked: Vectors) -> Pairs:
        """Return all pairs that may be similar enough."""
        places, found = similar(_tensor(asked), self._added[: len(self._rows)], self._least)
        return places, self._rows[found]


def similar(asked: Any, others: Any, least: float) -> Pairs:
    """Return the places of all pairs of two tensors' vectors that are at least so similar."""
    import torch  # noqa: PLC0415

    found = [(np.empty(0, dtype=np.int64),) * 2]
    for begin in range(0, len(others), _ROWS_AT_ONCE):
        some = others[begin : begin + _ROWS_AT_ONCE]
        scores = asked[:, 0] @ some[:, 0].T
        for part in range(1, asked.shape[1]):
            scores = torch.minimum(scores, asked[:, part] @ some[:, part].T)
        places, columns = torch.nonzero(scores >= least, as_tuple=True)
        found.append((places.cpu().numpy(), columns.cpu().numpy() + begin))
    return np.concatenate([one for one, _ in found]), np.concatenate([two for _, two in found])


def within(vectors: Vectors, threshold: float) -> Pairs:
    """Return the places of pairs that may be similar enough, the later one first."""
    tensor = _tensor(vectors)
    later, earlier = similar(tensor, tensor, threshold - _SLACK)
    return later[earlier < later], earlier[earlier < later]


def _tensor(vectors: Vectors) -> Any:
    import torch  # noqa: PLC0415

    return torch.from_numpy(np.array(vectors, dtype=np.float32)).to(device())


class Graph:
    """Looks for the nearest in a graph of neighbours (HNSW, arXiv 1603.09320) of 16-bit vectors.

    A part that is not near does not hide one that is: the graph sees all parts in one vector, so
    its nearest are those of the greatest mean.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        from usearch.index import Index as Neighbours  # noqa: PLC0415

        self._graph: Any = Neighbours(
            ndim=shape[0] * shape[1],
            metric="cos",
            dtype="f16",
            expansion_add=_EXPANSION,
            expansion_search=_EXPANSION,
        )

    def add(self, rows: Numbers, vectors: Vectors) -> None:
        """Add vectors, one after the other: several threads would make another graph each time."""
        self._graph.add(rows.astype(np.uint64), _flat(vectors), threads=1)

    def near(self, asked: Vectors) -> Pairs:
        """Return the pairs that the graph finds nearest."""
        if not len(self._graph):
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        found = self._graph.search(_flat(asked), min(_NEIGHBOURS, len(self._graph)))
        keys = found.keys.astype(np.int64)
        many = np.arange(keys.shape[1]) < np.asarray(found.counts)[:, np.newaxis]
        places = np.broadcast_to(np.arange(len(keys))[:, np.newaxis], keys.shape)
        return places[many], keys[many]


def _flat(vectors: Vectors) -> Vectors:
    rows, parts, dimensions = vectors.shape
    return np.ascontiguousarray(vectors.reshape(rows, parts * dimensions), dtype=np.float32)


def cosines(vectors: Vectors, one: Numbers, two: Numbers) -> NDArray[np.float64]:
    """Return how similar each pair of rows is, from sums of 64 bits, to six decimals.

    A part of zeros resembles nothing.

    >>> half = np.array([[[1, 0]], [[0, 0]]], dtype=np.float32)
    >>> cosines(half, np.array([0, 1]), np.array([0, 1])).tolist()
    [1.0, 0.0]
    """
    found = [np.empty(0)]
    for begin in range(0, len(one), _PAIRS_AT_ONCE):
        some = slice(begin, begin + _PAIRS_AT_ONCE)
        left, right = (vectors[rows[some]].astype(np.float64) for rows in (one, two))
        products = np.einsum("npd,npd->np", left, right)
        squares = np.einsum("npd,npd->np", left, left) * np.einsum("npd,npd->np", right, right)
        lengths = np.sqrt(np.where(squares > 0, squares, 1))
        found.append(np.round((products / lengths).min(axis=1), 6))
    return np.concatenate(found)
