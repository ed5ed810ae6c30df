"""Evaluate one model: its answers to all benchmarks and exams.

Reads a model folder and the benchmarks; writes one prediction an item and accuracies by
benchmark, track and type of question. Step 5 of the protocol. Conservation: items = asked +
without an answer + beyond max_items.
"""

from pathlib import Path

import click

from onestage import jsonl, outputs, params, scores
from onestage.benchmarks import Benchmark, Item, read_all
from onestage.command import OneLineCommand, params_option, path_option
from onestage.evaluate.asking import Evaluate, chosen_items, multiple_answer_groups
from onestage.models import Model
from onestage.offline import go_offline
from onestage.records import Prediction
from onestage.telemetry import Stopwatch


@click.command(cls=OneLineCommand, help=__doc__)
@click.option("--model", "key", required=True, help="Key of the model in params.yaml.")
@path_option("benchmarks-dir", "Folder of the benchmark files.")
@path_option("out", "Folder for predictions.")
@path_option("metrics", "File for accuracies.")
@params_option
def main(key: str, benchmarks_dir: Path, out: Path, metrics: Path, params_file: Path) -> None:
    document = params.load_document(params_file)
    model = params.section(document, f"models.{key}", Model)
    choices = params.section(document, "evaluate", Evaluate)
    items = read_all(params.mapping(document, "benchmarks", Benchmark), benchmarks_dir)
    asked = chosen_items(items, max_items=choices.max_items)
    with outputs.staged(out, metrics) as (out_part, metrics_part):
        with Stopwatch(f"evaluate_{key}", {"items": len(asked)}):
            predictions = answered(model, choices, asked, multiple_answer_groups(items))
        with jsonl.PartWriter(out_part) as writer:
            for prediction in predictions:
                writer.write(prediction)
        groups = scores.score_groups(predictions)
        unanswered = sum(not item.answer for item in items)
        report = {
            "items": len(items),
            "asked": len(asked),
            "without_answer": unanswered,
            "beyond_max_items": len(items) - len(asked) - unanswered,
            "accuracy": {name: scores.accuracy(group) for name, group in groups.items()},
        }
        outputs.write_json(metrics_part, report)


def answered(
    model: Model, choices: Evaluate, items: list[Item], several: set[tuple[str, str]]
) -> list[Prediction]:
    """Return predictions in the order of the items."""
    go_offline()
    import torch  # noqa: PLC0415  (torch takes seconds: --help and wrong usage must not)

    from onestage import checkpoint  # noqa: PLC0415
    from onestage.evaluate import harness  # noqa: PLC0415

    torch.set_num_threads(choices.cpu_threads)
    torch.use_deterministic_algorithms(not torch.cuda.is_available())
    loaded = checkpoint.load_model(Path(model.path), init=model.init, seed=model.seed)
    tokenizer = checkpoint.load_tokenizer(Path(model.path))
    found: dict[tuple[str, str], Prediction] = {}
    for multiple in (False, True):
        group = [item for item in items if ((item.benchmark, item.type) in several) == multiple]
        for prediction in harness.answer_items(
            loaded.eval(),
            tokenizer,
            group,
            multiple=multiple,
            batch_size=choices.batch_size,
            max_length=choices.max_length_tokens,
        ):
            found[prediction.benchmark, prediction.item] = prediction
    return [found[item.benchmark, item.id] for item in items]


if __name__ == "__main__":
    main()
