"""Baichuan2-7B as a Llama: the same function of the same numbers, in the names of another type.

Three things differ (Baichuan 2 report, arXiv 2309.10305, and the model's published code): queries,
keys and values come of one matrix `W_pack`, their rows one after the other; each row of the output
head is divided by its length before it is used; the sizes are written under other names.
"""

import pickle
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file, save_file

from onestage.base_folder import (
    is_alibi,
    pickled_files,
    read_config,
    read_object,
    weight_files,
    write_object,
)
from onestage.errors import InputError

Tensors = dict[str, torch.Tensor]

_KEPT = (
    "bos_token_id",
    "eos_token_id",
    "hidden_act",
    "hidden_size",
    "initializer_range",
    "intermediate_size",
    "max_position_embeddings",
    "num_attention_heads",
    "num_hidden_layers",
    "pad_token_id",
    "rms_norm_eps",
    "vocab_size",
)
_ADDED = {
    "architectures": ["LlamaForCausalLM"],
    "attention_bias": False,
    "mlp_bias": False,
    "model_type": "llama",
    "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"},
    "tie_word_embeddings": False,
}
_OUTSIDE = ("lm_head", "model.embed_tokens", "model.norm")
_IN_LAYER = (
    "input_layernorm",
    "mlp.down_proj",
    "mlp.gate_proj",
    "mlp.up_proj",
    "post_attention_layernorm",
    "self_attn.k_proj",
    "self_attn.o_proj",
    "self_attn.q_proj",
    "self_attn.v_proj",
)
_FUSED = "self_attn.W_pack.weight"
_HEAD = "lm_head.weight"
_TOKENIZER_FILES = ("tokenizer.model", "tokenizer.json")
_SIZES = ("hidden_size", "num_attention_heads", "num_hidden_layers", "vocab_size")
_LOOK = "fetch the model again, and see that config.json is its own"
_FIRST_GENERATION = "BaiChuanForCausalLM"  # its head is not normalised


class Converted(NamedTuple):
    """What was written: tensors, files of weights, and whether tokenizer.json is there."""

    tensors: int
    files: int
    has_tokenizer: bool


def convert(folder: Path, out: Path, *, pickled: bool) -> Converted:
    """Write a Baichuan2-7B folder as a Llama folder with safetensors; `out` is there and empty.

    Holds one file of weights in memory at a time. `pickled` allows weights in pickles, read by
    torch's reader that builds tensors and nothing else. Numbers keep their type; rows of the head
    are divided by their length in fp32.

    Raises:
        InputError: another model, pickles without leave, tensors missing or unknown.
    """
    config = read_config(folder)
    _require_baichuan2_7b(folder, config)
    files = _files(folder, pickled=pickled)
    names = _names(config)
    places: dict[str, str] = {}
    kinds: set[torch.dtype] = set()
    total = 0
    for number, file in enumerate(files, start=1):
        tensors = _llama_tensors(_read(file))
        unknown = sorted(tensors.keys() - names)
        if unknown:
            raise InputError(f"{file}: {unknown[0]} is no tensor of a Baichuan2-7B; {_LOOK}")
        target = _file_name(number, len(files))
        save_file(tensors, out / target, metadata={"format": "pt"})
        places |= dict.fromkeys(tensors, target)
        kinds |= {tensor.dtype for tensor in tensors.values()}
        total += sum(tensor.nbytes for tensor in tensors.values())
    missing = sorted(names - places.keys())
    if missing:
        raise InputError(f"{folder}: weights lack {missing[0]} ({len(missing)} tensors); {_LOOK}")
    if len(files) > 1:
        index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(places.items()))}
        write_object(out / "model.safetensors.index.json", index)
    kind = str(max(kinds, key=lambda dtype: dtype.itemsize)).removeprefix("torch.")
    kept = {name: config[name] for name in _KEPT if name in config}
    heads = {"num_key_value_heads": config["num_attention_heads"]}
    write_object(out / "config.json", {**kept, **heads, **_ADDED, "dtype": kind})
    return Converted(len(places), len(files), _copy_tokenizer(folder, out))


def _require_baichuan2_7b(folder: Path, config: dict[str, Any]) -> None:
    file = folder / "config.json"
    if config["model_type"] != "baichuan" or _FIRST_GENERATION in config.get("architectures", ()):
        raise InputError(
            f"{file}: expected a Baichuan2-7B (model_type baichuan, architecture "
            f"BaichuanForCausalLM), found {config['model_type']}, {config.get('architectures')}"
        )
    if is_alibi(config):
        raise InputError(
            f"{file}: this is a Baichuan 13B, whose ALiBi positions a Llama does not have; only "
            "the 7B can be converted"
        )
    sizes = [name for name in _SIZES if not isinstance(config.get(name), int)]
    if sizes:
        raise InputError(f"{file}: {sizes[0]} is missing or no whole number; {_LOOK}")


def _files(folder: Path, *, pickled: bool) -> list[Path]:
    """Return safetensors if there are any; pickles only with leave."""
    pickles = pickled_files(folder)
    if any(folder.glob("*.safetensors")) or not pickles:
        return weight_files(folder)
    if not pickled:
        raise InputError(
            f"{folder}: its weights are pickled ({pickles[0].name}), and reading a pickle can run "
            "code; if you trust where they come from, add --pickled, which reads tensors only"
        )
    return pickles


def _read(file: Path) -> Tensors:
    if file.suffix == ".safetensors":
        return load_file(file)
    try:
        # mmap: the numbers stay on disk until they are written
        found = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except (pickle.UnpicklingError, RuntimeError, ValueError, EOFError) as error:
        reason = str(error).splitlines()[0] if str(error) else "empty"
        raise InputError(f"{file}: not a pickle of tensors alone ({reason})") from error
    if not isinstance(found, dict) or not all(torch.is_tensor(value) for value in found.values()):
        raise InputError(f"{file}: expected tensors by name; {_LOOK}")
    return found


def _names(config: dict[str, Any]) -> set[str]:
    layers = [
        f"model.layers.{number}.{part}"
        for number in range(config["num_hidden_layers"])
        for part in _IN_LAYER
    ]
    return {f"{name}.weight" for name in (*_OUTSIDE, *layers)}


def _llama_tensors(tensors: Tensors) -> Tensors:
    """Return the tensors by their names in a Llama.

    `W_pack` [3 x hidden, hidden] holds the rows of q, then k, then v. Rotation frequencies, which
    some files hold, are left out: they follow from the sizes.
    """
    found: Tensors = {}
    for name, tensor in tensors.items():
        if name.endswith(_FUSED):
            layer = name.removesuffix(_FUSED)
            parts = zip("qkv", tensor.chunk(3), strict=True)
            found |= {f"{layer}self_attn.{part}_proj.weight": rows.clone() for part, rows in parts}
        elif name == _HEAD:
            found[name] = torch.nn.functional.normalize(tensor.float()).to(tensor.dtype)
        elif not name.endswith("rotary_emb.inv_freq"):
            found[name] = tensor.contiguous()
    return found


def _file_name(number: int, count: int) -> str:
    return f"model-{number:05d}-of-{count:05d}.safetensors" if count > 1 else "model.safetensors"


def _copy_tokenizer(folder: Path, out: Path) -> bool:
    """Copy the tokenizer; its configuration names code no more, which is neither read nor run."""
    for name in _TOKENIZER_FILES:
        if (folder / name).is_file():
            shutil.copyfile(folder / name, out / name)
    if (folder / "tokenizer_config.json").is_file():
        named = read_object(folder / "tokenizer_config.json")
        named.pop("auto_map", None)
        write_object(
            out / "tokenizer_config.json", named | {"tokenizer_class": "PreTrainedTokenizerFast"}
        )
    return (out / "tokenizer.json").is_file()
