"""MinHash only proposes: who is a near-duplicate is decided by the exact similarity."""

import importlib.util
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest
from brute_force import similarity_by_windows
from deduping import CHOICES, rejections
from given import ROOT, conversation
from hypothesis import given
from hypothesis import strategies as st

from onestage.dedupe.duplicates import Comparison, Match, Proposal, near_duplicates
from onestage.dedupe.settings import Repeats
from onestage.identity import content_id
from onestage.records import Conversation


def _web(text: str) -> Conversation:
    return conversation("问", "答", source="web", kind="web", passage=text, id=content_id(text))


def _variants(draw: random.Random) -> list[str]:
    """Return 20 texts of 60 letters, each with variants that change 1 to 12 of them."""
    texts: list[str] = []
    for _ in range(20):
        stem = [draw.choice("abcdefghijklmnopqrst") for _ in range(60)]
        for changes in (0, draw.randint(1, 2), draw.randint(3, 12)):
            variant = list(stem)
            for _ in range(changes):
                variant[draw.randrange(60)] = draw.choice("uvwxyz")
            texts.append("".join(variant))
    return texts


def test_verdicts_agree_with_comparing_all_pairs(tmp_path: Path) -> None:
    texts = _variants(random.Random(7))
    records = [_web(text) for text in sorted(set(texts))]
    named = {record.id: record.passage for record in records}
    rejected = rejections(tmp_path, records)
    kept: list[str] = []
    for record in sorted(records, key=lambda record: record.id):
        text = record.passage
        best = max((similarity_by_windows(text, other, 5) for other in kept), default=Fraction(0))
        assert (record.id in rejected) == (best >= Fraction(4, 5))
        if best < Fraction(4, 5):
            kept.append(text)
            continue
        detail = rejected[record.id].detail
        assert detail["similarity"] == pytest.approx(float(best), abs=1e-4)
        assert rejected[record.id].reason == ("exact" if best == 1 else "near") + "_duplicate"
        assert similarity_by_windows(text, named[str(detail["kept"])], 5) == best
    assert 5 < len(rejected) < 40  # both outcomes occur


@pytest.mark.parametrize("parts", [2, 7])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_neither_files_nor_workers_change_who_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts: int, workers: str
) -> None:
    records = [_web(text) for text in _variants(random.Random(8))]
    whole = rejections(tmp_path, records)
    random.Random(1).shuffle(records)
    monkeypatch.setitem(os.environ, "ONESTAGE_WORKERS", workers)
    assert rejections(tmp_path, records, parts=parts) == whole
    assert whole


_ELSEWHERE = """
import json, random, sys
from pathlib import Path
import msgspec
from deduping import rejections
from unit.dedupe.test_duplicates import _variants, _web
records = [_web(text) for text in _variants(random.Random(8))]
found = rejections(Path(sys.argv[1]), records, parts=7)
Path(sys.argv[2]).write_bytes(msgspec.json.encode(found))
"""


@pytest.mark.long
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray is an optional extra")
def test_a_ray_cluster_keeps_the_same(tmp_path: Path) -> None:
    for name, address in (("here", ""), ("ray", "local")):
        done = subprocess.run(
            [sys.executable, "-c", _ELSEWHERE, tmp_path / f"files-{name}", tmp_path / name],
            env={**os.environ, "RAY_ADDRESS": address, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert ("Ray" in done.stderr) == bool(address)
    assert (tmp_path / "ray").read_bytes() == (tmp_path / "here").read_bytes()
    assert b"near_duplicate" in (tmp_path / "ray").read_bytes()


def test_equal_texts_are_exact_duplicates_of_the_first(tmp_path: Path) -> None:
    first, second = sorted([_web("高血压的诊断，"), _web("高血压的诊断。")], key=lambda r: r.id)
    rejected = rejections(tmp_path, [second, first])
    assert rejected.keys() == {second.id}
    assert rejected[second.id].reason == "exact_duplicate"
    assert rejected[second.id].detail == {"kept": first.id, "similarity": 1.0}


_ASKED = "一位患高血压十年的六十岁男子今晨起床后突然胸痛，伴出汗，应当怎样处理？"
_TOLD = "立即卧床并拨打急救电话，嚼服阿司匹林三百毫克，尽快做心电图，不要自行驾车去医院。"
_OTHER = "痛风急性发作时应休息并抬高患肢，在二十四小时内开始用抗炎止痛药，多喝水。"


@pytest.mark.parametrize(
    ("sft", "reasons"),
    [
        (Repeats("keep", "keep"), ["near_duplicate"]),
        (Repeats("remove", "keep"), ["near_duplicate", "same_instruction"]),
        (Repeats("keep", "remove"), ["near_duplicate", "same_output"]),
        (Repeats("remove", "remove"), ["near_duplicate", "same_instruction", "same_output"]),
    ],
)
def test_instruction_and_output_are_judged_apart_and_together(
    tmp_path: Path, sft: Repeats, reasons: list[str]
) -> None:
    records = {
        "stays": conversation(_ASKED, _TOLD + "注意保暖。", id="a"),
        "near_duplicate": conversation(_ASKED + "急！", _TOLD, id="b"),
        "same_instruction": conversation(_ASKED, _OTHER, id="c"),
        "same_output": conversation("胸痛突然发作，如何是好？", _TOLD, id="d"),
    }
    choices = msgspec.structs.replace(CHOICES, sft=sft)
    rejected = rejections(tmp_path, records.values(), choices)
    found = {name: rejected.get(record.id) for name, record in records.items()}
    assert [name for name, rejection in found.items() if rejection] == reasons
    for name, rejection in found.items():
        if rejection:
            assert rejection.reason == name
            assert rejection.detail["kept"] == "a"


@pytest.mark.parametrize("shared", ["instruction", "output"])
def test_what_many_conversations_share_makes_none_be_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: str
) -> None:
    """A sentence before each question, or one answer to many, is usual in published sets."""
    looked: list[int] = []
    monkeypatch.setattr(
        Comparison, "_similarity", lambda _, view, place, other: looked.append(place) or 0.0
    )
    draw = random.Random(5)
    own = ["".join(chr(0x4E00 + draw.randrange(5000)) for _ in range(60)) for _ in range(300)]
    parts = [(_ASKED, text) if shared == "instruction" else (text, _TOLD) for text in own]
    records = [conversation(*part, id=content_id(*part)) for part in parts]
    assert rejections(tmp_path, records) == {}
    assert len(looked) < 30  # of 44,850 pairs


def test_a_passage_falls_to_the_conversation_that_holds_it(tmp_path: Path) -> None:
    sft = conversation(_ASKED, _TOLD)
    exact, near = _web(f"{_ASKED}\n{_TOLD}"), _web(f"{_ASKED}{_TOLD}切记。")
    rejected = rejections(tmp_path, [exact, near, sft])
    assert {name: found.reason for name, found in rejected.items()} == {
        exact.id: "exact_duplicate",
        near.id: "near_duplicate",
    }
    assert {found.detail["kept"] for found in rejected.values()} == {sft.id}


def test_english_may_be_compared_by_words(tmp_path: Path) -> None:
    """One long word changed is one of six trigrams of words, but many of characters."""
    left = "Patients with hypertension take amlodipine once daily in the morning"
    right = left.replace("hypertension", "hyperparathyroidism")
    records = [
        conversation(
            "问", "答", source="web", kind="web", lang="en", passage=text, id=content_id(text)
        )
        for text in (left, right, left.replace("daily in", "daily , in"))
    ]
    by_words = msgspec.structs.replace(CHOICES.near_duplicates, english_ngram_words=1)
    words = msgspec.structs.replace(CHOICES, near_duplicates=by_words)
    assert len(rejections(tmp_path / "chars", records)) == 1
    assert len(rejections(tmp_path / "words", records, words)) == 2


@given(
    st.lists(st.frozensets(st.integers(0, 4), max_size=3), max_size=12),
    st.integers(0, 2**12),
)
def test_each_is_compared_with_all_that_stay_and_share_a_group(
    groups: list[frozenset[int]], seed: int
) -> None:
    alike = random.Random(seed)
    similar = {(a, b): alike.random() for a in range(12) for b in range(a)}
    asked: list[tuple[int, list[int]]] = []

    def best(place: int, others: Sequence[int]) -> Match | None:
        asked.append((place, list(others)))
        matches = [Match(b, similar[place, b], "near_duplicate") for b in others]
        found = max(matches, key=lambda match: match.similarity, default=None)
        return found if found and found.similarity > 0.5 else None

    proposed = (
        Proposal(place, sorted(of), sorted(of | {9 - n for n in of}))
        for place, of in enumerate(groups)
    )
    fallen = near_duplicates(proposed, best)
    joined = [of | {9 - n for n in of} for of in groups]
    for place, others in asked:
        assert others == [b for b in range(place) if b not in fallen and joined[b] & groups[place]]
    assert all(match.kept not in fallen for match in fallen.values())
