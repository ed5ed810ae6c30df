"""What a base's folder must hold, looked at without loading a weight."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from onestage.errors import InputError

_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_INDEX = "model.safetensors.index.json"
_SINGLE = "model.safetensors"

# Types that come with code of their own, and what to take in their place.
_REPLACEMENTS = {
    "qwen": "take Qwen2.5 or Qwen3, whose types are native",
    "Yi": "take a newer revision of the same model, whose type is llama",
}


def read_config(folder: Path) -> dict[str, Any]:
    """Return config.json.

    Raises:
        InputError: missing, not JSON, without `model_type`, or of a type that cannot be trained.
    """
    file = folder / "config.json"
    if not file.is_file():
        raise InputError(f"{file}: missing; expected a Hugging Face model folder")
    config = read_object(file)
    kind = config.get("model_type")
    if not isinstance(kind, str):
        raise InputError(f"{file}: no model_type; expected a Hugging Face model's configuration")
    return config


def require_trainable_type(folder: Path, config: dict[str, Any]) -> None:
    """Refuse a type that is known to need something else, by name and with the remedy.

    Raises:
        InputError: Baichuan, Qwen of the first generation, Yi as it was published first.
    """
    kind = config["model_type"]
    if kind == "baichuan":
        raise InputError(f"{folder}/config.json: {_baichuan(config)}")
    if kind in _REPLACEMENTS:
        raise remote_code(folder, kind, _REPLACEMENTS[kind])


def remote_code(folder: Path, kind: str, remedy: str) -> InputError:
    """Return the error of a base that only runs with code out of its own folder."""
    return InputError(
        f"{folder}/config.json: type {kind} needs code that comes with the model (auto_map), which "
        f"is never run here; {remedy}"
    )


def is_alibi(config: dict[str, Any]) -> bool:
    """Return whether this is Baichuan's 13B, with ALiBi in place of rotary positions.

    Both sizes have one `model_type`; the 13B's configuration names no highest position.
    """
    return config.get("hidden_size") == 5120 or "max_position_embeddings" not in config


def _baichuan(config: dict[str, Any]) -> str:
    if is_alibi(config):
        return (
            "Baichuan 13B has ALiBi positions, with which packed samples would see one another, "
            "and no native type in transformers; take Qwen2.5-14B, the closest in size and "
            "languages, or the 7B, converted"
        )
    return (
        "type baichuan needs code that comes with the model, which is never run here; turn "
        "Baichuan2-7B into a Llama: onestage convert baichuan2 FOLDER OUT"
    )


def require_positions(folder: Path, config: dict[str, Any], seq_len_tokens: int) -> None:
    """Refuse rows that may hold a sample of more tokens than the base has positions.

    Positions begin anew with each sample, so a row as such may be longer.

    Raises:
        InputError: with both figures.
    """
    positions = config.get("max_position_embeddings")
    if isinstance(positions, int) and seq_len_tokens > positions:
        raise InputError(
            f"pack.seq_len_tokens is {seq_len_tokens}, but {folder}/config.json has "
            f"{positions} positions (max_position_embeddings); lower it to {positions} at most"
        )


def require_vocabulary(folder: Path, config: dict[str, Any], vocabulary: int) -> None:
    """Refuse a tokenizer whose own vocabulary, without added tokens, the embedding cannot hold.

    Published tokenizers may add tokens beyond it that no text uses; train looks at what rows use.

    Raises:
        InputError: with both figures.
    """
    rows = config.get("vocab_size")
    if isinstance(rows, int) and vocabulary > rows:
        raise InputError(
            f"{folder}/tokenizer.json: a vocabulary of {vocabulary} tokens, but config.json has "
            f"vocab_size {rows}; take the tokenizer that belongs to the base"
        )


def weight_files(folder: Path) -> list[Path]:
    """Return the safetensors files of a folder, all there and whole.

    Raises:
        InputError: none at all, pickled weights only, a shard that is missing or cut short.
    """
    index = folder / _INDEX
    if (folder / _SINGLE).is_file():
        files = [folder / _SINGLE]
    elif index.is_file():
        files = _shards(index)
    else:
        files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise _no_weights(folder)
    for file in files:
        _require_whole(file)
    return files


def pickled_files(folder: Path) -> list[Path]:
    """Return the files of pickled weights, by name; other pickles are not weights."""
    return sorted(file for pattern in _PICKLES for file in folder.glob(pattern))


def _shards(index: Path) -> list[Path]:
    places = read_object(index).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise InputError(f"{index}: no weight_map; fetch it again")
    files = [index.parent / name for name in sorted(set(places.values()))]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise InputError(
            f"{index}: {len(missing)} of {len(files)} files are missing, first {missing[0]}; fetch "
            "the model again"
        )
    return files


def _require_whole(file: Path) -> None:
    try:
        with safe_open(file, framework="numpy"):  # reads the header and the file's length
            return
    except (SafetensorError, OSError) as error:
        raise InputError(
            f"{file}: not a whole safetensors file ({error}); fetch it again"
        ) from error


def _no_weights(folder: Path) -> InputError:
    pickles = pickled_files(folder)
    if pickles:
        return InputError(
            f"{folder}: its weights are pickled ({pickles[0].name}), and reading a pickle can run "
            "code; take a revision with safetensors, or convert it where you trust it"
        )
    return InputError(
        f"{folder}: no *.safetensors, so there are no weights to start from; fetch them, or "
        "set init: random to train from nothing"
    )


def write_object(file: Path, value: dict[str, Any]) -> None:
    """Write a configuration, keys in order, so that the same values are the same bytes."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
    file.write_text(text + "\n", encoding="utf-8")


def read_object(file: Path) -> dict[str, Any]:
    """Return a JSON file that holds an object, such as every configuration.

    Raises:
        InputError: something else.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise InputError(f"{file}: not JSON in UTF-8 ({error}); fetch it again") from error
    if not isinstance(found, dict):
        raise InputError(f"{file}: expected a JSON object; fetch it again")
    return found
