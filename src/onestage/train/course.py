"""The course of a run: points of the plots and sample answers, shown in runs/ as it goes on."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from transformers import TrainerCallback

from onestage.train import ranks
from onestage.train.answers import SampleAnswers, first_questions
from onestage.train.batches import Group
from onestage.train.callbacks import History
from onestage.train.devices import device_name
from onestage.train.settings import Train
from onestage.train.tally import Counts
from onestage.train.throughput import ModelFlops, Throughput, peak_flops


class Telling(NamedTuple):
    """What a run is to tell besides its losses: answers, and the folder that shows its course."""

    samples: SampleAnswers
    folder: Path


def telling_of(heldout: Sequence[Path], tokenizer: Path, precision: str) -> Telling:
    """Return what the train stage tells: answers to questions of held-out rows, in runs/train."""
    samples = SampleAnswers(first_questions(heldout), tokenizer, precision)
    return Telling(samples, Path("runs/train"))


class Course(TrainerCallback):
    """Gathers the history of a run, and shows it as it grows.

    Sample answers are asked of the base, at each state before it is kept, and at the end.
    """

    def __init__(self, model: Any, choices: Train, telling: Telling | None) -> None:
        self.history = History([], [], [])
        self._flops = ModelFlops(model)
        self._peak = _peak_of_all(model, choices.precision)
        self._telling = telling
        self._display: Display | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:  # noqa: ARG002
        """Show what a kept state holds, ask the base, and look at the clock."""
        if self._telling is not None and ranks.rank() == 0:
            self._display = Display(self._telling.folder, self.history)
        if state.global_step == 0:
            self._ask(state, more["model"])
        self._began_at = state.global_step
        self.throughput = Throughput(self._flops, self._peak)

    def on_save(self, args: Any, state: Any, control: Any, **more: Any) -> None:  # noqa: ARG002
        """Ask, so that the state holds the answers."""
        self._ask(state, more["model"])

    def on_train_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:  # noqa: ARG002
        """Ask, unless a state was kept just now."""
        if all(answer["step"] < state.global_step for answer in self.history.answers):
            self._ask(state, more["model"])

    def add_point(
        self, state: Any, logs: Mapping[str, Any], means: Mapping[Group, float], counts: Counts
    ) -> None:
        """Add what Trainer logs, the loss by group, and the counts since the last point."""
        step = state.global_step
        kept = {name: logs.get(name) for name in ("loss", "learning_rate", "grad_norm")}
        self.history.steps.append({"step": step, **kept})
        self.history.sources.extend(
            {"step": step, "phase": group.phase, "source": group.source, "loss": loss}
            for group, loss in means.items()
        )
        pace = self.throughput.since_last(counts)
        done = step - self._began_at
        if self._display is not None:
            left = self.throughput.seconds_left(done, state.max_steps - step)
            self._display.show({**pace, "seconds_left": left})

    def _ask(self, state: Any, model: Any) -> None:
        if self._telling is None:
            return
        self.history.answers.extend(self._telling.samples.at(state.global_step, model))
        if self._display is not None:
            self._display.show_answers()


def _peak_of_all(model: Any, precision: str) -> float | None:
    """Return the peak of all ranks' devices; None where use of it can't be told.

    In a mixture of experts a token does not pass through all weights.
    """
    peak = peak_flops(device_name(), precision)
    experts = getattr(model.config.get_text_config(), "num_local_experts", None)
    return None if peak is None or experts else peak * ranks.ranks()


class Display:
    """A folder with a run's metrics by DVCLive, and its sample answers.

    It begins with what the history holds: a run that goes on neither loses nor doubles a point.
    """

    def __init__(self, folder: Path, history: History) -> None:
        from dvclive.live import Live  # noqa: PLC0415  (it takes a second, on one rank)

        # Without a say in the repository: neither an experiment nor a dvc.yaml is written.
        self._live: Any = Live(str(folder), save_dvc_exp=False, dvcyaml=None)
        self._folder = folder
        self._history = history
        self._steps = self._sources = 0
        self.show({})

    def show(self, pace: Mapping[str, float]) -> None:
        """Write the points that are new, with the pace at the last of them."""
        for point in self._history.steps[self._steps :]:
            values = {name: value for name, value in point.items() if value is not None}
            self._log(values.pop("step"), values)
        for point in self._history.sources[self._sources :]:
            name = f"source_loss/phase_{point['phase']}/{point['source']}"
            self._log(point["step"], {name: point["loss"]})
        self._steps, self._sources = len(self._history.steps), len(self._history.sources)
        self._log(self._live.step, {f"pace/{name}": value for name, value in pace.items()})
        self._live.sync()

    def _log(self, step: int, values: Mapping[str, float]) -> None:
        self._live.step = step
        for name, value in values.items():
            self._live.log_metric(name, value)

    def show_answers(self) -> None:
        """Write all sample answers so far, one a line."""
        lines = [json.dumps(each, ensure_ascii=False) for each in self._history.answers]
        partial = self._folder / "answers.jsonl.partial"
        partial.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        partial.rename(self._folder / "answers.jsonl")
