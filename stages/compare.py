"""Compare all models of params.yaml: accuracies side by side, with intervals and paired tests.

Reads every model's predictions, dedupe's counts of contamination and published figures; writes
one table of all figures, and tables for plots. Step 5 of the protocol. Conservation: each model
answered the same items.
"""

from pathlib import Path

import click

from onestage import jsonl, outputs, params
from onestage.command import OneLineCommand, params_option, path_option
from onestage.comparison import tables
from onestage.comparison.contamination import read_contamination
from onestage.comparison.pairs import require_same_items
from onestage.comparison.published import read_published, require_published_names
from onestage.comparison.settings import Compare, require_reference
from onestage.fan_in import keyed_folders
from onestage.models import Model
from onestage.records import Prediction


@click.command(cls=OneLineCommand, help=__doc__)
@path_option("predictions", "Folder with one folder of predictions a model.")
@path_option("contamination", "What dedupe found of each benchmark.")
@path_option("plot", "CSV of accuracies.")
@path_option("differences", "CSV of paired differences.")
@path_option("subjects", "CSV of all groups of questions.")
@path_option("metrics", "File for all figures.")
@params_option
def main(
    predictions: Path,
    contamination: Path,
    plot: Path,
    differences: Path,
    subjects: Path,
    metrics: Path,
    params_file: Path,
) -> None:
    document = params.load_document(params_file)
    choices = params.section(document, "compare", Compare)
    models = params.mapping(document, "models", Model)
    require_reference(choices, models)
    published = read_published(Path(choices.published))
    folders = keyed_folders(predictions, sorted(models), "evaluate")
    answers = {
        key: list(jsonl.read_records(jsonl.part_files(folder), Prediction))
        for key, folder in folders.items()
    }
    require_same_items(answers)
    benchmarks = {one.benchmark for found in answers.values() for one in found}
    require_published_names(choices, published, benchmarks)
    context = tables.Context(published, read_contamination(contamination, benchmarks))
    found = tables.comparison(answers, choices, context)
    outs = (plot, differences, subjects, metrics)
    with outputs.staged(*outs) as (plot_part, differences_part, subjects_part, metrics_part):
        outputs.write_csv(plot_part, tables.plot_rows(found, models))
        outputs.write_csv(
            differences_part,
            tables.difference_rows(found, models),
            columns=tables.DIFFERENCE_COLUMNS,
        )
        outputs.write_csv(subjects_part, tables.subject_rows(found, models))
        outputs.write_json(metrics_part, found)


if __name__ == "__main__":
    main()
