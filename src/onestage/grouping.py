"""Equal entries of arrays: who comes first, and who belongs together. All by sorting."""

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Numbers = NDArray[np.int64]


def grouped(*columns: Hashes) -> tuple[Numbers, Numbers]:
    """Return places sorted by entry, then place; and for each of them where its group starts.

    An entry is one value of each column.

    >>> grouped(np.array([7, 5, 7], dtype=np.uint64))[1].tolist()
    [0, 1, 1]
    """
    order = np.argsort(columns[0], kind="stable") if len(columns) == 1 else np.lexsort(columns)
    begins = np.zeros(len(order), dtype=bool)
    begins[:1] = True
    for column in columns:
        in_order = column[order]
        begins[1:] |= in_order[1:] != in_order[:-1]
    return order, np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))


def firsts(*columns: Hashes) -> Numbers:
    """Return for each place the first place with an equal entry.

    >>> firsts(np.array([7, 9, 7, 7], dtype=np.uint64)).tolist()
    [0, 1, 0, 0]
    """
    order, starts = grouped(*columns)
    found = np.empty(len(order), dtype=np.int64)
    found[order] = order[starts]
    return found


def groups_of_several(hashes: Hashes) -> tuple[Numbers, Numbers]:
    """Return the places that share their entry with others, and the first place of each's group.

    >>> [found.tolist() for found in groups_of_several(np.array([7, 9, 7], dtype=np.uint64))]
    [[0, 2], [0, 0]]
    """
    order, starts = grouped(hashes)
    follows = starts != np.arange(len(order))
    several = follows.copy()
    several[:-1] |= follows[1:]
    return order[several], order[starts[several]]
