"""The loss mask derived a second time, without offsets: by counting in what tokens decode to.

The second way shares no code with the first. It walks over the tokens alone, and says of each
whether an output is being written: from the end of the prompt's text to the end token.
"""

import pytest
from given import conversation
from hypothesis import given
from hypothesis import strategies as st
from small_tokenizers import Kind, kinds

from onestage.pack.rendering import Renderer, Tokens
from onestage.records import Conversation

KINDS = {kind.name: kind for kind in kinds()}
_RENDERERS = {
    name: Renderer(kind.tokenizer, kind.template, kind.named) for name, kind in KINDS.items()
}
_CHAT = conversation(
    "头痛怎么办？",
    "多休息。\n\n血压≥140/90 mmHg时，服氨氯地平5 mg。",
    "What is H₂O?",
    "Water. It boils at 100 ℃.",
    "a",
    "[/INST] assistant\nuser",
)


def _whole(kind: Kind, record: Conversation) -> str:
    """Return the conversation as the template should write it, spelled out by hand."""
    text = ""
    for turn in record.messages:
        content = turn.content
        text += {
            "llama-3": f"<|start_header_id|>{turn.role}<|end_header_id|>\n\n{content}<|eot_id|>",
            "llama-2": f"<s>[INST] {content} [/INST]"
            if turn.role == "user"
            else f" {content} </s>",
            "bert": f" {content} [SEP]",
        }.get(
            {"t5": "llama-2"}.get(kind.name, kind.name),
            f"<|im_start|>{turn.role}\n"
            + ("<think>\n\n</think>\n\n" if kind.name + turn.role == "thinkingassistant" else "")
            + f"{content}<|im_end|>\n",
        )
    return {"llama-3": "<|begin_of_text|>", "bert": "[CLS]"}.get(kind.name, "") + text


def _derived(kind: Kind, ids: list[int]) -> list[tuple[int, int]]:
    """Return the outputs' tokens: each second stretch between end tokens, less its prompt."""
    end = kind.tokenizer.token_to_id(kind.end)
    found, start, turns = [], 0, 0
    while end in ids[start:]:
        stop = ids.index(end, start) + 1
        if kind.name in ("llama-2", "t5"):  # one end token for each pair of turns
            found.append((_after(kind, ids, start, stop, kind.prompt), stop))
        elif turns % 2:
            prompt = "" if kind.name == "bert" else kind.prompt
            found.append((_after(kind, ids, start, stop, prompt), stop))
        start, turns = stop, turns + 1
    return found


def _after(kind: Kind, ids: list[int], start: int, stop: int, prompt: str) -> int:
    """Return the first token after the prompt's text, by decoding longer and longer."""
    for place in range(start, stop):
        if prompt in kind.tokenizer.decode(ids[start:place], skip_special_tokens=False):
            return place
    raise AssertionError(prompt)


@pytest.mark.parametrize("name", KINDS)
def test_the_mask_is_the_outputs_with_their_end_tokens(name: str) -> None:
    kind = KINDS[name]
    (found,) = _RENDERERS[name].tokenize([_CHAT])
    assert isinstance(found, Tokens)
    whole = kind.tokenizer.encode(_whole(kind, _CHAT), add_special_tokens=False)
    assert found.input_ids == whole.ids  # as any other user of tokenizer and template has them
    chat = _CHAT
    if kind.name in ("llama-2", "t5"):  # here `[/INST]` in the text would mislead the second way
        chat = conversation(*(turn.content.replace("[/INST]", "") for turn in _CHAT.messages))
        (found,) = _RENDERERS[name].tokenize([chat])
        assert isinstance(found, Tokens)
    assert found.trained == _derived(kind, found.input_ids)
    if kind.lossless:
        outputs = [
            kind.tokenizer.decode(found.input_ids[a:b], skip_special_tokens=False).strip(" ")
            for a, b in found.trained
        ]
        think = "<think>\n\n</think>\n\n" if name == "thinking" else ""
        gap = " " if name == "llama-2" else ""
        expected = [think + turn.content + gap + kind.end for turn in chat.messages[1::2]]
        assert outputs == [text.strip(" ") for text in expected]


_WORDS = st.text(st.sampled_from("头痛 a1.5\n℃²≥·<|/s>[]"), min_size=1, max_size=12).map(str.strip)


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.lossless])
@given(turns=st.lists(st.tuples(*[_WORDS.filter(bool)] * 2), min_size=1, max_size=3))
def test_whatever_the_texts_the_mask_is_the_outputs(
    name: str, turns: list[tuple[str, str]]
) -> None:
    kind = KINDS[name]
    texts = [text for pair in turns for text in pair]
    (found,) = _RENDERERS[name].tokenize([conversation(*texts)])
    assert isinstance(found, Tokens)
    trained = [
        kind.tokenizer.decode(found.input_ids[a:b], skip_special_tokens=False)
        for a, b in found.trained
    ]
    assert [text.endswith(kind.end) for text in trained] == [True] * len(turns)
    bare = [text.removesuffix(kind.end).removeprefix("<think>\n\n</think>\n\n") for text in trained]
    assert [text.strip(" ") for text in bare] == [text.strip(" ") for text in texts[1::2]]
