"""Equal entries of arrays: who comes first, and who belongs together. All by sorting."""

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Numbers = NDArray[np.int64]
_ODD, _SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)


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


def new_groups(members: Numbers, names: Numbers, known: Hashes) -> tuple[NDArray[np.bool_], Hashes]:
    """Return which members are in a group that is not known, and all groups that are known then.

    Groups stand one after the other and each has a name of its own. A group is known by a hash of
    its members, whatever its name: texts that are much alike are together in many a band.

    >>> members, names = np.array([0, 2, 1, 3]), np.array([0, 0, 1, 1])
    >>> known = new_groups(members[:2], names[:2], np.empty(0, np.uint64))[1]
    >>> new_groups(members, names, known)[0].tolist()
    [False, False, True, True]
    """
    starts = np.flatnonzero(np.append(True, names[1:] != names[:-1])[: len(names)])
    mixed = (members.astype(np.uint64) + np.uint64(1)) * _ODD
    mixed ^= mixed >> _SHIFT
    mixed *= _ODD
    hashes = np.add.reduceat(mixed, starts) if len(starts) else mixed
    is_new = ~np.isin(hashes, known)
    sizes = np.diff(np.append(starts, len(members)))
    return np.repeat(is_new, sizes), np.concatenate([known, hashes[is_new]])


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
