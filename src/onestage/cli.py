"""The console command `onestage`."""

import json
from pathlib import Path

import click

from onestage.check import faults
from onestage.command import OneLineCommand, params_option


@click.group(help="Tools around the pipeline; the pipeline itself is run by `dvc repro`.")
@click.version_option(package_name="onestage")
def main() -> None:
    """Gather the sub-commands."""


@main.command(cls=OneLineCommand)
@params_option
def check(params_file: Path) -> None:
    """Validate every section of the parameter file and every path that it names."""
    found = faults(params_file)
    for fault in found:
        click.echo(f"Error: {' '.join(fault.split())}", err=True)
    if found:
        raise click.exceptions.Exit(1)


@main.command(cls=OneLineCommand)
@click.option(
    "--metrics",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path("metrics"),
    show_default=True,
    help="Folder of metrics.",
)
def results(metrics: Path) -> None:
    """Say in a few lines what the last run gave and where to look."""
    losses = json.loads((metrics / "train.json").read_text(encoding="utf-8"))["heldout_loss"]
    click.echo("Held-out loss, before and after training:")
    for source, figures in losses.items():
        click.echo(f"  {source:<18}{figures['before']:8.3f}{figures['after']:8.3f}")
    click.echo("Accuracy (interval):")
    models = json.loads((metrics / "compare.json").read_text(encoding="utf-8"))
    for model, groups in models.items():
        for name, figures in groups.items():
            if "/" not in name:
                interval = f"({figures['low']:.3f} to {figures['high']:.3f})"
                click.echo(f"  {model:<10}{name:<18}{figures['accuracy']:6.3f} {interval}")
    click.echo("Model: data/model   Predictions: data/evaluate   Left out: data/rejected")
    click.echo("More: dvc metrics show, dvc plots show, dvc dag")
