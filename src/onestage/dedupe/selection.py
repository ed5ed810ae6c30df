"""Decides for each conversation whether it stays, by rule and not by order of arrival."""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from onestage import jsonl
from onestage.benchmarks import Item
from onestage.dedupe.contamination import ContaminationIndex
from onestage.dedupe.decontamination import Contaminated, ContaminationCounts, contaminated
from onestage.dedupe.duplicates import Match, duplicates
from onestage.dedupe.semantic import ByMeaning, EmbeddedTexts
from onestage.dedupe.settings import Contamination, Dedupe
from onestage.dedupe.survey import Surveyed, part_folder, survey
from onestage.grouping import Numbers
from onestage.progress import progress
from onestage.records import Conversation, Detail, Rejection
from onestage.workers import ordered_map


class Plan(NamedTuple):
    """The files whose records are judged, each with its source, and by what.

    `folder` takes what must be known of them meanwhile; it may be removed afterwards.
    """

    files: Sequence[Path]
    sources: Sequence[str]
    folder: Path
    choices: Dedupe
    items: tuple[Item, ...]


def judged(
    plan: Plan, counts: ContaminationCounts, texts: EmbeddedTexts
) -> Iterator[tuple[Conversation, Rejection | None]]:
    """Yield every record of the files in order, and why it does not stay, if it does not.

    What contains a benchmark item neither stays nor makes others fall; `counts` learns of it, and
    `texts` of what is embedded.
    """
    numbers = range(len(plan.files))
    for number in numbers:
        part_folder(plan.folder, number).mkdir(parents=True)
    rejected: dict[int, Rejection] = {}
    counted = 0
    surveys = ordered_map(partial(_surveyed, plan), numbers)
    for records, found in progress(surveys, "dedupe: survey", "file", total=len(numbers)):
        for place, one in found:
            rejected[counted + place] = one.rejection
            counts.add(one)
        counted += records
    surveyed = Surveyed(plan.folder, plan.files)
    order = ranked(surveyed, [plan.choices.ranking.index(source) for source in plan.sources])
    clean = order[~np.isin(order, list(rejected))]
    by_meaning = None
    if plan.choices.semantic.threshold:
        by_meaning = partial(ByMeaning, surveyed, choices=plan.choices.semantic, counts=texts)
    fallen = duplicates(surveyed, clean, plan.choices, by_meaning)
    for place, record in enumerate(jsonl.read_records(plan.files, Conversation)):
        if match := fallen.get(place):
            kept = surveyed.ids[match.kept].decode()
            yield record, _repeats(record, kept, match)
        else:
            yield record, rejected.get(place)


def _surveyed(plan: Plan, number: int) -> tuple[int, list[tuple[int, Contaminated]]]:
    """Survey one file; return how many records it has and, by place, what is contaminated."""
    index = _index(plan.items, plan.choices.contamination)
    found: list[tuple[int, Contaminated]] = []
    count = 0

    def watched() -> Iterator[tuple[int, Conversation]]:
        nonlocal count
        for offset, record in jsonl.read_placed(plan.files[number], Conversation):
            if plan.items and (one := contaminated(record, index)):
                found.append((count, one))
            count += 1
            yield offset, record

    survey(watched(), part_folder(plan.folder, number), plan.choices.near_duplicates)
    return count, found


@lru_cache(maxsize=1)
def _index(items: tuple[Item, ...], choices: Contamination) -> ContaminationIndex:
    """Return the index of all items; a process builds it once."""
    return ContaminationIndex(items, choices)


def ranked(found: Surveyed, ranks: Sequence[int]) -> Numbers:
    """Return the places of all records, first the one that would stay before all others.

    SFT before passages, then the file of the lower rank, then the longer text, then the
    smaller id.
    """
    of_record = np.repeat(ranks, np.diff(found.starts))
    return np.lexsort((found.ids, -found.chars, of_record, ~found.sft))


def _repeats(record: Conversation, kept: str, match: Match) -> Rejection:
    detail: dict[str, Detail] = {"kept": kept, "similarity": round(match.similarity, 4)}
    return Rejection(record.id, record.source, match.reason, detail)


class Tally:
    """Counts records for the metrics: for each source records = kept + rejected."""

    def __init__(self, sources: Sequence[str]) -> None:
        self._records: Counter[str] = Counter()
        self._rejected = {source: Counter[str]() for source in sources}

    def add(self, record: Conversation, rejection: Rejection | None) -> None:
        """Count one record."""
        self._records[record.source] += 1
        if rejection is not None:
            self._rejected[record.source][rejection.reason] += 1

    def as_metrics(self) -> dict[str, Any]:
        """Return for each source how many there were, are kept, and are rejected by reason."""
        return {
            source: {
                "records": self._records[source],
                "kept": self._records[source] - reasons.total(),
                "rejected": dict(sorted(reasons.items())),
            }
            for source, reasons in self._rejected.items()
        }
