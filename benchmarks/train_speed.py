"""Times training beside TRL's SFTTrainer, with packing and with padding, on the same conversations.

    python benchmarks/train_speed.py SCRATCH [--base FOLDER] [--samples 240] [--rounds 3]

Run it in the root of a project whose sample and dedupe are there (`dvc repro sample`), with
`pip install trl`. The stage pack packs the first draws of the curriculum that fit into a row; TRL
gets the tokens of the very same samples, and which of them are trained, and packs them with its
default strategy, or pads batches of as many samples as a row of ours holds on the average. The
sums of trained tokens are compared, and a difference is an error. All have the same weights, fp32,
AdamW, a row a step, no gradient checkpointing (TRL's default is on), and write no state.

Each run is a process of its own, ours the stage's own command, in turn, several rounds. Timed is
from the first step's begin to the last one's, so that start-up, held-out losses and sample answers
are outside, with the tokens trained in between. Start-up is from the process's begin to the first
step's: of ours it contains the loss of 12 held-out samples, told apart, and of TRL's its packing,
for which ours has a stage. Memory is the process's peak.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import click
from ruamel.yaml import YAML

from onestage import jsonl
from onestage.records import Draw, PackedRow

_ROOT = Path(__file__).resolve().parent.parent
_WAYS = ("onestage", "TRL packing", "TRL padding")
_SELF = Path(__file__).resolve()


class Timed(NamedTuple):
    """What a run took: seconds, MiB, steps and tokens between the first step and the last."""

    steps: int
    trained: int
    places: int
    all_trained: int
    seconds: float
    start: float
    heldout: float
    memory: float

    @property
    def pace(self) -> float:
        """Trained tokens a second."""
        return self.trained / self.seconds


class StepClock:
    """Notes when each step begins and what it trains, for any Trainer of transformers."""

    def __init__(self) -> None:
        self._begins: list[float] = []
        self._trained: list[int] = []
        self._places: list[int] = []
        self.heldout = 0.0

    def watch(self, trainer: Any) -> None:
        """Put the clock into a class of trainers, before `training_step`."""
        step = trainer.training_step

        def timed_step(this: Any, model: Any, inputs: Any, *more: Any) -> Any:
            self._begins.append(time.time())
            self._trained.append(int((inputs["labels"][:, 1:] != -100).sum()))
            self._places.append(inputs["labels"].numel())
            return step(this, model, inputs, *more)

        trainer.training_step = timed_step

    def report(self, began: float) -> Timed:
        """Return what was seen; `began` is the process's begin."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return Timed(
            len(self._begins),
            sum(self._trained[:-1]),
            sum(self._places[:-1]),
            sum(self._trained),
            self._begins[-1] - self._begins[0],
            self._begins[0] - began,
            self.heldout,
            peak,
        )


@click.command()
@click.argument("scratch", type=click.Path(path_type=Path))
@click.option("--base", type=click.Path(exists=True, path_type=Path))
@click.option("--template", type=click.Path(exists=True, path_type=Path))
@click.option("--samples", default=240, show_default=True)
@click.option("--row", default=0, help="Tokens of a row; 0: as in params.yaml.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--threads", default=1, show_default=True)
@click.option("--way", hidden=True)
def main(  # noqa: PLR0913, PLR0917  (click hands each option over as an argument)
    scratch: Path,
    base: Path | None,
    template: Path | None,
    samples: int,
    row: int,
    rounds: int,
    threads: int,
    way: str | None,
) -> None:
    """Print what each way took, and ratios."""
    if way:
        _run(way, scratch)
        return
    scratch = scratch.resolve()
    for folder in ("draws", "model"):
        (scratch / folder).mkdir(parents=True)
    changes = {"base": base, "template": template, "row": row, "threads": threads}
    per_row = _write_inputs(scratch, samples, changes)
    found: dict[str, list[Timed]] = {name: [] for name in _WAYS}
    for turn in range(rounds):
        for name in _WAYS:
            found[name].append(_timed(scratch, name))
            print(f"round {turn + 1}  {name:<12} {found[name][-1].pace:8.1f} trained tokens/s")
    _print_table(found, per_row)


def _write_inputs(scratch: Path, most: int, changes: dict[str, Any]) -> int:
    """Write parameters, packed rows and conversations; return the samples of an average row."""
    yaml = YAML(typ="safe", pure=True)
    params = yaml.load((_ROOT / "params.yaml").read_text(encoding="utf-8"))
    if changes["base"]:
        params["base"] |= {"path": changes["base"], "init": "pretrained"}
    template = changes["template"] or params["pack"]["chat_template"]
    # The ways run in a folder of their own, where runs/ and scratch/ are theirs.
    params["base"]["path"] = str(_ROOT / params["base"]["path"])
    params["pack"]["chat_template"] = str(_ROOT / template)
    params["pack"] |= {"too_long": "reject"}
    params["pack"]["seq_len_tokens"] = changes["row"] or params["pack"]["seq_len_tokens"]
    params["train"] |= {"rows_per_step": 1, "rows_per_device": 1, "save_every_steps": 0}
    params["train"] |= {"cpu_threads": changes["threads"], "log_every_steps": 1000}
    with (scratch / "params.yaml").open("w", encoding="utf-8") as stream:
        yaml.dump(params, stream)
    _copy_draws(scratch, most)
    named = {"out": "rows", "rejected": "no", "metrics": "pack.json", "plot": "moved.csv"}
    command = [sys.executable, "-m", "stages.pack", "--sample", str(scratch / "draws")]
    command += ["--conversations", "data/dedupe", "--params", str(scratch / "params.yaml")]
    command += [f"--{name}={scratch / file}" for name, file in named.items()]
    subprocess.run(command, check=True, cwd=_ROOT)
    rows = list(jsonl.read_records(jsonl.part_files(scratch / "rows", "rows"), PackedRow))
    samples = _write_samples(scratch / "samples.jsonl", rows)
    per_row = max(1, round(samples / len(rows)))
    (scratch / "per_row").write_text(str(per_row), encoding="utf-8")
    print(f"{samples} conversations in {len(rows)} rows")
    return per_row


def _copy_draws(scratch: Path, samples: int) -> None:
    for stem, most in (("part", samples), ("heldout", 12)):
        with jsonl.PartWriter(scratch / "draws", stem) as writer:
            draws = jsonl.read_records(jsonl.part_files(_ROOT / "data/sample", stem), Draw)
            for draw, _ in zip(draws, range(most), strict=False):
                writer.write(draw)


def _write_samples(path: Path, rows: list[PackedRow]) -> int:
    """Write each sample's tokens and which of them are trained; return how many there are."""
    with path.open("w", encoding="utf-8") as stream:
        written = 0
        for row in rows:
            for sample in row.samples:
                mask = [0] * len(row.input_ids)
                for start, end in sample.trained:
                    mask[start:end] = [1] * (end - start)
                span = slice(sample.start, sample.end)
                line = {"input_ids": row.input_ids[span], "completion_mask": mask[span]}
                stream.write(json.dumps(line) + "\n")
                written += 1
    return written


def _timed(scratch: Path, way: str) -> Timed:
    paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, str(_SELF), str(scratch), f"--way={way}"],
        cwd=scratch,
        env=environment | {"ONESTAGE_BEGAN": repr(time.time())},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return Timed(*json.loads(done.stdout.splitlines()[-1]))


def _run(way: str, scratch: Path) -> None:
    """Train in this process and print what was seen."""
    clock = StepClock()
    if way == "onestage":
        _train_ours(scratch, clock)
    else:
        _train_trl(scratch, clock, packing=way == "TRL packing")
    print(json.dumps(clock.report(float(os.environ["ONESTAGE_BEGAN"]))))


def _train_ours(scratch: Path, clock: StepClock) -> None:
    from onestage.train import trainer  # noqa: PLC0415  (each way imports its own)
    from stages.train import run  # noqa: PLC0415

    clock.watch(trainer.PackedTrainer)
    evaluate = trainer.loss_by_source

    def timed_heldout(*positional: Any, **named: Any) -> Any:
        begin = time.time()
        losses = evaluate(*positional, **named)
        clock.heldout = clock.heldout or time.time() - begin  # of the one before the first step
        return losses

    trainer.loss_by_source = timed_heldout
    out, plots, metrics = (scratch / "model" / name for name in ("out", "plots", "metrics.json"))
    run(scratch / "rows", out, plots, metrics, scratch / "params.yaml")


def _train_trl(scratch: Path, clock: StepClock, *, packing: bool) -> None:
    import torch  # noqa: PLC0415
    from transformers import AutoTokenizer  # noqa: PLC0415

    from onestage import checkpoint, params  # noqa: PLC0415
    from onestage.base import Base  # noqa: PLC0415

    trl, datasets = import_module("trl"), import_module("datasets")
    document = params.load_document(scratch / "params.yaml")
    base, choices = params.section(document, "base", Base), document["train"]
    torch.set_num_threads(choices["cpu_threads"])
    model = checkpoint.load_model(
        Path(base.path), init=base.init, seed=base.seed, attention="sdpa", halved=False
    )
    clock.watch(trl.SFTTrainer)
    trainer = trl.SFTTrainer(
        model=model,
        processing_class=AutoTokenizer.from_pretrained(scratch / "rows" / "tokenizer"),
        train_dataset=datasets.load_dataset(
            "json",
            data_files=str(scratch / "samples.jsonl"),
            split="train",
            cache_dir=str(scratch / "cache" / str(os.getpid())),
        ),
        args=trl.SFTConfig(
            output_dir=str(scratch / "trl"),
            packing=packing,
            completion_only_loss=True,
            max_length=document["pack"]["seq_len_tokens"],
            per_device_train_batch_size=1
            if packing
            else int((scratch / "per_row").read_text(encoding="utf-8")),
            gradient_accumulation_steps=1,
            num_train_epochs=1,
            learning_rate=choices["learning_rate"],
            optim="adamw_torch",
            gradient_checkpointing=False,
            bf16=False,
            use_cpu=True,
            full_determinism=True,  # as ours on a CPU
            save_strategy="no",
            logging_steps=1000,
            report_to="none",
            disable_tqdm=True,
        ),
    )
    trainer.train()


def _print_table(found: dict[str, list[Timed]], per_row: int) -> None:
    sums = {name: {timed.all_trained for timed in rounds} for name, rounds in found.items()}
    print(f"trained tokens: {sums}; padded batches hold {per_row} conversations")
    print(f"{'':<12}{'steps':>6}{'trained/s':>11}{'used':>7}{'start s':>9}", end="")
    print(f"{'heldout s':>11}{'MiB':>8}  ours / it")
    for name, rounds in found.items():
        last = rounds[-1]
        ratios = [mine.pace / it.pace for mine, it in zip(found["onestage"], rounds, strict=True)]
        print(
            f"{name:<12}{last.steps:>6}{median(_of(rounds, lambda it: it.pace)):>11.1f}"
            f"{last.trained / last.places:>7.3f}{median(_of(rounds, lambda it: it.start)):>9.1f}"
            f"{median(_of(rounds, lambda it: it.heldout)):>11.1f}"
            f"{median(_of(rounds, lambda it: it.memory)):>8.0f}"
            f"{median(ratios):>7.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
        )
    if len(set.union(*sums.values())) > 1:
        raise SystemExit("not the same trained tokens")


def _of(rounds: list[Timed], figure: Callable[[Timed], float]) -> Iterator[float]:
    return (figure(timed) for timed in rounds)


if __name__ == "__main__":
    main()
