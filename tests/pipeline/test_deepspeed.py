"""Training under DeepSpeed on the CPU: slow, since it compiles an operator at its first use."""

import json
import signal
import subprocess
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

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

from onestage.errors import InputError
from onestage.train.deepspeed_settings import KEYS, require_usable

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(find_spec("deepspeed") is None, reason="deepspeed is not installed"),
    pytest.mark.xdist_group("deepspeed"),
]

ROWS = random_rows(77)  # 10 steps, the last with 5 rows


def _zero(stage: int, **zero: Any) -> dict[str, Any]:
    return {
        "zero_optimization": {"stage": stage, **zero},
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
    _require_equal(tmp_path, plain)


def _at_the_start(folder: Path) -> dict[str, float]:
    report = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    return {source: losses["before"] for source, losses in report["heldout_loss"].items()}


def _require_equal(found_in: Path, plain: Path) -> None:
    """Held-out losses of the weights to start from, the losses of every step, weights, files."""
    assert len(losses(plain)) == 10
    assert _at_the_start(found_in) == pytest.approx(_at_the_start(plain), abs=2e-6)
    assert losses(found_in) == pytest.approx(losses(plain), abs=1e-4)
    names = [
        sorted(path.name for path in (folder / "model").iterdir()) for folder in (found_in, plain)
    ]
    assert names[0] == names[1]
    found = load_file(found_in / "model" / "model.safetensors")
    expected = load_file(plain / "model" / "model.safetensors")
    assert found.keys() == expected.keys()
    for name, weights in expected.items():
        assert found[name].dtype == weights.dtype
        assert found[name] == pytest.approx(weights, abs=1e-4), name


def _offloaded(stage: int) -> dict[str, Any]:
    """Return a configuration whose optimizer, and from stage 3 on the weights, are kept by CPUs."""
    on_cpu = {"device": "cpu"}
    more = {"offload_param": on_cpu} if stage == 3 else {}
    return _zero(stage, offload_optimizer=on_cpu, **more)


@pytest.mark.parametrize("own_adam", [False, True])
@pytest.mark.parametrize("stage", [2, 3])
def test_offload_gives_the_losses_of_plain_torch(
    tmp_path: Path, plain: Path, stage: int, own_adam: bool
) -> None:
    """`own_adam`: DeepSpeed's Adam for CPUs, an operator that it compiles, in place of torch's."""
    choices = _offloaded(stage)
    if own_adam:
        del choices["zero_force_ds_cpu_optimizer"]
    run(_write(tmp_path, deepspeed=choices), ONESTAGE_RANKS="2")
    _require_equal(tmp_path, plain)


@pytest.mark.parametrize("stage", [2, 3])
@pytest.mark.parametrize("kept", [_zero, _offloaded])
def test_a_killed_run_goes_on(
    tmp_path: Path, stage: int, kept: Callable[[int], dict[str, Any]]
) -> None:
    whole = _write(tmp_path / "whole", deepspeed=kept(stage))
    run(whole, ONESTAGE_RANKS="2")
    cut = _write(tmp_path / "cut", deepspeed=kept(stage))
    running = subprocess.Popen(command(), cwd=cut, env=environment(ONESTAGE_RANKS="2"))
    while running.poll() is None and not list(cut.glob("scratch/train/*/step-00000006")):
        time.sleep(0.01)
    running.kill()
    assert running.wait() == -signal.SIGKILL
    run(cut, ONESTAGE_RANKS="2")
    assert first_step(cut) >= 6
    assert outputs(cut) == outputs(whole)


@pytest.mark.parametrize(
    ("stage", "kept"), [(2, _zero), (3, _zero), (2, _offloaded), (3, _offloaded)]
)
def test_a_phase_begins_anew_as_in_plain_torch(
    tmp_path: Path, stage: int, kept: Callable[[int], dict[str, Any]]
) -> None:
    rows = random_rows(16) + random_rows(16, seed=1, phase=1)
    sizes = {"rows_per_step": 4, "rows_per_device": 2, "phases": "restart"}
    expected = write_run(tmp_path / "plain", rows, **sizes)
    found = write_run(tmp_path / "zero", rows, **sizes, deepspeed=kept(stage))
    for folder in (expected, found):
        run(folder, ONESTAGE_RANKS="2")
    assert losses(found) == pytest.approx(losses(expected), abs=1e-4)


class _Watched(dict[str, Any]):
    """A configuration that notes which of its keys are asked for."""

    asked: ClassVar[set[str]] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return super().get(key, default)

    def __contains__(self, key: object) -> bool:
        self.asked.add(str(key))
        return super().__contains__(key)

    def keys(self) -> Any:
        return self


def test_the_known_keys_are_those_that_deepspeed_reads() -> None:
    from deepspeed.runtime.config import DeepSpeedConfig  # noqa: PLC0415

    configuration: Any = object.__new__(DeepSpeedConfig)
    configuration.world_size = 1
    configuration._param_dict = _Watched()
    configuration._initialize_params(_Watched(train_batch_size=8))
    assert _Watched.asked == KEYS


@pytest.mark.parametrize(
    ("configuration", "said"),
    [
        (
            {"zero_optimization": {"stage": 2, "overlap_com": True}},
            r"zero_optimization\.overlap_com: Extra inputs are not permitted",
        ),
        ({"zero_optimization": {"sub_group_size": -1}}, r"zero_optimization\.sub_group_size: "),
        ({"gradient_accumulation_steps": 4}, r"_steps is 4, but .* ask for 2; write auto"),
    ],
)
def test_what_deepspeed_would_refuse_is_told_before(
    configuration: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        require_usable(configuration, turns=2)


def test_values_that_deepspeed_takes() -> None:
    auto = {"zero_optimization": {"stage": 3, "reduce_bucket_size": "auto"}}
    require_usable(_offloaded(3) | {"gradient_accumulation_steps": 2}, turns=2)
    require_usable(auto, turns=2)
