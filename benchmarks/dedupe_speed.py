"""Times near-duplicate removal beside datasketch and rensa, and counts what each misses.

    python benchmarks/dedupe_speed.py [--documents 60000]     (needs `pip install datasketch`)
    python benchmarks/dedupe_speed.py --memory 1000000 --memory 2000000

A third of the documents, Chinese and English, are copies of others with 1 to 40 % of their
characters edited, one by one or in one run. All peers judge the same comparable texts by
character 5-grams and 128 permutations, in the same order. The peers get them in memory and are
used as their guides show; onestage reads JSON Lines, and its figure includes that. Recall is over
planted pairs of a similarity of at least .8, of which not both may stay; precision is the share
of removed documents that are so similar to the one they are removed for. Both similarities are
counted here, by windows. With --memory the stage runs over so many records, each run in a process
of its own, and time and peak memory are printed: of the stage's own process, and of it and its
workers together (pages that several share count once; looked at twice a second).
"""

import os
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import NamedTuple

import click
import psutil

sys.path.insert(0, str(Path(__file__).parent))
import collect_corpus
from rensa import RMinHash, RMinHashDeduplicator

from onestage import jsonl
from onestage.dedupe.decontamination import ContaminationCounts
from onestage.dedupe.selection import Plan, judged
from onestage.dedupe.semantic import EmbeddedTexts
from onestage.dedupe.settings import Contamination, Dedupe, Repeats, Semantic, TextGrams
from onestage.identity import content_id
from onestage.records import Conversation
from onestage.similarity import PERMUTATIONS, comparable, ngrams

THRESHOLD = 0.8
GRAM_CHARS = 5
CHOICES = Dedupe(
    ["web"],
    TextGrams(THRESHOLD, GRAM_CHARS, 1, 0),
    Repeats("keep", "keep"),
    Semantic(0.0, "", 1),
    Contamination(64, short_questions=True, ngram_chars=10, ngram_share=0.0),
)
LAYOUTS = {layout.key: layout for layout in collect_corpus.LAYOUTS}


class Document(NamedTuple):
    """A text, and of which one it is an edited copy (-1: of none)."""

    text: str
    of: int


def documents(number: int, seed: int = 1) -> Iterator[Document]:
    """Yield texts; each third one is an edited copy of one of the two before it."""
    drawn = Random(seed)  # noqa: S311
    writers = [
        collect_corpus.Writer(Random(f"{seed}/{key}"), LAYOUTS[key])  # noqa: S311
        for key in ("web_zh", "web_en")
    ]
    made: list[str] = []
    for place in range(number):
        if place % 3 == 2:
            of = drawn.randrange(max(0, place - 2), place)
            made.append(edited(made[of - place], drawn))
            yield Document(made[-1], of)
        else:
            text = writers[place % 2]._prose()["text"]
            made.append(text[: 200 + drawn.randrange(800)])
            yield Document(made[-1], -1)
        made = made[-3:]


def edited(text: str, drawn: Random) -> str:
    """Return the text with 1 to 40 % of its characters edited, one by one or in one run."""
    share = drawn.choice((0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.4))
    if drawn.random() < 0.5:
        start = drawn.randrange(max(1, round(len(text) * (1 - share))))
        end = start + round(len(text) * share)
        return text[:start] + "".join(drawn.sample(text, len(text))[: end - start]) + text[end:]
    signs = list(text)
    for _ in range(max(1, round(len(text) * share))):
        place = drawn.randrange(len(signs))
        signs[place] = drawn.choice(("", drawn.choice(text), signs[place] + drawn.choice(text)))
    return "".join(signs)


def similarity(left: str, right: str) -> float:
    """Return the Jaccard similarity of two texts' windows."""
    one, other = (
        {text[at : at + GRAM_CHARS] for at in range(len(text) - GRAM_CHARS + 1)} or {text}
        for text in (left, right)
    )
    return len(one & other) / len(one | other)


def record(number: int, text: str) -> Conversation:
    """Return a text as the stages pass it on."""
    name = content_id(number)
    return Conversation(
        name, "web", "web", "zh", [], text, text, name, "a.jsonl", number + 1, "raw"
    )


def onestage_removed(files: list[Path]) -> Callable[[list[str]], dict[int, int]]:
    """Return a function that runs the stage's own code over the files of these texts."""

    def removed(texts: list[str]) -> dict[int, int]:
        names = {content_id(place): place for place in range(len(texts))}
        with tempfile.TemporaryDirectory() as folder:
            plan = Plan(files, ["web"] * len(files), Path(folder), CHOICES, ())
            return {
                names[found.id]: names[str(found.detail["kept"])]
                for _, found in judged(plan, ContaminationCounts(()), EmbeddedTexts(()))
                if found
            }

    return removed


def in_rank(texts: list[str]) -> list[int]:
    """Return the places, the longest text first, so that all peers keep the same ones."""
    return sorted(range(len(texts)), key=lambda at: (-len(texts[at]), content_id(at)))


def datasketch_removed(texts: list[str]) -> dict[int, int]:
    """Remove what datasketch's index finds, for the one of the largest estimate."""
    from datasketch import MinHash, MinHashLSH  # noqa: PLC0415  (a peer, not a dependency)

    index = MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS)
    kept, removed = {}, {}
    for place in in_rank(texts):
        grams = ngrams(comparable(texts[place]), GRAM_CHARS)
        signature = MinHash(num_perm=PERMUTATIONS, seed=1)
        signature.update_batch([gram.encode() for gram in grams])
        if found := index.query(signature):
            removed[place] = max(found, key=lambda other: kept[other].jaccard(signature))
        else:
            kept[place] = signature
            index.insert(place, signature)
    return removed


def rensa_removed(texts: list[str]) -> dict[int, int]:
    """Remove what rensa's deduplicator calls a duplicate."""
    index = RMinHashDeduplicator(
        THRESHOLD, num_perm=PERMUTATIONS, use_lsh=True, num_bands=32, seed=1
    )
    removed = {}
    for place in in_rank(texts):
        signature = RMinHash(num_perm=PERMUTATIONS, seed=1)
        signature.update(list(ngrams(comparable(texts[place]), GRAM_CHARS)))
        if found := index.get_duplicates(signature):
            removed[place] = int(found[0])
        else:
            index.add(str(place), signature)
    return removed


def write(folder: Path, texts: Iterator[str]) -> list[Path]:
    """Write texts as conversations in parts."""
    with jsonl.PartWriter(folder, part_max_bytes=2**24) as parts:
        for place, text in enumerate(texts):
            parts.write(record(place, text))
    return jsonl.part_files(folder)


def compare(number: int) -> None:
    """Print time, recall and precision of all peers."""
    drawn = list(documents(number))
    texts = [document.text for document in drawn]
    seen = [comparable(text) for text in texts]
    planted = [
        (place, document.of)
        for place, document in enumerate(drawn)
        if document.of >= 0 and similarity(seen[place], seen[document.of]) >= THRESHOLD
    ]
    print(f"{number} documents, {len(planted)} planted pairs of at least {THRESHOLD}")
    print("| | workers | s | documents/s | datasketch = 1 | removed | recall | precision |")
    print("|---" * 8 + "|")
    with tempfile.TemporaryDirectory() as folder:
        files = write(Path(folder), iter(texts))
        peers: list[tuple[str, str, Callable[[list[str]], dict[int, int]]]] = [
            ("datasketch", "1", datasketch_removed), ("rensa", "1", rensa_removed),
            ("onestage", "1", onestage_removed(files)), ("onestage", "2", onestage_removed(files)),
        ]  # fmt: skip
        first = 0.0
        for name, workers, removed_by in peers:
            os.environ["ONESTAGE_WORKERS"] = workers
            begin = time.perf_counter()
            removed = removed_by(texts)
            seconds = time.perf_counter() - begin
            first = first or seconds
            recall = sum(one in removed or other in removed for one, other in planted)
            right = sum(similarity(seen[a], seen[b]) >= THRESHOLD for a, b in removed.items())
            row = [name, workers, f"{seconds:.1f}", f"{number / seconds:.0f}"]
            row += [f"{first / seconds:.2f}", str(len(removed))]
            row += [f"{recall / len(planted):.4f}", f"{right / len(removed):.4f}"]
            print("|", " | ".join(row), "|")


class _Peak:
    """The most memory that this process and those that it started hold together, in MB."""

    def __enter__(self) -> "_Peak":
        self.mb = 0.0
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._look)
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watch.join()

    def _look(self) -> None:
        own = psutil.Process()
        while not self._over.wait(0.5):
            held = 0
            for process in (own, *own.children(recursive=True)):
                with suppress(psutil.Error):  # one that ended meanwhile
                    held += process.memory_full_info().pss
            self.mb = max(self.mb, held / 2**20)


def _memory(number: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = write(Path(folder), (document.text for document in documents(number)))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        begin = time.perf_counter()
        with tempfile.TemporaryDirectory() as survey, _Peak() as peak:
            plan = Plan(files, ["web"] * len(files), Path(survey), CHOICES, ())
            outcome = judged(plan, ContaminationCounts(()), EmbeddedTexts(()))
            removed = sum(rejection is not None for _, rejection in outcome)
            disk = sum(path.stat().st_size for path in Path(survey).rglob("*.npy"))
    seconds = time.perf_counter() - begin
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sizes = f"{before:.0f} | {own:.0f} | {peak.mb:.0f} | {disk / 1e6:.0f}"
    print(f"| {number} | {removed} | {seconds:.0f} | {sizes} |", flush=True)


@click.command()
@click.option("--documents", "number", default=60000, show_default=True, help="How many.")
@click.option("--memory", multiple=True, type=int, help="Measure memory for so many records.")
def main(number: int, memory: tuple[int, ...]) -> None:
    """Compare with the peers, or measure memory."""
    if not memory:
        compare(number)
        return
    print("| records | removed | s | MB before | own peak MB | peak MB of all | disk MB |")
    print("|---" * 7 + "|")
    for each in memory:
        worker = get_context("spawn").Process(target=_memory, args=(each,))
        worker.start()
        worker.join()


if __name__ == "__main__":
    main()
