"""From located raw records to drafts: documents cut, each passage judged by itself."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, NamedTuple, get_args

import msgspec

from onestage.collect.documents import to_document, to_messages
from onestage.collect.domain import DomainFilter, Filter
from onestage.collect.drafts import Draft, Drafted, PassageDraft
from onestage.collect.language import language_verdict
from onestage.collect.passages import cut_passages
from onestage.collect.quality import Quality, Verdict, rejected_for, unfinished
from onestage.collect.raw import BadRecord, Located, RawRecord
from onestage.collect.repeats import Boilerplate
from onestage.identity import content_id
from onestage.params import From0, Params, Share
from onestage.records import Lang
from onestage.sentences import Span, sentences
from onestage.similarity import NearDuplicates
from onestage.sources import Source

_EXCERPT_CHARS = 60
# A shard's place in its portion, a record's number in its shard.
Place = tuple[int, int]


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
    """The `collect` section: bounds of passages in characters, thresholds of the filters.

    `filter` says what judges a passage: the `lexicon` (`min_density`), the `classifier`
    (`min_probability`), or both, weighed against each other. `max_other_language_share` is
    the share of a passage's words that may be of another language than its source's.
    """

    min_chars: CharsByLang
    max_chars: CharsByLang
    filter: Filter
    min_density: ByLang
    min_probability: ByLang
    mask_personal: bool
    max_other_language_share: Share
    quality: Quality
    boilerplate: Boilerplate
    near_duplicates: NearDuplicates

    def __post_init__(self) -> None:
        for lang in get_args(Lang):
            if self.min_chars.of(lang) > self.max_chars.of(lang):
                raise ValueError(f"min_chars.{lang} must not exceed max_chars.{lang}")


class _Cut(NamedTuple):
    """A passage, the sentences in it, and why it is rejected."""

    span: Span
    text: str
    sentences: list[str]
    verdict: Verdict | None


class Selector:
    """Drafts the records of one source; a draft depends on its own record alone."""

    def __init__(self, source: Source, choices: Collect, domain: DomainFilter | None) -> None:
        self._source = source
        self._choices = choices
        self._domain = domain
        self._min_chars = int(choices.min_chars.of(source.lang))
        self._max_chars = int(choices.max_chars.of(source.lang))

    def drafts(self, records: Iterable[Located], part: int = 0) -> Iterator[Drafted]:
        """Yield one draft a record, in order; `part` is the place of their shard."""
        draft = self._conversation if self._source.kind == "sft" else self._document
        for located in records:
            if isinstance(located.value, BadRecord):
                yield _bad((part, located.record), located.value)
            else:
                yield draft((part, located.record), located.value)

    def _document(self, place: Place, record: RawRecord) -> Drafted:
        document = to_document(
            record,
            self._source.fields,
            replace=self._source.replace,
            wrapped=self._source.wrapped,
            mask_personal=self._choices.mask_personal,
        )
        if isinstance(document, BadRecord):
            return _bad(place, document)
        cuts = list(self._cuts(document.text))
        left = [cut for cut in cuts if cut.verdict is None]
        draft = Draft(
            part=place[0],
            record=place[1],
            digest=content_id(document.text),
            chars=len(document.text),
            title=document.title,
            masked=document.masked,
            rejected=None if document.text else ("empty", {}),
            passages=[_passage(cut) for cut in cuts],
        )
        return Drafted(draft, [cut.text for cut in left], [cut.sentences for cut in left])

    def _conversation(self, place: Place, record: RawRecord) -> Drafted:
        turns = to_messages(
            record,
            self._source.fields,
            replace=self._source.replace,
            mask_personal=self._choices.mask_personal,
        )
        if isinstance(turns, BadRecord):
            return _bad(place, turns)
        messages, masked = turns
        contents = [message.content for message in messages]
        draft = Draft(
            part=place[0],
            record=place[1],
            digest=content_id(msgspec.json.encode(messages).decode()),
            chars=sum(map(len, contents)),
            masked=masked,
            rejected=_unanswered(contents),
            messages=messages,
        )
        return Drafted(draft)

    def _cuts(self, text: str) -> Iterator[_Cut]:
        """Cut a document; a last sentence that breaks off is a passage of its own, rejected."""
        found = list(sentences(text))
        broken = _broken_end(text, found)
        found = found[: len(found) - len(broken)]
        spans = cut_passages(text, found, min_chars=self._min_chars, max_chars=self._max_chars)
        for span, parts in zip(spans, _sentences_of(text, spans, found), strict=True):
            passage = text[slice(*span)]
            yield _Cut(span, passage, parts, self._verdict(passage))
        if broken:
            span = (broken[0][0], broken[-1][1])
            yield _Cut(span, text[slice(*span)], [], ("truncated", {}))

    def _verdict(self, text: str) -> Verdict | None:
        choices, lang = self._choices, self._source.lang
        return (
            rejected_for(text, min_chars=self._min_chars, rules=choices.quality)
            or language_verdict(text, lang, max_other_share=choices.max_other_language_share)
            or (None if self._domain is None else self._domain.verdict(text))
        )


def _broken_end(text: str, found: Sequence[Span]) -> Sequence[Span]:
    """Return the last sentence if it breaks off; with a link to the rest of it, both.

    `... Read more` is two sentences, of which the first one breaks off.
    """
    if not found or not unfinished(text):
        return ()
    start, end = found[-1]
    is_link = not any(dots in text[start:end] for dots in ("...", "…"))
    both = is_link and len(found) > 1 and unfinished(text[:start].rstrip())
    return found[-2:] if both else found[-1:]


def _bad(place: Place, bad: BadRecord) -> Drafted:
    return Drafted(Draft(*place, bad=(bad.reason, {"found": bad.detail})))


def _passage(cut: _Cut) -> PassageDraft:
    if cut.verdict is None:
        return PassageDraft(*cut.span)
    reason, detail = cut.verdict
    return PassageDraft(*cut.span, (reason, {**detail, "excerpt": excerpt(cut.text)}))


def excerpt(text: str) -> str:
    """Return the beginning of a rejected text, enough to recognise it."""
    return text[:_EXCERPT_CHARS]


def _unanswered(contents: Sequence[str]) -> Verdict | None:
    if not all(contents):
        return "empty", {}
    if any(map(unfinished, contents[1::2])):
        return "truncated", {}
    return None


def _sentences_of(text: str, spans: Sequence[Span], found: Sequence[Span]) -> Iterator[list[str]]:
    """Yield for each passage its sentences; of one that was cut, the part that is in it."""
    place = 0
    for start, end in spans:
        inside: list[str] = []
        while place < len(found) and found[place][0] < end:
            inside.append(text[max(start, found[place][0]) : min(end, found[place][1])])
            if found[place][1] > end:
                break
            place += 1
        yield inside
