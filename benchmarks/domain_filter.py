"""Measures how fast the filters of the domain judge passages, on one core.

    python benchmarks/domain_filter.py CORPUS [--megabytes 5] [--zh LEXICON] [--en LEXICON]

CORPUS is what benchmarks/collect_corpus.py wrote. Its documents are read and cut as `collect`
does with the toy profile, out of the time; then each filter judges the passages of a language,
one by one as `collect` has it, three times, of which the fastest counts. MB are 10^6 bytes of
UTF-8. The weights of lexicon and classifier are drawn: speed does not depend on what they are.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import click
import msgspec
import numpy as np

from onestage.collect.classifier import BUCKETS, FORMAT, Classifier, Facts
from onestage.collect.density import Lexicon, load_lexicon
from onestage.collect.domain import DomainFilter
from onestage.collect.readers import read_source
from onestage.collect.selection import Collect, Selector
from onestage.params import load_document, section
from onestage.records import Lang
from onestage.sources import Source

_ROOT = Path(__file__).parent.parent
_RUNS = 3
_PATH = click.Path(exists=True, path_type=Path)


@click.command()
@click.argument("corpus", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--megabytes", default=5.0, show_default=True, help="Of each language, at most.")
@click.option("--zh", type=_PATH, default=_ROOT / "data/toy/lexicon_zh.txt", help="Its lexicon.")
@click.option("--en", type=_PATH, default=_ROOT / "data/toy/lexicon_en.txt", help="Its lexicon.")
def main(corpus: Path, megabytes: float, zh: Path, en: Path) -> None:
    """Print a table of speeds."""
    classifier = _drawn_classifier()
    lexicons: dict[Lang, Lexicon] = {"zh": load_lexicon(zh), "en": load_lexicon(en)}
    print("| language, terms | filter | MB/s | passages/s |\n|---|---|---|---|")
    for lang, lexicon in lexicons.items():
        texts = _up_to(megabytes * 1e6, _passages(corpus, lang))
        size = sum(len(text.encode()) for text in texts) / 1e6
        for name, judge in _judges(lexicon, classifier).items():
            seconds = min(_timed(judge, texts) for _ in range(_RUNS))
            speeds = f"{size / seconds:.1f} | {len(texts) / seconds:,.0f}"
            print(f"| {lang}, {lexicon.size} | {name} | {speeds} |")
        print(f"| {lang} | {len(texts)} passages, {size:.1f} MB | | |")


def _passages(corpus: Path, lang: Lang) -> Iterator[str]:
    """Yield what collect would hand to a filter."""
    choices = section(load_document(_ROOT / "profiles" / "toy.yaml"), "collect", Collect)
    entries = json.loads((corpus / "corpus.json").read_text(encoding="utf-8")).values()
    for entry in entries:
        if entry["lang"] != lang:
            continue
        more = {"path": str(corpus / entry["path"]), "lexicon": "", "classifier": ""}
        source = msgspec.convert({**entry, **more}, Source)
        for drafted in Selector(source, choices, None).drafts(read_source(source)):
            yield from drafted.texts


def _up_to(size: float, texts: Iterable[str]) -> list[str]:
    taken: list[str] = []
    for text in texts:
        if size <= 0:
            break
        taken.append(text)
        size -= len(text.encode())
    return taken


def _drawn_classifier() -> Classifier:
    weights = np.random.default_rng(1).integers(-127, 128, BUCKETS, dtype=np.int8)
    return Classifier(weights, Facts(FORMAT, BUCKETS, 0.01, 0.0, 0.5, ""))


def _judges(lexicon: Lexicon, classifier: Classifier) -> dict[str, Callable[[str], object]]:
    weighted = Lexicon({term: place % 10 / 10 for place, term in enumerate(lexicon.weights)})
    filtered = partial(DomainFilter, min_density=0.1, min_probability=0.5)
    return {
        "plain lexicon": filtered(lexicon, None).verdict,
        "weighted lexicon": filtered(weighted, None).verdict,
        "classifier": filtered(None, classifier).verdict,
        "both, weighted lexicon": filtered(weighted, classifier).verdict,
    }


def _timed(judge: Callable[[str], object], texts: list[str]) -> float:
    start = time.perf_counter()
    for text in texts:
        judge(text)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
