"""Base folders of each supported type, with tiny random weights and tokenizers of its kind."""

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
import transformers
from small_tokenizers import Kind, kinds
from tokenizers import AddedToken, Tokenizer

VOCABULARY = 640  # more than any of the tokenizers has, as it is with published models
_SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "initializer_range": 0.1,
}


class Type(NamedTuple):
    """A published family: its type in transformers, tokenizer, and how its files name things.

    `text_end` is what ends the base's texts, and what its generation_config.json names.
    """

    model_type: str
    tokenizer: str
    tokenizer_class: str
    text_end: str
    config: dict[str, Any]


TYPES = {
    "llama": Type("llama", "llama-3", "PreTrainedTokenizerFast", "<|begin_of_text|>", {}),
    "llama_2": Type("llama", "llama-2", "LlamaTokenizer", "</s>", {}),
    "qwen2": Type(
        "qwen2", "qwen-2", "Qwen2Tokenizer", "<|endoftext|>", {"tie_word_embeddings": True}
    ),
    "qwen3": Type("qwen3", "qwen-3", "Qwen2Tokenizer", "<|endoftext|>", {"head_dim": 16}),
    "yi": Type("llama", "yi", "LlamaTokenizer", "<|endoftext|>", {}),
}


@cache
def kind(name: str) -> Kind:
    """Return one of the small tokenizers, or Yi's or Qwen's own kind."""
    known = {one.name: one for one in kinds()}
    if name == "yi":
        return _yi(known["llama-2"], known["qwen"])
    if name.startswith("qwen-"):
        return _qwen(known["qwen" if name == "qwen-2" else "thinking"])
    return known[name]


def _yi(llama: Kind, chatml: Kind) -> Kind:
    """Llama-2's kind, but nothing is put before a text, and turns are marked as in ChatML."""
    whole = json.loads(llama.tokenizer.to_str())
    whole["normalizer"] = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    whole["decoder"]["decoders"] = whole["decoder"]["decoders"][:-1]
    tokenizer = Tokenizer.from_str(json.dumps(whole))
    tokenizer.add_special_tokens(
        [AddedToken(mark, special=True, normalized=False) for mark in chatml.marks]
    )
    return chatml._replace(name="yi", tokenizer=tokenizer, marks=[*llama.marks, *chatml.marks])


def _qwen(other: Kind) -> Kind:
    """Byte-level pairs with the rules that transformers has for these types."""
    whole = json.loads(other.tokenizer.to_str())
    rules = json.loads(transformers.Qwen2Tokenizer().backend_tokenizer.to_str())
    whole |= {name: rules[name] for name in ("normalizer", "pre_tokenizer", "decoder")}
    return other._replace(tokenizer=Tokenizer.from_str(json.dumps(whole)))


def write_base(folder: Path, name: str) -> Path:
    """Write a base of a type as a user would have it: config, weights and tokenizer."""
    of_type = TYPES[name]
    tokenizer = kind(of_type.tokenizer)
    ends = tokenizer.tokenizer.token_to_id(of_type.text_end)
    torch.manual_seed(7)
    config = transformers.AutoConfig.for_model(
        of_type.model_type,
        **{**_SIZES, **of_type.config, "eos_token_id": ends, "bos_token_id": None},
    )
    model = transformers.AutoModelForCausalLM.from_config(config)
    model.save_pretrained(folder)
    # What some published bases say, and what is refused where it is saved anew.
    generation = {"eos_token_id": ends, "temperature": 0.9, "top_p": 0.6}
    (folder / "generation_config.json").write_text(json.dumps(generation), encoding="utf-8")
    tokenizer.tokenizer.save(str(folder / "tokenizer.json"))
    named = {"tokenizer_class": of_type.tokenizer_class, "eos_token": of_type.text_end}
    (folder / "tokenizer_config.json").write_text(
        json.dumps({**named, **tokenizer.named}), encoding="utf-8"
    )
    (folder / "chat.jinja").write_text(tokenizer.template, encoding="utf-8")
    return folder
