"""Drafts one shard of a source, or finds the draft that an interrupted run left."""

import hashlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec

from onestage.collect.classifier import Classifier, load_classifier
from onestage.collect.density import Lexicon, load_lexicon
from onestage.collect.domain import DomainFilter
from onestage.collect.drafts import ShardStore, Summary
from onestage.collect.raw import Shard
from onestage.collect.readers import read_shard
from onestage.collect.selection import Collect, Selector
from onestage.collect.shards import shard_digest
from onestage.fingerprint import code_digest
from onestage.sources import Source


class Work(NamedTuple):
    """What a worker must know to draft any shard of one source.

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
        source, choices, scratch, _file_digest(source.lexicon), _file_digest(source.classifier)
    )


class DraftedShard(NamedTuple):
    """A shard, the folder where its drafts are, and what is in them."""

    shard: Shard
    store: ShardStore
    summary: Summary


def draft_shard(work: Work, shard: Shard) -> DraftedShard:
    """Read, cut and judge one shard; a complete draft of the same content is taken as it is.

    Same content means: bytes of the shard and its place, parameters, lexicon and classifier,
    code and versions of libraries.
    """
    store = ShardStore(work.scratch / _fingerprint(work, shard))
    summary = store.summary()
    if summary is None:
        selector = Selector(work.source, work.choices, _domain_filter(work))
        drafted = selector.drafts(read_shard(shard, work.source))
        summary = store.write(drafted, work.choices.near_duplicates)
    return DraftedShard(shard, store, summary)


class Tally:
    """Says after each shard how many records were read and how much of them is left."""

    def __init__(self) -> None:
        self._records = self._passages = self._left = 0

    def __call__(self, drafted: DraftedShard) -> str:
        """Add a shard; return the note for a progress bar."""
        self._records += drafted.summary.records
        self._passages += drafted.summary.passages
        self._left += drafted.summary.left
        return f"{self._records} records, {self._left / max(1, self._passages):.0%} kept"


def _fingerprint(work: Work, shard: Shard) -> str:
    digest = hashlib.blake2b(digest_size=12)
    digest.update(msgspec.json.encode([work.source, work.choices]))
    for part in (work.lexicon, work.classifier, code_digest(), shard_digest(shard)):
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


def _file_digest(path: str) -> str:
    found = Path(path)
    content = found.read_bytes() if found.is_file() else b""
    return hashlib.blake2b(content, digest_size=12).hexdigest()


# A worker drafts many shards of one source. The digests tell files from their former selves.


@cache
def _lexicon(path: str, _digest: str) -> Lexicon:
    return load_lexicon(Path(path))


@cache
def _classifier(path: str, _digest: str) -> Classifier:
    return load_classifier(Path(path))
