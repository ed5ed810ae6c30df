"""Sample: the order in which every copy of every conversation is trained.

Reads the curated conversations; writes the curriculum, the held-out records and how the
mixture shifts along the course. Step 3 of the protocol. Conservation, for each source:
records x epochs = drawn + capped + held out (all copies).
"""

from pathlib import Path

import click

from onestage import jsonl, outputs, params
from onestage.command import OneLineCommand, params_option, path_option
from onestage.errors import InputError
from onestage.sample.course import course
from onestage.sample.curriculum import draw_curriculum
from onestage.sample.pool import Candidate, pool_of
from onestage.sample.settings import Sample, require_minimum


@click.command(cls=OneLineCommand, help=__doc__)
@path_option("conversations", "Folder that dedupe wrote.")
@path_option("out", "Folder for the curriculum.")
@path_option("plot", "CSV of each source's share along the course.")
@path_option("metrics", "File for counts.")
@params_option
def main(conversations: Path, out: Path, plot: Path, metrics: Path, params_file: Path) -> None:
    choices = params.section(params.load_document(params_file), "sample", Sample)
    pool = pool_of(jsonl.read_records(jsonl.part_files(conversations), Candidate))
    require_minimum(pool.records(), choices)
    curriculum = draw_curriculum(pool, choices)
    if not len(curriculum.drawn.record):
        raise InputError(
            f"{conversations}: no record to draw (of {len(pool.ids)}, "
            f"{len(curriculum.heldout.record)} are held out); mend sample.heldout_share, or look "
            "at the rejections of the stages before"
        )
    with outputs.staged(out, plot, metrics) as (out_part, plot_part, metrics_part):
        with jsonl.PartWriter(out_part) as order, jsonl.PartWriter(out_part, "heldout") as held:
            for draw in curriculum.draws():
                order.write(draw)
            for draw in curriculum.heldout_draws():
                held.write(draw)
        outputs.write_csv(plot_part, course(curriculum))
        outputs.write_json(metrics_part, curriculum.counts(choices))


if __name__ == "__main__":
    main()
