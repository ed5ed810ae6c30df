"""The `sources` section: one raw corpus each, how its files are read and what is in them."""

from typing import Literal

import msgspec

from onestage.params import Params
from onestage.records import Kind, Lang

Format = Literal["jsonl", "json", "csv", "tsv", "parquet", "txt", "xml"]


class Fields(Params, frozen=True):
    """Which fields of a raw record hold what: column names, nested keys (`a.b`) or XPaths.

    Corpora give `text` (several are joined by a line break) and perhaps `title`. SFT sources
    give either `messages` (role and content) or `instruction` (several are joined) and
    `output`.
    """

    text: list[str] = msgspec.field(default_factory=list)
    title: str = ""
    messages: str = ""
    instruction: list[str] = msgspec.field(default_factory=list)
    output: str = ""


class Source(Params, frozen=True):
    """One entry of `sources`.

    `path` is a file, or a folder of which the files that match `include` are read. `lexicon`
    is a file of domain terms, one a line (for SFT sources an empty file). `record` is the
    XPath of a record (xml) or the unit of text that makes one (txt: file, paragraph, line).
    `header` says whether the first row of csv and tsv names the columns; without it they are
    called 0, 1, 2, ... `max_bad_records` is how many undecodable, unparsable or unmappable
    records may be rejected before the source counts as broken.
    """

    path: str
    lexicon: str
    kind: Kind
    lang: Lang
    format: Format
    fields: Fields
    encoding: str = "utf-8"
    include: str = "*"
    record: str = ""
    header: bool = True
    max_bad_records: int = 0

    def __post_init__(self) -> None:
        is_sft = self.kind == "sft"
        if is_sft and not (
            self.fields.messages or (self.fields.instruction and self.fields.output)
        ):
            raise ValueError(
                "kind sft needs fields.messages, or fields.instruction and fields.output"
            )
        if not is_sft and not self.fields.text:
            raise ValueError(f"kind {self.kind} needs fields.text")
        if self.format == "xml" and not self.record:
            raise ValueError("format xml needs record, the XPath of one record")
        if self.format == "txt" and self.record not in ("file", "paragraph", "line"):
            raise ValueError("format txt needs record: file, paragraph or line")
