"""Tokenizers of the common kinds, trained on a few lines, and chat templates that fit them."""

import json
from functools import cache
from typing import NamedTuple

from given import TOY_BASE
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

_LINES = [
    "头痛怎么办？多休息，血压≥140/90 mmHg时，服氨氯地平5 mg。缺铁性贫血的血清铁蛋白低于 15 μg/L。",
    "What is H₂O? Water. It boils at 100 ℃. See a doctor if the cough lasts 3 weeks or more.",
    "user assistant system q a </ s > < | im _ end | > [ CLS ] [ INST ] <think> [/INST] eot_id",
] * 4
_GPT4 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_LLAMA3 = (
    "{{ bos_token }}{% for m in messages %}{{ '<|start_header_id|>' + m['role'] + "
    "'<|end_header_id|>\n\n' + m['content'] | trim + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}"
    "{% endif %}"
)
_LLAMA2 = (
    "{% for m in messages %}{% if m['role'] == 'user' %}"
    "{{ bos_token + '[INST] ' + m['content'] + ' [/INST]' }}"
    "{% else %}{{ ' ' + m['content'] + ' ' + eos_token }}{% endif %}{% endfor %}"
)
_BERT = (
    "[CLS]{% for m in messages %}{{ ' ' + m.content + ' [SEP]' }}{% endfor %}"
    "{% if add_generation_prompt %}{% endif %}"
)
_THINKING = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}"
    "{% if m.role == 'assistant' %}{{ '<think>\n\n</think>\n\n' }}{% endif %}"
    "{{ m.content + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


class Kind(NamedTuple):
    """A tokenizer, its chat template, the tokens that the template names.

    `marks` are its control tokens; `prompt` and `end` are what stands before and after an
    output, spelled out by hand. `lossless`: its tokens decode to the very text.
    """

    name: str
    tokenizer: Tokenizer
    template: str
    named: dict[str, str]
    marks: list[str]
    prompt: str
    end: str
    lossless: bool


def _byte_level(split: str | None, specials: list[str], *others: str) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=split is None)
    parts = [pre_tokenizers.Split(Regex(split), "isolated")] if split else []
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*parts, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        _LINES, trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False)
    )
    tokenizer.add_special_tokens(specials)
    tokenizer.add_tokens([AddedToken(other, normalized=False) for other in others])
    return tokenizer


def _prefix_space() -> Tokenizer:
    """Llama-2's: a space before the text, bytes for unknown characters, marks in the vocabulary."""
    marks = ["<unk>", "<s>", "</s>"]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")  # to train only
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    bytes_ = [f"<0x{number:02X}>" for number in range(256)]
    tokenizer.train_from_iterator(
        _LINES,
        trainers.BpeTrainer(vocab_size=500, special_tokens=[*marks, *bytes_], show_progress=False),
    )
    # The bytes are pieces and no added tokens, as in Llama's own file.
    whole = json.loads(tokenizer.to_str()) | {"pre_tokenizer": None}
    whole["added_tokens"] = [t for t in whole["added_tokens"] if t["content"] in marks]
    return Tokenizer.from_str(json.dumps(whole))


def _word_pieces() -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.train_from_iterator(
        _LINES,
        trainers.WordPieceTrainer(
            vocab_size=400, special_tokens=["[UNK]", "[CLS]", "[SEP]"], show_progress=False
        ),
    )
    return tokenizer


def _unigram() -> Tokenizer:
    """T5's kind: the marks are pieces of the model, and full-width signs become plain ones."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
    tokenizer.train_from_iterator(
        _LINES,
        trainers.UnigramTrainer(
            vocab_size=300,
            special_tokens=["<unk>", "<s>", "</s>"],
            unk_token="<unk>",
            show_progress=False,
        ),
    )
    return tokenizer


@cache
def kinds() -> tuple[Kind, ...]:
    """Return one of each kind."""
    chatml = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    headers = ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    bos_eos = {"bos_token": "<s>", "eos_token": "</s>"}
    return (
        Kind(
            "toy",
            Tokenizer.from_file(str(TOY_BASE / "tokenizer.json")),
            (TOY_BASE / "chat_template.jinja").read_text(encoding="utf-8"),
            {},
            chatml,
            "<|im_start|>assistant\n",
            "<|im_end|>",
            True,
        ),
        Kind(
            "qwen",
            _byte_level(None, chatml),
            _CHATML,
            {},
            chatml,
            "<|im_start|>assistant\n",
            "<|im_end|>",
            True,
        ),
        Kind(
            "thinking",
            _byte_level(_GPT4, chatml, "<think>", "</think>", "<tool_call>", "\n\n"),
            _THINKING,
            {},
            [*chatml, "<think>", "</think>"],
            "<|im_start|>assistant\n",
            "<|im_end|>",
            True,
        ),
        Kind(
            "llama-3",
            _byte_level(_GPT4, headers),
            _LLAMA3,
            {"bos_token": "<|begin_of_text|>"},
            headers,
            "<|start_header_id|>assistant<|end_header_id|>\n\n",
            "<|eot_id|>",
            True,
        ),
        Kind(
            "llama-2",
            _prefix_space(),
            _LLAMA2,
            bos_eos,
            ["<unk>", "<s>", "</s>"],
            "[/INST]",
            "</s>",
            True,
        ),
        Kind(
            "bert",
            _word_pieces(),
            _BERT,
            {},
            ["[UNK]", "[CLS]", "[SEP]"],
            "[SEP]",
            "[SEP]",
            False,
        ),
        Kind(
            "t5",
            _unigram(),
            _LLAMA2,
            bos_eos,
            ["<unk>", "<s>", "</s>"],
            "[/INST]",
            "</s>",
            False,
        ),
    )
