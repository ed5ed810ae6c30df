"""Collects records that a test gives, in as many shards as it likes."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from given import parameters

from onestage.collect.density import Lexicon
from onestage.collect.domain import DomainFilter
from onestage.collect.drafting import DraftedPortion
from onestage.collect.drafts import DraftStore
from onestage.collect.merging import Collected, Counts, Merger, require_sound
from onestage.collect.raw import BadRecord, Located, Shard
from onestage.collect.selection import Collect, Selector
from onestage.sources import Fields, Source


def choices(**more: Any) -> Collect:
    """Return the section `collect` of the tests, changed."""
    return msgspec.convert({**parameters()["collect"], **more}, Collect)


def web_source(**more: Any) -> Source:
    """Return a source of single texts in Chinese."""
    given = {"kind": "web", "fields": Fields(text=["text"]), "format": "jsonl", **more}
    return Source(path="p", lexicon="l", classifier="c", lang="zh", **given)


def collect(
    shards: Sequence[Sequence[Any]],
    source: Source,
    section: Collect,
    *,
    terms: Sequence[str] = ("高血压", "糖尿病"),
) -> tuple[list[Collected], Counts]:
    """Draft each shard of records (dicts, bare texts or bad ones) and merge them."""
    own = source.min_density
    domain = DomainFilter(
        Lexicon(terms),
        None,
        min_density=section.min_density.of(source.lang) if own is None else own,
        min_probability=0,
    )
    selector = Selector(source, section, None if source.kind == "sft" else domain)
    with TemporaryDirectory() as folder:
        done = []
        for number, records in enumerate(shards):
            store = DraftStore(Path(folder) / str(number))
            summary = store.write([selector.drafts(_located(records))], section.near_duplicates)
            shard = Shard("f", "f", "utf-8", "jsonl", 0, 0)
            done.append(DraftedPortion((shard,), store, summary))
        merger = Merger("web", source, section, list(require_sound("web", source, done)))
        return list(merger.collect()), merger.counts


def _located(records: Sequence[Any]) -> list[Located]:
    return [
        Located("f", number, record if isinstance(record, BadRecord | dict) else {"text": record})
        for number, record in enumerate(records, start=1)
    ]
