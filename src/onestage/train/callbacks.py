"""What happens at the steps of training besides training: points of plots, states, restarts."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import torch
from accelerate import PartialState
from transformers import TrainerCallback

from onestage.train.states import States

_FILE = "history.json"


class History(NamedTuple):
    """What a run has to tell of its steps so far.

    `steps` are {step, loss, learning_rate, grad_norm}, `sources` {step, phase, source, loss},
    `answers` {step, source, prompt, answer, reference}.
    """

    steps: list[dict[str, Any]]
    sources: list[dict[str, Any]]
    answers: list[dict[str, Any]]

    def extend_from(self, state: Path) -> None:
        """Add what a kept state holds."""
        past = json.loads((state / _FILE).read_text(encoding="utf-8"))
        for name, rows in self._asdict().items():
            rows.extend(past[name])

    def write(self, state: Path) -> None:
        """Put it into a state that is being written."""
        (state / _FILE).write_text(json.dumps(self._asdict()), encoding="utf-8")


class LogLastStep(TrainerCallback):
    """Logs the last step too, wherever it falls between the points of the plots."""

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Ask for a log entry at the end."""
        control.should_log |= state.global_step == state.max_steps


class KeepStates(TrainerCallback):
    """Publishes what Trainer has saved, with what there is to tell so far."""

    def __init__(self, states: States, history: History) -> None:
        self._states = states
        self._history = history

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Make the state that all ranks have written one that a later run may begin from."""
        written = self._states.writing / f"checkpoint-{state.global_step}"
        PartialState().wait_for_everyone()
        if state.is_world_process_zero:
            (written / "training_args.bin").unlink(missing_ok=True)  # a pickle that nobody reads
            self._history.write(written)
            self._states.publish(written, state.global_step)
        PartialState().wait_for_everyone()


class RestartOptimizer(TrainerCallback):
    """Lets the optimizer forget its moments before the steps at which a portion begins."""

    def __init__(self, borders: set[int]) -> None:
        self._borders = borders

    def on_step_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:  # noqa: ARG002
        """Set what the optimizer has gathered to zero, in place: ZeRO holds on to the tensors."""
        if state.global_step in self._borders:
            for kept in _innermost(more["optimizer"]).state.values():
                for name, value in kept.items():
                    kept[name] = value.zero_() if isinstance(value, torch.Tensor) else 0


def _innermost(optimizer: Any) -> Any:
    """Return the optimizer that accelerate or DeepSpeed wraps."""
    while hasattr(optimizer, "optimizer"):
        optimizer = optimizer.optimizer
    return optimizer
