"""Texts as vectors of their meaning, made by a sentence-transformers folder on this machine."""

import importlib.util
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onestage.errors import InputError
from onestage.offline import go_offline

Vectors = NDArray[np.float32]

# Padding changes the last bits of a vector, so batches are part of what determines it.
_BATCH = 64
_PACKAGES = ("sentence_transformers", "usearch")


def require_embedder(folder: Path) -> None:
    """Refuse a folder that cannot be used, before anything is read.

    Raises:
        InputError: a package is missing; no sentence-transformers folder; weights that stand in
            pickles alone, which could run code when they are read.
    """
    for package in _PACKAGES:
        if importlib.util.find_spec(package) is None:
            raise InputError(
                f"dedupe.semantic needs the package {package.replace('_', '-')}; "
                "run pip install 'onestage[semantic]', or set dedupe.semantic.threshold: 0"
            )
    if not (folder / "modules.json").is_file():
        raise InputError(
            f"{folder}/modules.json: missing; dedupe.semantic.model names a folder that "
            "sentence-transformers wrote, or set dedupe.semantic.threshold: 0"
        )
    for pickled in sorted(folder.rglob("pytorch_model*.bin")):
        if not any(pickled.parent.glob("*.safetensors")):
            raise InputError(
                f"{pickled}: weights in a pickle, expected *.safetensors beside it; "
                "save the model anew with safetensors"
            )


class Embedder:
    """A model that turns texts into vectors; on the GPU if there is one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._model = _loaded(folder)
        if hasattr(self._model.tokenizer, "no_truncation"):
            self._model.tokenizer.no_truncation()  # which a table of tokens takes from its file
        self._prompt: str = self._model.prompts.get(self._model.default_prompt_name, "")

    def vectors(self, texts: Sequence[str]) -> tuple[Vectors, NDArray[np.bool_]]:
        """Return a vector of length 1 for each text, float32 [texts, dimensions].

        A text beyond what the model reads at once is read in windows, of which the vector is the
        average direction, weighted by their characters; the second array says which ones were.
        A text without meaning to the model, such as an empty one, may have a vector of zeros.

        Raises:
            InputError: the model gives values that are no numbers.
        """
        windows = [list(self._windows(text)) for text in texts]
        with _one_thread():
            read = self._encoded([window for own in windows for window in own])
        lengths = np.array([max(1, len(window)) for own in windows for window in own])
        counts = np.array([len(own) for own in windows])
        begins = np.cumsum(counts) - counts
        if not np.isfinite(read).all():
            raise InputError(f"{self._folder}: the model gives vectors that are no numbers")
        summed = np.add.reduceat(_unit(read) * lengths[:, np.newaxis], begins, axis=0)
        return _unit(summed).astype(np.float32), counts > 1

    def _encoded(self, texts: Sequence[str]) -> NDArray[np.float64]:
        batches = [
            self._model.encode(
                list(texts[at : at + _BATCH]),
                batch_size=_BATCH,
                show_progress_bar=False,
                convert_to_numpy=True,
            )
            for at in range(0, len(texts), _BATCH)
        ]
        return np.concatenate(batches).astype(np.float64)

    def _windows(self, text: str) -> Iterator[str]:
        """Yield the text, or its halves until the model reads each of them whole."""
        if len(text) < 2 or self._fits(text):
            yield text
            return
        middle = len(text) // 2
        # Not within a word, if one ends near; Chinese has no blanks and is cut in the middle.
        blank = text.rfind(" ", middle - middle // 4, middle)
        middle = blank if blank > 0 else middle
        yield from self._windows(text[:middle])
        yield from self._windows(text[middle:])

    def _fits(self, text: str) -> bool:
        limit = self._model.max_seq_length
        # A table of tokens reads texts of any length.
        if limit is None or not np.isfinite(limit):
            return True
        read = self._model.tokenizer(self._prompt + text, truncation=False, verbose=False)
        return len(read["input_ids"]) <= int(limit)


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(norms > 0, norms, 1)


def _loaded(folder: Path) -> Any:
    """Return the model of a folder; no remote code, no pickle, no download."""
    go_offline()
    import transformers  # noqa: PLC0415  (seconds, for those alone who ask for it)
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415

    transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        return SentenceTransformer(
            str(folder.resolve()),
            device=device(),
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
        )
    except Exception as error:  # whatever its many parts raise, it is the folder's fault
        reason = " ".join(str(error).split())
        raise InputError(f"{folder}: the model of sentences does not load ({reason})") from error


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch use one thread: the sums of several may differ in their last bits."""
    import torch  # noqa: PLC0415

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def device() -> str:
    """Return where torch computes."""
    import torch  # noqa: PLC0415

    return "cuda" if torch.cuda.is_available() else "cpu"
