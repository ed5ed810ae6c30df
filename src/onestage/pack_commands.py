"""The sub-commands that show what pack wrote."""

import os
import sys
from pathlib import Path
from typing import Any

import click
from tokenizers import Tokenizer

from onestage import jsonl
from onestage.command import OneLineCommand
from onestage.errors import InputError
from onestage.pack.showing import Group, groups, row_at
from onestage.records import PackedRow


@click.group(help="Show single records as a reader sees them.")
def show() -> None:
    """Gather the sub-commands."""


@show.command("row", cls=OneLineCommand)
@click.argument("number", type=click.IntRange(min=0))
@click.option("--heldout", is_flag=True, help="A row of what is held out.")
@click.option(
    "--rows",
    "folder",
    type=click.Path(path_type=Path),
    default=Path("data/pack"),
    show_default=True,
    help="Folder that pack wrote.",
)
def show_row(number: int, heldout: bool, folder: Path) -> None:
    """Show row NUMBER, counted from 0: its samples, and which of their tokens are trained.

    Trained text is green and the rest dim; where there are no colours (no terminal, or NO_COLOR
    is set) trained text stands between ⟦ and ⟧.
    """
    row = row_at(jsonl.part_files(folder, "heldout" if heldout else "rows"), number)
    tokenizer = _tokenizer(folder / "tokenizer" / "tokenizer.json")
    coloured = _has_colours()
    click.echo(
        f"row {number}: {len(row.samples)} samples, {len(row.input_ids)} tokens, "
        f"{_trained(row)} trained, phase {row.phase}"
    )
    for count, sample in enumerate(row.samples, start=1):
        trained = sum(end - start for start, end in sample.trained)
        title = (
            f"sample {count}: {sample.source}, {sample.id}, copy {sample.copy}, "
            f"tokens {sample.start} to {sample.end}, {trained} trained"
        )
        click.echo(f"\n{click.style(title, bold=True) if coloured else title}")
        click.echo("".join(_marked(group, coloured) for group in groups(row, sample, tokenizer)))


def _has_colours() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _trained(row: PackedRow) -> int:
    return sum(end - start for sample in row.samples for start, end in sample.trained)


def _marked(group: Group, coloured: bool) -> str:
    if coloured:
        look: dict[str, Any] = {"fg": "green"} if group.trained else {"dim": True}
        return click.style(group.text, **look)
    return f"⟦{group.text}⟧" if group.trained else group.text


def _tokenizer(path: Path) -> Tokenizer:
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises nothing more special
        raise InputError(f"{path}: not a tokenizer file ({error}); run dvc repro pack") from error
