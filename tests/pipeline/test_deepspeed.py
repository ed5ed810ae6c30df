"""Training under DeepSpeed on the CPU: slow, since it compiles an operator at its first use."""

import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file
from training_runs import (
    command,
    environment,
    first_step,
    losses,
    outputs,
    random_rows,
    run,
    write_run,
)

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(find_spec("deepspeed") is None, reason="deepspeed is not installed"),
    pytest.mark.xdist_group("deepspeed"),
]

ROWS = random_rows(77)  # 10 steps, the last with 5 rows


def _zero(stage: int) -> dict[str, Any]:
    return {
        "zero_optimization": {"stage": stage},
        "train_batch_size": "auto",
        "train_micro_batch_size_per_gpu": "auto",
        "gradient_accumulation_steps": "auto",
        "gradient_clipping": "auto",
        "zero_force_ds_cpu_optimizer": False,
        "zero_allow_untested_optimizer": True,
    }


def _write(folder: Path, **choices: Any) -> Path:
    return write_run(
        folder, ROWS, rows_per_step=8, rows_per_device=2, save_every_steps=3, **choices
    )


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = _write(tmp_path_factory.mktemp("plain"))
    run(folder, ONESTAGE_RANKS="2")
    return folder


@pytest.mark.parametrize(("stage", "ranks"), [(0, 2), (1, 2), (2, 2), (3, 2), (2, 1)])
def test_zero_gives_the_losses_of_plain_torch(
    tmp_path: Path, plain: Path, stage: int, ranks: int
) -> None:
    run(_write(tmp_path, deepspeed=_zero(stage)), ONESTAGE_RANKS=str(ranks))
    assert len(losses(plain)) == 10
    assert losses(tmp_path) == pytest.approx(losses(plain), abs=1e-4)
    names = [
        sorted(path.name for path in (folder / "model").iterdir()) for folder in (tmp_path, plain)
    ]
    assert names[0] == names[1]
    found = load_file(tmp_path / "model" / "model.safetensors")
    expected = load_file(plain / "model" / "model.safetensors")
    assert found.keys() == expected.keys()
    for name, weights in expected.items():
        assert found[name].dtype == weights.dtype
        assert found[name] == pytest.approx(weights, abs=1e-4), name


@pytest.mark.parametrize("stage", [2, 3])
def test_a_killed_run_goes_on(tmp_path: Path, stage: int) -> None:
    whole = _write(tmp_path / "whole", deepspeed=_zero(stage))
    run(whole, ONESTAGE_RANKS="2")
    cut = _write(tmp_path / "cut", deepspeed=_zero(stage))
    running = subprocess.Popen(command(), cwd=cut, env=environment(ONESTAGE_RANKS="2"))
    while running.poll() is None and not list(cut.glob("scratch/train/*/step-00000006")):
        time.sleep(0.01)
    running.kill()
    assert running.wait() == -signal.SIGKILL
    run(cut, ONESTAGE_RANKS="2")
    assert first_step(cut) >= 6
    assert outputs(cut) == outputs(whole)


@pytest.mark.parametrize("stage", [2, 3])
def test_a_phase_begins_anew_as_in_plain_torch(tmp_path: Path, stage: int) -> None:
    rows = random_rows(16) + random_rows(16, seed=1, phase=1)
    sizes = {"rows_per_step": 4, "rows_per_device": 2, "phases": "restart"}
    expected = write_run(tmp_path / "plain", rows, **sizes)
    found = write_run(tmp_path / "zero", rows, **sizes, deepspeed=_zero(stage))
    for folder in (expected, found):
        run(folder, ONESTAGE_RANKS="2")
    assert losses(found) == pytest.approx(losses(expected), abs=1e-4)
