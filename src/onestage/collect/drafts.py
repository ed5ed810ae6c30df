"""What a portion gives before its neighbours are known, kept on disk until all are done.

A portion is one shard of a source, or several small ones. A document's id, and whether a
passage repeats another, can only be said once every portion is read. Until then it is a folder
with

- `drafts.jsonl`: one `Draft` a raw record, in order;
- `texts`: the passages that no rule has rejected, UTF-8, end to end;
- arrays that tell which documents and passages may be equal or similar.
"""

import shutil
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from onestage.collect.quality import Verdict
from onestage.identity import hash64
from onestage.records import Message, Record
from onestage.similarity import (
    BANDS,
    NearDuplicates,
    band_keys,
    comparable,
    gram_hashes,
    signatures,
)

# Shorter sentences ("Treatment:") recur in any text and say nothing about where it is from.
_SENTENCE_MIN_CHARS = 8


class PassageDraft(Record, frozen=True):
    """A cut of a document at [start, end); unless it is rejected its text is in `texts`."""

    start: int
    end: int
    rejected: Verdict | None = None


class Draft(Record, frozen=True):
    """One raw record: a bad one, a document with its passages, or a conversation.

    `part` is the place of its shard in the portion, `record` counts from 1 within the shard.
    `digest` is the content id of the normalised text, which has `chars` characters; `rejected`
    says why the document has no passages.
    """

    part: int
    record: int
    bad: Verdict | None = None
    digest: str = ""
    chars: int = 0
    title: str = ""
    masked: dict[str, int] = msgspec.field(default_factory=dict)
    rejected: Verdict | None = None
    passages: list[PassageDraft] = msgspec.field(default_factory=list)
    messages: list[Message] = msgspec.field(default_factory=list)


class Drafted(Record, frozen=True):
    """A draft with the texts of the passages that are left, and each one's sentences."""

    draft: Draft
    texts: list[str] = msgspec.field(default_factory=list)
    sentences: list[list[str]] = msgspec.field(default_factory=list)


class Summary(msgspec.Struct):
    """What must be known of a portion before it is merged.

    `records` counts by shard, `bad` holds (part, record, verdict) of bad ones. `empty`
    documents have no text; `left` is how many passages no rule has rejected so far.
    """

    records: list[int]
    bad: list[tuple[int, int, Verdict]]
    empty: int = 0
    passages: int = 0
    left: int = 0

    def add(self, draft: Draft, left: int) -> None:
        """Count one draft, of whose passages so many are left."""
        self.records[draft.part] += 1
        if draft.bad is not None:
            self.bad.append((draft.part, draft.record, draft.bad))
        self.empty += draft.rejected is not None and draft.rejected[0] == "empty"
        self.passages += len(draft.passages)
        self.left += left


class Columns:
    """One entry a document, a passage of `texts`, or a sentence of such a passage.

    `digests`: hash of each document's text. `lengths` (bytes), `sizes` (characters),
    `documents` (place of its document) and `equals` (hash of its comparable form) of each
    passage, with BANDS `bands`.
    `sentences` (hash), `passages` (place of its passage) and `chars` of each sentence.
    """

    def __init__(self, choices: NearDuplicates) -> None:
        self._choices = choices
        self._unsigned = {name: array("Q") for name in ("digests", "equals", "bands", "sentences")}
        signed = ("lengths", "sizes", "documents", "passages", "chars")
        self._signed = {name: array("q") for name in signed}

    def add_document(self, digest: str) -> None:
        """Append a document by the content id of its text."""
        self._unsigned["digests"].append(int(digest[:16], 16))

    def add_passage(self, text: str, sentences: Iterable[str]) -> bytes:
        """Append a passage of the last document; return its text in UTF-8."""
        seen, encoded = comparable(text), text.encode()
        signed = signatures([gram_hashes(seen, self._choices.ngram_chars)], self._choices.seed)
        self._unsigned["bands"].frombytes(band_keys(signed).tobytes())
        self._unsigned["equals"].append(hash64(seen))
        place = len(self._signed["lengths"])
        self._signed["lengths"].append(len(encoded))
        self._signed["sizes"].append(len(text))
        self._signed["documents"].append(len(self._unsigned["digests"]) - 1)
        for sentence in sentences:
            if len(sentence) >= _SENTENCE_MIN_CHARS:
                self._unsigned["sentences"].append(hash64(sentence))
                self._signed["passages"].append(place)
                self._signed["chars"].append(len(sentence))
        return encoded

    def save(self, folder: Path) -> None:
        """Write each column as NAME.npy."""
        for name, values in self._unsigned.items():
            column = np.frombuffer(values, dtype=np.uint64)
            np.save(
                folder / f"{name}.npy", column.reshape(-1, BANDS) if name == "bands" else column
            )
        for name, values in self._signed.items():
            np.save(folder / f"{name}.npy", np.frombuffer(values, dtype=np.int64))


class DraftStore:
    """The folder of one portion: complete, or not there at all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def summary(self) -> Summary | None:
        """Return the summary of a complete portion, None if it has yet to be drafted."""
        path = self.folder / "summary.json"
        return msgspec.json.decode(path.read_bytes(), type=Summary) if path.exists() else None

    def write(self, parts: Sequence[Iterable[Drafted]], choices: NearDuplicates) -> Summary:
        """Write the drafts of each shard; an interruption leaves nothing that looks complete."""
        partial = self.folder.with_name(f"{self.folder.name}.partial")
        for path in (partial, self.folder):
            shutil.rmtree(path, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            summary = _write_drafts(partial, parts, choices)
        except BaseException:
            shutil.rmtree(partial)
            raise
        (partial / "summary.json").write_bytes(msgspec.json.encode(summary))
        partial.rename(self.folder)
        return summary

    def drafts(self) -> Iterator[Draft]:
        """Yield the drafts in order."""
        decoder = msgspec.json.Decoder(Draft)
        with (self.folder / "drafts.jsonl").open("rb") as lines:
            yield from map(decoder.decode, lines)

    def column(self, name: str) -> NDArray[Any]:
        """Return one of the `Columns`: uint64 for hashes, otherwise int64."""
        found: NDArray[Any] = np.load(self.folder / f"{name}.npy")
        return found

    def texts(self) -> Iterator[str]:
        """Yield the texts in order."""
        with (self.folder / "texts").open("rb") as stream:
            for length in self.column("lengths").tolist():
                yield stream.read(length).decode()

    def text(self, offset: int, length: int) -> str:
        """Return one text by its place in bytes."""
        with (self.folder / "texts").open("rb") as stream:
            stream.seek(offset)
            return stream.read(length).decode()


def _write_drafts(
    folder: Path, parts: Sequence[Iterable[Drafted]], choices: NearDuplicates
) -> Summary:
    found = Summary([0] * len(parts), [])
    columns = Columns(choices)
    encoder = msgspec.json.Encoder()
    with (folder / "drafts.jsonl").open("wb") as lines, (folder / "texts").open("wb") as texts:
        for item in chain.from_iterable(parts):
            lines.write(encoder.encode(item.draft) + b"\n")
            found.add(item.draft, len(item.texts))
            if item.draft.bad is None:
                columns.add_document(item.draft.digest)
            for text, sentences in zip(item.texts, item.sentences, strict=True):
                texts.write(columns.add_passage(text, sentences))
    columns.save(folder)
    return found
