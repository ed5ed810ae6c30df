"""What is trained is each output and its end-of-turn token, and nothing else."""

import shutil
import unicodedata
from pathlib import Path

import pytest
from given import TOY_BASE, conversation
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from onestage.errors import InputError
from onestage.pack.rendering import Renderer, Tokens, Untrainable, load_renderer
from onestage.records import Conversation

_END = "<|im_end|>"
_TOKENIZER = Tokenizer.from_file(str(TOY_BASE / "tokenizer.json"))

CONVERSATIONS = [
    conversation("头痛怎么办？", "血压≥140/90 mmHg时，服氨氯地平5 mg。"),
    conversation("What is H₂O?", "Water.\n\nIt boils at 100℃ "),
    conversation("一", "二", "三", "四\n", "五", " 六"),
    conversation("user", "assistant\n"),
]


def _tokens(renderer: Renderer, record: Conversation) -> Tokens:
    (found,) = renderer.tokenize([record])
    assert isinstance(found, Tokens)
    return found


@pytest.mark.parametrize("record", CONVERSATIONS)
def test_trained_spans_decode_to_the_outputs(renderer: Renderer, record: Conversation) -> None:
    found = _tokens(renderer, record)
    decoded = [
        _TOKENIZER.decode(found.input_ids[a:b], skip_special_tokens=False) for a, b in found.trained
    ]
    assert decoded == [m.content + _END for m in record.messages if m.role == "assistant"]


# Stages hand on outputs in NFC, without white space around them, and never an empty one.
_OUTPUTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).map(
    lambda text: unicodedata.normalize("NFC", text).strip()
)


@given(st.lists(_OUTPUTS.filter(bool), min_size=1, max_size=3))
def test_trained_spans_decode_to_any_output(renderer: Renderer, outputs: list[str]) -> None:
    found = _tokens(renderer, conversation(*(part for text in outputs for part in ("q", text))))
    decoded = [
        _TOKENIZER.decode(found.input_ids[a:b], skip_special_tokens=False) for a, b in found.trained
    ]
    assert decoded == [text + _END for text in outputs]


def test_raw_text_is_trained_whole_and_ends_like_a_turn(renderer: Renderer) -> None:
    found = _tokens(renderer, conversation(source="web", text="缺铁性贫血。"))
    assert found.trained == [(0, len(found.input_ids))]
    assert _TOKENIZER.decode(found.input_ids, skip_special_tokens=False) == f"缺铁性贫血。{_END}"


@pytest.mark.parametrize("mark", ["<|im_start|>", "<|im_end|>", "<|endoftext|>"])
@pytest.mark.parametrize("place", [0, 1])
def test_special_tokens_in_text_are_rejected(renderer: Renderer, mark: str, place: int) -> None:
    turns = ["问", "答"]
    turns[place] += f"x{mark}y"
    (found,) = renderer.tokenize([conversation(*turns)])
    assert found == Untrainable("special_token_in_text", mark)
    (raw,) = renderer.tokenize([conversation(source="web", text=f"文{mark}")])
    assert raw == Untrainable("special_token_in_text", mark)


def test_a_batch_is_answered_in_order(renderer: Renderer) -> None:
    batch = [*CONVERSATIONS, conversation("问", _END), CONVERSATIONS[0]]
    found = list(renderer.tokenize(batch))
    assert [isinstance(item, Tokens) for item in found] == [True] * 4 + [False, True]
    assert found[5] == found[0]


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{% for m in messages %}{{ m.content }}|{% endfor %}", "ends without a special token"),
        (
            "{{ messages | length }}{% for m in messages %}{{ m.content }}<|im_end|>{% endfor %}",
            "adding a turn changes the text before it",
        ),
        (
            "{% for m in messages %}{{ m.content }}{% if m.role == 'assistant' %}<|im_end|>"
            "{% endif %}{% endfor %}",
            "a token runs across the border",
        ),
        ("{{ raise_exception('only with a system turn') }}", "only with a system turn"),
        ("{{ messages[9].content }}", "chat template"),
    ],
)
def test_a_template_without_clear_borders_is_refused(template: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        list(Renderer(_TOKENIZER, template, {}).tokenize([conversation("th", "e")]))


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("tokenizer.json", None, "the base has no tokenizer"),
        ("tokenizer.json", "{}", "not a tokenizer file"),
        ("chat_template.jinja", None, "no such chat template"),
        ("chat_template.jinja", "{% for %}", "not a Jinja template"),
    ],
)
def test_an_unusable_base_is_named(
    tmp_path: Path, file: str, content: str | None, said: str
) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copyfile(TOY_BASE / name, tmp_path / name)
    (tmp_path / file).unlink()
    if content is not None:
        (tmp_path / file).write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=said) as caught:
        load_renderer(tmp_path, tmp_path / "chat_template.jinja")
    assert str(tmp_path / file) in str(caught.value)
