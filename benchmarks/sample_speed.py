"""Times sample: keys and order, beside torch.multinomial, and the JSON Lines around them apart.

    python benchmarks/sample_speed.py [--items 20000000] [--peer 5000000] [--lines 1000000]

Each part runs in a process of its own, which tells its peak memory. Weights and shares are the
protocol's: five sources with priorities 32 to 1, a tenth of the records each or more. The peer
draws by torch.multinomial without replacement from the same weights, on all cores, and knows no
ids, so that a new record would move all others; it is also asked for one item more than 2^24.
--lines conversations of about 1,500 bytes are read by the stage's way, and as many draws written.
"""

import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import numpy as np

from onestage import jsonl
from onestage.records import Conversation, Kind, Message
from onestage.sample.course import course
from onestage.sample.curriculum import draw_curriculum
from onestage.sample.keys import ID
from onestage.sample.pool import Candidate, Pool, pool_of
from onestage.sample.settings import Sample

_SOURCES: dict[str, tuple[Kind, float, float]] = {  # kind, priority, share of the records
    "books": ("book", 4, 0.487),
    "encyclopedia": ("encyclopedia", 8, 0.103),
    "literature": ("literature", 16, 0.195),
    "sft": ("sft", 1, 0.024),
    "web": ("web", 32, 0.191),
}
_PRIORITY = {name: row[1] for name, row in _SOURCES.items()}
_TORCH_MOST = 2**24


def _choices() -> Sample:
    return Sample(
        1, "priority", _PRIORITY, dict.fromkeys(_SOURCES, 1),
        heldout_share=dict.fromkeys(_SOURCES, 0.001),
    )  # fmt: skip


def _pool(items: int) -> Pool:
    draws = np.random.default_rng(1)
    names = np.frombuffer(draws.bytes(12 * items), dtype=ID)
    shares = np.array([row[2] for row in _SOURCES.values()])
    # in blocks, so that making the pool takes no more memory than the pool
    source = np.empty(items, np.uint16)
    for start in range(0, items, 2**20):
        size = len(source[start : start + 2**20])
        source[start : start + size] = draws.choice(len(shares), size, p=shares)
    return Pool(names, source, sorted(_SOURCES), {name: row[0] for name, row in _SOURCES.items()})


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def _order(items: int) -> None:
    pool = _pool(items)
    before = _peak_mib()
    start = time.perf_counter()
    curriculum = draw_curriculum(pool, _choices())
    middle = time.perf_counter()
    course(curriculum)
    end = time.perf_counter()
    print(
        f"keys and order of {items:,} items: {middle - start:.1f} s, the course's shares "
        f"{end - middle:.1f} s; peak {_peak_mib():,.0f} MiB, of which the records {before:,.0f}"
    )


def _peer(items: int) -> None:
    import torch  # noqa: PLC0415 - not for the processes whose memory is measured

    pool = _pool(items)
    ours, theirs = [], []
    weights = torch.tensor([float(_PRIORITY[name]) for name in pool.sources])[
        pool.source.astype(int)
    ]
    for seed in range(3):  # one after the other, three times, in one process
        start = time.perf_counter()
        draw_curriculum(pool, Sample(seed, "priority", _PRIORITY, dict.fromkeys(_SOURCES, 1)))
        middle = time.perf_counter()
        torch.multinomial(weights, items, generator=torch.Generator().manual_seed(seed))
        ours.append(middle - start)
        theirs.append(time.perf_counter() - middle)
    print(
        f"{items:,} items: sample {min(ours):.2f} s, torch.multinomial {min(theirs):.2f} s "
        f"({torch.get_num_threads()} threads); ratio {min(theirs) / min(ours):.2f}"
    )
    for number in (_TORCH_MOST, _TORCH_MOST + 1):
        try:
            torch.multinomial(torch.ones(number), 1)
            print(f"torch.multinomial with {number:,} items: works")
        except RuntimeError as error:
            print(f"torch.multinomial with {number:,} items: {str(error).splitlines()[0]}")


def _conversations(pool: Pool) -> Iterator[Conversation]:
    names = pool.ids.tobytes().hex()
    answer = "血压的测量应在安静休息五分钟后进行。" * 24
    for number, source in enumerate(pool.source.tolist()):
        name, key = names[24 * number : 24 * number + 24], pool.sources[source]
        messages = [Message("user", "怎样测血压？"), Message("assistant", answer)]
        yield Conversation(name, key, pool.kinds[key], "zh", messages, "", "", name, "f", 1, "raw")


def _lines(items: int) -> None:
    pool = _pool(items)
    with tempfile.TemporaryDirectory() as root:
        with jsonl.PartWriter(Path(root)) as writer:
            for record in _conversations(pool):
                writer.write(record)
        size = sum(path.stat().st_size for path in Path(root).iterdir())
        before = _peak_mib()
        start = time.perf_counter()
        read = pool_of(jsonl.read_records(jsonl.part_files(Path(root)), Candidate))
        middle = time.perf_counter()
        curriculum = draw_curriculum(read, _choices())
        drawn = time.perf_counter()
        with jsonl.PartWriter(Path(root), "order") as writer:
            for draw in curriculum.draws():
                writer.write(draw)
        end = time.perf_counter()
    print(
        f"{items:,} conversations ({size / 2**20:,.0f} MiB) read in {middle - start:.1f} s, "
        f"{items / (middle - start):,.0f} a second; draws written in {end - drawn:.1f} s, "
        f"{items / (end - drawn):,.0f} a second; peak {_peak_mib():,.0f} MiB, before {before:,.0f}"
    )


@click.command(help=__doc__)
@click.option("--items", default=20_000_000, show_default=True)
@click.option("--peer", default=5_000_000, show_default=True)
@click.option("--lines", default=1_000_000, show_default=True)
def main(items: int, peer: int, lines: int) -> None:
    """Run each part in a fresh process, one after the other."""
    fresh = multiprocessing.get_context("spawn")
    parts: list[tuple[Callable[[int], None], int]] = [
        (_order, items), (_peer, peer), (_lines, lines),
    ]  # fmt: skip
    for part, number in parts:
        child = fresh.Process(target=part, args=(number,))
        child.start()
        child.join()
        if child.exitcode:
            raise SystemExit(child.exitcode)


if __name__ == "__main__":
    main()
