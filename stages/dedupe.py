"""Dedupe and decontaminate: one curated set of conversations out of all sources.

Reads every source's conversations and all benchmarks; writes what stays, and for each removed
record who stays in its place or which benchmark item it contains. Part of step 1 of the
protocol. Conservation: records in = kept + rejected, for each source.
"""

from pathlib import Path
from typing import Any

import click

from onestage import jsonl, outputs, params
from onestage.benchmarks import Benchmark, read_all
from onestage.command import OneLineCommand, params_option, path_option
from onestage.dedupe.decontamination import reject_contaminated
from onestage.dedupe.selection import (
    Dedupe,
    counts_by_source,
    reject_duplicates,
    require_ranking,
)
from onestage.fan_in import keyed_folders
from onestage.progress import progress
from onestage.records import Conversation


@click.command(cls=OneLineCommand, help=__doc__)
@path_option("conversations", "Folder with one folder of conversations a source.")
@path_option("benchmarks-dir", "Folder of the benchmark files.")
@path_option("out", "Folder for conversations that stay.")
@path_option("rejected", "Folder for rejections.")
@path_option("metrics", "File for counts.")
@path_option("contamination", "File for what was found of each benchmark in each source.")
@params_option
def main(
    conversations: Path,
    benchmarks_dir: Path,
    out: Path,
    rejected: Path,
    metrics: Path,
    contamination: Path,
    params_file: Path,
) -> None:
    document = params.load_document(params_file)
    choices = params.section(document, "dedupe", Dedupe)
    sources = sorted(params.mapping(document, "sources", dict[str, Any]))
    require_ranking(choices.ranking, sources)
    items = read_all(params.mapping(document, "benchmarks", Benchmark), benchmarks_dir)
    folders = keyed_folders(conversations, sources, "unify")
    files = [path for folder in folders.values() for path in jsonl.part_files(folder)]
    records = list(progress(jsonl.read_records(files, Conversation), "dedupe", "record"))

    dropped, found = reject_contaminated(records, items, choices.contamination)
    clean = [record for record in records if record.id not in dropped]
    dropped |= reject_duplicates(clean, choices.ranking, choices.near_duplicates)

    outs = (out, rejected, metrics, contamination)
    with outputs.staged(*outs) as (out_part, rejected_part, metrics_part, found_part):
        with jsonl.PartWriter(out_part) as kept, jsonl.PartWriter(rejected_part) as removed:
            for record in records:
                if record.id in dropped:
                    removed.write(dropped[record.id])
                else:
                    kept.write(record)
        outputs.write_json(metrics_part, counts_by_source(records, dropped, sources))
        outputs.write_json(found_part, found.as_metrics())


if __name__ == "__main__":
    main()
