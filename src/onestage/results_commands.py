"""`onestage results`: what the last run gave, in a few lines."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from onestage.command import OneLineCommand
from onestage.errors import InputError

Models = Mapping[str, Mapping[str, dict[str, Any]]]


@click.command(cls=OneLineCommand)
@click.option(
    "--metrics",
    type=click.Path(path_type=Path),
    default=Path("metrics"),
    show_default=True,
    help="Folder of metrics.",
)
@click.option("--groups", is_flag=True, help="Tracks and types of questions, too.")
def results(metrics: Path, groups: bool) -> None:
    """Say in a few lines what the last run gave and where to look."""
    losses = _metrics(metrics / "train.json").get("heldout_loss", {})
    models = _metrics(metrics / "compare.json")
    click.echo("Held-out loss, before and after training:")
    for source, figures in losses.items():
        click.echo(f"  {source:<18}{figures['before']:8.3f}{figures['after']:8.3f}")
    shown = _shown(models, groups)
    for line in (*_accuracies(shown), *_several(shown), *_differences(models, shown)):
        click.echo(line)
    for line in (*_published(shown), *_contamination(shown)):
        click.echo(line)
    click.echo("Model: data/model   Predictions: data/evaluate   Left out: data/rejected")
    click.echo("All groups of questions: plots/subjects.csv, plots/differences.csv")
    click.echo("More: dvc metrics show, dvc plots show, dvc dag")


def _metrics(path: Path) -> dict[str, Any]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; run dvc repro first") from error
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(f"{path}: not metrics ({error}); run dvc repro again") from error


def _shown(models: Models, groups: bool) -> Models:
    return {
        model: {name: figures for name, figures in table.items() if groups or "/" not in name}
        for model, table in models.items()
    }


def _each(models: Models, field: str) -> Iterator[tuple[str, str, Any]]:
    """Yield model, group and what stands there in `field`, for each group that has it."""
    for model, table in models.items():
        for name, figures in table.items():
            if field in figures:
                yield model, name, figures[field]


def _width(names: Iterable[str], least: int) -> int:
    return max([least, *(len(name) + 2 for name in names)])


def _layout(models: Models) -> tuple[int, int]:
    """Return how wide the columns of models and of groups are."""
    names = [name for table in models.values() for name in table]
    return _width(models, 10), _width(names, 18)


def _accuracies(models: Models) -> Iterator[str]:
    wide, wider = _layout(models)
    yield "Accuracy (interval):"
    for model, table in models.items():
        for name, figures in table.items():
            interval = f"({figures['low']:.3f} to {figures['high']:.3f})"
            yield f"  {model:<{wide}}{name:<{wider}}{figures['accuracy']:6.3f} {interval}"


def _several(models: Models) -> Iterator[str]:
    wide, wider = _layout(models)
    found = list(_each(models, "several_answers"))
    if found:
        yield "Questions with several right answers: exact set, and partial credit:"
    for model, name, figures in found:
        both = f"{figures['accuracy']:6.3f} {figures['partial_credit']:6.3f}"
        yield f"  {model:<{wide}}{name:<{wider}}{both} of {figures['items']} questions"


def _differences(models: Models, shown: Models) -> Iterator[str]:
    tests = sum(len(against) for _, _, against in _each(models, "against"))
    if tests:
        yield f"Differences (interval; p of McNemar's test, alone and among {tests} tests by Holm):"
    wide, wider = _layout(shown)
    rows = [
        (name, f"{model} - {other}", one)
        for model, name, against in _each(shown, "against")
        for other, one in against.items()
    ]
    for name, pair, one in sorted(rows, key=lambda row: row[0]):
        bounds = f"({one['low']:+.3f} to {one['high']:+.3f})"
        yield (
            f"  {pair:<{2 * wide}}{name:<{wider}}{one['difference']:+7.3f} {bounds}  "
            f"p {_rounded(one['p'])}  {_rounded(one['p_holm'])}"
        )


def _rounded(p_value: float) -> str:
    return f"{p_value:.4f}" if p_value >= 0.0001 else "<.0001"


def _published(models: Models) -> Iterator[str]:
    found = {name: figures for _, name, figures in _each(models, "published")}
    _, wider = _layout(models)
    if found:
        yield "Published figures (not tested; their authors count an unreadable answer as B):"
    for name, figures in found.items():
        for one in figures:
            note = one["certainty"].replace("_", "-")
            note += f": {one['warning']}" if one["warning"] else ""
            yield f"  {name:<{wider}}{one['model']:<18}{one['accuracy']:6.3f} {note}"


def _contamination(models: Models) -> Iterator[str]:
    found = {name: counts for _, name, counts in _each(models, "contamination")}
    _, wider = _layout(models)
    if found:
        yield "Questions found in the corpus (dedupe takes what holds them out of training):"
    for name, counts in found.items():
        yield (
            f"  {name:<{wider}}{counts['items_found']} of {counts['items']}, in "
            f"{counts['records']} conversations"
        )
