"""Duplicates by meaning: texts whose vectors point the same way, judged in the order of rank."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from onestage.dedupe.duplicates import Match
from onestage.dedupe.embeddings import Embedder, Vectors, device, require_embedder
from onestage.dedupe.judged import View, judged_text
from onestage.dedupe.neighbours import Exact, Graph, Index, cosines, within
from onestage.dedupe.settings import Semantic
from onestage.dedupe.survey import Surveyed
from onestage.grouping import Numbers
from onestage.offline import go_offline
from onestage.progress import progress
from onestage.records import Conversation
from onestage.workers import ordered_map

# So many texts are a piece of work; so many records are compared at a time.
_TEXTS_AT_ONCE = 512
_ROWS_AT_ONCE = 1024
Flags = NDArray[np.bool_]
_PARTS = (View.INSTRUCTION, View.OUTPUT)


class EmbeddedTexts:
    """Counts the texts that became vectors, and those that the model could not read at once."""

    def __init__(self, sources: Sequence[str]) -> None:
        self._sources = sources
        self._texts: Counter[str] = Counter()
        self._in_windows: Counter[str] = Counter()

    def add(self, files: Numbers, in_windows: Flags) -> None:
        """Count texts by the numbers of their files."""
        self._texts.update(self._sources[number] for number in files)
        self._in_windows.update(self._sources[number] for number in files[in_windows])

    def beside(self, metrics: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Return each source's metrics, with the counts of its texts if any were embedded."""
        return {
            source: figures | {"embedded": self._of(source)} if self._texts[source] else figures
            for source, figures in metrics.items()
        }

    def _of(self, source: str) -> dict[str, int]:
        return {"texts": self._texts[source], "in_windows": self._in_windows[source]}


class Wanted(NamedTuple):
    """Texts to embed: the number of each one's file, where its line begins, and its view."""

    files: Numbers
    offsets: Numbers
    views: Numbers


Job = tuple[Path, Wanted]


def embedded(
    found: Surveyed, ranked: Numbers, folder: Path, counts: EmbeddedTexts
) -> tuple[Vectors, Vectors]:
    """Return vectors of records in their order: of all, and of the SFT among them by parts.

    float32 [records, 1, dimensions] of the whole judged text and [SFT, 2, dimensions] of
    instruction and output, mapped from a file beside the survey. Which texts share a batch
    depends on what there is to embed, not on files or workers.
    """
    require_embedder(folder)
    go_offline()
    sft = ranked[found.sft[ranked]]
    places = np.concatenate([ranked, np.repeat(sft, 2)])
    views = np.concatenate([np.full(len(ranked), View.WHOLE), np.tile(_PARTS, len(sft))])
    order = np.lexsort((views, found.ids[places], found.chars[places]))
    pieces = [
        order[begin : begin + _TEXTS_AT_ONCE] for begin in range(0, len(order), _TEXTS_AT_ONCE)
    ]
    wanted = [Wanted(*found.lines(places[piece]), views[piece]) for piece in pieces]
    out = [found.folder / f"vectors-{number:05d}.npy" for number in range(len(pieces))]
    in_windows = _embed_all(folder, found.files, list(zip(out, wanted, strict=True)))
    for texts, some in zip(wanted, in_windows, strict=True):
        counts.add(texts.files, some)
    whole, parts = np.split(_joined(found.folder, pieces, out), [len(ranked)])
    return whole[:, np.newaxis], parts.reshape(len(sft), 2, whole.shape[1])


def _embed_all(folder: Path, files: Sequence[Path], jobs: Sequence[Job]) -> Iterable[Flags]:
    run = partial(_embed, folder.resolve(), files)
    # Several processes would not be faster on one GPU.
    done = ordered_map(run, jobs) if device() == "cpu" else map(run, jobs)
    return progress(done, "dedupe: embed", "piece", total=len(jobs))


def _embed(folder: Path, files: Sequence[Path], job: Job) -> Flags:
    """Write the vectors of some texts into a file; return which ones took several windows."""
    out, wanted = job
    decoder = msgspec.json.Decoder(Conversation)
    texts = []
    for number, offset, view in zip(*(column.tolist() for column in wanted), strict=True):
        with files[number].open("rb") as stream:
            stream.seek(offset)
            texts.append(judged_text(decoder.decode(stream.readline()), View(view)))
    vectors, in_windows = _embedder(folder).vectors(texts)
    np.save(out, vectors)
    return in_windows


@lru_cache(maxsize=1)
def _embedder(folder: Path) -> Embedder:
    """Return the model; a process loads it once."""
    return Embedder(folder)


def _joined(folder: Path, pieces: Sequence[Numbers], files: Sequence[Path]) -> Vectors:
    """Return the vectors of all pieces, each in its place, mapped from one file."""
    rows = sum(map(len, pieces))
    columns = np.load(files[0], mmap_mode="r").shape[1] if files else 1
    joined: Vectors = np.lib.format.open_memmap(
        folder / "vectors.npy", mode="w+", dtype=np.float32, shape=(rows, columns)
    )
    for piece, path in zip(pieces, files, strict=True):
        joined[piece] = np.load(path)
        path.unlink()
    return joined


class Stayers:
    """Finds for rows of vectors, asked in rising order, the closest row before that stays."""

    def __init__(self, vectors: Vectors, threshold: float, index: Index) -> None:
        self._vectors = vectors
        self._threshold = threshold
        self._index = index
        self._begin = self._end = 0
        self._staying: set[int] = set()
        self._near: defaultdict[int, list[tuple[int, float]]] = defaultdict(list)

    def closest(self, row: int) -> tuple[int, float] | None:
        """Return the most similar row and the similarity, of equals the first; None if too low."""
        if row >= self._end:
            self._look_ahead(row)
        found = [
            pair for pair in self._near[row] if pair[0] < self._begin or pair[0] in self._staying
        ]
        return max(found, key=lambda pair: (pair[1], -pair[0]), default=None)

    def stays(self, row: int) -> None:
        """Learn that a row stays."""
        self._staying.add(row)

    def _look_ahead(self, row: int) -> None:
        """Compare the next rows, at once, with those that stay and with one another."""
        rows = np.array(sorted(self._staying), dtype=np.int64)
        self._index.add(rows, self._vectors[rows])
        self._staying.clear()
        self._begin, self._end = row, min(row + _ROWS_AT_ONCE, len(self._vectors))
        asked = self._vectors[self._begin : self._end]
        later, stayed = self._index.near(asked)
        other, earlier = within(asked, self._threshold)
        one = np.concatenate([later, other]) + row
        two = np.concatenate([stayed, earlier + row])
        similarity = cosines(self._vectors, one, two)
        self._near.clear()
        enough = similarity >= self._threshold
        columns = (one[enough].tolist(), two[enough].tolist(), similarity[enough].tolist())
        for later_row, before, similar in zip(*columns, strict=True):
            self._near[later_row].append((before, similar))


class ByMeaning:
    """Compares records by their vectors: SFT with SFT by its parts, all others as a whole."""

    def __init__(
        self, found: Surveyed, distinct: Numbers, *, choices: Semantic, counts: EmbeddedTexts
    ) -> None:
        whole, parts = embedded(found, distinct, Path(choices.model), counts)
        self._sft_count = len(parts)
        self._places = distinct
        self._rows = np.zeros(len(found.ids), dtype=np.int64)
        self._rows[distinct] = np.arange(len(distinct))
        self._whole, self._parts = (
            Stayers(vectors, choices.threshold, _index(vectors, choices))
            for vectors in (whole, parts)
        )

    def best(self, place: int) -> Match | None:
        """Return the closest of those that stay; places come in the order of rank, SFT first."""
        row = int(self._rows[place])
        found = (self._parts if row < self._sft_count else self._whole).closest(row)
        if found is None:
            return None
        return Match(int(self._places[found[0]]), found[1], "semantic_duplicate")

    def stays(self, place: int) -> None:
        """Learn that a place stays."""
        row = int(self._rows[place])
        self._whole.stays(row)
        if row < self._sft_count:
            self._parts.stays(row)


def _index(vectors: Vectors, choices: Semantic) -> Index:
    shape = (vectors.shape[1], vectors.shape[2])
    if len(vectors) < choices.exact_below:
        return Exact(len(vectors), shape, choices.threshold)
    return Graph(shape)
