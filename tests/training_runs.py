"""Small runs of the train stage in processes of their own: rows, base, parameters, environment."""

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from given import ROOT, TOY_BASE, parameters, write_params, write_records

from onestage.records import PackedRow, PackedSample

_SIZES = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "initializer_range": 0.1,
}
_COMMAND = ["--rows", "rows", "--out", "model", "--plots", "plots", "--metrics", "metrics.json"]


def random_rows(
    number: int, *, seed: int = 0, longest: int = 40, phase: int = 0
) -> list[PackedRow]:
    """Return rows of two samples whose trained tokens differ in number from row to row."""
    drawing = random.Random(seed)
    rows = []
    for n in range(number):
        lengths = [drawing.randint(2, longest // 2) for _ in range(2)]
        # Some tokens are frequent, so that there is something to learn.
        tokens = [3 + int(197 * drawing.random() ** 4) for _ in range(sum(lengths))]
        samples, start = [], 0
        for source, length in zip(("web", "sft"), lengths, strict=True):
            end = start + length
            spans = [(drawing.randrange(start, end), end)]
            samples.append(PackedSample(f"{seed}-{n}", 0, source, start, end, spans))
            start = end
        rows.append(PackedRow(tokens, samples, phase))
    return rows


def write_run(folder: Path, rows: list[PackedRow], **choices: Any) -> Path:
    """Write rows, a tiny base and parameters, of which `choices` change the train section."""
    write_records(folder / "rows", rows, "rows")
    write_records(folder / "rows", random_rows(3, seed=99), "heldout")
    (folder / "rows" / "tokenizer").mkdir(exist_ok=True)
    (folder / "base").mkdir(exist_ok=True)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copyfile(TOY_BASE / name, folder / "rows" / "tokenizer" / name)
    config = json.loads((TOY_BASE / "config.json").read_text(encoding="utf-8"))
    (folder / "base" / "config.json").write_text(json.dumps(config | _SIZES), encoding="utf-8")
    document = parameters()
    document["base"]["path"] = "base"
    document["train"] |= {"learning_rate": 1e-3, "log_every_steps": 1, **choices}
    write_params(folder, document)
    return folder


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a run; ranks are the test's to ask for."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ONESTAGE_")}
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    return {**kept, "PYTHONPATH": path, "TQDM_DISABLE": "1", **more}


def command() -> list[str]:
    """Return the command of a run in the folder that `write_run` wrote."""
    return [sys.executable, "-m", "stages.train", *_COMMAND]


def run(folder: Path, *, succeeds: bool = True, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the stage in its folder, with `more` in its environment."""
    done = subprocess.run(
        command(),
        cwd=folder,
        env=environment(**more),
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert (done.returncode == 0) == succeeds, done.stdout[-2000:] + done.stderr[-4000:]
    return done


def weights_digest(folder: Path) -> str:
    """Return the hash of the trained weights."""
    return hashlib.sha256((folder / "model" / "model.safetensors").read_bytes()).hexdigest()


def losses(folder: Path) -> list[float]:
    """Return the loss of each step, to the six digits that the plot has."""
    lines = (folder / "plots" / "loss.csv").read_text(encoding="utf-8").splitlines()[1:]
    return [float(line.split(",")[1]) for line in lines]


def first_step(folder: Path) -> int:
    """Return the step that the last run went on from."""
    facts = json.loads((folder / "runs" / "train.json").read_text(encoding="utf-8"))
    step: int = facts["first_step"]
    return step


def outputs(folder: Path) -> dict[str, str]:
    """Return the hash of every file that a run has written for others."""
    files = [path for name in ("model", "plots") for path in sorted((folder / name).rglob("*"))]
    found = [path for path in [*files, folder / "metrics.json"] if path.is_file()]
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in found
    }
