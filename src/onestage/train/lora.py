"""Low-rank adapters (arXiv 2106.09685): few weights are trained beside frozen ones, then merged."""

import warnings
from typing import Any

import torch

from onestage.errors import InputError
from onestage.train.settings import Lora


def with_adapters(model: Any, choices: Lora, *, seed: int) -> Any:
    """Return the model with adapters to train, its own weights frozen; itself without a rank.

    The model is changed in place. An adapter adds nothing before the first step.

    Raises:
        InputError: peft is not installed, or no layer has one of the names in `targets`.
    """
    if not choices.rank:
        return model
    try:
        from peft import LoraConfig, get_peft_model  # noqa: PLC0415  (an extra, slow to import)
    except ImportError as error:
        raise InputError(
            f"train.lora needs the package {error.name}; pip install --constraint constraints.txt "
            "--editable '.[lora]'"
        ) from error
    configuration = LoraConfig(
        task_type="CAUSAL_LM",
        r=choices.rank,
        lora_alpha=choices.alpha,
        lora_dropout=choices.dropout,
        target_modules=choices.targets or "all-linear",  # but not the output head
    )
    torch.manual_seed(seed)
    try:
        with warnings.catch_warnings():
            # peft asks the model by a name that transformers is about to drop
            warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
            return get_peft_model(model, configuration)
    except ValueError as error:
        raise InputError(
            f"train.lora.targets: {choices.targets} fit no layer of this model ({error}); take "
            "names of its linear layers, or [] for all"
        ) from error


def merge_adapters(trained: Any, choices: Lora) -> None:
    """Add what the adapters learnt to the weights that they stand beside; take them out.

    The model is in fp32 then. Weights held in bf16 are merged by the CPU: the device had no room
    for more, and a sum in bf16 would lose most of what is added.
    """
    if not choices.rank:
        return
    if choices.halved:
        trained.to("cpu").float()
    trained.merge_and_unload()
