"""A conversation as the model sees it, with ⟦ and ⟧ around what the loss counts."""

from pathlib import Path

import pytest
from given import TOY_BASE, conversation
from tokenizers import Tokenizer

from onestage.pack.rendering import Renderer, Tokens
from onestage.records import Conversation

_HERE = Path(__file__).parent

_CHAT = conversation(
    "头痛三天，血压 150/95 mmHg，怎么办？",
    "先休息，并在不同日复测。\n\n若仍≥140/90 mmHg，请就医。",
    "可以吃布洛芬吗？",
    "可能使血压升高，先问医生。",
)
_RAW = conversation(source="web", text="缺铁性贫血的血清铁蛋白低于 15 μg/L。")


def _marked(renderer: Renderer, tokenizer: Tokenizer, record: Conversation) -> str:
    """Return the decoded tokens, in pieces, with marks at the borders of trained spans."""
    (found,) = renderer.tokenize([record])
    assert isinstance(found, Tokens)
    text, place = "", 0
    for start, end in found.trained:
        before, inside = found.input_ids[place:start], found.input_ids[start:end]
        text += tokenizer.decode(before, skip_special_tokens=False)
        text += f"⟦{tokenizer.decode(inside, skip_special_tokens=False)}⟧"
        place = end
    return text + tokenizer.decode(found.input_ids[place:], skip_special_tokens=False)


@pytest.mark.parametrize(("name", "record"), [("chat", _CHAT), ("raw", _RAW)])
def test_trained_text(renderer: Renderer, name: str, record: Conversation) -> None:
    expected = (_HERE / f"{name}.txt").read_text(encoding="utf-8")
    marked = _marked(renderer, Tokenizer.from_file(str(TOY_BASE / "tokenizer.json")), record)
    assert marked.removesuffix("\n") == expected.removesuffix("\n")
