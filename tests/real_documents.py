"""Every text of the real files, kept or not, and the items of the real benchmarks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from given import ROOT
from plain_reading import raw_records
from real_files import FILES, SOURCES, derive_files, source

from onestage.benchmarks import Benchmark, Item, read_all
from onestage.collect.documents import to_document, to_messages
from onestage.collect.raw import BadRecord
from onestage.params import load_document, mapping
from onestage.sources import Source


def benchmark_items() -> list[Item]:
    """The items of all benchmarks of the profile real-sample."""
    profile = load_document(ROOT / "profiles" / "real-sample.yaml")
    return read_all(mapping(profile, "benchmarks", Benchmark), FILES)


def documents(work: Path) -> Iterator[tuple[str, str]]:
    """Yield a source's key and a document's text; of SFT records the turns, one a line."""
    derive_files(work)
    for key in SOURCES:
        given = source(key, work)
        for _, _, fields in raw_records(given):
            text = _text(given, fields) if fields is not None else None
            if text:
                yield key, text


def _text(given: Source, fields: dict[str, Any]) -> str | None:
    if given.kind == "sft":
        turns = to_messages(fields, given.fields, replace=given.replace)
        if isinstance(turns, BadRecord):
            return None
        return "\n".join(message.content for message in turns.messages)
    found = to_document(fields, given.fields, replace=given.replace, wrapped=given.wrapped)
    return None if isinstance(found, BadRecord) else found.text
