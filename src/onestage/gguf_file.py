"""A GGUF file: its settings, and its tensors brought from quantised blocks to plain numbers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from onestage.errors import InputError

_LOOK = "fetch it again"
_REASON = 200  # characters of an error's own words, at most


class GgufFile:
    """A GGUF file that was opened: `settings` by key, tensors one at a time.

    Raises:
        InputError: the package `gguf` is not installed, or this is no whole GGUF file.
    """

    def __init__(self, file: Path) -> None:
        try:
            import gguf  # noqa: PLC0415  (an extra)
        except ImportError as error:
            raise InputError(
                f"reading GGUF needs the package {error.name}; pip install --constraint "
                "constraints.txt --editable '.[gguf]'"
            ) from error
        if not file.is_file():
            raise InputError(f"{file}: missing; expected a GGUF file")
        with file.open("rb") as opened:
            begins = opened.read(4)
        if begins != b"GGUF":
            raise InputError(f"{file}: no GGUF file (it begins with {begins!r}, not b'GGUF')")
        self.file = file
        self._dequantize = gguf.dequantize
        try:
            self._reader = gguf.GGUFReader(file)
            self.settings: dict[str, Any] = {
                key: field.contents() for key, field in self._reader.fields.items()
            }
        # The reader has no error of its own: a file cut short ends in whatever numpy says then.
        except (ValueError, IndexError, KeyError, OverflowError, TypeError, MemoryError) as error:
            reason = str(error)[:_REASON]
            raise InputError(f"{file}: cut short, or not whole ({reason}); {_LOOK}") from error

    def setting(self, key: str, kind: type[Any]) -> Any:
        """Return a setting of the type that it must have.

        Raises:
            InputError: missing, or of another type.
        """
        found = self.settings.get(key)
        if not isinstance(found, kind):
            said = "is missing" if found is None else f"is {found!r:.40}"
            raise InputError(f"{self.file}: {key} {said}, expected {kind.__name__}; {_LOOK}")
        return found

    def tensor_names(self) -> set[str]:
        """Return the names of all tensors, as GGUF has them."""
        return {tensor.name for tensor in self._reader.tensors}

    def tensors(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield each tensor in fp32, its last dimension the one that is contiguous in the file.

        Raises:
            InputError: a type of quantisation that the package does not know.
        """
        for tensor in self._reader.tensors:
            try:
                numbers = self._dequantize(tensor.data, tensor.tensor_type)
            except (NotImplementedError, ValueError) as error:
                raise InputError(
                    f"{self.file}: {tensor.name} has type {tensor.tensor_type.name}, which the "
                    "package gguf does not turn into plain numbers; take another quantisation"
                ) from error
            shape = tuple(int(size) for size in reversed(tensor.shape))
            yield tensor.name, torch.tensor(numbers, dtype=torch.float32).reshape(shape)
