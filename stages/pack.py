"""Pack: the curriculum as rows of tokens of a fixed length.

Reads the curriculum, the conversations, the base's tokenizer and the chat template; writes
rows in curriculum order, held-out rows, and the tokenizer with its template for the model.
Step 4 of the protocol. Conservation: samples - split + pieces = packed + rejected; tokens of
samples = tokens of rows + tokens lost by truncation; trained tokens of rows = trained tokens of
packed samples; characters of what was split = those of pieces + white space between them.
"""

import shutil
from pathlib import Path
from typing import Any

import click

from onestage import jsonl, outputs, params
from onestage.base import Base
from onestage.command import OneLineCommand, params_option, path_option
from onestage.errors import InputError
from onestage.pack.lookup import ConversationLookup
from onestage.pack.packing import Packing
from onestage.pack.rendering import load_renderer
from onestage.pack.rows import Pack
from onestage.progress import progress
from onestage.records import Draw

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")


@click.command(cls=OneLineCommand, help=__doc__)
@path_option("sample", "Folder that sample wrote.")
@path_option("conversations", "Folder that dedupe wrote.")
@path_option("out", "Folder for rows and tokenizer.")
@path_option("rejected", "Folder for rejections.")
@path_option("metrics", "File for counts.")
@path_option("plot", "CSV file for how many samples moved by how many rows.")
@params_option
def main(
    sample: Path,
    conversations: Path,
    out: Path,
    rejected: Path,
    metrics: Path,
    plot: Path,
    params_file: Path,
) -> None:
    document = params.load_document(params_file)
    choices = params.section(document, "pack", Pack)
    base = Path(params.section(document, "base", Base).path)
    renderer = load_renderer(base, Path(choices.chat_template))
    with (
        ConversationLookup(jsonl.part_files(conversations)) as lookup,
        outputs.staged(out, rejected, metrics, plot) as (
            out_part,
            rejected_part,
            metrics_part,
            plot_part,
        ),
        jsonl.PartWriter(rejected_part) as dropped,
    ):
        counts: dict[str, Any] = {}
        for stem, draws in (("rows", "part"), ("heldout", "heldout")):
            packing = Packing(renderer, lookup, choices)
            drawn = progress(
                jsonl.read_records(jsonl.part_files(sample, draws), Draw), f"pack {stem}", "sample"
            )
            with jsonl.PartWriter(out_part, stem) as rows:
                for row in packing.rows(drawn):
                    rows.write(row)
            for rejection in packing.rejections:
                dropped.write(rejection)
            counts[stem] = packing.metrics()
            if stem == "rows":
                require_rows(counts[stem], choices)
            if stem == "rows":  # what is held out is in no curriculum
                moved = packing.displacements()
                outputs.write_csv(plot_part, moved, ["rows", "samples"])
        copy_tokenizer(base, Path(choices.chat_template), out_part / "tokenizer")
        outputs.write_json(metrics_part, counts)


def require_rows(counts: dict[str, Any], choices: Pack) -> None:
    """Refuse to write a curriculum without a row, of which train could make nothing."""
    if not counts["rows"]:
        reasons = ", ".join(f"{reason} {number}" for reason, number in counts["rejected"].items())
        raise InputError(
            f"pack: not one row from {counts['samples']} samples (rejected: {reasons}); raise "
            f"pack.seq_len_tokens ({choices.seq_len_tokens}), or mend pack.chat_template"
        )


def copy_tokenizer(base: Path, chat_template: Path, target: Path) -> None:
    """Put the tokenizer's files and the template where train finds them for the model."""
    target.mkdir()
    for name in _TOKENIZER_FILES:
        shutil.copyfile(base / name, target / name)
    shutil.copyfile(chat_template, target / "chat_template.jinja")


if __name__ == "__main__":
    main()
