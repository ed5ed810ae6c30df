"""Unify one source: passages become (instruction, output) conversations; SFT passes through.

Reads one source's passages; writes conversations, rejections, counts, and in mode `openai` the
responses of the model on which they rest. Step 2 of the protocol. Conservation: records in =
conversations out + rejected. Mode `openai` takes OPENAI_BASE_URL and OPENAI_API_KEY (several, with
commas between them) and ONESTAGE_LLM_CONCURRENCY (requests at once to each) from the environment.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from onestage import jsonl, outputs, params
from onestage.command import OneLineCommand, params_option, path_option
from onestage.progress import noted_progress, progress
from onestage.records import Conversation, Passage, Rejection
from onestage.telemetry import Stopwatch
from onestage.unify.budget import Budget
from onestage.unify.cost import require_context
from onestage.unify.endpoints import Endpoints
from onestage.unify.environment import concurrency, named_endpoints
from onestage.unify.forms import as_raw, is_unanswered
from onestage.unify.prompts import load_prompts
from onestage.unify.responses import ResponseStore
from onestage.unify.rewriting import Rewriter, Rewritten
from onestage.unify.settings import Unify
from onestage.unify.tally import Tally
from onestage.unify.templates import as_template


@click.command(cls=OneLineCommand, help=__doc__)
@path_option("passages", "Folder that collect wrote for the source.")
@path_option("out", "Folder for conversations.")
@path_option("rejected", "Folder for rejections.")
@path_option("responses", "Folder for the responses that the output rests on.")
@path_option("store", "Database of all responses, which outlives the run.")
@path_option("metrics", "File for counts.")
@params_option
def main(
    passages: Path,
    out: Path,
    rejected: Path,
    responses: Path,
    store: Path,
    metrics: Path,
    params_file: Path,
) -> None:
    choices = params.section(params.load_document(params_file), "unify", Unify)
    tally = Tally(choices)
    with outputs.staged(out, rejected, responses, metrics) as parts:
        with (
            jsonl.PartWriter(parts[0]) as kept,
            jsonl.PartWriter(parts[1]) as dropped,
            jsonl.PartWriter(parts[2]) as answers,
        ):
            for found in unified(passages, out.name, store, choices, tally):
                tally.add(found)
                (dropped if isinstance(found.record, Rejection) else kept).write(found.record)
                for response in found.responses:
                    answers.write(response)
        outputs.write_json(parts[3], tally.as_metrics())


def records(folder: Path) -> Iterator[Passage | Conversation]:
    """Yield what collect wrote for a source."""
    return jsonl.read_records(jsonl.part_files(folder), Passage | Conversation)


def plain(record: Passage | Conversation, choices: Unify) -> Conversation | Rejection:
    """Return the record in the form that a mode without a language model gives it."""
    if isinstance(record, Passage):
        raw = choices.mode == "raw"
        return as_raw(record) if raw else as_template(record, seed=choices.seed)
    if is_unanswered(record):
        return Rejection(record.id, record.source, "no_answer", {"mode": choices.mode})
    return record


def unified(
    folder: Path, source: str, store_file: Path, choices: Unify, tally: Tally
) -> Iterator[Rewritten]:
    """Yield each record in the form that the mode asks for, with what the model answered."""
    if choices.mode != "openai":
        for record in progress(records(folder), f"unify {source}", "record"):
            yield Rewritten(plain(record, choices), [], [])
        return
    prompts = load_prompts(Path(choices.prompts))
    total = require_context(records(folder), prompts, choices)
    facts: dict[str, Any] = {}
    with closing(ResponseStore(store_file)) as store, Stopwatch(f"unify-{source}", facts):

        def connect() -> Endpoints:
            budget = Budget(choices, source, store)
            limits = choices.limits
            return Endpoints(named_endpoints(), budget, concurrency=concurrency(), limits=limits)

        rewriter = Rewriter(choices, prompts, store, connect, ahead=concurrency())
        try:
            yield from noted_progress(
                rewriter.rewrite(records(folder)), total, f"unify {source}", "record",
                lambda: tally.note(rewriter),
            )  # fmt: skip
        finally:
            facts |= tally.as_telemetry(rewriter)


if __name__ == "__main__":
    main()
