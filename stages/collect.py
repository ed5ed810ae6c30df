"""Collect one source: raw files in, passages of the domain (or SFT conversations) out.

Reads the source's path and lexicon; writes passages, rejections and counts. Step 1 of the
protocol. Conservation: records = bad + documents; documents = kept + rejected; characters =
in kept passages + in rejected passages + between passages.
"""

from pathlib import Path

import click

from onestage import jsonl, outputs, params
from onestage.collect.density import load_lexicon
from onestage.collect.readers import read_source
from onestage.collect.selection import Collect, Collector
from onestage.command import OneLineCommand, params_option, path_option
from onestage.progress import progress
from onestage.records import Rejection
from onestage.sources import Source


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
    lexicon = None if source.kind == "sft" else load_lexicon(Path(source.lexicon))
    collector = Collector(key, source, choices, lexicon)
    with outputs.staged(out, rejected, metrics) as (out_part, rejected_part, metrics_part):
        with jsonl.PartWriter(out_part) as kept, jsonl.PartWriter(rejected_part) as dropped:
            records = progress(read_source(source), f"collect {key}", "record")
            for item in collector.collect(records):
                (dropped if isinstance(item, Rejection) else kept).write(item)
        outputs.write_json(metrics_part, collector.counts.as_metrics())


if __name__ == "__main__":
    main()
