"""The `train` section."""

from typing import Any, Literal

import msgspec

from onestage.params import Above0, From0, From0Below1, NotNegative, Params, Positive, Share
from onestage.train.deepspeed_settings import require_fit


class Lora(Params, frozen=True):
    """Adapters of this rank are trained in place of the weights (0: the weights themselves).

    What an adapter adds is multiplied by `alpha` / `rank`. `targets` names the linear layers that
    get one, by the last part of their names; empty means all but the output head. `weights` is
    what frozen weights of linear layers are held in: bf16 takes half the memory and rounds what
    the base has in fp32.
    """

    rank: NotNegative
    alpha: Positive
    dropout: From0Below1
    targets: list[str]
    weights: Literal["fp32", "bf16"]

    @property
    def halved(self) -> bool:
        """Whether linear layers are held in bf16."""
        return bool(self.rank) and self.weights == "bf16"


class Train(Params, frozen=True):
    """Hyper-parameters of the one pass over the rows.

    `rows_per_step` rows make an optimizer step (the global batch, on however many ranks),
    `rows_per_device` at a time. `decay_share` is of `warmup_stable_decay` alone. `phases: restart`
    begins optimizer and schedule anew where the rows' phase changes. The state is kept every
    `save_every_steps` (0: never), and the model is the mean of the weights at the last
    `average_last` of these states and at the end (0: the last weights alone). `deepspeed` is a
    DeepSpeed configuration; empty means plain torch. `cpu_threads` belongs here and not to the
    environment because CPU results depend on it.
    """

    seed: int
    learning_rate: Above0
    schedule: Literal["cosine", "linear", "constant_with_warmup", "warmup_stable_decay"]
    warmup_share: Share
    decay_share: Share
    phases: Literal["keep", "restart"]
    adam_betas: tuple[From0Below1, From0Below1]
    weight_decay: From0
    max_grad_norm: From0
    rows_per_step: Positive
    rows_per_device: Positive
    precision: Literal["fp32", "bf16"]
    attention: Literal["sdpa", "eager", "flash_attention_2", "flex_attention"]
    gradient_checkpointing: bool
    log_every_steps: Positive
    save_every_steps: NotNegative
    average_last: NotNegative
    lora: Lora
    cpu_threads: Positive
    deepspeed: dict[str, Any]

    def __post_init__(self) -> None:
        if self.rows_per_device < 1 or self.rows_per_step % self.rows_per_device:
            raise ValueError(
                f"rows_per_step ({self.rows_per_step}) must be a multiple of "
                f"rows_per_device ({self.rows_per_device})"
            )
        if self.attention == "flash_attention_2" and self.rows_per_device > 1:
            raise ValueError(
                f"rows_per_device ({self.rows_per_device}) must be 1 with flash_attention_2, which "
                "tells samples apart in a batch of one row only; more rows would be read as one "
                "text each"
            )
        require_fit(self.deepspeed, msgspec.structs.asdict(self))
        self._check_schedule()
        self._check_saving()
        self._check_lora()

    def _check_schedule(self) -> None:
        decays = self.schedule == "warmup_stable_decay"
        if decays and self.warmup_share + self.decay_share > 1:
            raise ValueError(
                f"warmup_share ({self.warmup_share}) and decay_share ({self.decay_share}) must not "
                "be more than 1 together"
            )

    def _check_saving(self) -> None:
        # A state is kept where a point of the plots is complete, so that none is lost or doubled.
        if self.log_every_steps and self.save_every_steps % self.log_every_steps:
            raise ValueError(
                f"save_every_steps ({self.save_every_steps}) must be a multiple of "
                f"log_every_steps ({self.log_every_steps})"
            )
        if self.average_last and not self.save_every_steps:
            raise ValueError(
                f"average_last ({self.average_last}) needs states to average; set save_every_steps"
            )
        if self.average_last and self.zero_stage == 3:
            raise ValueError(
                f"average_last ({self.average_last}) does not work with ZeRO stage 3, where no "
                "rank holds all weights; set it to 0 or take stage 2"
            )

    def _check_lora(self) -> None:
        if self.lora.halved and self.precision != "bf16":
            raise ValueError(
                f"lora.weights bf16 needs precision bf16, found {self.precision}; fp32 would "
                "compute with weights that have been rounded"
            )
        if self.lora.halved and self.deepspeed:
            raise ValueError(
                "lora.weights bf16 does not work with deepspeed, which holds all weights in one "
                "type; its own bf16: {enabled: auto} does that"
            )
        if self.lora.rank and self.average_last:
            raise ValueError(
                f"average_last ({self.average_last}) does not work with lora (rank "
                f"{self.lora.rank}): a mean of adapters is none of the weights; set one to 0"
            )
        if self.lora.rank and self.zero_stage == 3:
            raise ValueError(
                f"lora (rank {self.lora.rank}) does not work with ZeRO stage 3, where no rank "
                "holds the weights to merge them into; take stage 2"
            )

    def turns(self, ranks: int) -> int:
        """Return how many micro-batches each of so many ranks has in a step."""
        return self.rows_per_step // (self.rows_per_device * ranks)

    @property
    def zero_stage(self) -> int:
        """The ZeRO stage of the DeepSpeed configuration; 0 without one."""
        stage: int = self.deepspeed.get("zero_optimization", {}).get("stage", 0)
        return stage
