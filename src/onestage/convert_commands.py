"""The sub-commands that turn published models into bases that can be trained."""

from pathlib import Path

import click

from onestage import outputs
from onestage.command import OneLineCommand
from onestage.errors import InputError


@click.group(help="Turn published models into bases.")
def convert() -> None:
    """Gather the sub-commands."""


@convert.command(cls=OneLineCommand)
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--pickled",
    is_flag=True,
    help="Read pickled weights (*.bin), tensors only; for files that you trust.",
)
def baichuan2(folder: Path, out: Path, pickled: bool) -> None:
    """Write the Baichuan2-7B in FOLDER as a Llama model into the new folder OUT.

    The fused matrix of queries, keys and values is split, and the normalised output head is
    folded into plain weights. The result gives the same logits; in training its head is free.
    """
    _require_new(out)
    from onestage.baichuan2 import convert as converted  # noqa: PLC0415  (imports torch)

    with outputs.staged(out) as (part,):
        part.mkdir(exist_ok=True)  # a name with a dot is taken for a file's, and not made
        found = converted(folder, part, pickled=pickled)
    click.echo(f"{out}: {found.tensors} tensors in {found.files} files of safetensors")
    if not found.has_tokenizer:
        click.echo(
            f"{out}/tokenizer.json is still to come: pack reads no other form of a tokenizer "
            "(docs/your-own-data.md says how to make it)"
        )


@convert.command(cls=OneLineCommand)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="New folder to write.")
def gguf(file: Path, out: Path) -> None:
    """Write the Gemma 3 in the GGUF file FILE as a Hugging Face folder.

    Quantised blocks become the numbers that they stand for, in fp32; the tokenizer is that of the
    file. Needs the extra `gguf`.
    """
    _require_new(out)
    from onestage.gemma3 import convert as converted  # noqa: PLC0415  (imports torch)

    with outputs.staged(out) as (part,):
        part.mkdir(exist_ok=True)
        found = converted(file, part)
    click.echo(f"{out}: {found.tensors} tensors, a vocabulary of {found.vocabulary} tokens")
    if not found.has_template:
        click.echo("the file has no chat template: name one in pack.chat_template")


def _require_new(out: Path) -> None:
    if out.exists():
        raise InputError(f"{out}: there is something already; name a new folder")
