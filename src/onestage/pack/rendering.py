"""Conversations as tokens: the chat template, the tokenizer and the spans that are trained."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import jinja2
from tokenizers import Encoding, Tokenizer

from onestage.errors import InputError
from onestage.pack.encoding import Encoded, Encoder, control_marks
from onestage.pack.template import ChatTemplate, Rendered, Span, filled
from onestage.records import Conversation, Message

_PROBE = ("What is it?", "Water.", "Is it safe?", "Yes, it is.")


class Tokens(NamedTuple):
    """A sample's tokens, the spans of them that the loss counts, and how many are unknown."""

    input_ids: list[int]
    trained: list[Span]
    unknown: int = 0


class Untrainable(NamedTuple):
    """Why a sample cannot become tokens."""

    reason: str
    detail: str


class Renderer:
    """Renders and tokenizes with one chat template and one tokenizer.

    Each sample is rendered and tokenized once, as a whole, the way the model will see it.
    """

    def __init__(
        self, tokenizer: Tokenizer, chat_template: str, named_tokens: Mapping[str, str]
    ) -> None:
        marks = control_marks(tokenizer, chat_template)
        self._template = ChatTemplate(chat_template, named_tokens, marks)
        self._encoder = Encoder(tokenizer, marks)

    def tokenize(self, conversations: Sequence[Conversation]) -> Iterator[Tokens | Untrainable]:
        """Yield each conversation's tokens, in order; the batch runs on all cores.

        Raises:
            InputError: the template does not show where an output begins and ends.
        """
        for rendered, encoded in self._encoded(conversations):
            yield encoded if isinstance(encoded, Untrainable) else _tokens(rendered, encoded)

    def truncate(self, conversation: Conversation, max_tokens: int) -> Tokens | Untrainable:
        """Return a sample's first tokens; what stands behind the last trained one is cut too.

        The cut falls between characters, and the output that it falls into has no end token.
        """
        ((rendered, encoded),) = self._encoded([conversation])
        if isinstance(encoded, Untrainable):
            return encoded
        tokens = _tokens(rendered, encoded)
        if isinstance(tokens, Untrainable):
            return tokens
        cut = _between_characters(encoded.encoding, max_tokens)
        trained = [(start, min(end, cut)) for start, end in tokens.trained if start < cut]
        if not trained:
            return Untrainable("too_long", f"the prompt alone fills {max_tokens} tokens")
        return Tokens(tokens.input_ids[: trained[-1][1]], trained, tokens.unknown)

    def _encoded(
        self, conversations: Sequence[Conversation]
    ) -> Iterator[tuple[Rendered, Encoded | Untrainable]]:
        rendered = [self._render(conversation) for conversation in conversations]
        known = [item for item in rendered if item is not None]
        encoded = self._encoder.encode(known)
        nothing = Rendered("", [], [])
        for item in rendered:
            if item is None:
                yield nothing, Untrainable("template_changes_text", "a turn")
            else:
                found = next(encoded)
                yield item, found or Untrainable("special_token_in_text", "not to be told apart")

    def _render(self, conversation: Conversation) -> Rendered | None:
        if conversation.text:
            return filled(self._template.text_form(), [conversation.text])
        return self._template.render(conversation.messages)


def _tokens(rendered: Rendered, encoded: Encoded) -> Tokens | Untrainable:
    encoding, ids, controls, unknown = encoded
    trained = []
    for start, mark in rendered.outputs:
        first = _first_token(encoding, start, rendered.marks[mark][0])
        if first is None:
            return Untrainable("token_across_border", rendered.text[start : start + 20])
        trained.append((first, controls[mark] + 1))
    return Tokens(ids, trained, unknown)


def _first_token(encoding: Encoding, start: int, end: int) -> int | None:
    """Return the first token that begins in [start, end); None if one runs across `start`."""
    for place in range(start, end + 1):  # white space may belong to no token
        token = encoding.char_to_token(place)
        if token is not None:
            chars = encoding.token_to_chars(token)
            return token if chars is not None and chars[0] >= start else None
    return None


def _between_characters(encoding: Encoding, cut: int) -> int:
    """Return the last place up to `cut` where no character has tokens on both sides."""
    offsets = encoding.offsets
    while cut > 0 and cut < len(offsets) and offsets[cut][0] < offsets[cut - 1][1]:
        cut -= 1
    return cut


def _named_tokens(config_file: Path) -> dict[str, str]:
    """Return the tokens that a template may name; a config holds them bare or as objects."""
    try:
        config = json.loads(config_file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{config_file}: not JSON in UTF-8 ({error}); fetch it again") from error
    named = {name: value for name, value in config.items() if name.endswith("_token")}
    contents = {
        name: value.get("content") if isinstance(value, dict) else value
        for name, value in named.items()
    }
    return {name: value for name, value in contents.items() if isinstance(value, str)}


def load_renderer(base: Path, chat_template: Path) -> Renderer:
    """Read tokenizer.json and the template.

    Raises:
        InputError: one of them is missing or unreadable, or they do not go together.
    """
    tokenizer_file = base / "tokenizer.json"
    for file in (tokenizer_file, base / "tokenizer_config.json"):
        if not file.is_file():
            raise InputError(
                f"{file}: the base has no tokenizer; expected a fast tokenizer's files "
                "(save the base with transformers' save_pretrained)"
            )
    if not chat_template.is_file():
        raise InputError(f"{chat_template}: no such chat template; mend pack.chat_template")
    named_tokens = _named_tokens(base / "tokenizer_config.json")
    tokenizer = load_tokenizer(tokenizer_file)
    try:
        renderer = Renderer(tokenizer, chat_template.read_text(encoding="utf-8"), named_tokens)
    except (UnicodeDecodeError, jinja2.TemplateError) as error:
        raise InputError(f"{chat_template}: not a Jinja template ({error})") from error
    _require_two_turns(renderer, chat_template)
    return renderer


def load_tokenizer(file: Path) -> Tokenizer:
    """Read tokenizer.json.

    Raises:
        InputError: it is no such file.
    """
    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:  # tokenizers raises nothing more special
        raise InputError(f"{file}: not a tokenizer file ({error})") from error


def _require_two_turns(renderer: Renderer, chat_template: Path) -> None:
    """Render a conversation of two turns now, and not after hours of other work."""
    roles: tuple[Literal["user", "assistant"], ...] = ("user", "assistant")
    messages = [Message(roles[n % 2], text) for n, text in enumerate(_PROBE)]
    probe = Conversation("", "", "sft", "en", messages, "", "", "", "", 1, "")
    (found,) = renderer.tokenize([probe])
    if isinstance(found, Untrainable):
        raise InputError(
            f"{chat_template}: a conversation of two turns cannot be rendered with the base's "
            f"tokenizer ({found.reason}: {found.detail}); mend pack.chat_template"
        )
