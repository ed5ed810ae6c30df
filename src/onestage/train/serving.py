"""What serves the trained model without this project: its tokenizer and where a turn ends."""

import shutil
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerFast

from onestage import checkpoint
from onestage.base_folder import read_object, write_object

_OUTPUT = "\U0010fffd"  # the last character for private use: no template writes it
# Any other class may build rules of its own around the vocabulary, so that the model would be
# asked in other tokens than those it was trained on. This one takes tokenizer.json as it is.
_PLAIN_CLASS = "PreTrainedTokenizerFast"


def save_tokenizer(tokenizer: Path, folder: Path) -> None:
    """Put the tokenizer's files beside the weights, and say which token ends a turn.

    That token goes first in generation_config.json, before those that ended the base's texts, and
    is the end token of config.json and of the tokenizer.
    """
    copy_tokenizer(tokenizer, folder)
    loaded = checkpoint.load_tokenizer(tokenizer)
    end = end_of_turn(loaded)
    if "eos_token" not in str(loaded.chat_template):  # otherwise it would render other text
        ending = str(loaded.convert_ids_to_tokens(end))
        _change(folder / "tokenizer_config.json", eos_token=ending)
    generation = folder / "generation_config.json"
    before = read_object(generation).get("eos_token_id")
    others = before if isinstance(before, list) else [before]
    ends = [end, *(other for other in others if other not in (end, None))]
    _change(generation, eos_token_id=ends if len(ends) > 1 else end)
    _change(folder / "config.json", eos_token_id=end)


def copy_tokenizer(tokenizer: Path, folder: Path) -> None:
    """Copy the tokenizer's files, for a class that takes tokenizer.json as it is."""
    for file in sorted(tokenizer.iterdir()):
        shutil.copyfile(file, folder / file.name)
    _change(folder / "tokenizer_config.json", "auto_map", tokenizer_class=_PLAIN_CLASS)


def end_of_turn(tokenizer: PreTrainedTokenizerFast) -> int:
    """Return the token that the chat template writes last after an output: trained, and final.

    It is a special token, or another added one that stands in the template, such as `</answer>`.
    """
    turns = [{"role": "user", "content": "?"}, {"role": "assistant", "content": _OUTPUT}]
    rendered = str(tokenizer.apply_chat_template(turns, tokenize=False))
    ids: list[int] = tokenizer.encode(rendered.rpartition(_OUTPUT)[2], add_special_tokens=False)
    template = str(tokenizer.chat_template)
    marks = {
        number
        for number, token in tokenizer.added_tokens_decoder.items()
        if token.special or (token.content.strip() and token.content in template)
    }
    return [number for number in ids if number in marks][-1]


def _change(file: Path, *removed: str, **changes: Any) -> None:
    """Write values into a JSON file and take others out; a file that is so already stays."""
    found = read_object(file)
    kept = {name: value for name, value in found.items() if name not in removed}
    changed = {**kept, **changes}
    if changed != found:
        write_object(file, changed)
