"""Decides for each conversation whether it stays, by rule and not by order of arrival."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from onestage.dedupe.contamination import Contamination
from onestage.dedupe.duplicates import DuplicateIndex
from onestage.dedupe.judged import judged_text
from onestage.errors import ParamError
from onestage.params import Params
from onestage.records import Conversation, Detail, Rejection
from onestage.similarity import NearDuplicates


class Dedupe(Params, frozen=True):
    """The `dedupe` section.

    Of two texts, the one whose source stands first in `ranking` stays. The list names every
    source: the order of the keys of `sources` would be invisible to DVC.
    """

    ranking: list[str]
    near_duplicates: NearDuplicates
    contamination: Contamination


def require_ranking(ranking: Sequence[str], sources: Collection[str]) -> None:
    """Refuse a ranking that does not name every source once and nothing else.

    Raises:
        ParamError: with the first name that is missing, stray or named twice.
    """
    for source in sources:
        if source not in ranking:
            raise ParamError(f"params: dedupe.ranking: source {source} is missing; add it")
    for name, times in Counter(ranking).items():
        if name not in sources or times > 1:
            fault = "is named twice" if times > 1 else "is no source"
            raise ParamError(f"params: dedupe.ranking: {name} {fault}; remove it")


def reject_duplicates(
    records: Iterable[Conversation], ranking: Sequence[str], choices: NearDuplicates
) -> dict[str, Rejection]:
    """Return a rejection, by id, for each record that duplicates one that stays.

    Who stays: SFT before passages, then the source that `ranking` names first, then the longer
    text, then the smaller id.
    """
    rank = {source: place for place, source in enumerate(ranking)}
    judged = [(record, judged_text(record)) for record in records]
    judged.sort(
        key=lambda pair: (
            pair[0].kind != "sft",
            rank[pair[0].source],
            -len(pair[1]),
            pair[0].id,
        )
    )
    index = DuplicateIndex(choices)
    rejected: dict[str, Rejection] = {}
    for record, text in judged:
        match = index.add(record.id, text)
        if match is not None:
            reason = "exact_duplicate" if match.exact else "near_duplicate"
            detail: dict[str, Detail] = {
                "kept": match.kept,
                "similarity": round(match.similarity, 4),
            }
            rejected[record.id] = Rejection(record.id, record.source, reason, detail)
    return rejected


def counts_by_source(
    records: Iterable[Conversation], rejected: dict[str, Rejection], ranking: Sequence[str]
) -> dict[str, Any]:
    """Return per source: records = kept + rejected, the latter by reason."""
    seen: Counter[str] = Counter(record.source for record in records)
    reasons = {source: Counter[str]() for source in ranking}
    for rejection in rejected.values():
        reasons[rejection.source][rejection.reason] += 1
    return {
        source: {
            "records": seen[source],
            "kept": seen[source] - reasons[source].total(),
            "rejected": dict(sorted(reasons[source].items())),
        }
        for source in ranking
    }
