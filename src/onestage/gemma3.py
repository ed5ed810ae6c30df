"""Gemma 3 (text) out of a GGUF file: the same function, in the names of transformers.

Three things differ between the two forms (arXiv 2503.19786, llama.cpp's `gemma3`, transformers'
`Gemma3ForCausalLM`): GGUF stores the factor of each norm, transformers the factor less 1; GGUF
leaves out what all models of this architecture share (which layers see a window only, the two
frequencies of the rotation, the tied output head); the tokenizer is a list of scored pieces.
"""

from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import save_file

from onestage.base_folder import write_object
from onestage.errors import InputError
from onestage.gemma3_tokenizer import NAMED_TOKENS, build_tokenizer
from onestage.gguf_file import GgufFile

_ARCHITECTURE = "gemma3"
# GGUF's key after `gemma3.`: name in config.json
_SIZES = {
    "attention.head_count": "num_attention_heads",
    "attention.head_count_kv": "num_key_value_heads",
    "attention.key_length": "head_dim",
    "attention.sliding_window": "sliding_window",
    "block_count": "num_hidden_layers",
    "context_length": "max_position_embeddings",
    "embedding_length": "hidden_size",
    "feed_forward_length": "intermediate_size",
}
_EPSILON = "attention.layer_norm_rms_epsilon"
_FREQUENCY, _LOCAL_FREQUENCY = "rope.freq_base", "rope.freq_base_swa"
_VALUE_LENGTH = "attention.value_length"
_READ = {*_SIZES, _EPSILON, _FREQUENCY, _LOCAL_FREQUENCY, _VALUE_LENGTH}
_DEFAULT_LOCAL_FREQUENCY = 10000.0
_FULL_EVERY = 6  # each sixth layer sees all that came before, the others a window
_SHARED: dict[str, Any] = {
    "architectures": ["Gemma3ForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "dtype": "float32",
    "hidden_activation": "gelu_pytorch_tanh",
    "initializer_range": 0.02,
    "model_type": "gemma3_text",
    "tie_word_embeddings": True,
}
_OUTSIDE = {"token_embd": "model.embed_tokens", "output_norm": "model.norm"}
_IN_LAYER = {
    "attn_k": "self_attn.k_proj",
    "attn_k_norm": "self_attn.k_norm",
    "attn_norm": "input_layernorm",
    "attn_output": "self_attn.o_proj",
    "attn_q": "self_attn.q_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_v": "self_attn.v_proj",
    "ffn_down": "mlp.down_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_norm": "pre_feedforward_layernorm",
    "ffn_up": "mlp.up_proj",
    "post_attention_norm": "post_attention_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
}


class Converted(NamedTuple):
    """What was written: tensors, pieces of the vocabulary, whether a chat template was there."""

    tensors: int
    vocabulary: int
    has_template: bool


def convert(file: Path, out: Path) -> Converted:
    """Write a Gemma 3 of GGUF as a Hugging Face folder in fp32; `out` is there and empty.

    All weights are in memory at once, 4 bytes a number. They are those that the file's blocks
    stand for, to the last bit; norms are subject to the rounding of `factor - 1`.

    Raises:
        InputError: no GGUF, another architecture, settings that this conversion does not know,
            tensors missing or of another shape, a tokenizer of another kind.
    """
    found = GgufFile(file)
    _require_gemma3(found)
    tokenizer = build_tokenizer(found)
    config = _config(found, tokenizer.get_vocab_size())
    tensors = _tensors(found, config)
    save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})
    write_object(out / "config.json", config)
    tokenizer.save(str(out / "tokenizer.json"))
    named = {
        name: found.settings["tokenizer.ggml.tokens"][number]
        for name, number in _named_ids(found).items()
    }
    plain = {"clean_up_tokenization_spaces": False, "tokenizer_class": "PreTrainedTokenizerFast"}
    write_object(out / "tokenizer_config.json", {**named, **plain})
    ends = {name: config[name] for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    write_object(out / "generation_config.json", ends)
    template = found.settings.get("tokenizer.chat_template")
    if template:
        (out / "chat_template.jinja").write_text(template, encoding="utf-8")
    return Converted(len(tensors), config["vocab_size"], bool(template))


def _require_gemma3(found: GgufFile) -> None:
    """Refuse what would be converted into another function than the file's."""
    architecture = found.setting("general.architecture", str)
    if architecture != _ARCHITECTURE:
        raise InputError(
            f"{found.file}: architecture {architecture}, expected {_ARCHITECTURE}; only Gemma 3 is "
            "converted, take the model's Hugging Face folder with safetensors"
        )
    prefix = f"{_ARCHITECTURE}."
    keys = {key.removeprefix(prefix) for key in found.settings if key.startswith(prefix)}
    unknown = sorted(keys - _READ)
    if unknown:
        raise InputError(
            f"{found.file}: {prefix}{unknown[0]} is a setting that this conversion does not know "
            "(it knows those of the text models of 270M and 1B); take the model's Hugging Face "
            "folder with safetensors"
        )


def _config(found: GgufFile, vocabulary: int) -> dict[str, Any]:
    sizes = {name: found.setting(f"{_ARCHITECTURE}.{key}", int) for key, name in _SIZES.items()}
    length = found.settings.get(f"{_ARCHITECTURE}.{_VALUE_LENGTH}", sizes["head_dim"])
    if length != sizes["head_dim"]:
        raise InputError(
            f"{found.file}: {_ARCHITECTURE}.{_VALUE_LENGTH} differs from key_length "
            f"{sizes['head_dim']}; a Gemma 3 has one length of heads"
        )
    local = found.settings.get(f"{_ARCHITECTURE}.{_LOCAL_FREQUENCY}", _DEFAULT_LOCAL_FREQUENCY)
    frequencies = {
        "full_attention": found.setting(f"{_ARCHITECTURE}.{_FREQUENCY}", float),
        "sliding_attention": local,
    }
    layers = range(1, sizes["num_hidden_layers"] + 1)
    ids = {f"{name}_id": number for name, number in _named_ids(found).items()}
    return {
        **_SHARED,
        **sizes,
        **{name: ids[name] for name in ("bos_token_id", "eos_token_id", "pad_token_id")},
        "layer_types": [
            "sliding_attention" if number % _FULL_EVERY else "full_attention" for number in layers
        ],
        "query_pre_attn_scalar": sizes["head_dim"],
        "rms_norm_eps": _short(found.setting(f"{_ARCHITECTURE}.{_EPSILON}", float)),
        "rope_parameters": {
            kind: {"rope_theta": frequency, "rope_type": "default"}
            for kind, frequency in frequencies.items()
        },
        "vocab_size": vocabulary,
    }


def _named_ids(found: GgufFile) -> dict[str, int]:
    return {name: found.setting(key, int) for name, key in NAMED_TOKENS.items()}


def _short(number: float) -> float:
    """Return the number that was meant, such as 1e-06 for 9.999999974752427e-07 in fp32."""
    return float(f"{number:.7g}")


def _tensors(found: GgufFile, config: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Return tensors by their names in transformers, in the shapes that the sizes ask for."""
    names = _names(config["num_hidden_layers"])
    missing, unknown = sorted(names - found.tensor_names()), sorted(found.tensor_names() - names)
    if missing or unknown:
        what = f"lacks {missing[0]}" if missing else f"has {unknown[0]}"
        raise InputError(f"{found.file}: {what}, so this is no Gemma 3 of text alone")
    shapes = _shapes(config)
    tensors = {}
    for name, tensor in found.tensors():
        part = name.removesuffix(".weight").split(".")[-1]
        if tuple(tensor.shape) != shapes[part]:
            raise InputError(
                f"{found.file}: {name} has shape {tuple(tensor.shape)}, expected {shapes[part]}"
            )
        tensors[_renamed(name)] = tensor - 1 if part.endswith("norm") else tensor
    return tensors


def _names(layers: int) -> set[str]:
    inner = {f"blk.{number}.{part}" for number in range(layers) for part in _IN_LAYER}
    return {f"{name}.weight" for name in (*_OUTSIDE, *inner)}


def _shapes(config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return the shape of each part, [out, in] for a matrix."""
    width, inner, size = (config[name] for name in ("hidden_size", "intermediate_size", "head_dim"))
    heads, groups = (size * config[name] for name in ("num_attention_heads", "num_key_value_heads"))
    norms = dict.fromkeys((part for part in _IN_LAYER if part.endswith("norm")), (width,))
    return {
        **norms,
        "attn_k_norm": (size,),
        "attn_q_norm": (size,),
        "output_norm": (width,),
        "token_embd": (config["vocab_size"], width),
        "attn_q": (heads, width),
        "attn_k": (groups, width),
        "attn_v": (groups, width),
        "attn_output": (width, heads),
        "ffn_gate": (inner, width),
        "ffn_up": (inner, width),
        "ffn_down": (width, inner),
    }


def _renamed(name: str) -> str:
    part = name.removesuffix(".weight")
    if part in _OUTSIDE:
        return f"{_OUTSIDE[part]}.weight"
    _, number, inner = part.split(".")
    return f"model.layers.{number}.{_IN_LAYER[inner]}.weight"
