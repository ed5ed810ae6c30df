"""The device that a rank computes on, and in which precision."""

import os
from typing import Any

import torch

from onestage.train import ranks


def take_device() -> None:
    """Let this rank use the accelerator of its number on the host."""
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))


def device_name() -> str:
    """Return the accelerator's name as it reports it, or `cpu`."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"


def arithmetic(precision: str) -> torch.autocast:
    """Return the context in which the model computes as it does in training."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.autocast(device, dtype=torch.bfloat16, enabled=precision == "bf16")


def facts() -> dict[str, Any]:
    """Return what this run computes on, for its telemetry."""
    return {"device": device_name(), "ranks": ranks.ranks(), "threads": torch.get_num_threads()}
