"""Build labelled passages from the real sample, to weigh, train and calibrate filters with.

Reads what profiles/bring_real_sample.py brought; run it in the project's root. The passages are
those that `collect` hands to its filters: read, cut and checked as the profile says. Written to
data/raw/realdata/labelled are lines of `text`, `label` (1 medical, 0 general) and `source`.

csl.jsonl holds papers of all fields, labelled by their catalogue's; csl_a.jsonl and csl_b.jsonl
are its halves. The other files are whole sources of one label: medical_zh_a.jsonl and so on,
general or medical, zh or en, a or b. What a filter learns from a-files can be judged on b-files,
which hold other papers or other sources. Of each source at most 1,000 different passages are
taken, drawn by their hash.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, TypedDict

import click
import msgspec

from onestage import outputs, params
from onestage.collect.readers import read_source
from onestage.collect.selection import CharsByLang, Collect, Selector
from onestage.command import OneLineCommand
from onestage.errors import InputError
from onestage.identity import content_id
from onestage.sources import Source

_PROFILE = Path(__file__).with_name("real-sample.yaml")
_TARGET = Path("data/raw/realdata/labelled")
_PAPERS = "literature_zh"
# One line a paper, in the order of the papers' own file; the last column is the field.
_FIELDS = Path("data/raw/realdata/lit_zh_csl_dev/cls_ctg_dev.tsv")
_MEDICINE = "医学"
_GROUPS = {
    "medical_zh_a": ("encyclopedia_zh", "web_zh"),
    "medical_zh_b": ("classics_zh", "meridians_zh", "infections_zh"),
    "general_zh_a": ("news_zh", "apps_zh"),
    "general_zh_b": ("wiki_zh",),
    "medical_en_a": ("kidney_en", "web_en"),
    "medical_en_b": ("pharmacology_en", "nerves_en"),
    "general_en_a": ("wiki_en",),
    "general_en_b": ("plays_en",),
}
_MOST = 1000
# News are titles, which are shorter than what the profile takes for a passage.
_SHORTER = {"news_zh": CharsByLang(zh=12, en=80)}


class Row(TypedDict):
    """A line of a labelled file."""

    text: str
    label: int
    source: str


class Passage(NamedTuple):
    """A passage that the filters would judge, and the number of its record."""

    text: str
    record: int


@click.command(cls=OneLineCommand, help=__doc__)
def main() -> None:
    """Write the labelled files and say how many passages each has."""
    document = params.load_document(_PROFILE)
    sources = params.mapping(document, "sources", Source)
    choices = params.section(document, "collect", Collect)
    papers = list(_labelled_papers(_passages(_PAPERS, sources[_PAPERS], choices)))
    # Every other paper of each label, so that the halves have as many of both.
    half = set(sorted({(row["label"], number) for number, row in papers})[::2])
    _write("csl", [row for _, row in papers])
    _write("csl_a", [row for number, row in papers if (row["label"], number) in half])
    _write("csl_b", [row for number, row in papers if (row["label"], number) not in half])
    for group, keys in _GROUPS.items():
        label = int(group.startswith("medical"))
        _write(
            group,
            [
                {"text": text, "label": label, "source": key}
                for key in keys
                for text in _drawn(_passages(key, sources[key], choices))
            ],
        )


def _passages(key: str, source: Source, choices: Collect) -> Iterator[Passage]:
    """Yield what is left of a source before a filter of the domain."""
    if not Path(source.path).exists():
        raise InputError(f"{source.path}: not here; run profiles/bring_real_sample.py first")
    own = msgspec.structs.replace(choices, min_chars=_SHORTER.get(key, choices.min_chars))
    for drafted in Selector(source, own, None).drafts(read_source(source)):
        for text in drafted.texts:
            yield Passage(text, drafted.draft.record)


def _labelled_papers(passages: Iterable[Passage]) -> Iterator[tuple[int, Row]]:
    try:
        lines = _FIELDS.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(f"{_FIELDS}: not here; run profiles/bring_real_sample.py first") from error
    fields = [line.rsplit("\t", 1)[-1] for line in lines]
    for text, number in passages:
        label = int(fields[number - 1] == _MEDICINE)
        yield number, {"text": text, "label": label, "source": _PAPERS}


def _drawn(passages: Iterable[Passage]) -> list[str]:
    """Return at most so many different passages, the same ones whatever their order."""
    return sorted({text for text, _ in passages}, key=content_id)[:_MOST]


def _write(name: str, rows: list[Row]) -> None:
    path = _TARGET / f"{name}.jsonl"
    with outputs.staged(path) as (part,):
        part.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    of_domain = sum(row["label"] == 1 for row in rows)
    click.echo(f"{path}: {of_domain} medical and {len(rows) - of_domain} general passages")


if __name__ == "__main__":
    main()
