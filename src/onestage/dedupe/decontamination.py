"""Rejects a conversation of which any text contains a benchmark item."""

from onestage.dedupe.contamination import ContaminationIndex
from onestage.dedupe.judged import all_texts
from onestage.records import Conversation, Detail, Rejection


def contamination(record: Conversation, index: ContaminationIndex) -> Rejection | None:
    """Return which item a record contains, the longest shared run first, or None."""
    found = [shared for text in all_texts(record) if (shared := index.find(text))]
    if not found:
        return None
    shared = max(found, key=lambda run: len(run.text))
    detail: dict[str, Detail] = {
        "benchmark": shared.benchmark,
        "item": shared.item,
        "shared_chars": len(shared.text),
        "shared": shared.text,
    }
    return Rejection(record.id, record.source, "contaminated", detail)
