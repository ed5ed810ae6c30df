"""Who stays among texts of one meaning, with vectors that the tests choose."""

import random
from pathlib import Path

import msgspec
import numpy as np
import pytest
from deduping import CHOICES, rejections
from given import conversation
from hypothesis import given
from hypothesis import strategies as st

from onestage.benchmarks import Item
from onestage.dedupe import semantic
from onestage.dedupe.embeddings import Vectors
from onestage.dedupe.neighbours import Exact
from onestage.dedupe.semantic import EmbeddedTexts, Stayers
from onestage.dedupe.settings import Dedupe, Semantic
from onestage.records import Conversation

pytest.importorskip("sentence_transformers")
from small_embedders import token_table

pytestmark = pytest.mark.usefixtures("one_thread")

# Words of one line mean the same; each line has a direction of its own.
_SYNONYMS = [
    ["hypertension", "bluthochdruck"], ["headache", "cephalalgia"], ["cough", "tussis"],
    ["fever", "pyrexia"], ["stroke", "apoplexy"], ["jaundice", "icterus"],
    ["itching", "pruritus"], ["breathlessness", "dyspnoea"],
]  # fmt: skip


@pytest.fixture(autouse=True)
def _one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONESTAGE_WORKERS", "1")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directions = np.eye(len(_SYNONYMS)).tolist()
    vectors = {
        word: direction
        for words, direction in zip(_SYNONYMS, directions, strict=True)
        for word in words
    }
    return token_table(tmp_path_factory.mktemp("models") / "table", vectors)


def _choices(model: Path, threshold: float = 0.95, exact_below: int = 1000) -> Dedupe:
    return msgspec.structs.replace(
        CHOICES,
        ranking=["book", "web", "sft"],
        semantic=Semantic(threshold, str(model), exact_below),
    )


def _said(meanings: str, *, other: bool = False) -> str:
    """Return words of these meanings, such as "0012": twice the first, then one and two."""
    return " ".join(_SYNONYMS[int(meaning)][int(other)] for meaning in meanings)


def _web(text: str, name: str, *, source: str = "web") -> Conversation:
    return conversation(
        "q", "a", source=source, kind="web", lang="en", passage=text, id=name
    )  # fmt: skip


def _sft(instruction: str, output: str, name: str) -> Conversation:
    return conversation(instruction, output, lang="en", id=name)


def test_the_one_of_higher_rank_stays_whatever_comes_first(model: Path, tmp_path: Path) -> None:
    records = [
        _web(_said("0123"), "web"),
        _web(_said("0123", other=True), "book", source="book"),
        _sft(_said("01"), _said("2233"), "sft"),
        _web(_said("4567"), "elsewhere"),
        _web(_said("4444"), "long"),
        _web(_said("44", other=True), "short"),
        _web("none of these words", "nothing"),
        _web("nor any of these here", "nothing either"),
    ]
    draw = random.Random(4)
    for turn in range(3):
        draw.shuffle(records)
        found = rejections(tmp_path / str(turn), records, _choices(model))
        detail = {name: (one.reason, one.detail) for name, one in found.items()}
        assert detail == {
            "short": ("semantic_duplicate", {"kept": "long", "similarity": 1.0}),
            "web": ("semantic_duplicate", {"kept": "book", "similarity": 1.0}),
        }  # of the SFT conversation the whole has a cosine of .95 or less to them: .9487


def test_a_passage_falls_to_sft_by_the_whole(model: Path, tmp_path: Path) -> None:
    records = [
        _web(_said("012345", other=True), "web"),
        _web(_said("012345"), "book", source="book"),
        _sft(_said("012"), _said("345"), "sft"),
    ]
    found = rejections(tmp_path, records, _choices(model))
    assert {name: one.detail["kept"] for name, one in found.items()} == {
        "web": "sft",
        "book": "sft",
    }
    assert found["book"].reason == "exact_duplicate"  # which is looked for first


def test_sft_repeats_another_in_both_parts_or_not_at_all(model: Path, tmp_path: Path) -> None:
    records = [
        _sft(_said("01"), _said("23"), "asked"),
        _sft(_said("01", other=True), _said("23", other=True), "asked again"),
        _sft(_said("01", other=True), _said("45"), "other answer"),
        _sft(_said("67"), _said("23", other=True), "other question"),
    ]
    found = rejections(tmp_path, records, _choices(model))
    longer = max(("asked", "asked again"), key=lambda name: len(_text(records, name)))
    assert set(found) == {"asked", "asked again"} - {longer}
    (one,) = found.values()
    assert (one.reason, one.detail) == ("semantic_duplicate", {"kept": longer, "similarity": 1.0})


def _text(records: list[Conversation], name: str) -> str:
    (found,) = (record for record in records if record.id == name)
    return "".join(message.content for message in found.messages)


def test_who_has_fallen_makes_nothing_fall(model: Path, tmp_path: Path) -> None:
    """`third` resembles `second` in its n-grams and would fall, were `second` not gone."""
    shared = (
        " (of which more on the next page of this same book, as it is told there once more by "
        "all of those who saw it, and who wrote it down as well as they could at that time)"
    )
    first = _web("hypertension " * 20, "first")
    second = _web("bluthochdruck" + shared, "second")
    third = _web("x" + shared + " cough", "third")
    alone = rejections(tmp_path / "alone", [second, third], _choices(model))
    assert set(alone) == {"third"}
    found = rejections(tmp_path / "all", [first, second, third], _choices(model))
    assert {name: one.detail["kept"] for name, one in found.items()} == {"second": "first"}


def test_what_repeats_a_fallen_text_exactly_falls_with_it(model: Path, tmp_path: Path) -> None:
    records = [
        _web(_said("00"), "kept", source="book"),
        _web(_said("00", other=True), "again"),
        _web(_said("00", other=True) + ".", "and again"),
    ]
    found = rejections(tmp_path, records, _choices(model))
    assert {name: (one.reason, one.detail["kept"]) for name, one in found.items()} == {
        "again": ("semantic_duplicate", "kept"), "and again": ("semantic_duplicate", "kept"),
    }  # fmt: skip


def _many(count: int) -> list[Conversation]:
    draw = random.Random(8)
    records = []
    for number in range(count):
        said = [draw.choice(draw.choice(_SYNONYMS)) for _ in range(draw.randint(1, 5))]
        records.append(_web(" ".join(said), f"{number:03d}", source=draw.choice(["web", "book"])))
    return records


def test_files_processes_blocks_and_the_graph_change_nothing(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("usearch")
    records = _many(300)
    found = rejections(tmp_path / "one", records, _choices(model, 0.9))
    assert 100 < sum(one.reason == "semantic_duplicate" for one in found.values()) < 280
    assert rejections(tmp_path / "graph", records, _choices(model, 0.9, 1)) == found
    monkeypatch.setenv("ONESTAGE_WORKERS", "2")
    assert rejections(tmp_path / "files", records[::-1], _choices(model, 0.9), parts=3) == found
    monkeypatch.setenv("ONESTAGE_WORKERS", "1")
    monkeypatch.setattr(semantic, "_TEXTS_AT_ONCE", 7)
    monkeypatch.setattr(semantic, "_ROWS_AT_ONCE", 5)
    assert rejections(tmp_path / "blocks", records, _choices(model, 0.9)) == found


def test_the_outcome_is_that_of_comparing_all_pairs_in_rank_order(
    model: Path, tmp_path: Path
) -> None:
    records = _many(150)
    found = rejections(tmp_path, records, _choices(model, 0.9))
    fallen = {name for name, one in found.items() if one.reason == "semantic_duplicate"}
    other = set(found) - fallen
    of_word = {word: n for n, words in enumerate(_SYNONYMS) for word in words}

    def counts(record: Conversation) -> list[int]:
        words = [of_word[word] for word in record.passage.split()]
        return [words.count(meaning) for meaning in range(len(_SYNONYMS))]

    kept: list[Conversation] = []
    in_rank = sorted(records, key=lambda one: (one.source != "book", -len(one.passage), one.id))
    for record in in_rank:
        if record.id in other:
            continue
        best: float = 0
        for before in kept:
            left, right = counts(record), counts(before)
            product = sum(a * b for a, b in zip(left, right, strict=True))
            norms = sum(a * a for a in left) * sum(b * b for b in right)
            best = max(best, product / norms**0.5)
        assert (record.id in fallen) == (best >= 0.9)
        if record.id in fallen:
            assert found[record.id].detail["similarity"] == pytest.approx(best, abs=1e-4)
        else:
            kept.append(record)


def test_where_everything_is_contaminated_nothing_is_embedded(model: Path, tmp_path: Path) -> None:
    asked = "which of these findings is to be expected"
    item = Item("mc", "q1", "en", "", asked, (), "A", "", "")
    record = _web(f"It was asked {asked}.", "leaked")
    found = rejections(tmp_path, [record], _choices(model), items=[item])
    assert found["leaked"].reason == "contaminated"


@given(
    st.integers(0, 10**6), st.integers(1, 30), st.sampled_from([1, 2]), st.sampled_from([1, 4, 50])
)
def test_each_row_finds_the_closest_that_stays(
    seed: int, rows: int, parts: int, at_once: int
) -> None:
    draw = np.random.default_rng(seed)
    coarse = draw.integers(-1, 2, (rows, parts, 2)) + 0.001
    vectors: Vectors = (coarse / np.linalg.norm(coarse, axis=2, keepdims=True)).astype(np.float32)
    skipped = set(draw.integers(0, rows, rows // 4).tolist())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(semantic, "_ROWS_AT_ONCE", at_once)
        stayers = Stayers(vectors, 0.9, Exact(rows, (parts, 2), 0.9))
        kept: list[int] = []
        for row in range(rows):
            if row in skipped:
                continue
            cosines = [
                round(float((vectors[row] * vectors[other]).sum(axis=1).min()), 5) for other in kept
            ]
            found = stayers.closest(row)
            if max(cosines, default=-1.0) < 0.9:
                assert found is None
                kept.append(row)
                stayers.stays(row)
            else:
                assert found is not None
                assert found[0] == kept[cosines.index(max(cosines))]
                assert found[1] == pytest.approx(max(cosines), abs=2e-5)


def test_texts_are_counted_by_source() -> None:
    counts = EmbeddedTexts(["a", "a", "b"])
    counts.add(np.array([0, 1, 1]), np.array([False, True, False]))
    counts.add(np.array([0]), np.array([True]))
    metrics = {"a": {"records": 4}, "b": {"records": 0}}
    assert counts.beside(metrics) == {
        "a": {"records": 4, "embedded": {"texts": 4, "in_windows": 2}}, "b": {"records": 0},
    }  # fmt: skip
    assert EmbeddedTexts(["a"]).beside(metrics) == metrics
