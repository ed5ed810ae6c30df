"""Compares this project's sentence rules with libraries, on the files of the real sample.

    python benchmarks/sentences.py FOLDER [--seed 1] [--show 60]

FOLDER holds the corpora as docs/real-sample.md lists them. Prints the speed of each in one
run, one core and MB of UTF-8 a second; how far their sentence ends agree; and, to be read by
eye, places drawn by the seed where a library and the rules differ. Libraries that are not
installed are left out: `pip install sentencex pysbd blingfire nupunkt`.
"""

import random
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import click
import msgspec

from onestage.collect.documents import to_document
from onestage.collect.passages import cut_passages
from onestage.collect.raw import BadRecord
from onestage.collect.readers import read_source
from onestage.params import load_document, mapping
from onestage.sentences import sentences
from onestage.sources import Source

_PROFILE = Path(__file__).parent.parent / "profiles" / "real-sample.yaml"
_PROFILE_FOLDER = "data/raw/realdata"
# Texts whose words were taken apart or left out tell nothing about sentences.
_LEFT_OUT = {"wiki_en", "news_zh"}
_CONTEXT = 36
_MAX_CHARS = {"zh": 240, "en": 800}

Segment = Callable[[str], list[str]]


class Peer(NamedTuple):
    """A library: its name, what it does to a line, and the share of the lines it is given."""

    name: str
    segment: Segment
    every: int


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--seed", default=1, show_default=True)
@click.option("--show", default=60, show_default=True, help="Places to print for each language.")
def main(folder: Path, seed: int, show: int) -> None:
    """Print speed, agreement and a sample of disagreements."""
    texts = _texts(folder)
    for lang, documents in texts.items():
        lines = [line for text in documents for line in text.split("\n") if line.strip()]
        peers = _peers(lang)
        _print_speed(lang, documents, lines, peers)
        _print_agreement(lines, peers)
        if show:
            _print_differences(lines, peers, random.Random(seed), show)  # noqa: S311


def _texts(folder: Path) -> dict[str, list[str]]:
    """Return the normalised documents of each language."""
    texts: dict[str, list[str]] = {"zh": [], "en": []}
    for key, source in mapping(load_document(_PROFILE), "sources", Source).items():
        path = Path(source.path.replace(_PROFILE_FOLDER, str(folder)))
        if source.kind == "sft" or key in _LEFT_OUT or not path.exists():
            continue
        for located in read_source(_with_path(source, path)):
            if isinstance(located.value, BadRecord):
                continue
            document = to_document(
                located.value, source.fields, replace=source.replace, wrapped=source.wrapped
            )
            if not isinstance(document, BadRecord) and document.text:
                texts[source.lang].append(document.text)
    return texts


def _with_path(source: Source, path: Path) -> Source:
    return msgspec.structs.replace(source, path=str(path))


def _peers(lang: str) -> list[Peer]:
    """Return the libraries that are installed; slow ones are given a part of the lines."""
    makers: dict[str, tuple[Callable[[], Segment], int]] = {
        "sentencex": (lambda: _sentencex(lang), 1),
        "pysbd": (lambda: _pysbd(lang), 20),
        "blingfire": (_blingfire, 1),
        "nupunkt": (_nupunkt, 5),
    }
    peers: list[Peer] = []
    for name, (make, every) in makers.items():
        try:
            peers.append(Peer(name, make(), every))
        except ImportError:
            print(f"{name} is not installed: left out")
    return peers


def _sentencex(lang: str) -> Segment:
    library = import_module("sentencex")
    return lambda line: list(library.segment(lang, line))


def _pysbd(lang: str) -> Segment:
    segmenter = import_module("pysbd").Segmenter(language=lang, clean=False)
    return lambda line: list(segmenter.segment(line))


def _blingfire() -> Segment:
    library = import_module("blingfire")
    return lambda line: str(library.text_to_sentences(line)).split("\n")


def _nupunkt() -> Segment:
    library = import_module("nupunkt")
    return lambda line: list(library.sent_tokenize(line))


def _own(line: str) -> list[str]:
    return [line[start:end] for start, end in sentences(line)]


def _megabytes(texts: list[str]) -> float:
    return sum(len(text.encode()) for text in texts) / 1e6


def _print_speed(lang: str, documents: list[str], lines: list[str], peers: list[Peer]) -> None:
    print(f"\n{lang}: {len(documents)} documents, {len(lines)} lines, {_megabytes(lines):.1f} MB")
    print("| what | MB/s | against these rules |\n|---|---|---|")
    own = _speed(_own, lines)
    print(f"| these rules | {own:.1f} | 1 |")
    for peer in peers:
        speed = _speed(peer.segment, lines[:: peer.every])
        print(f"| {peer.name} | {speed:.2f} | {speed / own:.2f} |")

    def cut(text: str) -> object:
        return cut_passages(text, sentences(text), min_chars=30, max_chars=_MAX_CHARS[lang])

    print(f"| sentences and passages | {_speed(cut, documents):.1f} | |")


def _speed(work: Callable[[str], object], texts: list[str]) -> float:
    """Return the better of two runs, so that caches are warm for all alike."""
    seconds: list[float] = []
    for _ in range(2):
        begin = time.perf_counter()
        for text in texts:
            work(text)
        seconds.append(time.perf_counter() - begin)
    return _megabytes(texts) / min(seconds)


def _ends(line: str, parts: list[str]) -> set[int]:
    """Return where sentences end within a line, its own end apart."""
    ends: set[int] = set()
    place = 0
    for part in filter(None, map(str.strip, parts)):
        found = line.find(part, place)
        if found >= 0:  # else the library changed the text
            place = found + len(part)
            ends.add(place)
    return ends - {len(line.rstrip())}


def _print_agreement(lines: list[str], peers: list[Peer]) -> None:
    print("\n| library | both | these rules alone | it alone |\n|---|---|---|---|")
    for peer in peers:
        both = own_alone = its_alone = 0
        for line in lines[:: peer.every]:
            own, its = _ends(line, _own(line)), _ends(line, peer.segment(line))
            both += len(own & its)
            own_alone += len(own - its)
            its_alone += len(its - own)
        print(f"| {peer.name} | {both} | {own_alone} | {its_alone} |")


def _differences(lines: list[str], peer: Peer) -> Iterator[str]:
    for line in lines:
        own, its = _ends(line, _own(line)), _ends(line, peer.segment(line))
        for end in sorted(own ^ its):
            mark = "own " if end in own else "peer"
            before, after = line[max(0, end - _CONTEXT) : end], line[end : end + _CONTEXT]
            yield f"{mark} {before}┃{after}"


def _print_differences(
    lines: list[str], peers: list[Peer], drawn: random.Random, show: int
) -> None:
    """Print where only these rules (own), or only the first library (peer), see an end."""
    if not peers:
        return
    found = list(_differences(lines, peers[0]))
    print(f"\n{min(show, len(found))} of {len(found)} places where {peers[0].name} differs")
    for line in drawn.sample(found, min(show, len(found))):
        print(line)


if __name__ == "__main__":
    main()
