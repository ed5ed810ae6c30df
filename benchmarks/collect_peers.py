"""Runs datatrove's readers and filters over the generated corpus: the peer of `collect`.

    python benchmarks/collect_peers.py CORPUS SCRATCH [--workers 1 --workers 2] 2>log

CORPUS is what benchmarks/collect_corpus.py wrote. To be run in an environment of its own with
`datatrove[io,processing]`, nltk, spacy, jieba and ahocorasick_rs; the project does not depend
on them. Of the corpus datatrove reads the jsonl and csv files, three quarters of the bytes: it
has no reader for txt, xml and pages of html outside of WARC files. Time collect on the same.

What it does is the closest to collect that needs no download: mask personal data, repetition
and quality rules of Gopher, line and sentence rules of C4, density of the terms of a lexicon by
the same matcher, MinHash signatures, JSON Lines. Left out, each in the peer's favour: language
detection (its model is a download), passages, learned filter, recurring boilerplate, and the
three stages that turn signatures into duplicates. Words come from spaCy, for Chinese with
jieba, its own choice (`--words library`); or each ideograph and each run of other characters is
one, by a regular expression, which is much faster (`--words plain`).

Its executor deals out whole files, so each file is first split into parts, outside of the time.
Start-up of its processes is in the time, as it is for collect.
"""

import json
import re
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import click

LEXICONS = Path(__file__).parent.parent / "data" / "toy"
READ = ("jsonl", "csv")
PARTS = 8
MIN_DENSITY = 0.02
LANGUAGES = {"zh": "cmn", "en": "eng"}
ABSENT = (
    "datatrove, or what its tokenizers need, is not installed here ({error}). In an environment of "
    "its own: pip install 'datatrove[io,processing]' nltk spacy jieba ahocorasick_rs click"
)


class DenseEnough:
    """Keeps documents of which terms of the lexicon make up a share; built anew in each process."""

    def __init__(self, lexicon: Path) -> None:
        self._lexicon = lexicon
        self._matcher: Any = None

    def __call__(self, document: Any) -> bool:
        """Return whether a document of datatrove has enough terms."""
        if self._matcher is None:
            import ahocorasick_rs  # noqa: PLC0415  (only where this script runs)

            terms = self._lexicon.read_text(encoding="utf-8").split("\n")
            self._matcher = ahocorasick_rs.AhoCorasick(
                [term for term in terms if term],
                matchkind=ahocorasick_rs.MatchKind.LeftmostLongest,
            )
        found = self._matcher.find_matches_as_indexes(document.text.lower())
        return sum(end - start for _, start, end in found) >= MIN_DENSITY * len(document.text)

    def __getstate__(self) -> dict[str, Any]:
        return {"_lexicon": self._lexicon, "_matcher": None}


def join_fields(_: Any, data: dict[str, Any], path: str, place: int | str) -> dict[str, Any]:
    """Map a raw record onto a document of datatrove: all text fields, joined by a line break."""
    names = ("text", "ask", "answer", "abstract")
    text = "\n".join(data[name] for name in names if data.get(name))
    return {"text": text, "id": f"{path}/{place}", "metadata": {"title": data.get("title", "")}}


def split_corpus(corpus: Path, scratch: Path) -> dict[str, float]:
    """Split each readable file into parts by lines and return the MB of each language."""
    megabytes: dict[str, float] = {}
    sources = json.loads((corpus / "corpus.json").read_text(encoding="utf-8"))
    for key, source in sources.items():
        if source["format"] not in READ:
            continue
        path = corpus / source["path"]
        megabytes[source["lang"]] = megabytes.get(source["lang"], 0) + path.stat().st_size / 1e6
        _split(path, scratch / source["lang"] / source["format"], key)
    return megabytes


def _split(path: Path, folder: Path, key: str) -> None:
    """Deal a file's lines out in parts of equal size; no record spans lines."""
    folder.mkdir(parents=True, exist_ok=True)
    part_bytes = path.stat().st_size // PARTS + 1
    with path.open("rb") as stream:
        header = stream.readline() if path.suffix == ".csv" else b""
        for number in range(PARTS):
            lines = stream.readlines(part_bytes)
            (folder / f"{key}-{number}{path.suffix}").write_bytes(header + b"".join(lines))


def plain_words() -> Any:
    """Return a tokenizer for which each ideograph, and each run of others, is a word."""
    from datatrove.utils.word_tokenizers import WordTokenizer  # noqa: PLC0415

    word = re.compile(r"[一-鿿]|(?:(?![一-鿿])[\w'-])++|[^\w\s]")
    sentence = re.compile(r"[^。！？.!?\n]+[。！？.!?\n]*")

    class PlainWords(WordTokenizer):  # type: ignore[misc]
        def word_tokenize(self, text: str) -> list[str]:
            return word.findall(text)

        def sent_tokenize(self, text: str) -> list[str]:
            return sentence.findall(text)

        def span_tokenize(self, text: str) -> list[tuple[int, int]]:
            return [found.span() for found in sentence.finditer(text)]

    return PlainWords()


def pipeline(lang: str, scratch: Path, out: Path, words: str) -> list[Any]:
    """Return the steps for one language."""
    from datatrove.pipeline.dedup import MinhashDedupSignature  # noqa: PLC0415
    from datatrove.pipeline.filters import (  # noqa: PLC0415
        C4QualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
        LambdaFilter,
    )
    from datatrove.pipeline.formatters import PIIFormatter  # noqa: PLC0415
    from datatrove.pipeline.readers import CSVReader, JsonlReader  # noqa: PLC0415
    from datatrove.pipeline.writers import JsonlWriter  # noqa: PLC0415

    zh = lang == "zh"
    language = plain_words() if words == "plain" else LANGUAGES[lang]
    return [
        JsonlReader(str(scratch / lang / "jsonl"), adapter=join_fields),
        CSVReader(str(scratch / lang / "csv"), adapter=join_fields),
        PIIFormatter(),
        GopherRepetitionFilter(language=language),
        GopherQualityFilter(
            language=language,
            min_doc_words=20,
            min_avg_word_length=1 if zh else 3,
            min_stop_words=0 if zh else 2,
        ),
        # Its words of a line are parted by spaces, and its ends of lines are Latin.
        C4QualityFilter(
            language=language,
            filter_no_terminal_punct=not zh,
            min_words_per_line=-1 if zh else 3,
            max_word_length=-1 if zh else 1000,
            min_num_sentences=2,
        ),
        LambdaFilter(DenseEnough(LEXICONS / f"lexicon_{lang}.txt")),
        JsonlWriter(str(out / "kept"), compression=None),
        MinhashDedupSignature(str(out / "signatures"), language=language),
    ]


def run(lang: str, scratch: Path, out: Path, *, workers: int, words: str) -> tuple[float, int]:
    """Run one language and return its seconds and the number of documents kept."""
    from datatrove.executor import LocalPipelineExecutor  # noqa: PLC0415

    steps = pipeline(lang, scratch, out, words)
    begin = time.perf_counter()
    # A task a worker: a second task in one process cannot copy the tokenizer of the first.
    LocalPipelineExecutor(
        steps, tasks=workers, workers=workers, logging_dir=str(out / "logs"), skip_completed=False
    ).run()
    seconds = time.perf_counter() - begin
    kept = sum(1 for path in (out / "kept").rglob("*.jsonl") for _ in path.open("rb"))
    return seconds, kept


@click.command()
@click.argument("corpus", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("scratch", type=click.Path(file_okay=False, path_type=Path))
@click.option("--workers", multiple=True, type=int, default=(1, 2), show_default=True)
@click.option(
    "--words", type=click.Choice(["library", "plain"]), default="plain", show_default=True
)
@click.option("--lang", "langs", multiple=True, default=("zh", "en"), show_default=True)
def main(
    corpus: Path, scratch: Path, workers: tuple[int, ...], words: str, langs: tuple[str, ...]
) -> None:
    """Print MB/s of each language and of both."""
    try:
        pipeline("en", scratch, scratch, words)
        pipeline("zh", scratch, scratch, words)
    except ImportError as error:
        sys.exit(ABSENT.format(error=error))
    shutil.rmtree(scratch, ignore_errors=True)
    parts = scratch / "parts"
    megabytes = split_corpus(corpus, parts)
    print(f"Words: {words}\n| workers | language | MB | s | MB/s | documents kept |")
    print("|---|---|---|---|---|---|")
    for count in workers:
        total = 0.0
        for lang in langs:
            out = scratch / f"{lang}-{count}"
            seconds, kept = run(lang, parts, out, workers=count, words=words)
            total += seconds
            size = megabytes[lang]
            print(
                f"| {count} | {lang} | {size:.1f} | {seconds:.1f} | {size / seconds:.2f} | {kept} |"
            )
        size = sum(megabytes[lang] for lang in langs)
        print(f"| {count} | both | {size:.1f} | {total:.1f} | {size / total:.2f} | |", flush=True)


if __name__ == "__main__":
    main()
