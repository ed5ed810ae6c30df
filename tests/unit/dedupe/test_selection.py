import random
from functools import partial
from pathlib import Path

import msgspec
from deduping import CHOICES, rejections
from given import conversation, passage

from onestage.benchmarks import Item
from onestage.dedupe.selection import Tally
from onestage.records import Conversation, Rejection
from onestage.unify.forms import as_raw
from onestage.unify.templates import as_template

_TEXT = "高血压的诊断标准是未服药时非同日三次测量收缩压不低于一百四十毫米汞柱"


def _web(text: str, *, source: str = "web", name: str = "") -> Conversation:
    more = {"id": name} if name else {}
    return conversation("问", text, source=source, kind="web", passage=text, **more)


def _fallen(folder: Path, records: list[Conversation], *ranking: str) -> dict[str, Rejection]:
    return rejections(folder, records, msgspec.structs.replace(CHOICES, ranking=list(ranking)))


def test_who_stays_depends_on_rules_and_not_on_arrival(tmp_path: Path) -> None:
    sft = conversation(_TEXT[:2], _TEXT[2:], id="sft")
    records = [
        _web(_TEXT, source="web", name="web_b"),
        _web(_TEXT, source="web", name="web_a"),
        _web(_TEXT + "，下同", source="web", name="web_long"),
        _web(_TEXT, source="book", name="book"),
        _web("急性阑尾炎的典型表现是转移性右下腹痛", source="web", name="other"),
    ]
    draw = random.Random(3)
    for turn in range(4):
        draw.shuffle(records)
        at = tmp_path / str(turn)
        assert set(_fallen(at / "a", records, "sft", "book", "web")) == {
            "web_a", "web_b", "web_long",
        }  # fmt: skip
        assert set(_fallen(at / "b", records, "web", "book", "sft")) == {"web_a", "web_b", "book"}
        with_sft = _fallen(at / "c", [*records, sft], "web", "book", "sft")
        assert {name for name in with_sft if with_sft[name].detail["kept"] == "sft"} == {
            "book", "web_a", "web_b", "web_long",
        }  # fmt: skip


def test_every_mode_of_unify_keeps_the_same_passages(tmp_path: Path) -> None:
    """Near-duplicates of one length in one source: nothing but their ids tells who stays."""
    draw = random.Random(7)
    texts = []
    for _ in range(20):
        signs = [chr(0x4E00 + draw.randrange(5000)) for _ in range(120)]
        for _ in range(3):
            signs[draw.randrange(120)] = "变"
            texts.append("".join(signs))
    passages = [passage(text) for text in texts]
    kept = []
    for number, rewritten in enumerate((as_raw, partial(as_template, seed=1))):
        records = [rewritten(found) for found in passages]
        fallen = rejections(tmp_path / str(number), records)
        kept.append({record.parent for record in records if record.id not in fallen})
    assert kept[0] == kept[1]
    assert len(kept[0]) == 20


def test_a_rejection_names_who_stayed_and_how_similar(tmp_path: Path) -> None:
    first, second = _web(_TEXT, source="a"), _web(_TEXT + "。。", source="b")
    near = _web(_TEXT + "或以上", source="b")
    rejected = _fallen(tmp_path, [second, near, first], "a", "b")
    assert rejected[second.id].reason == "exact_duplicate"
    assert rejected[near.id].reason == "near_duplicate"
    assert rejected[near.id].detail == {"kept": first.id, "similarity": 0.9091}  # 30 of 33 grams


def test_what_is_contaminated_makes_nothing_fall(tmp_path: Path) -> None:
    item = Item(
        "mc", "q1", "zh", "", "某院统计资料共列出多少例病人请选出正确的一项", (), "A", "", ""
    )
    text = "".join(chr(0x4E00 + place) for place in range(300))
    leaked, clean = _web(f"{text}{item.question}"), _web(text)
    assert set(rejections(tmp_path / "a", [leaked, clean])) == {clean.id}
    assert set(rejections(tmp_path / "b", [leaked, clean], items=[item])) == {leaked.id}


def test_nothing_comes_of_nothing(tmp_path: Path) -> None:
    assert rejections(tmp_path, [_web(_TEXT)]) == {}


def test_counts_conserve_records() -> None:
    tally = Tally(["a", "b", "empty"])
    repeated = _web(_TEXT, source="b")
    tally.add(_web(_TEXT, source="a"), None)
    tally.add(repeated, Rejection(repeated.id, "b", "exact_duplicate", {}))
    tally.add(_web("别的内容", source="b"), None)
    assert tally.as_metrics() == {
        "a": {"records": 1, "kept": 1, "rejected": {}},
        "b": {"records": 2, "kept": 1, "rejected": {"exact_duplicate": 1}},
        "empty": {"records": 0, "kept": 0, "rejected": {}},
    }
