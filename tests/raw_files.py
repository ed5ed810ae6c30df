"""Sources over raw files that a test writes."""

from pathlib import Path
from typing import Any

from onestage.collect.raw import MAX_RECORD_BYTES, BadRecord, Located
from onestage.collect.readers import read_shard
from onestage.collect.shards import plan_shards
from onestage.sources import Fields, Source


def source(path: Path, **more: Any) -> Source:
    suffix = path.suffixes[0][1:] if path.suffixes else ""
    given = {"format": suffix, "fields": Fields(text=["text"]), **more}
    return Source(path=str(path), lexicon="", classifier="", kind="web", lang="zh", **given)


def read(
    given: Source, *, shard_bytes: int = 2**24, max_record_bytes: int = MAX_RECORD_BYTES
) -> list[Located]:
    shards = plan_shards(given, shard_bytes=shard_bytes)
    return [
        item
        for shard in shards
        for item in read_shard(shard, given, max_record_bytes=max_record_bytes)
    ]


def values(given: Source, **more: Any) -> list[Any]:
    return [item.value for item in read(given, **more)]


def reasons(given: Source, **more: Any) -> list[str]:
    """Return each record's reason to be bad, "" for a good one."""
    found = values(given, **more)
    return [value.reason if isinstance(value, BadRecord) else "" for value in found]
