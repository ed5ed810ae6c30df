"""Drafts a portion of a source, or finds the drafts that an interrupted run left."""

import hashlib
from collections.abc import Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import msgspec

from onestage.collect.classifier import Classifier, load_classifier
from onestage.collect.density import Lexicon, load_lexicon
from onestage.collect.domain import DomainFilter
from onestage.collect.drafts import DraftStore, Summary
from onestage.collect.raw import Shard
from onestage.collect.readers import read_shard
from onestage.collect.selection import Collect, Selector
from onestage.collect.shards import plan_shards, shard_digest, shard_sizes
from onestage.fingerprint import code_digest, file_digest
from onestage.sources import Source


class Work(NamedTuple):
    """What a worker must know to draft any portion of one source.

    `scratch` is the folder of its drafts; `lexicon` and `classifier` are hashes of those files.
    """

    source: Source
    choices: Collect
    scratch: Path
    lexicon: str
    classifier: str


def work_on(source: Source, choices: Collect, scratch: Path) -> Work:
    """Return the work on one source, with its filters as they are now."""
    return Work(
        source, choices, scratch, _filter_digest(source.lexicon), _filter_digest(source.classifier)
    )


# A worker takes so many bytes at a time, in one shard or in several small ones: little enough
# for the last workers to end at about the same time, enough for start and files to cost nothing.
PORTION_BYTES = 4 * 2**20
Portion = tuple[Shard, ...]


class DraftedPortion(NamedTuple):
    """A portion, the folder where its drafts are, and what is in them."""

    portion: Portion
    store: DraftStore
    summary: Summary


def plan_portions(source: Source, *, portion_bytes: int = PORTION_BYTES) -> list[Portion]:
    """Return the shards of a source in order, small ones together.

    Raises:
        InputError: as `plan_shards` says.
    """
    portions: list[Portion] = []
    held = portion_bytes
    shards = plan_shards(source, shard_bytes=portion_bytes)
    for shard, size in zip(shards, shard_sizes(shards), strict=True):
        if held + size > portion_bytes:
            portions.append(())
            held = 0
        portions[-1] += (shard,)
        held += size
    return portions


def portion_sizes(portions: Sequence[Portion]) -> list[int]:
    """Return how many bytes each portion reads."""
    sizes = iter(shard_sizes([shard for portion in portions for shard in portion]))
    return [sum(islice(sizes, len(portion))) for portion in portions]


def draft_portion(work: Work, portion: Portion) -> DraftedPortion:
    """Read, cut and judge one portion; complete drafts of the same content are taken as they are.

    Same content means: bytes of the shards and their places, parameters, lexicon and
    classifier, code and versions of libraries.
    """
    store = DraftStore(work.scratch / _fingerprint(work, portion))
    summary = store.summary()
    if summary is None:
        selector = Selector(work.source, work.choices, _domain_filter(work))
        parts = [
            selector.drafts(read_shard(shard, work.source), part)
            for part, shard in enumerate(portion)
        ]
        summary = store.write(parts, work.choices.near_duplicates)
    return DraftedPortion(portion, store, summary)


class Tally:
    """Says after each portion how many records were read and how much of them is left."""

    def __init__(self) -> None:
        self._records = self._passages = self._left = 0

    def __call__(self, drafted: DraftedPortion) -> str:
        """Add a portion; return the note for a progress bar."""
        self._records += sum(drafted.summary.records)
        self._passages += drafted.summary.passages
        self._left += drafted.summary.left
        return f"{self._records} records, {self._left / max(1, self._passages):.0%} kept"


def _fingerprint(work: Work, portion: Portion) -> str:
    digest = hashlib.blake2b(digest_size=12)
    digest.update(msgspec.json.encode([work.source, work.choices]))
    shards = map(shard_digest, portion)
    for part in (work.lexicon, work.classifier, code_digest(), *shards):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()


def _domain_filter(work: Work) -> DomainFilter | None:
    source, choices = work.source, work.choices
    if source.kind == "sft":
        return None
    own = source.min_density
    return DomainFilter(
        _lexicon(source.lexicon, work.lexicon) if choices.filter != "classifier" else None,
        _classifier(source.classifier, work.classifier) if choices.filter != "lexicon" else None,
        min_density=choices.min_density.of(source.lang) if own is None else own,
        min_probability=choices.min_probability.of(source.lang),
    )


def _filter_digest(path: str) -> str:
    found = Path(path)
    return file_digest(found) if found.is_file() else ""


# A worker drafts many shards of one source. The digests tell files from their former selves.


@cache
def _lexicon(path: str, _digest: str) -> Lexicon:
    return load_lexicon(Path(path))


@cache
def _classifier(path: str, _digest: str) -> Classifier:
    return load_classifier(Path(path))
