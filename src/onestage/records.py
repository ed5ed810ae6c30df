"""One frozen struct per kind of JSON Lines file that stages exchange.

Field order is the order of keys in the file. Unknown keys are errors. Passages and
conversations say which they are (`type`), since collect writes either.
"""

from typing import Literal

import msgspec

Kind = Literal["web", "book", "encyclopedia", "literature", "sft"]
Lang = Literal["zh", "en"]
Detail = str | int | float


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What every record type shares: it never changes and knows all its keys."""


class Message(Record, frozen=True):
    """One turn of a conversation; `user` holds an instruction, `assistant` an output."""

    role: Literal["user", "assistant"]
    content: str


class Passage(Record, frozen=True, tag_field="type", tag="passage"):
    """A cut of a document: whole sentences, an exact substring of the document's text.

    `file` is relative to the source's path, `record` counts from 1 within it and `span` is
    [start, end) in characters of the normalised document.
    """

    id: str
    source: str
    kind: Kind
    lang: Lang
    doc: str
    file: str
    record: int
    span: tuple[int, int]
    text: str
    title: str


class Conversation(Record, frozen=True, tag_field="type", tag="conversation"):
    """A training sample. `messages` alternate user, assistant; raw text is in `text` instead.

    Exactly one of `messages` and `text` is filled. `parent` is the id of the passage or SFT
    document that it came from, `passage` that passage's text (empty for SFT), `via` how it
    was made.
    """

    id: str
    source: str
    kind: Kind
    lang: Lang
    messages: list[Message]
    text: str
    passage: str
    parent: str
    file: str
    record: int
    via: str


class Rejection(Record, frozen=True):
    """A thing that a stage did not pass on: what, why, and the particulars of the reason."""

    id: str
    source: str
    reason: str
    detail: dict[str, Detail]


class Draw(Record, frozen=True):
    """One place in the curriculum: the `copy`-th copy of conversation `id`, drawn `order`-th."""

    order: int
    id: str
    copy: int
    source: str
    phase: int


class PackedSample(Record, frozen=True):
    """Where a sample lies in its row: tokens [start, end), trained on the `trained` spans.

    All positions count tokens from the start of the row.
    """

    id: str
    copy: int
    source: str
    start: int
    end: int
    trained: list[tuple[int, int]]


class PackedRow(Record, frozen=True):
    """One training sequence: the tokens of its samples end to end, no padding."""

    input_ids: list[int]
    samples: list[PackedSample]
    phase: int


class Prediction(Record, frozen=True):
    """One model's answer to one benchmark item; `predicted` is empty if none was found."""

    benchmark: str
    item: str
    track: str
    type: str
    answer: str
    predicted: str
    correct: bool
