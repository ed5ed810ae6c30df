"""Prompts: files with placeholders, rendered around text that stays data whatever it says."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from onestage.errors import InputError
from onestage.identity import content_id
from onestage.records import Lang

CallName = Literal["question", "answer", "reply"]

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
# What each prompt is given, all of which must stand in it.
_GIVEN: Mapping[CallName, frozenset[str]] = {
    "question": frozenset({"fence", "passage"}),
    "answer": frozenset({"fence", "passage", "question"}),
    "reply": frozenset({"fence", "instruction"}),
}
_LANGS: tuple[Lang, ...] = ("zh", "en")


class Prompt(NamedTuple):
    """The text of a prompt file, and the first 8 digits of its hash."""

    text: str
    digest: str

    def render(self, **values: str) -> str:
        """Return the prompt with all placeholders filled at once, so that no value is read as one.

        The fence is a line that none of the values holds.
        """
        filled = {**values, "fence": _fence(values.values())}
        return _PLACEHOLDER.sub(lambda found: filled[found[1]], self.text)


Prompts = Mapping[tuple[CallName, Lang], Prompt]


def _fence(values: Iterable[str]) -> str:
    """Return a line of signs, with a number in it where one of the values holds it.

    >>> _fence(["a ========== b"])
    '=====1====='
    """
    text = "\n".join(values)
    fence, number = "==========", 0
    while fence in text:
        number += 1
        fence = f"====={number}====="
    return fence


def load_prompts(folder: Path) -> Prompts:
    """Read NAME.LANG.txt for each call and language.

    Raises:
        InputError: a file is missing or no UTF-8, lacks a placeholder, or has an unknown one.
    """
    return {
        (name, lang): _prompt(folder / f"{name}.{lang}.txt", given)
        for name, given in _GIVEN.items()
        for lang in _LANGS
    }


def _prompt(path: Path, given: frozenset[str]) -> Prompt:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: no prompt in UTF-8 there ({error}); bring it, or mend unify.prompts"
        ) from error
    found = set(_PLACEHOLDER.findall(text))
    for name in sorted(given - found):
        raise InputError(f"{path}: the prompt lacks {{{name}}}; put it where the text belongs")
    for name in sorted(found - given):
        raise InputError(
            f"{path}: {{{name}}} is unknown; this prompt is given {', '.join(sorted(given))}"
        )
    return Prompt(text, content_id(text)[:8])
