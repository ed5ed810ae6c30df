"""Times the search for duplicates by meaning: comparison with all that stay beside the graph.

    python benchmarks/semantic.py [--vectors 20000 --vectors 100000]     (needs the extra semantic)

Vectors of 384 dimensions; a fifth of them lies near an earlier one, at cosines of .9 to .999. Both
ways walk through all of them as the stage does, at a threshold of .95, from a file that is mapped
to memory. Recall is the share of what falls by the exact comparison that falls by the graph, too;
each way and number runs in a process of its own, of which the growth of memory is printed.
"""

import resource
import tempfile
import time
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import click
import numpy as np

from onestage.dedupe.embeddings import Vectors, device
from onestage.dedupe.neighbours import Exact, Graph, Index
from onestage.dedupe.semantic import Stayers

DIMENSIONS = 384
THRESHOLD = 0.95
_ROWS_AT_ONCE = 10_000


def write(path: Path, count: int) -> None:
    """Write unit vectors; each fifth one is turned away from one of the four before it."""
    drawn = np.random.default_rng(1)
    vectors = np.lib.format.open_memmap(
        path, mode="w+", dtype=np.float32, shape=(count, 1, DIMENSIONS)
    )
    for begin in range(0, count, _ROWS_AT_ONCE):
        some = _unit(drawn.standard_normal((min(_ROWS_AT_ONCE, count - begin), DIMENSIONS)))
        near = some[4::5]
        cosines = drawn.uniform(0.9, 0.999, (len(near), 1))
        aside = np.sqrt(1 - cosines**2) * _unit(drawn.standard_normal(near.shape))
        some[4::5] = _unit(cosines * some[0::5][: len(near)] + aside)
        vectors[begin : begin + len(some), 0] = some
    vectors.flush()


def _unit(vectors: np.ndarray) -> np.ndarray:
    unit: np.ndarray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def walk(path: Path, way: str, answer: Connection) -> None:
    """Send which rows fall, the seconds, and by how many MB the process grew."""
    vectors: Vectors = np.load(path, mmap_mode="r")
    shape = (1, DIMENSIONS)
    device()  # torch is imported before anything is measured
    Graph(shape)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    begin = time.perf_counter()
    index: Index = Exact(len(vectors), shape, THRESHOLD) if way == "exact" else Graph(shape)
    stayers = Stayers(vectors, THRESHOLD, index)
    fallen = []
    for row in range(len(vectors)):
        if stayers.closest(row) is None:
            stayers.stays(row)
        else:
            fallen.append(row)
    seconds = time.perf_counter() - begin
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before
    answer.send((set(fallen), seconds, grown))


@click.command()
@click.option("--vectors", multiple=True, type=int, default=[20_000, 100_000], show_default=True)
def main(vectors: tuple[int, ...]) -> None:
    """Print time, recall and memory of both ways."""
    print("| vectors | way | s | exact : this | fallen | recall | MB more, mapped file included |")
    print("|---" * 7 + "|")
    for count in vectors:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "vectors.npy"
            write(path, count)
            first: tuple[set[int], float] | None = None
            for way in ("exact", "graph"):
                here, there = get_context("spawn").Pipe()
                worker = get_context("spawn").Process(target=walk, args=(path, way, there))
                worker.start()
                fallen, seconds, grown = here.recv()
                worker.join()
                first = first or (fallen, seconds)
                recall = len(fallen & first[0]) / len(first[0])
                row = [count, way, f"{seconds:.1f}", f"{first[1] / seconds:.2f}", len(fallen)]
                print("|", " | ".join(map(str, [*row, f"{recall:.4f}", f"{grown:.0f}"])), "|")


if __name__ == "__main__":
    main()
