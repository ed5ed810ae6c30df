"""The faults planted into the toy corpora meet their fate, and there are hardly any others."""

import json
import shutil
import subprocess
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from pipeline.artifacts import SOURCES, Record, metrics, of_sources, records
from pipeline.clones import ROOT, Clone, digests
from pipeline.raw_corpora import file_title, raw_corpora

pytestmark = pytest.mark.xdist_group("first")

TOY = ROOT / "data" / "toy"
PLANTED: list[dict[str, str]] = json.loads((TOY / "planted.json").read_text(encoding="utf-8"))
_SHARED_CHARS = 64
_NEAR_SIMILARITY = 0.8
_MOST_UNPLANTED = 0.02

Place = tuple[str, str, int]


def planted(what: str) -> list[dict[str, str]]:
    found = [fault for fault in PLANTED if fault["what"] == what]
    assert found, f"nothing of the kind {what} is planted"
    return found


def cases(what: str) -> pytest.MarkDecorator:
    found = planted(what)
    ids = [f"{fault['source']}-{number}" for number, fault in enumerate(found)]
    return pytest.mark.parametrize("fault", found, ids=ids)


def bare(text: str) -> str:
    """Text as a reader compares it: no spaces, no punctuation, one width, one case.

    What stands between two digits stays: 12.5 mg is not 125 mg.
    """
    wide = unicodedata.normalize("NFKC", "".join(text.split())).casefold()
    wide = "".join("-" if char in "–—" else ":" if char == "∶" else char for char in wide)
    seen = [char for char in wide if char in "-./:" or unicodedata.category(char)[0] not in "PZC"]
    around = zip(["", *seen], seen, [*seen[1:], ""], strict=False)
    return "".join(
        char
        for before, char, after in around
        if char not in "-./:" or (before.isdigit() and after.isdigit())
    )


def place_of(conversation: Record) -> Place:
    return conversation["source"], conversation["file"], conversation["record"]


class Trail:
    """What became of raw records: passages, rejections, conversations, by place."""

    def __init__(self, data: Path) -> None:
        self.raw = raw_corpora(data / "toy")
        self.passages = of_sources(data / "collect")
        self.refused = of_sources(data / "rejected" / "collect")
        self.kept = {record["id"]: record for record in records(data / "dedupe")}
        self.removed = {record["id"]: record for record in records(data / "rejected" / "dedupe")}
        unified = of_sources(data / "unify")
        self.conversations = {c["id"]: c for found in unified.values() for c in found}
        self.repeats = self._repeats()

    def _repeats(self) -> dict[str, tuple[str, str]]:
        """Return reason and kept one of every duplicate: of a passage, or of an SFT record."""
        found = {
            refusal["id"]: (refusal["reason"], refusal["detail"]["kept"])
            for refusals in self.refused.values()
            for refusal in refusals
            if refusal["reason"].endswith("_duplicate")
        }
        for name, removed in self.removed.items():
            if removed["reason"].endswith("_duplicate"):
                kept = self.conversations[removed["detail"]["kept"]]
                found[self.conversations[name]["parent"]] = (removed["reason"], kept["parent"])
        return found

    def pieces_of(self, places: set[Place]) -> set[str]:
        """Return the passages (or SFT records) of raw records that no other rule refused."""
        left = {c["parent"] for c in self.conversations.values() if place_of(c) in places}
        return left | {r["id"] for r in self.refusals_of(places) if r["id"] in self.repeats}

    def places(self, source: str, title: str) -> set[Place]:
        """Return where records of this title stand: several if one duplicates the other."""
        wanted = file_title(title) if source == "books_zh" else title
        found = {(source, raw.file, raw.record) for raw in self.raw[source] if raw.title == wanted}
        assert found, f"{source} holds no record of the title {title}"
        return found

    def passages_of(self, places: set[Place]) -> list[Record]:
        return [
            passage
            for source in SOURCES
            for passage in self.passages[source]
            if (source, passage["file"], passage["record"]) in places
        ]

    def refusals_of(self, places: set[Place]) -> list[Record]:
        return [
            refusal
            for source in SOURCES
            for refusal in self.refused[source]
            if (source, refusal["detail"]["file"], refusal["detail"]["record"]) in places
        ]

    def conversations_of(self, places: set[Place]) -> set[str]:
        return {name for name, record in self.conversations.items() if place_of(record) in places}

    def pair(self, fault: dict[str, str]) -> set[Place]:
        """Return the places of a planted duplicate and of what it duplicates."""
        origin, _, title = fault["detail"].removeprefix("of ").partition(": ")
        both = self.places(fault["source"], fault["title"]) | self.places(origin, title)
        assert len(both) > 1, f"only one record is called {title}"
        return both


@pytest.fixture(scope="module")
def trail(first: Clone) -> Trail:
    return Trail(first.root / "data")


@cases("nonmedical")
def test_other_subjects_are_refused(trail: Trail, fault: dict[str, str]) -> None:
    places = trail.places(fault["source"], fault["title"])
    assert trail.passages_of(places) == []
    assert {refusal["reason"] for refusal in trail.refusals_of(places)} == {"low_density"}


@cases("very_short")
def test_very_short_texts_are_refused(trail: Trail, fault: dict[str, str]) -> None:
    places = trail.places(fault["source"], fault["title"])
    assert trail.passages_of(places) == []
    assert [refusal["reason"] for refusal in trail.refusals_of(places)] == ["too_short"]


@cases("very_long")
def test_very_long_texts_are_cut(trail: Trail, first: Clone, fault: dict[str, str]) -> None:
    lang = fault["source"].rpartition("_")[2]
    bounds = first.params()["collect"]
    passages = trail.passages_of(trail.places(fault["source"], fault["title"]))
    longest = bounds["max_chars"][lang] + bounds["min_chars"][lang]
    assert len(passages) > 3
    assert max(len(passage["text"]) for passage in passages) <= longest


def test_broken_records_are_refused_with_their_reasons(first: Clone, trail: Trail) -> None:
    expected = Counter(fault["source"] for fault in planted("broken_record"))
    reasons = {name: metrics(first.root, f"collect/{name}")["bad_records"] for name in SOURCES}
    assert {name: sum(found.values()) for name, found in reasons.items() if found} == expected
    assert reasons["web_zh"] == {"unparsable": 1, "unmappable": 2}
    assert reasons["books_zh"] == {"undecodable": 1}
    for name in ("web_zh", "books_zh"):
        broken = {(name, raw.file, raw.record) for raw in trail.raw[name] if raw.broken}
        assert all(refusal["detail"]["found"] for refusal in trail.refusals_of(broken))
        assert len(trail.refusals_of(broken)) == len(broken) == expected[name]
        assert trail.passages_of(broken) == []


@cases("exact_duplicate")
def test_exact_duplicates_leave_one(trail: Trail, fault: dict[str, str]) -> None:
    places = trail.pair(fault)
    names = trail.conversations_of(places)
    kept = [trail.conversations[name] for name in names & trail.kept.keys()]
    texts = [bare(record["passage"]) for record in kept]
    assert len(set(texts)) == len(texts)
    pieces = Counter(place_of(trail.conversations[name]) for name in names)
    assert len(kept) <= max(pieces.values()), "more is kept than the longer of the two has"
    assert_removed_for_one_another(trail, places)


@cases("near_duplicate")
def test_near_duplicates_leave_one(trail: Trail, fault: dict[str, str]) -> None:
    places = trail.pair(fault)
    reasons = {trail.repeats[name][0] for name in trail.pieces_of(places) & trail.repeats.keys()}
    assert "near_duplicate" in reasons
    assert_removed_for_one_another(trail, places)


def assert_removed_for_one_another(trail: Trail, places: set[Place]) -> None:
    pieces = trail.pieces_of(places)
    removed = pieces & trail.repeats.keys()
    assert removed
    assert {trail.repeats[name][1] for name in removed} <= pieces


def test_duplicates_fall_where_they_are_first_seen(trail: Trail) -> None:
    """Within a source before anyone pays for them, between sources after it."""
    for refusals in trail.refused.values():
        for refusal in refusals:
            if refusal["id"] in trail.repeats:
                kept = trail.repeats[refusal["id"]][1]
                assert kept in {p["id"] for p in trail.passages[refusal["source"]]}
    for name, removed in trail.removed.items():
        if removed["reason"].endswith("_duplicate"):
            kept_source = trail.conversations[removed["detail"]["kept"]]["source"]
            assert kept_source != trail.conversations[name]["source"]


@cases("leaked_question")
def test_leaked_questions_are_removed(trail: Trail, fault: dict[str, str]) -> None:
    names = trail.conversations_of(trail.places(fault["source"], fault["title"]))
    removed = [trail.removed[name] for name in names if name in trail.removed]
    assert [record["reason"] for record in removed] == ["contaminated"]
    assert removed[0]["detail"]["item"] == fault["detail"]
    assert removed[0]["detail"]["shared_chars"] >= _SHARED_CHARS


def test_nothing_else_is_contaminated(trail: Trail) -> None:
    found = [r for r in trail.removed.values() if r["reason"] == "contaminated"]
    assert len(found) == len(planted("leaked_question"))


def benchmark_texts() -> Iterator[str]:
    for path in sorted((TOY / "benchmarks").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            item = json.loads(line)
            yield bare(item.get("case", "") + item["question"] + "".join(item["options"].values()))


def texts_of(record: Record) -> list[str]:
    turns = "\n".join(message["content"] for message in record["messages"])
    return [turns, record["passage"], record["text"]]


def windows(text: str, chars: int) -> set[str]:
    return {text[start : start + chars] for start in range(len(text) - chars + 1)}


def test_no_kept_text_shares_a_run_with_a_benchmark(trail: Trail) -> None:
    leaked = set().union(*(windows(text, _SHARED_CHARS) for text in benchmark_texts()))
    assert len(leaked) > 1000
    for record in trail.kept.values():
        for text in texts_of(record):
            assert not leaked & windows(bare(text), _SHARED_CHARS), record["id"]


def judged(record: Record) -> str:
    return bare(record["passage"] or texts_of(record)[0])


def test_no_two_kept_texts_are_near_duplicates(trail: Trail) -> None:
    grams = [
        (record["id"], windows(text, 5) or {text})
        for record in trail.kept.values()
        for text in [judged(record)]
    ]
    grams.sort(key=lambda pair: len(pair[1]))
    alike = []
    for index, (name, one) in enumerate(grams):
        for other_name, other in grams[index + 1 :]:
            if len(one) < _NEAR_SIMILARITY * len(other):
                break  # sorted by size: the sets grow too unequal to be alike
            shared = len(one & other)
            if shared >= _NEAR_SIMILARITY * (len(one) + len(other) - shared):
                alike.append((name, other_name))
    assert alike == []


def test_hardly_any_duplicate_is_not_planted(trail: Trail) -> None:
    known = {
        place
        for fault in (*planted("exact_duplicate"), *planted("near_duplicate"))
        for place in trail.pair(fault)
    }
    unplanned = trail.repeats.keys() - trail.pieces_of(known)
    assert len(unplanned) < _MOST_UNPLANTED * len(trail.conversations)


def test_there_are_enough_documents_and_plain_prose(first: Clone) -> None:
    documents = {name: metrics(first.root, f"collect/{name}")["documents"] for name in SOURCES}
    assert sum(documents.values()) >= 300
    assert sum(n for name, n in documents.items() if not name.startswith("sft")) >= 150


@pytest.mark.parametrize("script", ["make_corpora", "make_base"])
def test_scripts_give_the_committed_bytes(tmp_path: Path, script: str) -> None:
    copy = tmp_path / "toy"
    shutil.copytree(TOY, copy, ignore=shutil.ignore_patterns("__pycache__"))
    before = digests(copy, (".",))
    folder = copy / ("corpora" if script == "make_corpora" else "base")
    shutil.rmtree(folder)
    subprocess.run([sys.executable, f"{script}.py"], cwd=copy, check=True, capture_output=True)
    after = digests(copy, (".",))
    assert {
        name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
    } == set()
