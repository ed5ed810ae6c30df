"""The `sources` section: one raw corpus each, how its files are read and what is in them."""

import os
import re
import warnings
from pathlib import Path
from typing import Literal

import msgspec

from onestage.params import NotNegative, Params, Share
from onestage.records import Kind, Lang

Format = Literal["jsonl", "json", "csv", "tsv", "parquet", "txt", "xml", "html"]


class Fields(Params, frozen=True):
    """Which fields of a raw record hold what: column names, nested keys (`a.b`) or XPaths.

    Corpora give `text` (several are joined by a line break) and perhaps `title`. A text with
    braces is a sentence made of fields, `{name} is treated by {department}.`; it is left out
    where one of them is empty. SFT sources give either `messages` (role and content) or
    `instruction` (several are joined) and `output`; without `output` unify asks a language model.
    """

    text: list[str] = msgspec.field(default_factory=list)
    title: str = ""
    messages: str = ""
    instruction: list[str] = msgspec.field(default_factory=list)
    output: str = ""


class Source(Params, frozen=True):
    """One entry of `sources`.

    `path` is a file, or a folder of which the files that match `include` are read; those that
    end in .gz, .xz, .zst or .zstd are decompressed. `encoding` is a codec of Python, or `auto`
    for the one that each file looks like; parquet and xml (unless it is not utf-8) say theirs
    themselves. `lexicon` is a file of domain terms, one a line, and `classifier` a learned
    filter (where there is none a blank file). `min_density` takes
    the place of `collect.min_density` for a corpus whose words the lexicon does not have, such
    as classics that are medical throughout.

    `record` is the XPath of a record (xml), the keys that lead to the list of records where
    that is not the whole file (json: `data.articles`; lists on the way are walked), or the
    unit of text that makes a record (txt: file, paragraph, line, or section, which begins at
    each line that matches the regular expression `heading`, whose group 1 is its title).
    Of html each file is one record with the fields `title` and `text`, its main text; `html`
    says that the text fields of another format hold pages or fragments, and takes their text.
    `header` says whether the first row of csv and tsv names the columns; without it they are
    called 0, 1, 2, ...

    `replace` removes what is mark-up or boilerplate in this source alone: pairs of a regular
    expression and its replacement, in this order, on each raw field (`^` and `$` match at
    line breaks).
    `wrapped` says that long lines were broken at a fixed width, so that a line break within a
    sentence is lay-out. `max_bad_records` is how many undecodable, unparsable, unmappable
    or oversized records may be rejected before the source counts as broken.
    """

    path: str
    lexicon: str
    classifier: str
    kind: Kind
    lang: Lang
    format: Format
    fields: Fields
    encoding: str = "utf-8"
    include: str = "*"
    record: str = ""
    heading: str = ""
    header: bool = True
    min_density: Share | None = None
    replace: list[tuple[str, str]] = msgspec.field(default_factory=list)
    wrapped: bool = False
    html: bool = False
    max_bad_records: NotNegative = 0

    def __post_init__(self) -> None:
        is_sft = self.kind == "sft"
        if is_sft and not (self.fields.messages or self.fields.instruction):
            raise ValueError("kind sft needs fields.messages or fields.instruction")
        if not is_sft and not self.fields.text:
            raise ValueError(f"kind {self.kind} needs fields.text")
        if self.format == "xml" and not self.record:
            raise ValueError("format xml needs record, the XPath of one record")
        if self.format == "txt" and self.record not in ("file", "paragraph", "line", "section"):
            raise ValueError("format txt needs record: file, paragraph, line or section")
        if (self.record == "section") != bool(self.heading):
            raise ValueError("record: section and heading, a regular expression, go together")
        _check_heading(self.heading)
        for pattern, replacement in self.replace:
            _check_replacement(replacement, _compiled(pattern))
        _check_include(self.include)


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        with warnings.catch_warnings(action="error", category=FutureWarning):
            return re.compile(pattern, re.MULTILINE)
    except (re.error, OverflowError, RecursionError, FutureWarning) as error:
        raise ValueError(f"{pattern!r} is no regular expression ({error})") from error


def _check_heading(pattern: str) -> None:
    if pattern and not _compiled(pattern).groups:
        raise ValueError(f"heading {pattern!r} has no group; put its title in round brackets")


def _check_replacement(replacement: str, pattern: re.Pattern[str]) -> None:
    try:
        pattern.sub(replacement, "")  # read before anything is looked for
    except (re.error, IndexError) as error:
        raise ValueError(f"{replacement!r} is no replacement ({error})") from error


def _check_include(pattern: str) -> None:
    if not pattern or pattern.startswith("/") or ".." in pattern.split("/"):
        raise ValueError(f"include {pattern!r}: expected a pattern within the source's folder")
    try:
        next(Path(os.devnull).rglob(pattern), None)  # finds nothing, but reads the pattern
    except ValueError as error:
        raise ValueError(f"include {pattern!r} is no pattern of file names ({error})") from error
