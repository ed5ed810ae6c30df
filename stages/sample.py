"""Sample: the order in which every copy of every conversation is trained.

Reads the curated conversations; writes the curriculum, the held-out records and how the
mixture shifts along the course. Step 3 of the protocol. Conservation, for each source:
records x epochs = drawn + capped + held out (all copies).
"""

from collections import Counter
from pathlib import Path

import click

from onestage import jsonl, outputs, params
from onestage.command import OneLineCommand, params_option, path_option
from onestage.errors import InputError
from onestage.sampling import Candidate, Curriculum, Sample, course, draw_curriculum


@click.command(cls=OneLineCommand, help=__doc__)
@path_option("conversations", "Folder that dedupe wrote.")
@path_option("out", "Folder for the curriculum.")
@path_option("plot", "CSV of each source's share along the course.")
@path_option("metrics", "File for counts.")
@params_option
def main(conversations: Path, out: Path, plot: Path, metrics: Path, params_file: Path) -> None:
    choices = params.section(params.load_document(params_file), "sample", Sample)
    candidates = list(jsonl.read_records(jsonl.part_files(conversations), Candidate))
    curriculum = draw_curriculum(candidates, choices)
    if not curriculum.draws:
        raise InputError(
            f"{conversations}: no record to draw (of {len(candidates)}, "
            f"{len(curriculum.heldout)} are held out); mend sample.heldout_share, or look at the "
            "rejections of the stages before"
        )
    with outputs.staged(out, plot, metrics) as (out_part, plot_part, metrics_part):
        with jsonl.PartWriter(out_part) as order, jsonl.PartWriter(out_part, "heldout") as held:
            for draw in curriculum.draws:
                order.write(draw)
            for draw in curriculum.heldout:
                held.write(draw)
        outputs.write_csv(plot_part, course(curriculum.draws))
        records = Counter(candidate.source for candidate in candidates)
        outputs.write_json(metrics_part, counts(records, curriculum, choices))


def counts(
    records: Counter[str], curriculum: Curriculum, choices: Sample
) -> dict[str, dict[str, int]]:
    """Return the terms of the conservation equation for each source, in copies."""
    drawn = Counter(draw.source for draw in curriculum.draws)
    heldout = Counter(draw.source for draw in curriculum.heldout)
    return {
        source: {
            "records": number,
            "epochs": choices.epochs[source],
            "drawn": drawn[source],
            "capped": curriculum.capped[source],
            "heldout": heldout[source] * choices.epochs[source],
        }
        for source, number in sorted(records.items())
    }


if __name__ == "__main__":
    main()
