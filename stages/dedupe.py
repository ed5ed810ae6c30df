"""Dedupe and decontaminate: one curated set of conversations out of all sources.

Reads every source's conversations and all benchmarks; writes what stays, and for each removed
record who stays in its place or which benchmark item it contains. Part of step 1 of the
protocol. Conservation: records in = kept + rejected, for each source.
"""

import shutil
from pathlib import Path
from typing import Any

import click

from onestage import jsonl, outputs, params
from onestage.benchmarks import Benchmark, read_all
from onestage.command import OneLineCommand, params_option, path_option
from onestage.dedupe.decontamination import ContaminationCounts
from onestage.dedupe.embeddings import require_embedder
from onestage.dedupe.selection import Plan, Tally, judged
from onestage.dedupe.semantic import EmbeddedTexts
from onestage.dedupe.settings import Dedupe, require_ranking
from onestage.fan_in import keyed_folders
from onestage.progress import progress


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
    if choices.semantic.threshold:
        require_embedder(Path(choices.semantic.model))
    items = read_all(params.mapping(document, "benchmarks", Benchmark), benchmarks_dir)
    folders = keyed_folders(conversations, sources, "unify")
    parts = [(path, key) for key, folder in folders.items() for path in jsonl.part_files(folder)]
    files, of_files = zip(*parts, strict=True)
    tally, counts, texts = Tally(sources), ContaminationCounts(items), EmbeddedTexts(of_files)
    outs = (out, rejected, metrics, contamination)
    with outputs.staged(*outs) as (out_part, rejected_part, metrics_part, counts_part):
        survey = out_part / "survey"
        plan = Plan(files, of_files, survey, choices, tuple(items))
        with jsonl.PartWriter(out_part) as kept, jsonl.PartWriter(rejected_part) as removed:
            for record, rejection in progress(judged(plan, counts, texts), "dedupe", "record"):
                tally.add(record, rejection)
                if rejection is None:
                    kept.write(record)
                else:
                    removed.write(rejection)
        shutil.rmtree(survey)
        outputs.write_json(metrics_part, texts.beside(tally.as_metrics()))
        outputs.write_json(counts_part, counts.as_metrics())


if __name__ == "__main__":
    main()
