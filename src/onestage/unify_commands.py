"""The sub-commands around unify: what it will cost, and responses taken over from elsewhere."""

import asyncio
from collections.abc import Iterable
from contextlib import closing
from math import isfinite
from pathlib import Path
from typing import NoReturn

import click

from onestage import jsonl, params
from onestage.command import OneLineCommand, params_option
from onestage.errors import ParamError
from onestage.progress import progress
from onestage.records import Conversation, Passage
from onestage.sources import Source
from onestage.unify.budget import money
from onestage.unify.cost import Estimate, estimate
from onestage.unify.prompts import load_prompts
from onestage.unify.responses import Response, ResponseStore, Spent
from onestage.unify.rewriting import Rewriter
from onestage.unify.settings import Price, Unify

_STORE = click.option(
    "--store",
    "store_file",
    type=click.Path(path_type=Path),
    default=Path("scratch/responses.sqlite"),
    show_default=True,
    help="Database of all responses.",
)
_SECONDS_AN_HOUR = 3600


@click.group(help="Responses of the language model that unify keeps.")
def responses() -> None:
    """Gather the sub-commands."""


@responses.command("import", cls=OneLineCommand)
@click.argument("folders", type=click.Path(path_type=Path), nargs=-1, required=True)
@_STORE
def import_responses(folders: tuple[Path, ...], store_file: Path) -> None:
    """Take over what unify wrote elsewhere (data/responses/SOURCE), so that it asks for nothing.

    All or none: a line that is no response leaves the store as it was.
    """
    files = [path for folder in folders for path in jsonl.part_files(folder)]
    with closing(ResponseStore(store_file)) as store:
        count, new, other = store.add(jsonl.read_records(files, Response))
    click.echo(f"{store_file}: {count} responses, {new} of them new")
    if other:
        click.echo(f"{other} differ from what the store holds for the same request, which stays")


@click.command("estimate", cls=OneLineCommand)
@click.argument("names", metavar="[SOURCE]...", nargs=-1)
@params_option
@click.option(
    "--collected",
    type=click.Path(path_type=Path),
    default=Path("data/collect"),
    show_default=True,
    help="Folder of what collect wrote, a folder each source.",
)
@_STORE
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    default=1000.0,
    show_default=True,
    help="Tokens that the endpoints write in a second, all together.",
)
def estimate_command(
    names: tuple[str, ...], params_file: Path, collected: Path, store_file: Path, rate: float
) -> None:
    """Say what unify in mode openai still needs: requests, tokens, money, hours. Asks nothing.

    Without SOURCE, all sources that have been collected.

    What the store holds is not asked again. Tokens are estimated from characters, rather too
    many: one for each ideograph and for three other characters. The first figure holds if each
    next try is kept and answers are as long as their passages; `at most` holds if every try is
    needed and as long as it may be.
    """
    document = params.load_document(params_file)
    choices = params.section(document, "unify", Unify)
    sources = params.mapping(document, "sources", Source)
    prompts = load_prompts(Path(choices.prompts))
    asked = list(dict.fromkeys(names)) or _collected(sources, collected)
    if not isfinite(rate):
        raise ParamError(f"--rate: expected a finite number, found {rate}")
    with closing(ResponseStore(store_file)) as store, asyncio.Runner() as runner:
        rewriter = Rewriter(choices, prompts, store, _connect, ahead=1)
        whole = Estimate()
        for key in asked:
            if key not in sources:
                raise ParamError(f"{key}: no such source; params names {', '.join(sources)}")
            files = jsonl.part_files(collected / key)
            records = jsonl.read_records(files, Passage | Conversation)
            found = estimate(
                progress(records, f"estimate {key}", "record"), prompts, choices,
                missing=lambda record: runner.run(rewriter.missing(record)),
            )  # fmt: skip
            whole = whole.plus(found)
            _tell(key, found, choices.price, rate)
            spent = store.spent(key)
            budget = choices.budget_tokens.get(key, 0), choices.budget_money.get(key, 0.0)
            click.echo(
                f"  spent {sum(spent)} tokens ({money(spent, choices.price):.2f}), "
                f"budget {budget[0]} tokens, {budget[1]:.2f} in money"
            )
    _tell("together", whole, choices.price, rate)
    if not (choices.price.prompt or choices.price.completion):
        click.echo("unify.price is 0, so money is, too")


def _connect() -> NoReturn:
    raise AssertionError("an estimate asks nothing")


def _collected(sources: Iterable[str], folder: Path) -> list[str]:
    """Return the sources that collect has written, and name the others."""
    found = [key for key in sources if (folder / key).is_dir()]
    for key in sources:
        if key not in found:
            click.echo(f"{key}: not collected yet (dvc repro collect@{key})")
    return found


def _tell(name: str, found: Estimate, price: Price, rate: float) -> None:
    likely = Spent(found.prompt_tokens, found.completion_tokens)
    most = Spent(found.most_prompt_tokens, found.most_completion_tokens)
    click.echo(
        f"{name}: {found.records} to rewrite, {found.settled} of them done; "
        f"{found.requests} requests (at most {found.most_requests})"
    )
    for label, tokens in (("about", likely), ("at most", most)):
        hours = tokens.completion_tokens / rate / _SECONDS_AN_HOUR
        click.echo(
            f"  {label} {tokens.prompt_tokens} + {tokens.completion_tokens} tokens, "
            f"{money(tokens, price):.2f} in money, {hours:.2f} hours"
        )
