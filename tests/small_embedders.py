"""Sentence-transformers folders made on the spot: a table of tokens, and a tiny BERT.

Import it after `pytest.importorskip("sentence_transformers")`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import (
    Pooling,
    StaticEmbedding,
    Transformer,
)
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

_SPECIAL = ["[UNK]", "[PAD]", "[CLS]", "[SEP]"]


def token_table(folder: Path, vectors: Mapping[str, Sequence[float]]) -> Path:
    """Write a model whose vector of a text is the mean of its words' or ideographs' vectors.

    Words that it does not know have a vector of zeros.
    """
    words = [*vectors, "[UNK]"]
    tokenizer = _tokenizer(words)
    dimensions = len(next(iter(vectors.values())))
    table = np.array([*vectors.values(), [0.0] * dimensions], dtype=np.float32)
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, table)], device="cpu")
    model.save(str(folder), create_model_card=False)
    return folder


def _tokenizer(words: Sequence[str]) -> Tokenizer:
    names = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(names, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[a-z]+|[^a-z]"), "isolated")
    return tokenizer


def tiny_bert(folder: Path, *, max_tokens: int = 16, seed: int = 3) -> Path:
    """Write a BERT of random weights, mean pooling, that reads so many tokens at once."""
    torch.manual_seed(seed)
    words = [*_SPECIAL, *"abcdefghijklmnopqrstuvwxyz 高血压病人头痛咳嗽发热"]
    raw = _tokenizer(words)
    ends = [("[CLS]", 2), ("[SEP]", 3)]
    raw.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, ends)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw,
        unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]",
        model_max_length=max_tokens,
    )  # fmt: skip
    config = BertConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=max_tokens, pad_token_id=1,
    )  # fmt: skip
    inner = folder.with_name(folder.name + "-bert")
    BertModel(config).save_pretrained(inner)
    tokenizer.save_pretrained(inner)
    reader = Transformer(str(inner), max_seq_length=max_tokens)
    pooling = Pooling(reader.get_embedding_dimension(), "mean")
    model = SentenceTransformer(modules=[reader, pooling], device="cpu")
    model.save(str(folder), create_model_card=False)
    return folder
