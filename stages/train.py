"""Train: one pass over the packed rows, in order, from the base to a model.

Reads rows, held-out rows and the base; writes a Hugging Face folder with safetensors and the
losses, in all and by source. Step 4 of the protocol. Conservation: rows trained = rows packed.
"""

import os
from pathlib import Path
from typing import Any

import click

from onestage import jsonl, outputs, params
from onestage.base import Base
from onestage.command import OneLineCommand, params_option, path_option
from onestage.errors import InputError
from onestage.offline import go_offline
from onestage.records import PackedRow
from onestage.telemetry import Stopwatch
from onestage.train.settings import Train


@click.command(cls=OneLineCommand, help=__doc__)
@path_option("rows", "Folder that pack wrote.")
@path_option("out", "Folder for the model.")
@path_option("plots", "Folder for CSV files of the losses.")
@path_option("metrics", "File for losses before and after.")
@params_option
def main(rows: Path, out: Path, plots: Path, metrics: Path, params_file: Path) -> None:
    document = params.load_document(params_file)
    choices = params.section(document, "train", Train)
    base = params.section(document, "base", Base)
    train_files, heldout_files = jsonl.part_files(rows, "rows"), jsonl.part_files(rows, "heldout")
    sources = sorted(sources_of([*train_files, *heldout_files]))
    if next(jsonl.read_records(train_files, PackedRow), None) is None:
        raise InputError(
            f"{rows}: no rows to train on; look at the rejections of the stages before"
        )

    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise InputError("WORLD_SIZE is above 1: train runs in one process so far; unset it")
    go_offline()
    import torch  # noqa: PLC0415  (torch takes seconds: --help and wrong usage must not)

    from onestage import checkpoint  # noqa: PLC0415
    from onestage.train import batches, documents, fitting, serving, trainer  # noqa: PLC0415

    torch.set_num_threads(choices.cpu_threads)
    # Weights stay in fp32: bf16 is the precision of the arithmetic (autocast), since updates
    # at a low learning rate would vanish in bf16 weights.
    model = checkpoint.load_model(
        Path(base.path), init=base.init, seed=base.seed, attention=choices.attention
    )
    fitting.require_fitting(model, rows)
    train_rows = batches.RowFiles(train_files, sources)
    heldout_rows = batches.RowFiles(heldout_files, sources)
    flash = choices.attention == "flash_attention_2"  # which computes in half precision only
    with trainer.arithmetic("bf16" if flash else "fp32"):
        documents.require_separate_documents(
            model,
            rows_per_device=choices.rows_per_device,
            tolerance=1e-2 if flash else 1e-4,
        )

    def heldout() -> dict[str, float]:
        with trainer.arithmetic(choices.precision):
            return trainer.loss_by_source(
                model, heldout_rows, sources=sources, rows_per_batch=choices.rows_per_device
            )

    with outputs.staged(out, plots, metrics) as (out_part, plots_part, metrics_part):
        before = heldout()
        with Stopwatch("train", {"rows": len(train_rows)}):
            engine, history = trainer.train(
                model, train_rows, choices, sources=sources, scratch=Path("scratch/train")
            )
        after = heldout()
        checkpoint.save_model(model, out_part, engine.gathered_state())
        serving.save_tokenizer(rows / "tokenizer", out_part)
        write_plots(plots_part, history, before, after)
        report = {"rows": len(train_rows), "steps": engine.state.global_step}
        outputs.write_json(metrics_part, {**report, "heldout_loss": changes(before, after)})


def sources_of(files: list[Path]) -> set[str]:
    """Return every source that occurs in the rows."""
    rows = jsonl.read_records(files, PackedRow)
    return {sample.source for row in rows for sample in row.samples}


def changes(before: dict[str, float], after: dict[str, float]) -> dict[str, Any]:
    """Return the held-out loss by source, before and after, and the share by which it fell."""
    return {
        source: {"before": loss, "after": after[source], "drop": 1 - after[source] / loss}
        for source, loss in before.items()
    }


def write_plots(
    folder: Path, history: Any, before: dict[str, float], after: dict[str, float]
) -> None:
    """Write the loss by step, by step and source, and held out by source."""
    outputs.write_csv(folder / "loss.csv", history.steps)
    outputs.write_csv(folder / "source_loss.csv", history.sources)
    rows = [
        {"source": source, "when": when, "loss": losses[source]}
        for source in before
        for when, losses in (("before", before), ("after", after))
    ]
    outputs.write_csv(folder / "heldout_loss.csv", rows, ("source", "when", "loss"))


if __name__ == "__main__":
    main()
