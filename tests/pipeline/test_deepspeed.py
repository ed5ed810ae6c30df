"""Training under DeepSpeed, in one process on the CPU: slow, since it compiles an optimizer."""

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from given import ROOT, parameters, write_params
from pipeline.clones import Clone


@pytest.mark.long
@pytest.mark.skipif(find_spec("deepspeed") is None, reason="deepspeed is not installed")
@pytest.mark.xdist_group("first")
def test_zero_gives_the_losses_of_plain_torch(first: Clone, tmp_path: Path) -> None:
    rows = first.root / "data" / "pack"
    configuration = {
        "zero_optimization": {"stage": 2},
        "train_batch_size": "auto",
        "train_micro_batch_size_per_gpu": "auto",
        "gradient_accumulation_steps": "auto",
        "gradient_clipping": "auto",
        "zero_force_ds_cpu_optimizer": False,
        "zero_allow_untested_optimizer": True,
    }
    losses = {}
    for name, deepspeed in (("plain", {}), ("zero", configuration)):
        folder = tmp_path / name
        (folder / "rows").mkdir(parents=True)
        _first_rows(rows, folder / "rows", 6)
        document = parameters()
        document["train"] |= {"deepspeed": deepspeed}
        write_params(folder, document)
        command = [sys.executable, "-m", "stages.train", "--rows", "rows", "--out", "model"]
        outputs = ["--plots", "plots", "--metrics", "metrics.json"]
        path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
        done = subprocess.run(
            [*command, *outputs],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        assert (folder / "model" / "model.safetensors").is_file()
        report = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        losses[name] = {key: loss["after"] for key, loss in report["heldout_loss"].items()}
    assert losses["zero"] == pytest.approx(losses["plain"], abs=1e-4)


def _first_rows(source: Path, target: Path, number: int) -> None:
    for stem in ("rows", "heldout"):
        lines = (source / f"{stem}-00000.jsonl").read_text(encoding="utf-8").splitlines(True)
        (target / f"{stem}-00000.jsonl").write_text("".join(lines[:number]), encoding="utf-8")
    shutil.copytree(source / "tokenizer", target / "tokenizer")
