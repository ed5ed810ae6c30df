"""How the mixture of a curriculum shifts along its course, beside what was to be expected."""

from itertools import pairwise

import numpy as np

from onestage.sample.curriculum import Curriculum
from onestage.sample.mixture import Part, mixture_at

STEPS = 20


def course(curriculum: Curriculum, *, steps: int = STEPS) -> list[dict[str, str | float]]:
    """Return each source's share among the draws of each twentieth of the course.

    Rows {progress, source, share, expected}, progress being the end of the interval, 0 to 1;
    `expected` is the share in closed form for the copies that are drawn.
    """
    pool, drawn = curriculum.pool, curriculum.drawn.record
    total = np.bincount(pool.source[drawn], minlength=len(pool.sources)).tolist()
    parts = {
        source: Part(copies, curriculum.standing[source])
        for source, copies in zip(pool.sources, total, strict=True)
        if copies
    }
    rows: list[dict[str, str | float]] = []
    edges = [len(drawn) * step // steps for step in range(steps + 1)]
    for step, (start, end) in enumerate(pairwise(edges), 1):
        counts = np.bincount(pool.source[drawn[start:end]], minlength=len(pool.sources)).tolist()
        before, after = (mixture_at(parts, edge / len(drawn)).consumed for edge in (start, end))
        draws = end - start or 1  # an interval without draws has shares of 0
        rows += [
            {
                "progress": step / steps,
                "source": source,
                "share": count / draws,
                "expected": parts[source].copies * (after[source] - before[source]) / draws,
            }
            for source, count in zip(pool.sources, counts, strict=True)
            if source in parts
        ]
    return rows
