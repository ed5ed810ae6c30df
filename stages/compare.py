"""Compare all models of params.yaml: accuracies side by side, with intervals.

Reads every model's predictions; writes one table and a plot. Step 5 of the protocol.
Conservation: each model answered the same items.
"""

from pathlib import Path

import click

from onestage import jsonl, outputs, params, scores
from onestage.command import OneLineCommand, params_option, path_option
from onestage.comparison import Compare, plot_rows, require_same_items, with_interval
from onestage.fan_in import keyed_folders
from onestage.models import Model
from onestage.records import Prediction


@click.command(cls=OneLineCommand, help=__doc__)
@path_option("predictions", "Folder with one folder of predictions a model.")
@path_option("plot", "CSV of accuracies.")
@path_option("metrics", "File for accuracies.")
@params_option
def main(predictions: Path, plot: Path, metrics: Path, params_file: Path) -> None:
    document = params.load_document(params_file)
    choices = params.section(document, "compare", Compare)
    models = params.mapping(document, "models", Model)
    folders = keyed_folders(predictions, sorted(models), "evaluate")
    answers = {
        key: list(jsonl.read_records(jsonl.part_files(folder), Prediction))
        for key, folder in folders.items()
    }
    require_same_items(answers)
    tables = {
        key: {
            name: with_interval(scores.accuracy(group), choices)
            for name, group in scores.score_groups(found).items()
        }
        for key, found in answers.items()
    }
    with outputs.staged(plot, metrics) as (plot_part, metrics_part):
        outputs.write_csv(plot_part, plot_rows(tables, models))
        outputs.write_json(metrics_part, tables)


if __name__ == "__main__":
    main()
