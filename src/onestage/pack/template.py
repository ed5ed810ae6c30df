"""The chat template: what it writes around the texts of a conversation's turns."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from onestage.errors import InputError
from onestage.records import Message

Span = tuple[int, int]

_PLACEHOLDER = "\U0010fffd{}\U0010fffd"  # the last character for private use


class Output(NamedTuple):
    """A trained turn: begins `lead` characters before its text, ends with the `end`-th mark."""

    turn: int
    lead: int
    end: int


class Form(NamedTuple):
    """What a template writes around n texts: n + 1 literals, and which turns are outputs.

    `marks` are the control tokens that the literals hold: (literal, start, end), in order.
    """

    literals: tuple[str, ...]
    marks: tuple[tuple[int, int, int], ...]
    outputs: tuple[Output, ...]


class Rendered(NamedTuple):
    """A sample's text, its control tokens and its outputs: (start, number of the last mark)."""

    text: str
    marks: list[Span]
    outputs: list[tuple[int, int]]


class ChatTemplate:
    """Renders turns, and knows where in the result each turn's text and control token stands.

    `marks` are the contents of the tokenizer's control tokens.

    Raises:
        jinja2.TemplateError: the source is no template.
    """

    def __init__(self, source: str, named_tokens: Mapping[str, str], marks: Sequence[str]) -> None:
        # The same environment as transformers' own rendering, so that both give one text.
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.globals["raise_exception"] = _raise
        environment.globals |= named_tokens  # bos_token, eos_token, ...
        self._template = environment.from_string(source)
        longest_first = sorted(marks, key=len, reverse=True)
        self._mark = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
        self.form = lru_cache(maxsize=None)(self._form)
        self.text_form = lru_cache(maxsize=1)(self._text_form)

    def render(self, turns: Sequence[Message]) -> Rendered | None:
        """Return the text of a conversation, or None if the template changes a turn's text.

        Raises:
            InputError: as `form`.
        """
        form = self.form(tuple(turn.role for turn in turns))
        texts = [turn.content for turn in turns]
        rendered = filled(form, texts)
        return rendered if rendered.text == self._apply(turns, prompt=False) else None

    def _form(self, roles: tuple[str, ...]) -> Form:
        """Return what stands around turns of these roles.

        Raises:
            InputError: a turn is not written once and as it is, the text before a turn depends
                on what follows it, or an output does not end with a control token.
        """
        texts = [_PLACEHOLDER.format(n) for n in range(len(roles))]
        turns = [Message(role, text) for role, text in zip(roles, texts, strict=True)]  # type: ignore[arg-type]
        whole = self._apply(turns, prompt=False)
        literals = _around(whole, texts)
        marks = self._marks(literals)
        outputs = []
        for turn in range(1, len(turns), 2):
            before = self._apply(turns[:turn], prompt=True)
            through = self._apply(turns[: turn + 1], prompt=False)
            if not (whole.startswith(through) and through.startswith(before)):
                raise InputError(
                    "chat template: adding a turn changes the text before it, so no trained "
                    "span can be told; use a template that only appends"
                )
            start = whole.index(texts[turn])
            if before.endswith(texts[turn - 1]):
                raise InputError(
                    "chat template: nothing stands between prompt and output, so a token may run "
                    "across the border; put a special token or a line break between them"
                )
            trailing = len(through) - start - len(texts[turn])
            outputs.append(Output(turn, start - len(before), _end(marks, turn + 1, trailing)))
        return Form(tuple(literals), tuple(marks), tuple(outputs))

    def _text_form(self) -> Form:
        """Return the form of raw text: it is trained whole and ends like a turn."""
        chat = self.form(("user", "assistant"))
        end = chat.outputs[0].end
        number, _, stop = chat.marks[end]
        literals = ["", chat.literals[number][:stop]]
        marks = self._marks(literals)
        return Form(tuple(literals), tuple(marks), (Output(0, 0, len(marks) - 1),))

    def _marks(self, literals: Sequence[str]) -> list[tuple[int, int, int]]:
        return [
            (number, *found.span())
            for number, literal in enumerate(literals)
            for found in self._mark.finditer(literal)
        ]

    def _apply(self, turns: Sequence[Message], *, prompt: bool) -> str:
        messages = [{"role": turn.role, "content": turn.content} for turn in turns]
        try:
            return self._template.render(messages=messages, add_generation_prompt=prompt)
        except jinja2.TemplateError as error:
            raise InputError(
                f"chat template: it does not render user and assistant turns ({error}); "
                "mend pack.chat_template"
            ) from error


def _around(whole: str, texts: Sequence[str]) -> list[str]:
    literals, rest = [], whole
    for text in texts:
        literal, found, rest = rest.partition(text)
        if not found or text in rest:
            raise InputError(
                "chat template: it does not write the text of each turn once, as it is and in "
                "order; mend pack.chat_template"
            )
        literals.append(literal)
    return [*literals, rest]


def _end(marks: Sequence[tuple[int, int, int]], literal: int, trailing: int) -> int:
    """Return the last mark within the first characters of a literal; the rest is lay-out."""
    ends = [n for n, mark in enumerate(marks) if mark[0] == literal and mark[2] <= trailing]
    if not ends:
        raise InputError(
            "chat template: an output ends without a special token, so the model would "
            "never learn to stop; end each assistant turn with the tokenizer's end token"
        )
    return ends[-1]


def filled(form: Form, texts: Sequence[str]) -> Rendered:
    """Put the texts of the turns between the literals.

    Literals `<u>`, `<e><a>`, `<e>` and texts `q`, `out`:

        <u>q<e><a>out<e>
        |-| |-||-|   |-|    marks
                  |----|    output: starts at 10, ends with mark 3
    """
    parts, starts, length = [], [], 0
    for literal, text in zip(form.literals, [*texts, ""], strict=True):
        starts.append(length)
        parts += [literal, text]
        length += len(literal) + len(text)
    marks = [(starts[number] + a, starts[number] + b) for number, a, b in form.marks]
    outputs = [
        (starts[turn] + len(form.literals[turn]) - lead, end) for turn, lead, end in form.outputs
    ]
    return Rendered("".join(parts), marks, outputs)


def _raise(message: str) -> None:
    raise jinja2.TemplateError(message)
