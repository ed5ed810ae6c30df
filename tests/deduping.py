"""Records judged as the stage judges them, from files."""

from collections.abc import Iterable
from pathlib import Path

from onestage import jsonl
from onestage.benchmarks import Item
from onestage.dedupe.decontamination import ContaminationCounts
from onestage.dedupe.selection import Plan, judged
from onestage.dedupe.semantic import EmbeddedTexts
from onestage.dedupe.settings import Contamination, Dedupe, Repeats, Semantic, TextGrams
from onestage.records import Conversation, Rejection

CHOICES = Dedupe(
    ranking=["web", "sft"],
    near_duplicates=TextGrams(threshold=0.8, ngram_chars=5, seed=1, english_ngram_words=0),
    sft=Repeats(same_instruction="keep", same_output="keep"),
    semantic=Semantic(threshold=0.0, model="data/none", exact_below=100_000),
    contamination=Contamination(min_chars=20, short_questions=True, ngram_chars=5, ngram_share=0.0),
)


def rejections(
    folder: Path,
    records: Iterable[Conversation],
    choices: Dedupe = CHOICES,
    *,
    parts: int = 1,
    items: Iterable[Item] = (),
) -> dict[str, Rejection]:
    """Return the rejections by id; the records of each source lie in so many files."""
    files: list[Path] = []
    sources: list[str] = []
    records = list(records)
    for source in dict.fromkeys(record.source for record in records):
        own = [record for record in records if record.source == source]
        for part in range(parts):
            at = folder / f"in-{source}-{parts}-{part}"
            at.mkdir(parents=True)
            with jsonl.PartWriter(at) as writer:
                for record in own[part::parts]:
                    writer.write(record)
            files += jsonl.part_files(at)
            sources.append(source)
    plan = Plan(files, sources, folder / f"survey-{parts}", choices, tuple(items))
    outcome = judged(plan, ContaminationCounts(plan.items), EmbeddedTexts(sources))
    return {record.id: rejection for record, rejection in outcome if rejection}
