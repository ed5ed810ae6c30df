"""The profiles for real models: the protocol's figures, and chat templates that can be trained."""

from typing import Any

import pytest
from given import ROOT, conversation
from small_tokenizers import kinds
from tokenizers import AddedToken, Tokenizer

from onestage import params
from onestage.pack.rendering import Renderer, Tokens

PROFILES = ("huatuogpt2-7b", "huatuogpt2-13b", "yi-34b", "qwen-7b")
# What a base decides; all else is one text in every profile.
_OF_THE_BASE = ("base", "models")


def _profile(name: str) -> dict[str, Any]:
    return params.load_document(ROOT / "profiles" / f"{name}.yaml")


@pytest.mark.parametrize("name", PROFILES)
def test_hyper_parameters_are_those_of_the_protocol(name: str) -> None:
    document = _profile(name)
    train, pack, sample = document["train"], document["pack"], document["sample"]
    expected = {
        "learning_rate": 1e-4,
        "weight_decay": 0.1,
        "schedule": "cosine",
        "warmup_share": 0.01,
        "max_grad_norm": 1.0,
        "precision": "bf16",
        "rows_per_step": 128,
        "rows_per_device": 4,
    }
    assert {key: train[key] for key in expected} == expected
    assert train["deepspeed"]["zero_optimization"]["stage"] in (2, 3)
    assert pack["seq_len_tokens"] == 4096
    assert document["unify"]["mode"] == "openai"
    assert document["dedupe"]["contamination"]["min_chars"] == 64
    assert sample["strategy"] == "priority"
    kind = {"web": (32, 1), "literature": (16, 1), "encyclopedia": (8, 1), "books": (4, 1)}
    for source in document["sources"]:
        priority, epochs = kind.get(source.rpartition("_")[0], (1, 3))
        assert (sample["priority"][source], sample["epochs"][source]) == (priority, epochs)
    base = document["base"]
    assert base["init"] == "pretrained"
    assert document["models"]["base"]["path"] == base["path"]


def test_profiles_differ_in_what_the_base_decides_alone() -> None:
    first, *others = (_profile(name) for name in PROFILES)
    for document in (first, *others):
        for section in _OF_THE_BASE:
            del document[section]
        del document["pack"]["chat_template"]
        del document["train"]["deepspeed"]["zero_optimization"]
    assert all(document == first for document in others)


def _tokenizer(name: str) -> Tokenizer:
    """Return Llama-2's kind with the marks that Baichuan2's has in reserve, or ChatML's kind."""
    (found,) = (kind.tokenizer for kind in kinds() if kind.name == name)
    copied = Tokenizer.from_str(found.to_str())
    if name == "llama-2":
        copied.add_tokens([AddedToken(f"<reserved_{n}>", normalized=False) for n in (106, 107)])
    return copied


@pytest.mark.parametrize(
    ("template", "kind", "said"),
    [
        ("chatml", "qwen", ["It is 5 mg.<|im_end|>", "No.<|im_end|>"]),
        ("baichuan2", "llama-2", ["It is 5 mg.</s>", "No.</s>"]),
    ],
)
def test_their_templates_train_outputs_and_ends_of_turns(
    template: str, kind: str, said: list[str]
) -> None:
    tokenizer = _tokenizer(kind)
    source = (ROOT / "profiles" / f"{template}.jinja").read_text(encoding="utf-8")
    renderer = Renderer(tokenizer, source, {"eos_token": "</s>"})
    (found,) = renderer.tokenize([conversation("What dose?", "It is 5 mg.", "More?", "No.")])
    assert isinstance(found, Tokens)
    parts = [tokenizer.decode(found.input_ids[a:b], False) for a, b in found.trained]
    assert parts == said
    whole = tokenizer.decode(found.input_ids, skip_special_tokens=False)
    assert all(turn in whole for turn in ("What dose?", "More?"))


def test_every_template_is_named_by_a_profile() -> None:
    named = {_profile(name)["pack"]["chat_template"] for name in (*PROFILES, "gemma3-270m")}
    found = {path.relative_to(ROOT).as_posix() for path in (ROOT / "profiles").glob("*.jinja")}
    assert named == found
