import pickle
import random
from pathlib import Path

from deduping import CHOICES, rejections
from given import conversation

from onestage.benchmarks import Item
from onestage.dedupe.contamination import ContaminationIndex
from onestage.dedupe.decontamination import ContaminationCounts, contaminated

_TEXT = "高血压的诊断标准是未服药时非同日三次测量收缩压不低于一百四十毫米汞柱"
_CHOICES = CHOICES.contamination
_Q1 = Item("mc", "q1", "zh", "", _TEXT, ("是", "否"), "A", "", "")
_Q2 = Item("mc", "q2", "zh", "", "肾在液为", ("唾", "泪", "涎", "尿"), "A", "", "")
_E1 = Item("exam", "q1", "zh", "", "肺在液为涕，肝在液为", ("泪", "汗"), "A", "", "")
_Q2_PUT = "肾在液为：A唾，B泪，C涎，D尿"


def test_turns_raw_text_and_the_passage_behind_are_searched(tmp_path: Path) -> None:
    records = [
        conversation("问", _TEXT),
        conversation("问", "改写过的回答", source="web", passage=f"前文。{_TEXT}"),
        conversation(source="web", text=_TEXT, passage=_TEXT),
        conversation("肾在液为", "唾、泪、涎、尿中的唾"),  # over two turns
        conversation("问", "无关的回答"),
    ]
    rejected = rejections(tmp_path, records, items=[_Q1, _Q2])
    assert set(rejected) == {record.id for record in records[:4]}
    assert rejected[records[1].id].detail == {
        "benchmark": "mc",
        "item": "q1",
        "rule": "shared_run",
        "shared_chars": len(_TEXT),
        "shared": _TEXT,
        "items": 1,
    }
    assert rejected[records[3].id].source == "sft"


def test_a_record_is_judged_alone() -> None:
    index = ContaminationIndex([_Q1, _Q2], _CHOICES)
    found = contaminated(conversation(_TEXT, _Q2_PUT), index)
    assert found is not None
    assert found.items == {("mc", "q1"), ("mc", "q2")}
    assert (found.rejection.detail["item"], found.rejection.detail["items"]) == ("q1", 2)
    assert contaminated(conversation("问", "答"), index) is None
    # In another process as well.
    assert contaminated(conversation(_TEXT, _Q2_PUT), pickle.loads(pickle.dumps(index))) == found


def test_counts_name_records_and_items_by_benchmark_and_source() -> None:
    records = [
        conversation(_TEXT, _Q2_PUT, source="a"),
        conversation("问", _Q2_PUT, source="a"),
        conversation("问", f"答：{_Q2_PUT}", source="b"),
        conversation("问", "无关的回答", source="c"),
    ]
    expected = {
        "exam": {"items": 1, "items_found": 0, "sources": {}},
        "mc": {
            "items": 2,
            "items_found": 2,
            "sources": {"a": {"records": 2, "items": 2}, "b": {"records": 1, "items": 1}},
        },
    }
    for seed in range(3):
        random.Random(seed).shuffle(records)
        items = [_Q2, _E1, _Q1]
        index, counts = ContaminationIndex(items, _CHOICES), ContaminationCounts(items)
        for record in records:
            if found := contaminated(record, index):
                counts.add(found)
        assert counts.as_metrics() == expected
        assert list(counts.as_metrics()) == ["exam", "mc"]
