"""The console command `onestage`."""

from pathlib import Path

import click

from onestage import outputs
from onestage.check import faults
from onestage.command import OneLineCommand, params_option
from onestage.convert_commands import convert
from onestage.errors import InputError
from onestage.filter_commands import calibrate, require_ending, train_filter, weigh_lexicon
from onestage.lexicon_recipe import derive_lexicon
from onestage.mixture_commands import mixture
from onestage.pack_commands import show
from onestage.results_commands import results
from onestage.unify_commands import estimate_command, responses


@click.group(help="Tools around the pipeline; the pipeline itself is run by `dvc repro`.")
@click.version_option(package_name="onestage")
def main() -> None:
    """Gather the sub-commands."""


_COMMANDS = (
    weigh_lexicon,
    train_filter,
    calibrate,
    estimate_command,
    responses,
    mixture,
    show,
    convert,
    results,
)
for command in _COMMANDS:
    main.add_command(command)


@main.command(cls=OneLineCommand)
@params_option
def check(params_file: Path) -> None:
    """Validate every section of the parameter file and every path that it names."""
    found = faults(params_file)
    for fault in found:
        click.echo(f"Error: {' '.join(fault.split())}", err=True)
    if found:
        raise click.exceptions.Exit(1)


@main.command("derive-lexicon", cls=OneLineCommand)
@click.option(
    "--descriptions",
    type=click.Path(path_type=Path),
    required=True,
    help="Descriptions, one a line; what precedes a tab, such as a code, is not read.",
)
@click.option(
    "--general",
    type=click.Path(path_type=Path),
    required=True,
    multiple=True,
    help="General text, in which words of the domain are rare; may be given several times.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Lexicon to write.")
def derive_lexicon_command(descriptions: Path, general: tuple[Path, ...], out: Path) -> None:
    """Derive words and short terms of a domain from long descriptions."""
    require_ending(out, "lexicon.txt")
    terms = derive_lexicon(
        _lines(descriptions), [line for path in general for line in _lines(path)]
    )
    if not terms:
        raise InputError(f"{descriptions}: no term is rarer in the general text; mend the files")
    with outputs.staged(out) as (part,):
        part.write_text("\n".join(terms) + "\n", encoding="utf-8")
    click.echo(f"{out}: {len(terms)} terms")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a text file in UTF-8 ({error})") from error
