"""Faults that end a run: one line each, the last good state kept."""

import errno
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from given import parameters, write_records
from training_runs import random_rows

pytestmark = [pytest.mark.xdist_group("torch"), pytest.mark.usefixtures("one_thread")]

from onestage import jsonl  # noqa: E402
from onestage.errors import InputError  # noqa: E402
from onestage.offline import go_offline  # noqa: E402
from onestage.train.settings import Train  # noqa: E402
from onestage.train.states import States, is_whole  # noqa: E402

go_offline()

import torch  # noqa: E402
import transformers  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

from onestage.train import batches, callbacks, trainer  # noqa: E402
from onestage.train.faults import told  # noqa: E402

STEPS = 8


def _train(folder: Path, model: Any = None, **more: Any) -> trainer.PackedTrainer:
    if not (folder / "rows").exists():
        write_records(folder / "rows", random_rows(2 * STEPS), "rows")
    sizes = {"vocab_size": 256, "hidden_size": 16, "intermediate_size": 32}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1, "num_hidden_layers": 1}
    torch.manual_seed(3)
    config = transformers.AutoConfig.for_model("llama", **sizes, **heads)
    section = parameters()["train"] | {"save_every_steps": 2, "log_every_steps": 1, **more}
    done, _ = trainer.train(
        model or transformers.AutoModelForCausalLM.from_config(config),
        batches.RowFiles(jsonl.part_files(folder / "rows", "rows"), ["sft", "web"]),
        msgspec.convert(section, Train),
        states=States(folder / "states", keep=2),
    )
    return done


def _at_step(monkeypatch: pytest.MonkeyPatch, step: int, error: Any) -> None:
    """Let the forward pass of a step go wrong."""
    original = trainer.token_losses
    calls = []

    def failing(*given: Any) -> Any:
        calls.append(1)
        losses, sources = original(*given)
        if len(calls) > 2 * (step - 1):
            if isinstance(error, float):
                return losses * error, sources
            raise error
        return losses, sources

    monkeypatch.setattr(trainer, "token_losses", failing)


def _one_line(folder: Path, *parts: str) -> None:
    with pytest.raises(InputError) as caught:
        _train(folder)
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message
    (last,) = list((folder / "states").glob("step-*"))[-1:]
    assert all(is_whole(state) for state in (folder / "states").glob("step-*")), last


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: float
) -> None:
    _at_step(monkeypatch, 6, bad)
    kept = str(tmp_path / "states" / "step-00000004")
    _one_line(tmp_path, f"the loss is {bad}", "step 6 of 8", kept, "lower train.learning_rate")


def test_a_gradient_that_is_no_number_spoils_no_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = transformers.Trainer._clip_grad_norm

    def spoiling(self: Any, model: Any) -> Any:
        if self.state.global_step == 5:
            next(model.parameters()).grad[0] = float("nan")
        return clip(self, model)

    monkeypatch.setattr(transformers.Trainer, "_clip_grad_norm", spoiling)
    _one_line(tmp_path, "the gradient norm is nan", "step-00000004")


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB\nmore lines"),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
        MemoryError(),
    ],
)
def test_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    _at_step(monkeypatch, 4, error)
    _one_line(
        tmp_path, "out of memory; lower train.rows_per_device", "step 4 of 8", "step-00000002"
    )


def test_no_memory_for_real() -> None:
    with pytest.raises(InputError, match="out of memory"), told(lambda: "at step 1"):
        torch.empty(2**60)


@pytest.mark.parametrize("part", ["optimizer", "manifest"])
def test_no_room_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    calls = []

    def failing(*given: Any, **more: Any) -> Any:
        calls.append(1)
        if len(calls) > 2 * (3 if part == "optimizer" else 1):
            raise full
        return original(*given, **more)

    if part == "optimizer":
        original: Any = torch.save
        monkeypatch.setattr(torch, "save", failing)
    else:
        original = callbacks.States.publish
        monkeypatch.setattr(callbacks.States, "publish", failing)
    _one_line(tmp_path, "could not be written; free space", "No space left on device")
    monkeypatch.undo()
    _train(tmp_path)  # goes on, since what was half written is removed


def test_another_error_is_a_bug_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _at_step(monkeypatch, 2, RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes"):
        _train(tmp_path)


def test_a_run_goes_on_with_its_plots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _train(tmp_path / "whole")
    with monkeypatch.context() as patch:
        _at_step(patch, 6, float("nan"))
        with pytest.raises(InputError):
            _train(tmp_path / "cut")
    done = _train(tmp_path / "cut")
    assert done.first_step == 4
    assert done.course.history == whole.course.history
    for name, weights in done.model.state_dict().items():
        assert torch.equal(weights, whole.model.state_dict()[name]), name
    # Once more from the state at the end: nothing is left to train.
    again = _train(tmp_path / "cut")
    assert again.first_step == STEPS
    assert again.course.history == whole.course.history
    assert again.course.throughput.in_all() == {}


def test_a_phase_begins_anew(tmp_path: Path) -> None:
    """As if each phase were trained by itself on the model that the former left."""
    first, second = random_rows(7, seed=1), random_rows(8, seed=2, phase=1)
    write_records(tmp_path / "both" / "rows", first + second, "rows")
    both = _train(tmp_path / "both", phases="restart", warmup_share=0.0)
    assert both.state.global_step == 8
    rates = [step["learning_rate"] for step in both.course.history.steps]
    assert rates[4:] == rates[:4]
    write_records(tmp_path / "one" / "rows", first, "rows")
    one = _train(tmp_path / "one", warmup_share=0.0)
    write_records(tmp_path / "two" / "rows", second, "rows")
    two = _train(tmp_path / "two", model=one.model, warmup_share=0.0)
    losses = [step["loss"] for run in (one, two) for step in run.course.history.steps]
    assert [step["loss"] for step in both.course.history.steps] == losses
    for name, weights in both.model.state_dict().items():
        assert torch.equal(weights, two.model.state_dict()[name]), name
    shutil.rmtree(tmp_path / "both" / "states")
    kept = _train(tmp_path / "both", phases="keep", warmup_share=0.0)
    assert [step["loss"] for step in kept.course.history.steps] != losses


@pytest.mark.parametrize("step", [5, 6])
def test_a_restart_survives_an_interruption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """At the border, whose state is that of the step before, and after it."""
    rows = random_rows(8, seed=1) + random_rows(8, seed=2, phase=1)
    for name in ("whole", "cut"):
        write_records(tmp_path / name / "rows", rows, "rows")
    whole = _train(tmp_path / "whole", phases="restart")
    with monkeypatch.context() as patch:
        _at_step(patch, step, float("nan"))
        with pytest.raises(InputError, match="step-00000004"):
            _train(tmp_path / "cut", phases="restart")
    done = _train(tmp_path / "cut", phases="restart")
    for name, weights in done.model.state_dict().items():
        assert torch.equal(weights, whole.model.state_dict()[name]), name


def test_the_mean_of_the_last_states(tmp_path: Path) -> None:
    last = _train(tmp_path).model.state_dict()
    files = sorted((tmp_path / "states").glob("step-*/model.safetensors"))
    assert [path.parent.name for path in files] == ["step-00000006", "step-00000008"]
    first, second = (load_file(path) for path in files)
    found = _train(tmp_path, average_last=2).model.state_dict()
    for name in first:
        assert torch.equal(second[name], last[name])
        torch.testing.assert_close(found[name], (first[name] + second[name]) / 2)
    with pytest.raises(InputError, match=r"average_last is 5, but a run of 8 steps keeps 4 states"):
        _train(tmp_path, average_last=5)
