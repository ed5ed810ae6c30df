"""Makes data/toy/base: config and tokenizer of a tiny Qwen2; run: python data/toy/make_base.py.

The tokenizer is byte-level BPE, trained on the toy prose and conversations. There are no
weights: the toy profile sets `base.init: random`. Output is committed.
"""

import json
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

HERE = Path(__file__).parent
BASE = HERE / "base"
VOCABULARY = 1024
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
# The split of Qwen2's tokenizer: transformers applies it to every folder of that type, whatever
# tokenizer.json says, so a toy base of this type must be trained with it.
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)

CHAT_TEMPLATE = """\
{%- for message in messages %}
{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""

CONFIG = {
    "architectures": ["Qwen2ForCausalLM"],
    "model_type": "qwen2",
    "vocab_size": VOCABULARY,
    "hidden_size": 160,
    "intermediate_size": 480,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "hidden_act": "silu",
    "max_position_embeddings": 2048,
    "initializer_range": 0.02,
    "rms_norm_eps": 1e-06,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
    "tie_word_embeddings": True,
    "bos_token_id": 0,
    "eos_token_id": 2,
    "pad_token_id": 0,
    "dtype": "float32",
}
TOKENIZER_CONFIG = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "bos_token": None,
    "eos_token": "<|im_end|>",
    "pad_token": "<|endoftext|>",
    "unk_token": None,
    "model_max_length": 2048,
    "clean_up_tokenization_spaces": False,
}


def training_texts() -> list[str]:
    """Return the toy prose and conversations, in file-name order."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((HERE / "prose").glob("*.md"))]
    for path in sorted(HERE.glob("sft_*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            texts += [message["content"] for message in json.loads(line)["messages"]]
    return texts


def make_tokenizer() -> Tokenizer:
    """Train byte-level BPE; the result depends on the texts alone."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in SPECIAL],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(training_texts(), trainer)
    return tokenizer


def main() -> None:
    """Write the base folder anew."""
    BASE.mkdir(exist_ok=True)
    make_tokenizer().save(str(BASE / "tokenizer.json"))
    for name, value in (("config", CONFIG), ("tokenizer_config", TOKENIZER_CONFIG)):
        text = json.dumps(value, indent=2) + "\n"
        (BASE / f"{name}.json").write_text(text, encoding="utf-8")
    (BASE / "chat_template.jinja").write_text(CHAT_TEMPLATE, encoding="utf-8")


if __name__ == "__main__":
    main()
