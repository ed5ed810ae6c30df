"""Collecting loses nothing without a reason, and ids depend on content alone."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onestage.collect.density import Lexicon
from onestage.collect.quality import Quality
from onestage.collect.readers import BadRecord, Located
from onestage.collect.selection import ByLang, CharsByLang, Collect, Collector, Counts
from onestage.errors import InputError
from onestage.records import Conversation, Passage, Rejection
from onestage.sources import Fields, Source

_CHOICES = Collect(
    min_chars=CharsByLang(zh=4, en=4),
    max_chars=CharsByLang(zh=20, en=20),
    min_density=ByLang(zh=0.2, en=0.2),
    quality=Quality(min_letter_share=0.5, max_repeat_share=0.9),
)
_LEXICON = Lexicon(["高血压", "糖尿病"])


def _source(**more: Any) -> Source:
    given = {"kind": "web", "fields": Fields(text=["text"]), **more}
    return Source(path="p", lexicon="l", lang="zh", format="jsonl", **given)


def _collect(
    records: Sequence[Any], **more: Any
) -> tuple[list[Passage | Conversation | Rejection], Counts]:
    collector = Collector("web", _source(**more), _CHOICES, _LEXICON)
    located = [
        Located("f", n, record if isinstance(record, BadRecord | dict) else {"text": record})
        for n, record in enumerate(records, start=1)
    ]
    return list(collector.collect(located)), collector.counts


_TEXTS = st.lists(
    st.lists(
        st.sampled_from(
            ["高血压很常见。", "糖尿病。", "天气真好，", "！！", "\n", "今天去公园", "乙。"]
        ),
        max_size=12,
    ).map("".join),
    max_size=8,
)


@given(_TEXTS)
def test_records_and_characters_are_conserved(texts: list[str]) -> None:
    found, counts = _collect(texts)
    passages = [item for item in found if isinstance(item, Passage)]
    rejected = [item for item in found if isinstance(item, Rejection)]
    assert counts.records == len(texts)
    assert counts.documents == counts.documents_kept + counts.documents_rejected.total()
    assert counts.passages == counts.passages_kept + counts.passages_rejected.total()
    assert counts.chars == counts.chars_kept + counts.chars_rejected + counts.chars_between
    assert counts.passages_kept == len(passages)
    assert counts.chars_kept == sum(len(item.text) for item in passages)
    assert len(rejected) == counts.passages_rejected.total() + counts.documents_rejected["empty"]
    assert len({item.id for item in found}) == len(found)


@given(_TEXTS, st.integers(0, 8), st.sampled_from(["高血压有新指南。", "甲。"]))
def test_a_new_record_changes_no_other_id(texts: list[str], place: int, new: str) -> None:
    place = min(place, len(texts))
    before = {item.id for item in _collect(texts)[0]}
    after = {item.id for item in _collect([*texts[:place], new, *texts[place:]])[0]}
    assert before <= after


def test_equal_texts_get_ids_of_their_own() -> None:
    found, _ = _collect(["高血压很常见。", "高血压很常见。"])
    assert found[0].id != found[1].id


def test_each_rejection_names_its_reason_and_place() -> None:
    found, _ = _collect(["", "乙。", "高血压很常见。", "今天去公园散步。", "——！！高血压——！！"])
    reasons = [item.reason if isinstance(item, Rejection) else "kept" for item in found]
    assert reasons == ["empty", "too_short", "kept", "low_density", "symbols"]
    last = found[-1]
    assert isinstance(last, Rejection)
    assert last.detail["record"] == 5
    assert last.detail["excerpt"] == "——！！高血压——！！"


def test_bad_records_are_allowed_up_to_their_number() -> None:
    bad = BadRecord("unparsable", "line 1: invalid JSON")
    found, counts = _collect([bad, "高血压很常见。"], max_bad_records=1)
    assert counts.bad_records == {"unparsable": 1}
    assert counts.documents == 1
    assert len(found) == 2
    with pytest.raises(InputError, match=r"f, record 2.*at most 1 bad records.*web\.max_bad"):
        _collect([bad, bad], max_bad_records=1)
    with pytest.raises(InputError, match="all 2 records are bad"):
        _collect([bad, bad], max_bad_records=9)


def test_sft_records_become_conversations_with_stable_ids() -> None:
    sft = {"kind": "sft", "fields": Fields(instruction=["q"], output="a")}
    first, counts = _collect([{"q": "问", "a": "答"}, {"q": "问", "a": " "}], **sft)
    assert isinstance(first[0], Conversation)
    assert [message.content for message in first[0].messages] == ["问", "答"]
    assert isinstance(first[1], Rejection)
    assert first[1].reason == "empty"
    assert counts.documents == counts.documents_kept + counts.documents_rejected.total() == 2
    again, _ = _collect([{"q": "新", "a": "答"}, {"q": "问", "a": "答"}], **sft)
    assert again[1].id == first[0].id
    assert msgspec.structs.replace(again[1], record=1) == first[0]
