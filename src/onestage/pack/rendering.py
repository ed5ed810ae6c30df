"""Conversations as tokens: the chat template, the tokenizer and the spans that are trained."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Encoding, Tokenizer

from onestage.errors import InputError
from onestage.records import Conversation, Message

Span = tuple[int, int]


class Tokens(NamedTuple):
    """A sample's tokens and the spans of them that the loss counts."""

    input_ids: list[int]
    trained: list[Span]


class Untrainable(NamedTuple):
    """Why a sample cannot become tokens."""

    reason: str
    detail: str


class Rendered(NamedTuple):
    """A sample's text and the character spans of its outputs, each to its end-of-turn mark."""

    text: str
    outputs: list[Span]


class Renderer:
    """Renders and tokenizes with one chat template and one tokenizer.

    Each sample is rendered once, as a whole, the way the model will see it; where an output
    begins is found by rendering what comes before it with the generation prompt.
    """

    def __init__(
        self, tokenizer: Tokenizer, chat_template: str, named_tokens: Mapping[str, str]
    ) -> None:
        self._tokenizer = tokenizer
        # The same environment as transformers' own rendering, so that both give one text.
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.globals["raise_exception"] = _raise
        environment.globals |= named_tokens  # bos_token, eos_token, ...
        self._template = environment.from_string(chat_template)
        added = tokenizer.get_added_tokens_decoder()
        self._special = sorted((t.content for t in added.values() if t.special), key=len)[::-1]

    def special_in(self, conversation: Conversation) -> str | None:
        """Return a special token that stands in the text itself and would act as one."""
        texts = [conversation.text, *(message.content for message in conversation.messages)]
        return next((mark for mark in self._special if any(mark in text for text in texts)), None)

    def render(self, conversation: Conversation) -> Rendered:
        """Return the text of a conversation (or of raw text) and its output spans.

        Raises:
            InputError: the template changes what came before when a turn is added, or ends
                an output without a special token.
        """
        if conversation.text:
            end = self._end_of_turn()
            return Rendered(conversation.text + end, [(0, len(conversation.text) + len(end))])
        text = self._apply(conversation.messages, prompt=False)
        outputs: list[Span] = []
        for turn in range(1, len(conversation.messages), 2):
            before = self._apply(conversation.messages[:turn], prompt=True)
            through = self._apply(conversation.messages[: turn + 1], prompt=False)
            if not (text.startswith(through) and through.startswith(before)):
                raise InputError(
                    "chat template: adding a turn changes the text before it, so no trained "
                    "span can be told; use a template that only appends"
                )
            outputs.append((len(before), self._output_end(through, len(before))))
        return Rendered(text, outputs)

    def _apply(self, messages: list[Message], *, prompt: bool) -> str:
        turns = [{"role": message.role, "content": message.content} for message in messages]
        try:
            return self._template.render(messages=turns, add_generation_prompt=prompt)
        except jinja2.TemplateError as error:
            raise InputError(
                f"chat template: it does not render user and assistant turns ({error}); "
                "mend pack.chat_template"
            ) from error

    def _output_end(self, text: str, start: int) -> int:
        """Return the end of the last special token: what follows it is lay-out, not output."""
        ends = [
            place + len(mark)
            for mark in self._special
            if (place := text.rfind(mark, start)) >= start
        ]
        if not ends:
            raise InputError(
                "chat template: an output ends without a special token, so the model would "
                "never learn to stop; end each assistant turn with the tokenizer's end token"
            )
        return max(ends)

    def _end_of_turn(self) -> str:
        probe = [Message(role="user", content="q"), Message(role="assistant", content="a")]
        before = self._apply(probe[:1], prompt=True)
        through = self._apply(probe, prompt=False)
        return through[len(before) + 1 : self._output_end(through, len(before))]

    def tokenize(self, conversations: list[Conversation]) -> Iterator[Tokens | Untrainable]:
        """Yield each conversation's tokens, in order; the batch runs on all cores."""
        rendered: list[Rendered | Untrainable] = []
        for conversation in conversations:
            mark = self.special_in(conversation)
            rendered.append(
                Untrainable("special_token_in_text", mark) if mark else self.render(conversation)
            )
        texts = [item.text if isinstance(item, Rendered) else "" for item in rendered]
        encodings = self._tokenizer.encode_batch(texts, add_special_tokens=False)
        for item, encoding in zip(rendered, encodings, strict=True):
            yield item if isinstance(item, Untrainable) else _tokens(item, encoding)


def _tokens(rendered: Rendered, encoding: Encoding) -> Tokens:
    return Tokens(encoding.ids, [_token_span(encoding, span) for span in rendered.outputs])


def _token_span(encoding: Encoding, span: Span) -> Span:
    """Return the tokens of a character span.

    Raises:
        InputError: a token runs across the border of the span.
    """
    start, end = span
    inside = [i for i, (a, b) in enumerate(encoding.offsets) if a < end and b > start]
    if (
        not inside
        or encoding.offsets[inside[0]][0] < start
        or encoding.offsets[inside[-1]][1] > end
    ):
        raise InputError(
            "chat template: a token runs across the border between prompt and output; put a "
            "special token or a line break between them"
        )
    return inside[0], inside[-1] + 1


def _raise(message: str) -> None:
    raise jinja2.TemplateError(message)


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
        InputError: one of them is missing or unreadable.
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
    try:
        tokenizer = Tokenizer.from_file(str(tokenizer_file))
        template = chat_template.read_text(encoding="utf-8")
        return Renderer(tokenizer, template, named_tokens)
    except jinja2.TemplateError as error:
        raise InputError(f"{chat_template}: not a Jinja template ({error})") from error
    except Exception as error:  # tokenizers raises nothing more special
        raise InputError(f"{tokenizer_file}: not a tokenizer file ({error})") from error
