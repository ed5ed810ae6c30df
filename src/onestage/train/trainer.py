"""One pass over the packed rows, in their order, with the Hugging Face Trainer."""

import os
import warnings
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from onestage.train.batches import RowFiles, collate, token_losses
from onestage.train.settings import Train

SourceLoss = dict[str, float]


class History(NamedTuple):
    """Rows for plots: {step, loss, learning_rate} and {step, source, loss}."""

    steps: list[dict[str, Any]]
    sources: list[dict[str, Any]]


class LogLastStep(TrainerCallback):
    """Logs the last step too, wherever it falls between the points of the plots."""

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Ask for a log entry at the end."""
        control.should_log |= state.global_step == state.max_steps


class PackedTrainer(Trainer):
    """A Trainer whose loss is the mean over a step's trained tokens, also told per source.

    Trainer divides by `num_items_in_batch`, the trained tokens of all micro-batches of the
    step, so that the split into micro-batches does not change the result.
    """

    def __init__(self, *, sources: list[str], **more: Any) -> None:
        super().__init__(**more)
        self._sources = sources
        self._sums = torch.zeros(2, len(sources), dtype=torch.float64)
        self.history = History([], [])

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """Return the sum of token losses / trained tokens of the whole step."""
        losses, sources = token_losses(model, inputs)
        ones = torch.ones_like(losses, dtype=torch.float64)
        counted = torch.stack([losses.detach().double(), ones]).cpu()
        self._sums.index_add_(1, sources.cpu(), counted)
        total = losses.numel() if num_items_in_batch is None else num_items_in_batch
        loss = losses.sum() / total
        return (loss, None) if return_outputs else loss

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Keep each logged step for the plots, with the losses by source since the last one."""
        if "loss" in logs:
            step = self.state.global_step
            kept = {name: logs[name] for name in ("loss", "learning_rate")}
            self.history.steps.append({"step": step, **kept})
            self.history.sources.extend(
                {"step": step, "source": source, "loss": (total / count).item()}
                for source, total, count in zip(self._sources, *self._sums, strict=True)
                if count
            )
            self._sums.zero_()
        super().log(logs, start_time)

    def gathered_state(self) -> dict[str, Any] | None:
        """Return the whole weights where ZeRO has parted them among ranks, otherwise None."""
        if not self.is_deepspeed_enabled:
            return None
        state: dict[str, Any] = self.accelerator.get_state_dict(self.model_wrapped)
        return state


def train(
    model: Any, rows: RowFiles, choices: Train, *, sources: list[str], scratch: Path
) -> tuple[PackedTrainer, History]:
    """Train `model` in place on all rows, strictly in order, once."""
    trainer = PackedTrainer(
        sources=sources,
        model=model,
        args=_arguments(choices, scratch),
        train_dataset=rows,
        data_collator=collate,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(LogLastStep())
    with warnings.catch_warnings():
        # torch's own notice about pinning memory on a machine without an accelerator
        warnings.filterwarnings("ignore", message=".*pin_memory.*")
        trainer.train()
    return trainer, trainer.history


def _arguments(choices: Train, scratch: Path) -> TrainingArguments:
    if choices.deepspeed:
        _single_process_rendezvous()
    arguments = TrainingArguments(
        output_dir=str(scratch),
        num_train_epochs=1,
        per_device_train_batch_size=choices.rows_per_device,
        gradient_accumulation_steps=choices.rows_per_step // choices.rows_per_device,
        learning_rate=choices.learning_rate,
        lr_scheduler_type=choices.schedule,
        warmup_steps=choices.warmup_share,  # below 1 it is a share of all steps
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
        save_strategy="no",
        eval_strategy="no",
        report_to="none",
        logging_strategy="steps",
        logging_steps=choices.log_every_steps,
        logging_first_step=True,
        logging_nan_inf_filter=False,
        disable_tqdm=not os.isatty(2),
        deepspeed=choices.deepspeed or None,
    )
    # One process trains on one device: over several, Trainer would spread a row's batch and
    # change the number of rows a step sees.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


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


def arithmetic(precision: str) -> torch.autocast:
    """Return the context in which the model computes as it does in training."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.autocast(device, dtype=torch.bfloat16, enabled=precision == "bf16")


@torch.no_grad()
def loss_by_source(
    model: Any, rows: RowFiles, *, sources: list[str], rows_per_batch: int
) -> SourceLoss:
    """Return the mean loss of trained tokens for each source that occurs in the rows."""
    model.eval()
    device = next(model.parameters()).device
    sums: defaultdict[str, float] = defaultdict(float)
    counts: defaultdict[str, int] = defaultdict(int)
    loader = DataLoader(rows, batch_size=rows_per_batch, collate_fn=collate)
    for batch in loader:
        on_device = {name: tensor.to(device) for name, tensor in batch.items()}
        losses, numbers = token_losses(model, on_device)
        for number in sorted(set(numbers.tolist())):
            chosen = losses[numbers == number].double()
            sums[sources[number]] += chosen.sum().item()
            counts[sources[number]] += chosen.numel()
    return {source: sums[source] / counts[source] for source in sources if counts[source]}
