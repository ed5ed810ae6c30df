"""Collect one source: raw files in, passages of the domain (or SFT conversations) out.

Reads the source's path, lexicon and classifier; writes passages, rejections and counts. Step 1
of the protocol. Portions of the files are drafted in parallel (ONESTAGE_WORKERS processes, all
cores without it; RAY_ADDRESS: a Ray cluster), then merged in order. An interrupted run goes on
at the last finished portion. Conservation: records = bad + documents; documents = kept +
rejected; characters = in kept passages + in rejected passages + between passages.
"""

import shutil
from contextlib import closing
from functools import partial
from pathlib import Path

import click

from onestage import jsonl, outputs, params
from onestage.collect.drafting import Tally, draft_portion, plan_portions, portion_sizes, work_on
from onestage.collect.merging import Merger, require_sound
from onestage.collect.selection import Collect
from onestage.command import OneLineCommand, params_option, path_option
from onestage.progress import byte_progress, progress
from onestage.records import Rejection
from onestage.sources import Source
from onestage.workers import ordered_map

_SCRATCH = Path("scratch/collect")


@click.command(cls=OneLineCommand, help=__doc__)
@click.option("--source", "key", required=True, help="Key of the source in params.yaml.")
@path_option("out", "Folder for kept passages.")
@path_option("rejected", "Folder for rejections.")
@path_option("metrics", "File for counts.")
@params_option
def main(key: str, out: Path, rejected: Path, metrics: Path, params_file: Path) -> None:
    document = params.load_document(params_file)
    source = params.section(document, f"sources.{key}", Source)
    choices = params.section(document, "collect", Collect)
    with outputs.staged(out, rejected, metrics) as (out_part, rejected_part, metrics_part):
        portions = plan_portions(source)
        draft = partial(draft_portion, work_on(source, choices, _SCRATCH / key))
        with closing(ordered_map(draft, portions)) as drafts:
            done = byte_progress(drafts, portion_sizes(portions), f"collect {key}", Tally())
            sound = list(require_sound(key, source, done))
        merger = Merger(key, source, choices, sound)
        with jsonl.PartWriter(out_part) as kept, jsonl.PartWriter(rejected_part) as dropped:
            for item in progress(merger.collect(), f"merge {key}", "record"):
                (dropped if isinstance(item, Rejection) else kept).write(item)
        outputs.write_json(metrics_part, merger.counts.as_metrics())
    _remove_drafts(_SCRATCH / key)


def _remove_drafts(folder: Path) -> None:
    """Remove the drafts of a source; renamed first, lest half of them be taken for whole."""
    gone = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(gone, ignore_errors=True)
    folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


if __name__ == "__main__":
    main()
