"""The `train` section."""

from typing import Any, Literal

from onestage.params import Above0, From0, From0Below1, Params, Positive, Share


class Train(Params, frozen=True):
    """Hyper-parameters of the one pass over the rows.

    `rows_per_step` rows make an optimizer step (the global batch), `rows_per_device` at a
    time. `deepspeed` is a DeepSpeed configuration; empty means plain torch. `cpu_threads`
    belongs here and not to the environment because CPU results depend on it.
    """

    seed: int
    learning_rate: Above0
    schedule: Literal["cosine", "linear", "constant_with_warmup"]
    warmup_share: Share
    adam_betas: tuple[From0Below1, From0Below1]
    weight_decay: From0
    max_grad_norm: From0
    rows_per_step: Positive
    rows_per_device: Positive
    precision: Literal["fp32", "bf16"]
    attention: Literal["sdpa", "eager", "flash_attention_2"]
    gradient_checkpointing: bool
    log_every_steps: Positive
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
