"""Collecting loses nothing without a reason, and ids depend on content alone."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.collect.collecting import choices, collect, web_source

from onestage.collect.merging import Collected, Counts
from onestage.collect.raw import BadRecord
from onestage.collect.selection import CharsByLang
from onestage.errors import InputError
from onestage.records import Conversation, Passage, Rejection
from onestage.sources import Fields

_CHOICES = choices(
    min_chars={"zh": 4, "en": 4}, max_chars={"zh": 20, "en": 20}, min_density={"zh": 0.2, "en": 0.2}
)


def _collect(records: Sequence[Any], **more: Any) -> tuple[list[Collected], Counts]:
    return collect([records], web_source(**more), _CHOICES)


_TEXTS = st.lists(
    st.lists(
        st.sampled_from(
            ["高血压很常见。", "糖尿病。", "天气真好，", "！！", "\n", "今天去公园", "乙。", "……"]
        ),
        max_size=12,
    ).map("".join),
    max_size=8,
)


@given(_TEXTS.filter(bool))
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


@given(_TEXTS.filter(bool), st.integers(1, 8))
def test_shards_change_nothing(texts: list[str], size: int) -> None:
    shards = [texts[start : start + size] for start in range(0, len(texts), size)]
    found, counts = collect(shards, web_source(), _CHOICES)
    whole, whole_counts = _collect(texts)
    assert found == whole
    assert counts == whole_counts


@given(_TEXTS.filter(bool), st.integers(0, 8), st.sampled_from(["高血压有新指南。", "甲。"]))
def test_a_new_record_changes_no_other_id(texts: list[str], place: int, new: str) -> None:
    place = min(place, len(texts))
    before = {item.id for item in _collect(texts)[0]}
    after = {item.id for item in _collect([*texts[:place], new, *texts[place:]])[0]}
    assert before <= after


def test_equal_texts_get_ids_of_their_own_and_the_first_stays() -> None:
    found, counts = _collect(["高血压很常见。", "甲。", "高血压很常见。"])
    first, _, second = found
    assert isinstance(first, Passage)
    assert isinstance(second, Rejection)
    assert first.id != second.id
    assert (second.reason, second.detail["kept"]) == ("exact_duplicate", first.id)
    assert counts.documents_rejected == {"exact_duplicate": 1, "too_short": 1}


def test_each_rejection_names_its_reason_and_place() -> None:
    texts = ["", "乙。", "高血压很常见。", "今天去公园散步。", "——！！高血压——！！"]
    found, _ = _collect(texts)
    reasons = [item.reason if isinstance(item, Rejection) else "kept" for item in found]
    assert reasons == ["empty", "too_short", "kept", "low_density", "symbols"]
    last = found[-1]
    assert isinstance(last, Rejection)
    assert last.detail["record"] == 5
    assert last.detail["excerpt"] == "——！！高血压——！！"


@pytest.mark.parametrize(
    "end", ["高血压患者应当...", "高血压患者应当... [详细]", "服药... Read more"]
)
def test_a_last_sentence_that_breaks_off_is_rejected_alone(end: str) -> None:
    found, counts = _collect([f"高血压很常见。糖尿病也是...吧。{end}"])
    kept, broken = found
    assert isinstance(kept, Passage)
    assert kept.text == "高血压很常见。糖尿病也是...吧。"
    assert isinstance(broken, Rejection)
    assert (broken.reason, broken.detail["excerpt"]) == ("truncated", end)
    assert counts.chars_between == 0


def test_the_wrong_language_is_rejected() -> None:
    japanese = "高血圧の患者さんは、毎日の食事に気をつけて、塩分を控えめにしてください。"
    found, _ = collect([[japanese]], web_source(), choices())
    assert isinstance(found[0], Rejection)
    assert found[0].reason == "wrong_language"


def test_personal_data_are_masked_and_counted() -> None:
    text = "高血压和糖尿病，请电13912345678。"
    section = msgspec.structs.replace(_CHOICES, max_chars=CharsByLang(zh=40, en=40))
    found, counts = collect([[text]], web_source(), section)
    assert isinstance(found[0], Passage)
    assert found[0].text == "高血压和糖尿病，请电[PHONE]。"
    assert counts.masked == {"PHONE": 1}
    as_is, _ = collect(
        [[text]], web_source(), msgspec.structs.replace(section, mask_personal=False)
    )
    assert isinstance(as_is[0], Passage)
    assert as_is[0].text == text


def test_bad_records_are_allowed_up_to_their_number() -> None:
    bad = BadRecord("unparsable", "invalid JSON")
    found, counts = _collect([bad, "高血压很常见。"], max_bad_records=1)
    assert counts.bad_records == {"unparsable": 1}
    assert counts.documents == 1
    assert len(found) == 2
    with pytest.raises(InputError, match=r"f, record 2.*at most 1 bad records.*web\.max_bad"):
        _collect([bad, bad], max_bad_records=1)
    with pytest.raises(InputError, match="all 2 records are bad"):
        _collect([bad, bad], max_bad_records=9)
    with pytest.raises(InputError, match="no records"):
        _collect([])


def test_numbers_of_records_go_on_through_the_shards_of_a_file() -> None:
    bad = BadRecord("unparsable", "invalid JSON")
    shards = [["高血压很常见。", "甲。"], [], ["高血压有新指南。", bad]]
    found, _ = collect(shards, web_source(max_bad_records=1), _CHOICES)
    places = [
        item.detail["record"] if isinstance(item, Rejection) else item.record for item in found
    ]
    assert places == [1, 2, 3, 4]
    with pytest.raises(InputError, match="f, record 4: unparsable"):
        collect(shards, web_source(), _CHOICES)


def test_sft_records_become_conversations_with_stable_ids() -> None:
    sft = {"kind": "sft", "fields": Fields(instruction=["q"], output="a")}
    records = [{"q": "问", "a": "答"}, {"q": "问", "a": " "}, {"q": "问", "a": "答到一半..."}]
    first, counts = _collect(records, **sft)
    assert isinstance(first[0], Conversation)
    assert [message.content for message in first[0].messages] == ["问", "答"]
    assert [item.reason for item in first[1:] if isinstance(item, Rejection)] == [
        "empty",
        "truncated",
    ]
    assert counts.documents == counts.documents_kept + counts.documents_rejected.total() == 3
    again, _ = _collect([{"q": "新", "a": "答"}, {"q": "问", "a": "答"}], **sft)
    assert again[1].id == first[0].id
    assert msgspec.structs.replace(again[1], record=1) == first[0]
