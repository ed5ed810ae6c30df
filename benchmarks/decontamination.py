"""Times decontamination on the real files beside a plain one, and compares what they find.

    python benchmarks/decontamination.py [--spread]

All texts of the real files (docs/real-sample.md; ONESTAGE_REALDATA names their folder), kept by
collect or not, are searched for the items of the profile's benchmarks. The plain way shares no
code: a comparable form of its own, a set of all 64-character windows of the items looked up at
every character, and each question and option looked for in each text. Some sources are
benchmark files themselves, so that there is something to find. --spread lists the longest runs
below the bound instead.
"""

import gc
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from plain_contamination import (  # noqa: E402
    plain_form,
    plain_parts,
    questions_plainly,
    runs_plainly,
    window_table,
)
from real_documents import benchmark_items, documents  # noqa: E402

from onestage.benchmarks import Item  # noqa: E402
from onestage.dedupe.contamination import ContaminationIndex, item_texts  # noqa: E402
from onestage.dedupe.settings import Contamination  # noqa: E402
from onestage.dedupe.shared_runs import SharedRuns  # noqa: E402
from onestage.similarity import comparable  # noqa: E402

CHARS = 64
# Sources that are lists of terms, no text.
LISTS = ("codes_en", "diseases_zh", "terms_zh", "words_zh", "classes_zh", "collection_en")
# What was found: the number of a text, (benchmark, item), by a shared run or by its parts.
Found = set[tuple[int, tuple[str, str], str]]
T = TypeVar("T")


def timed(work: Callable[[], T], times: int = 1) -> tuple[float, T]:
    """Return the seconds of the fastest of several times, and the result."""
    seconds = []
    for _ in range(times):
        gc.collect()
        start = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - start)
    return min(seconds), result


def resident_mb() -> float:
    """Return what this process holds now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def found_fast(index: ContaminationIndex, texts: list[str]) -> Found:
    """Return what the index finds."""
    return {
        (number, (shared.benchmark, shared.item), shared.rule)
        for number, text in enumerate(texts)
        for shared in index.find(text)
    }


def compare(items: list[Item], keys: list[str], texts: list[str]) -> None:
    """Search both ways; print speed, memory and what was found."""
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    print(f"{len(items)} items; {len(texts)} texts, {megabytes:.1f} MB of UTF-8")
    choices = Contamination(min_chars=CHARS, short_questions=True, ngram_chars=10, ngram_share=0.0)
    before = resident_mb()
    seconds, index = timed(lambda: ContaminationIndex(items, choices))
    print(f"index: {seconds:.2f} s, {resident_mb() - before:.1f} MB")
    whole, found = timed(lambda: found_fast(index, texts), 3)
    normal, seen = timed(lambda: list(map(comparable, texts)), 3)
    forms = SharedRuns([form for item in items for form in item_texts(item)], min_chars=CHARS)
    runs, _ = timed(lambda: [forms.find(text) for text in seen], 3)

    before = resident_mb()
    parts = {(item.benchmark, item.id): (item.case, item.question, item.options) for item in items}
    table = window_table(parts, CHARS)
    print(f"plain table of {CHARS}-character windows: {resident_mb() - before:.1f} MB")
    plain_normal, plain = timed(lambda: list(map(plain_form, texts)))
    plain_runs, by_runs = timed(lambda: runs_plainly(table, plain, CHARS), 3)
    questions = {name: plain_parts(of) for name, of in parts.items()}
    plain_questions, by_parts = timed(lambda: questions_plainly(questions, plain))
    plain_whole = plain_normal + plain_runs + plain_questions
    rows = {
        "all of it": (whole, plain_whole),
        "normalising and shared runs": (normal + runs, plain_normal + plain_runs),
        "normalising": (normal, plain_normal),
        "shared runs in normalised text": (runs, plain_runs),
    }
    for name, (fast, slow) in rows.items():
        speed = f"{megabytes / fast:.1f} MB/s, plainly {megabytes / slow:.2f} MB/s"
        print(f"{name}: {speed}, ratio {slow / fast:.1f}")

    expected = {(*one, "shared_run") for one in by_runs}
    expected |= {(*one, "question_and_options") for one in by_parts - by_runs}
    print(f"found {len(found)}, plainly {len(expected)}; differing: {len(found ^ expected)}")
    overlaps = Counter((name[0], keys[number], rule) for number, name, rule in found)
    for (benchmark, key, rule), count in sorted(overlaps.items()):
        print(f"  {benchmark} in {key} by {rule}: {count}")
    if found != expected:
        raise SystemExit(1)


def spread(items: list[Item], keys: list[str], texts: list[str], chars: int = 32) -> None:
    """Print the longest runs from 32 characters to the bound."""
    runs = SharedRuns([form for item in items for form in item_texts(item)], min_chars=chars)
    rows = {
        (len(run), keys[number], items[form // 2].benchmark, items[form // 2].id, run)
        for number, text in enumerate(texts)
        for form, run in runs.find(comparable(text)).items()
        if len(run) < CHARS
    }
    for row in sorted(rows, reverse=True)[:60]:
        print(*row)


@click.command(help=__doc__)
@click.option("--spread", "only_spread", is_flag=True, help="List runs below the bound.")
def main(*, only_spread: bool) -> None:
    """Read everything, then compare or list."""
    with tempfile.TemporaryDirectory() as folder:
        found = [(key, text) for key, text in documents(Path(folder)) if key not in LISTS]
    keys, texts = map(list, zip(*found, strict=True))
    (spread if only_spread else compare)(benchmark_items(), keys, texts)


if __name__ == "__main__":
    main()
