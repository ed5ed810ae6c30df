"""Compares packing with TRL's, with best fit over open rows, and with greedy packing in order.

    python benchmarks/pack_speed.py [--samples 500000] [--corpora FOLDER]

Prints for each way, in one run on the same lengths, one core: how full rows are, samples a
second, and how far samples moved from their places in the order in which they came, in rows:
|tokens before a sample in the rows - tokens before it in the order| / tokens of a row.

Lengths are drawn so that they have the protocol's mean: about 3 billion tokens in 5.3 million
items and three epochs of 0.14 million more, or 525 tokens, log-normal with three widths, for the
protocol does not tell its own. With --corpora, the corpora as docs/real-sample.md lists them,
also from real passages of up to 700 Chinese or 2,400 English characters, in the toy tokenizer's
tokens and drawn anew until there are enough. TRL (`pip install trl`) is left out if it is not
there. Its strategy bfd sorts each batch of 1,000 samples, or all, by length; its time contains
the Arrow tables that it works on, ours the rows as records, neither the writing of files; best
fit over open rows only deals out the samples' numbers.
"""

import contextlib
import math
import time
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import click
import msgspec
import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from onestage.collect.documents import to_document
from onestage.collect.passages import cut_passages
from onestage.collect.raw import BadRecord
from onestage.collect.readers import read_source
from onestage.pack.rows import Sample, pack_rows
from onestage.params import load_document, mapping
from onestage.records import Draw
from onestage.sentences import sentences
from onestage.sources import Source

_ROOT = Path(__file__).parent.parent
_PROFILE_FOLDER = "data/raw/realdata"
_ROW = 4096
_MEAN_TOKENS = 525
_MIN_TOKENS = 16
_WIDTHS = (0.5, 0.7, 0.9)
_PROMPT_TOKENS = 30  # of an instruction and the template
_CHARS = {"zh": (100, 700), "en": (300, 2400)}

Lengths = NDArray[np.int64]
# Returns the samples' numbers, row by row.
Way = Callable[[Lengths], list[list[int]]]


class Found(NamedTuple):
    """What a way of packing gave; displacements are in rows."""

    fill: float
    mean: float
    p99: float
    most: float


@click.command()
@click.option("--samples", default=500_000, show_default=True)
@click.option("--corpora", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--seed", default=1, show_default=True)
def main(samples: int, corpora: Path | None, seed: int) -> None:
    """Print a table for each distribution of lengths."""
    chance = np.random.default_rng(seed)
    for width in _WIDTHS:
        _table(f"log-normal, width {width}", _log_normal(chance, samples, width))
    if corpora:
        real = _real_lengths(corpora)
        print(f"\n{len(real)} real passages")
        _table("real passages", chance.choice(real, samples))


def _log_normal(chance: np.random.Generator, samples: int, width: float) -> Lengths:
    middle = math.log(_MEAN_TOKENS) - width**2 / 2
    lengths = chance.lognormal(middle, width, samples).astype(np.int64)
    return np.clip(lengths, _MIN_TOKENS, _ROW)


def _table(title: str, lengths: Lengths) -> None:
    print(
        f"\n{title}: {len(lengths)} samples, mean {lengths.mean():.0f} tokens, median "
        f"{np.median(lengths):.0f}, 99 % below {np.quantile(lengths, 0.99):.0f}"
    )
    print(f"{'way':<34}{'fill':>8}{'samples/s':>11}{'mean':>10}{'p99':>10}{'max':>10}")
    for name, way in _ways().items():
        start = time.perf_counter()
        rows = way(lengths)
        seconds = time.perf_counter() - start
        found = _found(lengths, rows)
        figures = "".join(f"{figure:>10.2f}" for figure in found[1:])
        print(f"{name:<34}{found.fill:>8.4f}{len(lengths) / seconds:>11.0f}{figures}", flush=True)


def _ways() -> dict[str, Way]:
    own: dict[str, Way] = {
        f"onestage, max_displacement_rows {rows}": lambda lengths, rows=rows: _own(lengths, rows)
        for rows in (4, 8, 16, 32)
    }
    peers: dict[str, Way] = {
        "greedy in order": lambda lengths: _own(lengths, 1),
        "best fit over 33 open rows": lambda lengths: _open_rows(lengths, 33),
    }
    with contextlib.suppress(ImportError):
        pack_dataset = import_module("trl.data_utils").pack_dataset
        peers["TRL bfd, batches of 1,000"] = lambda lengths: _trl(pack_dataset, lengths, 1000)
        peers["TRL bfd, all at once"] = lambda lengths: _trl(pack_dataset, lengths, len(lengths))
    return own | peers


def _found(lengths: Lengths, rows: list[list[int]]) -> Found:
    order = np.array([number for row in rows for number in row])
    if not np.array_equal(np.sort(order), np.arange(len(lengths))):
        raise SystemExit("a sample is lost or packed twice")
    if max(int(lengths[row].sum()) for row in rows) > _ROW:
        raise SystemExit("a row is too long")
    arrivals = np.cumsum(lengths) - lengths
    places = np.cumsum(lengths[order]) - lengths[order]
    moved = np.abs(places - arrivals[order]) / _ROW
    fill = float(lengths.sum() / (_ROW * len(rows)))
    return Found(fill, float(moved.mean()), float(np.quantile(moved, 0.99)), float(moved.max()))


def _own(lengths: Lengths, max_displacement_rows: int) -> list[list[int]]:
    packed = pack_rows(
        _samples(lengths), seq_len_tokens=_ROW, max_displacement_rows=max_displacement_rows
    )
    return [[sample.copy for sample in row.samples] for row, _ in packed]


def _samples(lengths: Lengths) -> Iterator[Sample]:
    for number, tokens in enumerate(lengths.tolist()):
        yield Sample(Draw(number, "id", number, "web", 0), [number] * tokens, [(0, tokens)])


def _open_rows(lengths: Lengths, open_rows: int) -> list[list[int]]:
    """Put each sample into the fullest row that has room; close the oldest when all are open."""
    rows: list[list[int]] = []
    left: deque[int] = deque()
    rooms: list[tuple[int, int]] = []
    for number, tokens in enumerate(lengths.tolist()):
        first = len(rows) - len(left)
        at = bisect_left(rooms, (tokens, 0))
        if at < len(rooms):
            room, row = rooms.pop(at)
        else:
            if len(left) == open_rows:
                del rooms[bisect_left(rooms, (left.popleft(), first))]
                first += 1
            room, row = _ROW, len(rows)
            rows.append([])
            left.append(room)
        rows[row].append(number)
        left[row - first] = room - tokens
        insort(rooms, (room - tokens, row))
    return rows


def _trl(pack_dataset: Callable[..., object], lengths: Lengths, batch: int) -> list[list[int]]:
    arrow, datasets = import_module("pyarrow"), import_module("datasets")
    datasets.disable_progress_bars()
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    ids = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    lists = arrow.LargeListArray.from_arrays(arrow.array(offsets), arrow.array(ids))
    table = arrow.Table.from_arrays([lists], names=["input_ids"])
    options = {"batch_size": batch, "keep_in_memory": True}
    packed: datasets.Dataset = pack_dataset(  # type: ignore[name-defined]
        datasets.Dataset(table), _ROW, "bfd", map_kwargs=options
    )
    return [
        [int(ids[place]) for place in np.concatenate([[0], np.cumsum(sizes)[:-1]])]
        for ids, sizes in _rows(packed)
    ]


def _rows(packed: object) -> Iterator[tuple[NDArray[np.int32], NDArray[np.int64]]]:
    """Yield each row's tokens and the lengths of its samples."""
    table = packed.data  # type: ignore[attr-defined]
    for ids, sizes in zip(table["input_ids"].chunks, table["seq_lengths"].chunks, strict=True):
        for row in range(len(ids)):
            yield ids[row].values.to_numpy(), sizes[row].values.to_numpy()


def _real_lengths(corpora: Path) -> Lengths:
    tokenizer = Tokenizer.from_file(str(_ROOT / "data" / "toy" / "base" / "tokenizer.json"))
    document = load_document(_ROOT / "profiles" / "real-sample.yaml")
    passages: list[str] = []
    for source in mapping(document, "sources", Source).values():
        path = Path(source.path.replace(_PROFILE_FOLDER, str(corpora)))
        if source.kind != "sft" and path.exists():
            passages += _passages(msgspec.structs.replace(source, path=str(path)))
    encodings = tokenizer.encode_batch(passages, add_special_tokens=False)
    lengths = np.array([len(encoding) + _PROMPT_TOKENS for encoding in encodings])
    return lengths[lengths <= _ROW]


def _passages(source: Source) -> Iterator[str]:
    shortest, longest = _CHARS[source.lang]
    for located in read_source(source):
        if isinstance(located.value, BadRecord):
            continue
        document = to_document(
            located.value, source.fields, replace=source.replace, wrapped=source.wrapped
        )
        if isinstance(document, BadRecord):
            continue
        text = document.text
        for start, end in cut_passages(
            text, sentences(text), min_chars=shortest, max_chars=longest
        ):
            if end - start >= shortest:
                yield text[start:end]


if __name__ == "__main__":
    main()
