"""Portions merged in order: what recurs is rejected, ids are given, everything is counted."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import Any, NamedTuple

import msgspec

from onestage.collect.drafting import DraftedPortion
from onestage.collect.drafts import Draft, PassageDraft
from onestage.collect.quality import Verdict
from onestage.collect.readers import require_matching_field, require_records
from onestage.collect.repeats import Repeats
from onestage.collect.selection import Collect, excerpt
from onestage.errors import InputError
from onestage.identity import content_id, document_id
from onestage.records import Conversation, Detail, Passage, Rejection
from onestage.sources import Source

Collected = Passage | Conversation | Rejection


class Counts(msgspec.Struct):
    """Conservation: records = bad + documents, documents = kept + rejected,
    passages = kept + rejected, chars = kept + rejected + between passages.

    `masked` counts the personal data that were masked, by kind.
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
    masked: Counter[str] = msgspec.field(default_factory=Counter)

    def as_metrics(self) -> dict[str, Any]:
        """Return plain values, reasons in name order."""
        values = msgspec.structs.asdict(self)
        return {
            key: dict(sorted(value.items())) if isinstance(value, Counter) else value
            for key, value in values.items()
        }


class _Origin(NamedTuple):
    """The raw record that something comes from, and the document that it is."""

    file: str
    record: int
    doc: str = ""
    title: str = ""

    def detail(self) -> dict[str, Detail]:
        return {"file": self.file, "record": self.record}


def require_sound(
    key: str, source: Source, portions: Iterable[DraftedPortion]
) -> Iterator[DraftedPortion]:
    """Yield the portions of a source, in order, while it has no more bad records than allowed.

    Raises:
        InputError: more bad records than `max_bad_records`, nothing but bad ones, no record at
            all, or fields that match nothing.
    """
    bad = empty = records = 0
    for bases, drafted in _with_bases(portions):
        records += sum(drafted.summary.records)
        empty += drafted.summary.empty
        for part, number, (reason, detail) in drafted.summary.bad:
            bad += 1
            if bad > source.max_bad_records:
                raise InputError(
                    f"{source.path}: {drafted.portion[part].file}, record {bases[part] + number}: "
                    f"{reason}: {detail['found']}; at most {source.max_bad_records} bad records "
                    f"are allowed: mend the file or raise sources.{key}.max_bad_records"
                )
        yield drafted
    require_records(source, records)
    if bad == records:
        raise InputError(
            f"sources.{key}: all {records} records are bad; mend its format, encoding or fields"
        )
    if bad + empty == records:
        require_matching_field(source)


def _with_bases(
    portions: Iterable[DraftedPortion],
) -> Iterator[tuple[list[int], DraftedPortion]]:
    """Yield with each portion, by shard, the number of records that precede it in its file."""
    before: Counter[str] = Counter()
    for drafted in portions:
        bases = []
        for shard, records in zip(drafted.portion, drafted.summary.records, strict=True):
            if shard.file not in before:
                before.clear()  # the former file is complete
            bases.append(before[shard.file])
            before[shard.file] += records
        yield bases, drafted


class Merger:
    """Merges the portions of one source; `counts` is complete when the iterator is exhausted."""

    def __init__(
        self, key: str, source: Source, choices: Collect, portions: Sequence[DraftedPortion]
    ) -> None:
        self.counts = Counts()
        self._key = key
        self._source = source
        self._portions = portions
        self._repeats = Repeats(
            [drafted.store for drafted in portions], choices.near_duplicates, choices.boilerplate
        )
        self._names: dict[int, str] = {}
        self._passages = count()

    def collect(self) -> Iterator[Collected]:
        """Yield what is kept and what is rejected, in the order of the raw records."""
        document = 0
        for bases, drafted in _with_bases(self._portions):
            texts = drafted.store.texts()
            for draft in drafted.store.drafts():
                self.counts.records += 1
                file = drafted.portion[draft.part].file
                origin = _Origin(file, bases[draft.part] + draft.record)
                if draft.bad is not None:
                    yield self._bad(origin, draft.bad)
                    continue
                ordinal = int(self._repeats.ordinals[document])
                doc = document_id(self._key, draft.digest, ordinal)
                yield from self._document(origin._replace(doc=doc, title=draft.title), draft, texts)
                document += 1

    def _bad(self, origin: _Origin, verdict: Verdict) -> Rejection:
        reason, detail = verdict
        self.counts.bad_records[reason] += 1
        name = content_id(self._key, origin.file, origin.record, reason)
        return Rejection(name, self._key, reason, {**origin.detail(), **detail})

    def _document(self, origin: _Origin, draft: Draft, texts: Iterator[str]) -> Iterator[Collected]:
        self.counts.documents += 1
        self.counts.chars += draft.chars
        self.counts.masked.update(draft.masked)
        if draft.rejected is not None:
            self.counts.chars_rejected += draft.chars
            self._end_document([draft.rejected])
            reason, detail = draft.rejected
            yield Rejection(origin.doc, self._key, reason, {**origin.detail(), **detail})
        elif draft.messages:
            self.counts.chars_kept += draft.chars
            self._end_document([None])
            yield self._conversation(origin, draft)
        else:
            yield from self._cut_document(origin, draft, texts)

    def _cut_document(
        self, origin: _Origin, draft: Draft, texts: Iterator[str]
    ) -> Iterator[Collected]:
        verdicts: list[Verdict | None] = []
        for cut in draft.passages:
            name = content_id(origin.doc, cut.start, cut.end)
            text = "" if cut.rejected else next(texts)
            verdict = cut.rejected or self._recurring(name, text)
            verdicts.append(verdict)
            self._count(cut, verdict)
            if verdict is None:
                yield self._passage(name, origin, cut, text)
            else:
                where: dict[str, Detail] = {"doc": origin.doc, "start": cut.start, "end": cut.end}
                detail = {**origin.detail(), **where, **verdict[1]}
                yield Rejection(name, self._key, verdict[0], detail)
        cut_chars = sum(cut.end - cut.start for cut in draft.passages)
        self.counts.chars_between += draft.chars - cut_chars
        self._end_document(verdicts)

    def _recurring(self, name: str, text: str) -> Verdict | None:
        """Return why a passage that the rules left is one too many in its source."""
        place = next(self._passages)
        match = self._repeats.match(place)
        if match is not None:
            reason = "exact_duplicate" if match.similarity == 1 else "near_duplicate"
            same: dict[str, Detail] = {
                "kept": self._names[match.kept],
                "similarity": round(match.similarity, 4),
            }
            return reason, {**same, "excerpt": excerpt(text)}
        if place in self._repeats.kept:
            self._names[place] = name
        share = self._repeats.boilerplate_share(place)
        if share is None:
            return None
        return "boilerplate", {"share": round(share, 4), "excerpt": excerpt(text)}

    def _passage(self, name: str, origin: _Origin, cut: PassageDraft, text: str) -> Passage:
        return Passage(
            id=name,
            source=self._key,
            kind=self._source.kind,
            lang=self._source.lang,
            doc=origin.doc,
            file=origin.file,
            record=origin.record,
            span=(cut.start, cut.end),
            text=text,
            title=origin.title,
        )

    def _conversation(self, origin: _Origin, draft: Draft) -> Conversation:
        return Conversation(
            id=content_id(origin.doc, "sft"),
            source=self._key,
            kind=self._source.kind,
            lang=self._source.lang,
            messages=draft.messages,
            text="",
            passage="",
            parent=origin.doc,
            file=origin.file,
            record=origin.record,
            via="sft",
        )

    def _count(self, cut: PassageDraft, verdict: Verdict | None) -> None:
        chars = cut.end - cut.start
        self.counts.passages += 1
        if verdict is None:
            self.counts.passages_kept += 1
            self.counts.chars_kept += chars
        else:
            self.counts.passages_rejected[verdict[0]] += 1
            self.counts.chars_rejected += chars

    def _end_document(self, verdicts: Sequence[Verdict | None]) -> None:
        """Count a document: kept if one of its passages is, else by its first reason."""
        reasons = [verdict[0] for verdict in verdicts if verdict is not None]
        if len(reasons) < len(verdicts):
            self.counts.documents_kept += 1
        else:
            self.counts.documents_rejected[reasons[0]] += 1
