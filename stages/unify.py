"""Unify one source: passages become (instruction, output) conversations; SFT passes through.

Reads one source's passages; writes conversations, rejections and counts. Step 2 of the
protocol. Conservation: records in = conversations out + rejected.
Mode `openai` takes OPENAI_BASE_URL, OPENAI_API_KEY and ONESTAGE_LLM_CONCURRENCY from the
environment.
"""

import os
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import click

from onestage import jsonl, outputs, params
from onestage.command import OneLineCommand, params_option, path_option
from onestage.errors import InputError
from onestage.progress import progress
from onestage.records import Conversation, Passage, Rejection
from onestage.unify.forms import Unify, as_raw, as_template
from onestage.unify.rewriting import Rewriter


@click.command(cls=OneLineCommand, help=__doc__)
@path_option("passages", "Folder that collect wrote for the source.")
@path_option("out", "Folder for conversations.")
@path_option("rejected", "Folder for rejections.")
@path_option("metrics", "File for counts.")
@params_option
def main(passages: Path, out: Path, rejected: Path, metrics: Path, params_file: Path) -> None:
    choices = params.section(params.load_document(params_file), "unify", Unify)
    reasons: Counter[str] = Counter()
    written = 0
    with outputs.staged(out, rejected, metrics) as (out_part, rejected_part, metrics_part):
        with jsonl.PartWriter(out_part) as kept, jsonl.PartWriter(rejected_part) as dropped:
            for item in progress(unified(passages, choices), f"unify {out.name}", "record"):
                if isinstance(item, Rejection):
                    reasons[item.reason] += 1
                    dropped.write(item)
                else:
                    written += 1
                    kept.write(item)
        counts = {"records": written + reasons.total(), "conversations": written}
        outputs.write_json(metrics_part, {**counts, "rejected": dict(sorted(reasons.items()))})


def unified(folder: Path, choices: Unify) -> Iterator[Conversation | Rejection]:
    """Yield the source's records in the form that the mode asks for."""
    records = jsonl.read_records(jsonl.part_files(folder), Passage | Conversation)
    first = next(records, None)
    if first is None:
        return
    if isinstance(first, Conversation):
        yield first
        yield from (record for record in records if isinstance(record, Conversation))
        return
    passages = chain([first], (record for record in records if isinstance(record, Passage)))
    if choices.mode == "openai":
        yield from rewriter(choices).rewrite(passages)
    elif choices.mode == "template":
        yield from (as_template(passage, seed=choices.seed) for passage in passages)
    else:
        yield from map(as_raw, passages)


def rewriter(choices: Unify) -> Rewriter:
    """Return the client for the endpoint that the environment names."""
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY"):
        if not os.environ.get(name):
            raise InputError(f"{name} is not set; unify.mode openai needs it in the environment")
    concurrency = os.environ.get("ONESTAGE_LLM_CONCURRENCY", "8")
    if not concurrency.isdigit() or int(concurrency) < 1:
        raise InputError(f"ONESTAGE_LLM_CONCURRENCY: expected a whole number, found {concurrency}")
    return Rewriter(
        choices,
        base_url=os.environ["OPENAI_BASE_URL"],
        api_key=os.environ["OPENAI_API_KEY"],
        concurrency=int(concurrency),
    )


if __name__ == "__main__":
    main()
