"""Raw files of many layouts read as a stream of records, each with its place.

An unreadable container is an `InputError`. A record that cannot be decoded, parsed or mapped,
or that is too long, comes out as a `BadRecord`; its neighbours are not affected. (In xml,
structure of json, and quotes of csv a fault is the container's.) No file is held in memory.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from onestage.collect.faults import container_faults
from onestage.collect.html_records import read_html, without_html
from onestage.collect.json_records import read_json, read_jsonl
from onestage.collect.raw import (
    MAX_RECORD_BYTES,
    BadRecord,
    Located,
    RawRecord,
    Shard,
    wanted_fields,
)
from onestage.collect.shards import plan_shards, source_files
from onestage.collect.tables import read_parquet, read_separated
from onestage.collect.texts import read_txt
from onestage.collect.xml_records import has_matching_field, read_xml
from onestage.errors import InputError
from onestage.sources import Source

_Reader = Callable[[Shard, Source, int], Iterator[RawRecord | BadRecord]]
_READERS: dict[str, _Reader] = {
    "jsonl": read_jsonl,
    "json": read_json,
    "csv": read_separated,
    "tsv": read_separated,
    "parquet": read_parquet,
    "txt": read_txt,
    "xml": read_xml,
    "html": read_html,
}


def read_shard(
    shard: Shard, source: Source, *, max_record_bytes: int = MAX_RECORD_BYTES
) -> Iterator[Located]:
    """Yield the records of a shard, numbered from 1 within it.

    Raises:
        InputError: the file is unreadable as its format, or lacks a declared column.
    """
    with container_faults(Path(shard.path), source):
        values = _READERS[shard.format](shard, source, max_record_bytes)
        for number, value in enumerate(values, start=1):
            if source.html and not isinstance(value, BadRecord):
                yield Located(shard.file, number, without_html(value, source))
            else:
                yield Located(shard.file, number, value)


def read_source(source: Source) -> Iterator[Located]:
    """Yield every record of a source, files in name order, numbered within each file.

    Raises:
        InputError: as `plan_shards`, `read_shard` and `require_records` say.
    """
    file, number, filled = "", 0, False
    records = 0
    for shard in plan_shards(source):
        before = number if shard.file == file else 0
        file = shard.file
        number = before
        for item in read_shard(shard, source):
            records += 1
            number = before + item.record
            filled = filled or isinstance(item.value, BadRecord) or any(item.value.values())
            yield item._replace(record=number)
    require_records(source, records)
    if not filled:
        require_matching_field(source)


def require_records(source: Source, records: int) -> None:
    """Refuse a source that gave no record at all."""
    if not records:
        raise InputError(
            f"{source.path}: no records; mend the files or the source's record or path"
        )


def require_matching_field(source: Source) -> None:
    """Tell fields of xml that are empty throughout from XPaths that match nothing.

    To be asked where all documents of a source came out empty.

    Raises:
        InputError: no record of an xml source has any of the fields.
    """
    if source.format != "xml":
        return
    for path in source_files(Path(source.path), source.include):
        with container_faults(path, source):
            if has_matching_field(path, source):
                return
    raise InputError(
        f"{source.path}: no record has any of the fields "
        f"{', '.join(map(repr, wanted_fields(source)))}; mend the source's fields in params.yaml"
    )
