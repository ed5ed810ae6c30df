import random

from given import conversation

from onestage.dedupe.selection import counts_by_source, reject_duplicates
from onestage.records import Conversation
from onestage.similarity import NearDuplicates

_CHOICES = NearDuplicates(threshold=0.8, ngram_chars=5, seed=1)
_TEXT = "高血压的诊断标准是未服药时非同日三次测量收缩压不低于一百四十毫米汞柱"


def _web(text: str, *, source: str = "web", name: str = "") -> Conversation:
    more = {"id": name} if name else {}
    return conversation("问", text, source=source, kind="web", passage=text, **more)


def test_who_stays_depends_on_rules_and_not_on_arrival() -> None:
    sft = conversation(_TEXT[:2], _TEXT[2:], id="sft")
    records = [
        _web(_TEXT, source="web", name="web_b"),
        _web(_TEXT, source="web", name="web_a"),
        _web(_TEXT + "，下同", source="web", name="web_long"),
        _web(_TEXT, source="book", name="book"),
        _web("急性阑尾炎的典型表现是转移性右下腹痛", source="web", name="other"),
    ]
    ranking = ["sft", "book", "web"]
    for _ in range(5):
        random.Random(3).shuffle(records)
        assert set(reject_duplicates(records, ranking, _CHOICES)) == {"web_a", "web_b", "web_long"}
        assert set(reject_duplicates(records, ranking[::-1], _CHOICES)) == {
            "web_a",
            "web_b",
            "book",
        }
        with_sft = reject_duplicates([*records, sft], ranking, _CHOICES)
        assert {name for name in with_sft if with_sft[name].detail["kept"] == "sft"} == {
            "book", "web_a", "web_b", "web_long",
        }  # fmt: skip


def test_a_rejection_names_who_stayed_and_how_similar() -> None:
    first, second = _web(_TEXT, source="a"), _web(_TEXT + "。。", source="b")
    near = _web(_TEXT + "或以上", source="b")
    rejected = reject_duplicates([second, near, first], ["a", "b"], _CHOICES)
    assert rejected[second.id].reason == "exact_duplicate"
    assert rejected[near.id].reason == "near_duplicate"
    assert rejected[near.id].detail == {"kept": first.id, "similarity": 0.9091}  # 30 of 33 grams


def test_counts_conserve_records() -> None:
    records = [_web(_TEXT, source="a"), _web(_TEXT, source="b"), _web("别的内容", source="b")]
    rejected = reject_duplicates(records, ["a", "b"], _CHOICES)
    assert counts_by_source(records, rejected, ["a", "b", "empty"]) == {
        "a": {"records": 1, "kept": 1, "rejected": {}},
        "b": {"records": 2, "kept": 1, "rejected": {"exact_duplicate": 1}},
        "empty": {"records": 0, "kept": 0, "rejected": {}},
    }
