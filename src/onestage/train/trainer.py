"""One pass over the packed rows, in their order, with the Hugging Face Trainer."""

import copy
import itertools
import os
import warnings
from collections import defaultdict
from contextlib import nullcontext
from functools import partial
from typing import Any

import torch
from accelerate import PartialState
from safetensors.torch import load_file
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainingArguments

from onestage.errors import InputError
from onestage.train import ranks
from onestage.train.batches import Group, Row, RowFiles, collate, token_losses
from onestage.train.callbacks import History, KeepStates, LogLastStep, RestartOptimizer
from onestage.train.course import Course, Telling
from onestage.train.faults import require_number, told
from onestage.train.lora import merge_adapters, with_adapters
from onestage.train.order import OrderedRows, Portions, RankBatches
from onestage.train.schedules import rate_share_in_portions
from onestage.train.settings import Train
from onestage.train.states import States, step_of
from onestage.train.tally import Tally

SourceLoss = dict[str, float]


class PackedTrainer(Trainer):
    """A Trainer whose loss is the mean over a step's trained tokens, also told per source.

    Trainer divides by `num_items_in_batch`, the trained tokens of all micro-batches of the
    step on all ranks, so that neither the split into micro-batches nor the ranks change the
    result.
    """

    def __init__(
        self,
        *,
        choices: Train,
        portions: Portions,
        groups: list[Group],
        states: States,
        course: Course,
        **more: Any,
    ) -> None:
        super().__init__(**more)
        # The loss below is over the step's tokens, whatever the model's own loss can do.
        self.model_accepts_loss_kwargs = True
        self.loss_is_scaled_for_ga = True
        self._choices = choices
        self._portions = portions
        self._states = states
        self._tally = Tally(groups, self.args.device)
        self.course = course
        self.first_step = 0

    def get_train_dataloader(self) -> DataLoader[Row]:
        """Return this rank's micro-batches, in order; accelerate would repeat rows at the end."""
        batches = RankBatches(
            self.args.process_index,
            self.args.world_size,
            sum(self._portions.steps),
            rows_per_step=self._choices.rows_per_step,
            rows_per_device=self._choices.rows_per_device,
        )
        dataset: Any = self.train_dataset
        return DataLoader(dataset, batch_sampler=batches, collate_fn=collate)

    def create_scheduler(
        self,
        num_training_steps: int,  # noqa: ARG002  (the portions know their steps)
        optimizer: Any = None,
    ) -> Any:
        """Return the schedule of the learning rate, over each portion of the rows by itself."""
        if self.lr_scheduler is None:
            share = partial(
                rate_share_in_portions,
                portions=self._portions.steps,
                schedule=self._choices.schedule,
                warmup_share=self._choices.warmup_share,
                decay_share=self._choices.decay_share,
            )
            chosen: Any = optimizer or self.optimizer
            self.lr_scheduler = LambdaLR(chosen, share)
            self._created_lr_scheduler = True
        return self.lr_scheduler

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """Return the sum of token losses / trained tokens of the whole step on all ranks."""
        losses, groups = token_losses(model, inputs)
        require_number("loss", losses.detach().sum().item(), self.where)
        self._tally.add(inputs, losses, groups)
        total = losses.numel() if num_items_in_batch is None else num_items_in_batch
        total = max(total, 1)  # rows may train nothing
        # Gradients are averaged over the ranks, and are to be summed.
        loss = losses.sum() / total * self.args.world_size
        return (loss, None) if return_outputs else loss

    def where(self) -> str:
        """Return in words at which step the run is, and from which it could go on."""
        step = min(self.state.global_step + 1, self.state.max_steps)
        return f"at step {step} of {self.state.max_steps}; {self._states.last()}"

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add a point to the run's course, with what was counted since the last one."""
        if "loss" in logs:
            require_number("gradient norm", logs.get("grad_norm") or 0.0, self.where)
            means, counts = self._tally.taken(self._summed)
            self.course.add_point(self.state, logs, means, counts)
        super().log(logs, start_time)

    def _summed(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return the sum of all ranks' tensors."""
        summed: torch.Tensor = self.accelerator.reduce(tensor)
        return summed

    def merge_adapters(self) -> None:
        """Make the model one without adapters, in fp32; its device may then be the CPU."""
        merge_adapters(self.model, self._choices.lora)

    def gathered_state(self) -> dict[str, Any] | None:
        """Return the whole weights where ZeRO has parted them among ranks, otherwise None.

        Tied weights are there once, as they are without ZeRO.
        """
        if self._choices.zero_stage < 3:
            return None
        # Ranks other than the first take part and get nothing.
        state: dict[str, Any] = self.accelerator.get_state_dict(self.model_wrapped) or {}
        tied = getattr(self.model, "all_tied_weights_keys", {})
        return {name: weights for name, weights in state.items() if name not in tied}


def train(
    model: Any, rows: RowFiles, choices: Train, *, states: States, telling: Telling | None = None
) -> tuple[PackedTrainer, History]:
    """Train `model` in place on all rows, strictly in order, once.

    Adapters stay in the model until merge_adapters. Begins where the last whole state in
    `states` ends. Without `telling` it goes on in silence.

    Raises:
        InputError: rows that cannot be shared among the ranks, memory or disk full, a loss that
            is no number.
    """
    portions = Portions(_portion_sizes(rows, choices), choices.rows_per_step)
    _require_states_to_average(choices, sum(portions.steps))
    trained = with_adapters(model, choices.lora, seed=choices.seed)
    course = Course(model, choices, telling)
    trainer = PackedTrainer(
        choices=choices,
        portions=portions,
        groups=rows.groups,
        states=states,
        course=course,
        model=trained,
        args=_arguments(choices, states),
        train_dataset=OrderedRows(rows, portions),
        data_collator=collate,
    )
    trainer.remove_callback(PrinterCallback)
    borders = set(itertools.accumulate(portions.steps[:-1]))
    keep = KeepStates(states, course.history)  # after the answers that belong to a state
    for callback in (LogLastStep(), course, keep, RestartOptimizer(borders)):
        trainer.add_callback(callback)
    first = trainer.is_world_process_zero()
    hold = states.taken() if first else nullcontext()
    with warnings.catch_warnings(), told(trainer.where), hold:
        # torch's own notice about pinning memory on a machine without an accelerator
        warnings.filterwarnings("ignore", message=".*pin_memory.*")
        trainer.train(resume_from_checkpoint=_last_state(trainer, course.history, states))
        _average_weights(model, choices, states)
    return trainer, course.history


def _portion_sizes(rows: RowFiles, choices: Train) -> list[int]:
    return rows.phase_sizes if choices.phases == "restart" else [len(rows)]


def _last_state(trainer: PackedTrainer, history: History, states: States) -> str | None:
    """Return the state to go on from, the same on all ranks, and give its history back."""
    PartialState().wait_for_everyone()
    kept = states.kept()
    if not kept:
        return None
    history.extend_from(kept[-1])
    trainer.first_step = step_of(kept[-1])
    return str(kept[-1])


def _require_states_to_average(choices: Train, steps: int) -> None:
    """Say before the run, and not after it, that it keeps too few states."""
    number = -(-steps // choices.save_every_steps) if choices.save_every_steps else 0
    if number < choices.average_last:
        raise InputError(
            f"train.average_last is {choices.average_last}, but a run of {steps} steps keeps "
            f"{number} states; lower it, or train.save_every_steps ({choices.save_every_steps})"
        )


def _average_weights(model: Any, choices: Train, states: States) -> None:
    """Give the model the mean weights of the last states, the end among them."""
    if not choices.average_last:
        return
    kept = states.kept()[-choices.average_last :]
    if len(kept) < choices.average_last:
        raise InputError(
            f"{states.folder}: {len(kept)} whole states where train.average_last "
            f"({choices.average_last}) needs more, since one was damaged; remove the folder to "
            "begin anew"
        )
    sums: dict[str, torch.Tensor] = {}
    for path in (file for state in kept for file in sorted(state.glob("model*.safetensors"))):
        for name, tensor in load_file(path).items():
            sums[name] = sums[name] + tensor.double() if name in sums else tensor.double()
    means = {name: (total / len(kept)).float() for name, total in sums.items()}
    model.load_state_dict(means, strict=False)  # a tied copy is not in the file


def _arguments(choices: Train, states: States) -> TrainingArguments:
    if choices.deepspeed and not ranks.is_rank():
        _single_process_rendezvous()
    arguments = TrainingArguments(
        output_dir=str(states.writing),
        num_train_epochs=1,
        per_device_train_batch_size=choices.rows_per_device,
        gradient_accumulation_steps=choices.turns(ranks.ranks()),
        learning_rate=choices.learning_rate,
        adam_beta1=choices.adam_betas[0],
        adam_beta2=choices.adam_betas[1],
        weight_decay=choices.weight_decay,
        max_grad_norm=choices.max_grad_norm,
        optim="adamw_torch",
        seed=choices.seed,
        data_seed=choices.seed,
        full_determinism=not torch.cuda.is_available(),
        bf16=choices.precision == "bf16",
        activation_checkpointing=choices.gradient_checkpointing,
        use_cpu=not torch.cuda.is_available(),
        train_sampling_strategy="sequential",
        dataloader_drop_last=False,
        dataloader_pin_memory=torch.cuda.is_available(),
        remove_unused_columns=False,
        label_names=["labels"],
        save_strategy="steps" if choices.save_every_steps else "no",
        save_steps=choices.save_every_steps or 1,
        eval_strategy="no",
        report_to="none",
        logging_strategy="steps",
        logging_steps=choices.log_every_steps,
        logging_first_step=True,
        logging_nan_inf_filter=False,
        ddp_find_unused_parameters=False,
        disable_tqdm=not os.isatty(2) or ranks.rank() > 0,
        deepspeed=_deepspeed(choices),
    )
    # One process trains on one device: over several, Trainer would spread a row's batch and
    # change the number of rows a step sees.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


def _deepspeed(choices: Train) -> dict[str, Any] | None:
    """Return the configuration with what saving the weights needs; Trainer fills in a copy."""
    configuration = copy.deepcopy(choices.deepspeed)
    if choices.zero_stage == 3:
        zero = configuration["zero_optimization"]
        zero["stage3_gather_16bit_weights_on_model_save"] = True  # in the precision that they have
    return configuration or None


def _single_process_rendezvous() -> None:
    """DeepSpeed needs a process group even for one process; a launcher sets these itself."""
    for name, value in (
        ("RANK", "0"),
        ("LOCAL_RANK", "0"),
        ("WORLD_SIZE", "1"),
        ("MASTER_ADDR", "127.0.0.1"),
        ("MASTER_PORT", "29500"),
    ):
        os.environ.setdefault(name, value)


@torch.no_grad()
def loss_by_source(model: Any, rows: RowFiles, *, rows_per_batch: int) -> SourceLoss:
    """Return the mean loss of trained tokens for each source that occurs in the rows."""
    model.eval()
    device = next(model.parameters()).device
    sums: defaultdict[str, float] = defaultdict(float)
    counts: defaultdict[str, int] = defaultdict(int)
    loader = DataLoader(rows, batch_size=rows_per_batch, collate_fn=collate)
    for batch in loader:
        on_device = {name: tensor.to(device) for name, tensor in batch.items()}
        losses, groups = token_losses(model, on_device)
        for number in sorted(set(groups.tolist())):
            chosen = losses[groups == number].double()
            source = rows.groups[number].source
            sums[source] += chosen.sum().item()
            counts[source] += chosen.numel()
    return {source: sums[source] / counts[source] for source in sorted(counts)}
