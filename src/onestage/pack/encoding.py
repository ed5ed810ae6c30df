"""Text as tokens, where only the template's control tokens become control tokens.

A tokenizer finds its special tokens wherever their text stands, so `<|im_end|>` in a passage
would end a turn. Each encoding is therefore compared with what the template wrote; where it
holds more, the text is encoded again by a tokenizer in which the control tokens go by names
that no text holds.
"""

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from tokenizers import Encoding, Tokenizer
from tokenizers.models import Unigram

from onestage.pack.template import Rendered

_FIRST_NAME = 0xF0000  # the first plane for private use


class Encoded(NamedTuple):
    """A sample's encoding, its ids and the places of its control tokens, one for each mark."""

    encoding: Encoding
    ids: list[int]
    controls: list[int]
    unknown: int


def control_marks(tokenizer: Tokenizer, chat_template: str) -> list[str]:
    """Return the contents of the control tokens, by id.

    These are the special tokens, and of the other added ones those that the template writes,
    such as `<think>`. Runs of white space are text, wherever they stand.
    """
    added = tokenizer.get_added_tokens_decoder()
    return [
        token.content
        for _, token in sorted(added.items())
        if token.special or (token.content.strip() and token.content in chat_template)
    ]


class Encoder:
    """Encodes rendered samples with one tokenizer."""

    def __init__(self, tokenizer: Tokenizer, marks: Sequence[str]) -> None:
        added = tokenizer.get_added_tokens_decoder()
        self._tokenizer = tokenizer
        self._marks = marks
        ids = {token.content: number for number, token in added.items()}
        self._ids = {mark: ids[mark] for mark in marks}
        self._controls = frozenset(self._ids.values())
        unknown = _unknown_piece(tokenizer)
        self._unknown = frozenset(token for mark, token in self._ids.items() if mark == unknown)

    def encode(self, samples: Sequence[Rendered]) -> Iterator[Encoded | None]:
        """Yield each sample's encoding; None where text cannot be told from a control token.

        Runs on all cores that the environment gives (RAYON_NUM_THREADS).
        """
        texts = [sample.text for sample in samples]
        found = self._tokenizer.encode_batch(texts, add_special_tokens=False)
        for sample, encoding in zip(samples, found, strict=True):
            yield self._checked(sample, encoding, self._controls) or self._renamed(sample)

    def _renamed(self, sample: Rendered) -> Encoded | None:
        tokenizer, names = self._renaming
        parts, place = [], 0
        for start, end in sample.marks:
            parts += [sample.text[place:start], names[sample.text[start:end]]]
            place = end
        text = "".join([*parts, sample.text[place:]])
        encoding = tokenizer.encode(text, add_special_tokens=False)
        # No text is taken for the unknown token here: what there is of it are unknown characters.
        return self._checked(sample, encoding, self._controls - self._unknown)

    def _checked(
        self, sample: Rendered, encoding: Encoding, controls: frozenset[int]
    ) -> Encoded | None:
        ids = encoding.ids
        if sum(map(controls.__contains__, ids)) != len(sample.marks):
            return None
        places = []
        for start, end in sample.marks:
            place = encoding.char_to_token(start)
            if place is None or ids[place] != self._ids[sample.text[start:end]]:
                return None
            span = encoding.token_to_chars(place)
            # A control token may take up white space beside it, by its own rule.
            if span is None or span[1] < end:
                return None
            places.append(place)
        unknown = sum(ids.count(token) for token in self._controls - controls)
        return Encoded(encoding, ids, places, unknown)

    @cached_property
    def _renaming(self) -> tuple[Tokenizer, dict[str, str]]:
        """Return the tokenizer with renamed control tokens, ids as before, and the names.

        Names are as long as what they stand for, so that characters keep their places.
        """
        names = {mark: chr(_FIRST_NAME + n) * len(mark) for n, mark in enumerate(self._marks)}
        whole = json.loads(self._tokenizer.to_str())
        for token in whole["added_tokens"]:
            if token["content"] in names:
                token |= {"content": names[token["content"]], "normalized": False}
        _rename_pieces(whole["model"], names)
        return Tokenizer.from_str(json.dumps(whole)), names


def _rename_pieces(model: dict[str, Any], names: dict[str, str]) -> None:
    """Rename the model's own pieces too: Unigram reads `</s>` out of text if it has the piece."""
    vocabulary = model["vocab"]
    if isinstance(vocabulary, dict):
        model["vocab"] = {names.get(piece, piece): token for piece, token in vocabulary.items()}
    else:
        model["vocab"] = [[names.get(piece, piece), score] for piece, score in vocabulary]
    if model.get("unk_token") in names:
        model["unk_token"] = names[model["unk_token"]]


def _unknown_piece(tokenizer: Tokenizer) -> str | None:
    """Return what stands for a character that the tokenizer does not know."""
    if isinstance(tokenizer.model, Unigram):  # which does not tell, but writes it down
        number = json.loads(tokenizer.to_str())["model"]["unk_id"]
        return None if number is None else tokenizer.id_to_token(number)
    return getattr(tokenizer.model, "unk_token", None)
