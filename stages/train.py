"""Train: one pass over the packed rows, in order, from the base to a model.

Reads rows, held-out rows and the base; writes a Hugging Face folder with safetensors and the
losses, in all and by source. Step 4 of the protocol. Conservation: rows trained = rows packed.
"""

from contextlib import nullcontext
from pathlib import Path

import click

from onestage import outputs, params
from onestage.base import Base
from onestage.command import OneLineCommand, params_option, path_option
from onestage.offline import go_offline
from onestage.telemetry import Stopwatch
from onestage.train import ranks
from onestage.train.deepspeed_settings import require_usable
from onestage.train.packed import packed_files
from onestage.train.reports import loss_changes, write_plots
from onestage.train.settings import Train
from onestage.train.states import base_files, states_of


@click.command(cls=OneLineCommand, help=__doc__)
@path_option("rows", "Folder that pack wrote.")
@path_option("out", "Folder for the model.")
@path_option("plots", "Folder for CSV files of the losses.")
@path_option("metrics", "File for losses before and after.")
@params_option
def main(rows: Path, out: Path, plots: Path, metrics: Path, params_file: Path) -> None:
    if ranks.are_to_start():
        from onestage.train import launching  # noqa: PLC0415  (as torch below)

        paths = {"rows": rows, "out": out, "plots": plots, "metrics": metrics}
        named = {**paths, "params": params_file}
        launching.start("stages.train", [f"--{name}={path}" for name, path in named.items()])
        return
    with ranks.reporting():
        run(rows, out, plots, metrics, params_file)


def run(rows: Path, out: Path, plots: Path, metrics: Path, params_file: Path) -> None:
    """Train, in one process or as one of several ranks, of which the first writes."""
    document = params.load_document(params_file)
    choices = params.section(document, "train", Train)
    base = params.section(document, "base", Base)
    packed = packed_files(rows)
    go_offline()
    import torch  # noqa: PLC0415  (torch takes seconds: --help and wrong usage must not)

    from onestage import checkpoint  # noqa: PLC0415
    from onestage.train import (  # noqa: PLC0415
        batches,
        course,
        devices,
        documents,
        fitting,
        order,
        serving,
        trainer,
    )
    from onestage.train.faults import told  # noqa: PLC0415

    order.require_even_ranks(ranks.ranks(), choices)
    require_usable(choices.deepspeed, turns=choices.turns(ranks.ranks()))
    torch.set_num_threads(choices.cpu_threads)
    devices.take_device()
    # Weights stay in fp32: bf16 is the precision of the arithmetic (autocast), since updates
    # at a low learning rate would vanish in bf16 weights.
    model = checkpoint.load_model(
        Path(base.path),
        init=base.init,
        seed=base.seed,
        attention=choices.attention,
        halved=choices.lora.halved,
    )
    train_rows = batches.RowFiles(packed.train, packed.sources)
    heldout_rows = batches.RowFiles(packed.heldout, packed.sources)
    fitting.require_fitting(model, rows)
    documents.require_fit_for_packing(model, choices)

    def heldout() -> dict[str, float]:
        with devices.arithmetic(choices.precision):
            return trainer.loss_by_source(
                model, heldout_rows, rows_per_batch=choices.rows_per_device
            )

    kept = states_of(
        {name: document[name] for name in ("train", "base")},
        base_files(base) + packed.train,
        choices,
    )
    first = ranks.rank() == 0
    facts = {"rows": len(train_rows), **devices.facts()}
    telling = course.telling_of(packed.heldout, rows / "tokenizer", choices.precision)
    with outputs.staged(*((out, plots, metrics) if first else ())) as parts, told(kept.last):
        before = heldout()
        with Stopwatch("train", facts) if first else nullcontext():
            engine, history = trainer.train(
                model, train_rows, choices, states=kept, telling=telling
            )
            facts |= {"first_step": engine.first_step, **engine.course.throughput.in_all()}
        after = heldout()
        weights = engine.gathered_state()
        if not first:
            return
        engine.merge_adapters()
        out_part, plots_part, metrics_part = parts
        checkpoint.save_model(model, out_part, weights)
        serving.save_tokenizer(rows / "tokenizer", out_part)
        losses = loss_changes(before, after)
        write_plots(plots_part, history.steps, history.sources, losses)
        report = {"rows": len(train_rows), "steps": engine.state.global_step}
        outputs.write_json(metrics_part, {**report, "heldout_loss": losses})
    kept.remove()


if __name__ == "__main__":
    main()
