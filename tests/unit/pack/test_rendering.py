"""What is trained is each output and its end-of-turn token, and nothing else."""

import shutil
import unicodedata
from pathlib import Path

import pytest
from given import TOY_BASE, conversation
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer

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


_PRIVATE = chr(0xF0000 + 2) * len(_END)  # by what name the end token goes in a hostile sample
_TRIMMING = (
    "{% for m in messages %}{{ m.role + '\n' + m.content | trim + '<|im_end|>\n' }}{% endfor %}"
)


def test_a_batch_is_answered_in_order(renderer: Renderer) -> None:
    batch = [*CONVERSATIONS, conversation("问", _END + _PRIVATE), CONVERSATIONS[0]]
    found = list(renderer.tokenize(batch))
    assert [isinstance(item, Tokens) for item in found] == [True] * 4 + [False, True]
    assert found[5] == found[0]


def test_a_text_that_the_template_changes_is_rejected() -> None:
    renderer = Renderer(_TOKENIZER, _TRIMMING, {})
    kept, changed = renderer.tokenize([conversation("问", "答"), conversation("问", "答\n")])
    assert isinstance(kept, Tokens)
    assert changed == Untrainable("template_changes_text", "a turn")


def test_a_token_across_the_border_is_a_reason_to_reject() -> None:
    """`\n\n` is one token of this tokenizer; where an output begins with one it is not cut."""
    tokenizer = Tokenizer.from_file(str(TOY_BASE / "tokenizer.json"))
    tokenizer.add_tokens([AddedToken("\n答")])
    template = (TOY_BASE / "chat_template.jinja").read_text(encoding="utf-8")
    kept, across = Renderer(tokenizer, template, {}).tokenize(
        [conversation("问", "回答"), conversation("问", "答")]
    )
    assert isinstance(kept, Tokens)
    assert isinstance(across, Untrainable)
    assert across.reason == "token_across_border"


_LONG = conversation("问", "血压≥140/90 mmHg时，服氨氯地平5 mg。" * 4, "又", "再服。")


@pytest.mark.parametrize("limit", range(8, 120))
def test_a_truncated_sample_is_its_beginning(renderer: Renderer, limit: int) -> None:
    whole = _tokens(renderer, _LONG)
    found = renderer.truncate(_LONG, limit)
    if isinstance(found, Untrainable):
        assert found.reason == "too_long"
        assert limit <= whole.trained[0][0] + 2  # a character has three tokens at most
        return
    cut = len(found.input_ids)
    assert limit - 3 < cut <= limit or cut == found.trained[-1][1]
    assert found.input_ids == whole.input_ids[:cut]
    assert found.trained[:-1] == whole.trained[: len(found.trained) - 1]
    start, end = found.trained[-1]
    assert (start, end) == (whole.trained[len(found.trained) - 1][0], cut)
    text = _TOKENIZER.decode(found.input_ids[start:end], skip_special_tokens=False)
    output = _LONG.messages[2 * len(found.trained) - 1].content + _END
    assert output.startswith(text)
    assert "\ufffd" not in text


def test_what_fits_is_not_truncated(renderer: Renderer) -> None:
    for record in CONVERSATIONS:
        whole = _tokens(renderer, record)
        assert renderer.truncate(record, len(whole.input_ids)).trained == whole.trained  # type: ignore[union-attr]


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
            "nothing stands between prompt and output",
        ),
        ("{{ raise_exception('only with a system turn') }}", "only with a system turn"),
        ("{{ messages[9].content }}", "chat template"),
        ("{% for m in messages %}{{ m.content * 2 }}<|im_end|>{% endfor %}", "of each turn once"),
        ("{% for m in messages %}{{ m.role }}<|im_end|>{% endfor %}", "of each turn once"),
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
