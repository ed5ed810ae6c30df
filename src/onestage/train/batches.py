"""Packed rows as tensors: tokens, positions that restart, labels and sources."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import torch
from torch.utils.data import Dataset

from onestage import jsonl
from onestage.records import PackedRow

IGNORED = -100
PADDING = -1  # in place of the number of a source

Row = dict[str, list[int]]

# A row that trains nothing, for the places of a last step that the rows do not fill.
FILLER: Row = {
    "input_ids": [0],
    "position_ids": [0],
    "labels": [IGNORED],
    "source_ids": [PADDING],
}


class Group(NamedTuple):
    """Samples of one source in one phase, whose losses are told together."""

    phase: int
    source: str


class _Phase(msgspec.Struct):
    phase: int


class RowFiles(Dataset[Row]):
    """Rows of JSON Lines files by number, decoded when asked for; memory holds offsets only.

    `phase_sizes` says how many rows each phase has, in the order of the rows. The source number
    of a token is that of its group in `groups`, of which there is one for each phase and source.
    """

    def __init__(self, files: list[Path], sources: list[str]) -> None:
        self._places: list[tuple[Path, int]] = []
        phases = itertools.groupby(self._placed_phases(files))
        runs = [(phase, sum(1 for _ in rows)) for phase, rows in phases]
        self.phase_sizes = [size for _, size in runs]
        self.groups = [Group(phase, source) for phase in sorted(dict(runs)) for source in sources]
        self._numbers: dict[int, dict[str, int]] = {phase: {} for phase, _ in runs}
        for number, (phase, source) in enumerate(self.groups):
            self._numbers[phase][source] = number
        self._decoder = msgspec.json.Decoder(PackedRow)

    def _placed_phases(self, files: list[Path]) -> Iterator[int]:
        """Yield each row's phase, and remember where the row stands."""
        for path in files:
            for offset, row in jsonl.read_placed(path, _Phase):
                self._places.append((path, offset))
                yield row.phase

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Row:
        path, offset = self._places[index]
        # Opened anew each time: an open file would be shared by forked loaders, its place too.
        with path.open("rb") as stream:
            stream.seek(offset)
            row = self._decoder.decode(stream.readline())
        return row_fields(row, self._numbers[row.phase])


def row_fields(row: PackedRow, sources: dict[str, int]) -> Row:
    """Return a row's input_ids, position_ids, labels and source numbers, all of one length.

    Samples of 3 and 4 tokens, trained on their last two and last three:

        input_ids     a  b  c  d  e  f  g
        position_ids  0  1  2  0  1  2  3     (a restart is a document border)
        labels        .  b  c  .  e  f  g     (. is -100; never a sample's first token)
    """
    length = len(row.input_ids)
    positions, labels, source_ids = [0] * length, [IGNORED] * length, [0] * length
    for sample in row.samples:
        span = range(sample.start, sample.end)
        positions[sample.start : sample.end] = range(len(span))
        source_ids[sample.start : sample.end] = [sources[sample.source]] * len(span)
        for start, end in sample.trained:
            first = max(start, sample.start + 1)
            labels[first:end] = row.input_ids[first:end]
    return {
        "input_ids": row.input_ids,
        "position_ids": positions,
        "labels": labels,
        "source_ids": source_ids,
    }


def collate(rows: list[Row]) -> dict[str, torch.Tensor]:
    """Return int64 tensors [rows, longest]; padding is a document of its own, never trained.

    No attention mask is passed: the model finds documents by their restarting positions.
    """
    longest = max(len(row["input_ids"]) for row in rows)
    return {
        "input_ids": _padded(rows, "input_ids", longest, 0),
        "position_ids": torch.tensor(
            [row["position_ids"] + list(range(longest - len(row["input_ids"]))) for row in rows]
        ),
        "labels": _padded(rows, "labels", longest, IGNORED),
        "source_ids": _padded(rows, "source_ids", longest, PADDING),
    }


def _padded(rows: list[Row], name: str, length: int, filler: int) -> torch.Tensor:
    return torch.tensor([row[name] + [filler] * (length - len(row[name])) for row in rows])


def logits_of(model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return the model's logits for a batch, [rows, tokens, vocabulary].

    Restarting positions keep samples apart only while there is neither an attention mask nor a
    cache: with either of them a row is silently read as one text.
    """
    logits: torch.Tensor = model(
        input_ids=batch["input_ids"], position_ids=batch["position_ids"], use_cache=False
    ).logits
    return logits


def token_losses(model: Any, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the loss of every trained token, float32 [n], and its source's number, int64 [n]."""
    logits = logits_of(model, batch)
    targets = batch["labels"][:, 1:].flatten()
    counted = targets != IGNORED
    losses = torch.nn.functional.cross_entropy(
        logits[:, :-1].flatten(0, 1)[counted].float(), targets[counted], reduction="none"
    )
    return losses, batch["source_ids"][:, 1:].flatten()[counted]
