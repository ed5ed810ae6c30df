"""What ends a run for no fault of the code: memory, disk, a loss that is no number."""

import errno
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from safetensors import SafetensorError

from onestage.errors import InputError

_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")
# torch's archive says no more than that a write failed; Rust's errors have no number in Python.
_NOT_WRITTEN = ("PytorchStreamWriter", "unexpected pos", "No space left", "File too large", "quota")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def told(where: Callable[[], str]) -> Iterator[None]:
    """Turn a full memory or disk into one line; `where` says the step or the state kept.

    Raises:
        InputError: instead of the library's error, with the remedy.
    """
    try:
        yield
    except InputError:
        raise
    except (MemoryError, OSError, RuntimeError, SafetensorError) as error:
        remedy = _remedy(error)
        if remedy is None:
            raise
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(f"train: {remedy} ({said[0][:200]}); {where()}") from error


def _remedy(error: Exception) -> str | None:
    text = str(error)
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or _says(text, _OUT_OF_MEMORY):
        return (
            "out of memory; lower train.rows_per_device (a step keeps its rows), set "
            "train.gradient_checkpointing: true, or part the weights by train.deepspeed"
        )
    full = isinstance(error, OSError) and error.errno in _FULL
    if full or _says(text, _NOT_WRITTEN):
        return "a file could not be written; free space on its disk and run again"
    return None


def _says(text: str, signs: tuple[str, ...]) -> bool:
    return any(sign in text for sign in signs)


def require_number(name: str, value: Any, where: Callable[[], str]) -> None:
    """Stop where a loss or gradient norm is no number: the weights would be lost.

    Raises:
        InputError: with the step and the remedy.
    """
    if not math.isfinite(value):
        raise InputError(
            f"train: the {name} is {float(value)}; lower train.learning_rate, raise "
            f"train.warmup_share or set train.max_grad_norm, which begins anew; {where()}"
        )
