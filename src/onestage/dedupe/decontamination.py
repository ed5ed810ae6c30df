"""Decontamination: conversations that hold benchmark items are taken out, and told why."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from onestage.benchmarks import Item
from onestage.dedupe.contamination import ContaminationIndex, clearness
from onestage.dedupe.judged import all_texts
from onestage.records import Conversation, Detail, Rejection


class Contaminated(NamedTuple):
    """Why a conversation goes, and every (benchmark, item) that it holds."""

    rejection: Rejection
    items: frozenset[tuple[str, str]]


def contaminated(record: Conversation, index: ContaminationIndex) -> Contaminated | None:
    """Return what a conversation holds of the benchmarks, in all that training could show of it.

    It depends on this one record alone, so records can be judged anywhere and in any order. The
    rejection names the item of the clearest finding: a shared run before a question with its
    options before a share of n-grams, the longest, the first by name.
    """
    found = [shared for text in _texts(record) for shared in index.find(text)]
    if not found:
        return None
    clearest = min(found, key=clearness)
    items = frozenset((shared.benchmark, shared.item) for shared in found)
    detail: dict[str, Detail] = {
        "benchmark": clearest.benchmark,
        "item": clearest.item,
        "rule": clearest.rule,
        "shared_chars": clearest.chars,
        "shared": clearest.text,
        "items": len(items),
    }
    return Contaminated(Rejection(record.id, record.source, "contaminated", detail), items)


def _texts(record: Conversation) -> list[str]:
    """Return all texts but those that stand within another one, as most passages do."""
    texts = all_texts(record)
    return [text for n, text in enumerate(texts) if not any(text in one for one in texts[:n])]


class ContaminationCounts:
    """How much of each benchmark was found in each source."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._items = Counter(item.benchmark for item in items)
        self._records: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._found: defaultdict[tuple[str, str], set[str]] = defaultdict(set)

    def add(self, found: Contaminated) -> None:
        """Count one conversation under each benchmark of which it holds an item."""
        source = found.rejection.source
        for benchmark in {name for name, _ in found.items}:
            self._records[benchmark][source] += 1
        for benchmark, item in found.items:
            self._found[benchmark, source].add(item)

    def as_metrics(self) -> dict[str, Any]:
        """Return per benchmark its items and those found; per source that held any, both counts.

        {"mc": {"items": 300, "items_found": 2, "sources": {"web": {"records": 3, "items": 2}}}}
        A conversation that holds items of two benchmarks counts under both.
        """
        return {
            benchmark: {
                "items": items,
                "items_found": len(self._of(benchmark)),
                "sources": {
                    source: {"records": records, "items": len(self._found[benchmark, source])}
                    for source, records in sorted(self._records[benchmark].items())
                },
            }
            for benchmark, items in sorted(self._items.items())
        }

    def _of(self, benchmark: str) -> set[str]:
        sources = self._records[benchmark]
        return {item for source in sources for item in self._found[benchmark, source]}
