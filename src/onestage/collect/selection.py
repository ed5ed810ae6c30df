"""From located raw records to kept passages and conversations, nothing lost without a reason."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, get_args

import msgspec

from onestage.collect.density import Lexicon
from onestage.collect.documents import Document, to_document, to_messages
from onestage.collect.passages import cut_passages
from onestage.collect.quality import Quality, Verdict, rejected_for
from onestage.collect.readers import BadRecord, Located
from onestage.errors import InputError
from onestage.identity import DocumentIds, content_id
from onestage.params import From0, Params
from onestage.records import Conversation, Detail, Lang, Message, Passage, Rejection
from onestage.sources import Source

_EXCERPT_CHARS = 60


class ByLang(Params, frozen=True):
    """One figure a language: characters carry different amounts of meaning."""

    zh: From0
    en: From0

    def of(self, lang: Lang) -> float:
        """Return the figure for a language."""
        return self.zh if lang == "zh" else self.en


class CharsByLang(ByLang, frozen=True):
    """A number of characters a language, at least one."""

    zh: Annotated[float, msgspec.Meta(ge=1)]
    en: Annotated[float, msgspec.Meta(ge=1)]


class Collect(Params, frozen=True):
    """The `collect` section: bounds of passages in characters, thresholds of the filters."""

    min_chars: CharsByLang
    max_chars: CharsByLang
    min_density: ByLang
    quality: Quality

    def __post_init__(self) -> None:
        for lang in get_args(Lang):
            if self.min_chars.of(lang) > self.max_chars.of(lang):
                raise ValueError(f"min_chars.{lang} must not exceed max_chars.{lang}")


class Counts(msgspec.Struct):
    """Conservation: records = bad + documents, documents = kept + rejected,
    passages = kept + rejected, chars = kept + rejected + between passages.
    """

    records: int = 0
    bad_records: Counter[str] = msgspec.field(default_factory=Counter)
    documents: int = 0
    documents_kept: int = 0
    documents_rejected: Counter[str] = msgspec.field(default_factory=Counter)
    passages: int = 0
    passages_kept: int = 0
    passages_rejected: Counter[str] = msgspec.field(default_factory=Counter)
    chars: int = 0
    chars_kept: int = 0
    chars_rejected: int = 0
    chars_between: int = 0

    def as_metrics(self) -> dict[str, Any]:
        """Return plain values, reasons in name order."""
        values = msgspec.structs.asdict(self)
        return {
            key: dict(sorted(value.items())) if isinstance(value, Counter) else value
            for key, value in values.items()
        }


Collected = Passage | Conversation | Rejection


class Collector:
    """Collects one source; `counts` is complete when the iterator is exhausted."""

    def __init__(self, key: str, source: Source, choices: Collect, lexicon: Lexicon | None) -> None:
        self.counts = Counts()
        self._key = key
        self._source = source
        self._choices = choices
        self._lexicon = lexicon
        self._ids = DocumentIds(key)

    def collect(self, records: Iterable[Located]) -> Iterator[Collected]:
        """Yield what is kept and what is rejected, in the order of the raw records.

        Raises:
            InputError: more bad records than `max_bad_records`, or nothing but bad ones.
        """
        for located in records:
            self.counts.records += 1
            if isinstance(located.value, BadRecord):
                yield self._bad(located, located.value)
            elif self._source.kind == "sft":
                yield self._conversation(located)
            else:
                yield from self._passages(located)
        if self.counts.records and self.counts.records == self.counts.bad_records.total():
            raise InputError(
                f"sources.{self._key}: all {self.counts.records} records are bad "
                f"({dict(self.counts.bad_records)}); mend its format, encoding or fields"
            )

    def _bad(self, located: Located, bad: BadRecord) -> Rejection:
        self.counts.bad_records[bad.reason] += 1
        allowed = self._source.max_bad_records
        if self.counts.bad_records.total() > allowed:
            raise InputError(
                f"{self._source.path}: {located.file}, record {located.record}: {bad.reason}: "
                f"{bad.detail}; at most {allowed} bad records are allowed: mend the file or "
                f"raise sources.{self._key}.max_bad_records"
            )
        name = content_id(self._key, located.file, located.record, bad.reason)
        place: dict[str, Detail] = {"file": located.file, "record": located.record}
        return Rejection(name, self._key, bad.reason, {**place, "found": bad.detail})

    def _conversation(self, located: Located) -> Collected:
        assert not isinstance(located.value, BadRecord)
        messages = to_messages(located.value, self._source.fields, replace=self._source.replace)
        if isinstance(messages, BadRecord):
            return self._bad(located, messages)
        canonical = msgspec.json.encode(messages).decode()
        parent = self._ids.next(canonical)
        self.counts.documents += 1
        chars = sum(len(message.content) for message in messages)
        self.counts.chars += chars
        if not all(message.content for message in messages):
            self.counts.documents_rejected["empty"] += 1
            self.counts.chars_rejected += chars
            return self._rejection(parent, located, ("empty", {}), "")
        self.counts.documents_kept += 1
        self.counts.chars_kept += chars
        return self._sft(parent, messages, located)

    def _sft(self, parent: str, messages: list[Message], located: Located) -> Conversation:
        return Conversation(
            id=content_id(parent, "sft"),
            source=self._key,
            kind=self._source.kind,
            lang=self._source.lang,
            messages=messages,
            text="",
            passage="",
            parent=parent,
            file=located.file,
            record=located.record,
            via="sft",
        )

    def _passages(self, located: Located) -> Iterator[Collected]:
        assert not isinstance(located.value, BadRecord)
        source = self._source
        document = to_document(
            located.value, source.fields, replace=source.replace, wrapped=source.wrapped
        )
        if isinstance(document, BadRecord):
            yield self._bad(located, document)
            return
        self.counts.documents += 1
        self.counts.chars += len(document.text)
        doc = self._ids.next(document.text)
        if not document.text:
            self.counts.documents_rejected["empty"] += 1
            yield self._rejection(doc, located, ("empty", {}), "")
            return
        kept, reason = 0, ""
        for span in self._cut(document):
            passage = self._passage(doc, located, document, span)
            verdict = self._verdict(passage.text)
            self._count(span, verdict)
            if verdict is None:
                kept += 1
                yield passage
            else:
                reason = reason or verdict[0]
                place: dict[str, Detail] = {"doc": doc, "start": span[0], "end": span[1]}
                placed = (verdict[0], {**place, **verdict[1]})
                yield self._rejection(passage.id, located, placed, passage.text)
        if kept:
            self.counts.documents_kept += 1
        else:
            self.counts.documents_rejected[reason] += 1

    def _cut(self, document: Document) -> list[tuple[int, int]]:
        lang, choices = self._source.lang, self._choices
        spans = cut_passages(
            document.text,
            lang=lang,
            min_chars=int(choices.min_chars.of(lang)),
            max_chars=int(choices.max_chars.of(lang)),
        )
        self.counts.chars_between += len(document.text) - sum(end - start for start, end in spans)
        return spans

    def _passage(
        self, doc: str, located: Located, document: Document, span: tuple[int, int]
    ) -> Passage:
        return Passage(
            id=content_id(doc, *span),
            source=self._key,
            kind=self._source.kind,
            lang=self._source.lang,
            doc=doc,
            file=located.file,
            record=located.record,
            span=span,
            text=document.text[span[0] : span[1]],
            title=document.title,
        )

    def _verdict(self, text: str) -> Verdict | None:
        lang, choices = self._source.lang, self._choices
        verdict = rejected_for(
            text, min_chars=int(choices.min_chars.of(lang)), rules=choices.quality
        )
        if verdict is not None or self._lexicon is None:
            return verdict
        density = self._lexicon.density(text)
        needed = self._source.min_density
        if density < (choices.min_density.of(lang) if needed is None else needed):
            return "low_density", {"density": round(density, 4)}
        return None

    def _count(self, span: tuple[int, int], verdict: Verdict | None) -> None:
        chars = span[1] - span[0]
        self.counts.passages += 1
        if verdict is None:
            self.counts.passages_kept += 1
            self.counts.chars_kept += chars
        else:
            self.counts.passages_rejected[verdict[0]] += 1
            self.counts.chars_rejected += chars

    def _rejection(self, name: str, located: Located, verdict: Verdict, text: str) -> Rejection:
        detail: dict[str, Detail] = {"file": located.file, "record": located.record, **verdict[1]}
        if text:
            detail["excerpt"] = text[:_EXCERPT_CHARS]
        return Rejection(id=name, source=self._key, reason=verdict[0], detail=detail)
