"""Every record is accounted for: by the stages' own counts and by counting their files anew."""

import hashlib
import json
from collections import Counter
from itertools import chain, pairwise
from pathlib import Path

import pytest
from pipeline.artifacts import SOURCES, Record, metrics, of_sources, records, table
from pipeline.clones import Clone
from pipeline.raw_corpora import raw_corpora

pytestmark = pytest.mark.xdist_group("first")

_BAD = {"undecodable", "unparsable", "unmappable"}
CORPORA = [source for source in SOURCES if not source.startswith("sft")]
SFT = [source for source in SOURCES if source.startswith("sft")]


@pytest.fixture(scope="module")
def data(first: Clone) -> Path:
    return first.root / "data"


def content_id(*parts: str | int) -> str:
    """The rule for ids, written a second time."""
    joined = b"\x1f".join(str(part).encode() for part in parts)
    return hashlib.blake2b(joined, digest_size=12).hexdigest()


def place(record: Record) -> tuple[str, int]:
    found = record.get("detail", record)
    return found["file"], found["record"]


def by_source(found: list[Record]) -> Counter[str]:
    return Counter(record["source"] for record in found)


def trained_tokens(row: Record) -> int:
    return sum(end - start for sample in row["samples"] for start, end in sample["trained"])


@pytest.mark.parametrize("source", SOURCES)
def test_collect_equations(first: Clone, source: str) -> None:
    counts = metrics(first.root, f"collect/{source}")
    bad, rejected = sum(counts["bad_records"].values()), counts["documents_rejected"]
    assert counts["records"] == bad + counts["documents"]
    assert counts["documents"] == counts["documents_kept"] + sum(rejected.values())
    passages_rejected = sum(counts["passages_rejected"].values())
    assert counts["passages"] == counts["passages_kept"] + passages_rejected
    parts = [counts[f"chars_{name}"] for name in ("kept", "rejected", "between")]
    assert counts["chars"] == sum(parts)
    assert min(parts) >= 0


@pytest.mark.parametrize("source", SOURCES)
def test_collect_accounts_for_every_raw_record(first: Clone, data: Path, source: str) -> None:
    raw = raw_corpora(data / "toy")[source]
    kept = records(data / "collect" / source)
    rejected = records(data / "rejected" / "collect" / source)
    assert {place(record) for record in kept + rejected} == {(r.file, r.record) for r in raw}
    bad = [record for record in rejected if record["reason"] in _BAD]
    assert {place(record) for record in bad} == {(r.file, r.record) for r in raw if r.broken}
    counts = metrics(first.root, f"collect/{source}")
    assert counts["records"] == len(raw)
    assert counts["bad_records"] == Counter(record["reason"] for record in bad)
    assert counts["documents_kept"] == len({place(record) for record in kept})
    ids = [record["id"] for record in kept + rejected]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("source", CORPORA)
def test_collect_counts_its_passages(first: Clone, data: Path, source: str) -> None:
    kept = records(data / "collect" / source)
    rejected = records(data / "rejected" / "collect" / source)
    cut = [record for record in rejected if "start" in record["detail"]]
    counts = metrics(first.root, f"collect/{source}")
    assert counts["passages_kept"] == len(kept)
    assert counts["passages_rejected"] == Counter(record["reason"] for record in cut)
    assert counts["chars_kept"] == sum(len(passage["text"]) for passage in kept)
    assert counts["chars_rejected"] == sum(
        record["detail"]["end"] - record["detail"]["start"] for record in cut
    )
    for passage in kept:
        start, end = passage["span"]
        assert len(passage["text"]) == end - start
        assert passage["id"] == content_id(passage["doc"], start, end)


def test_spans_of_a_document_do_not_overlap(data: Path) -> None:
    spans: dict[str, list[tuple[int, int]]] = {}
    for source in CORPORA:
        for passage in records(data / "collect" / source):
            spans.setdefault(passage["doc"], []).append(tuple(passage["span"]))
        for record in records(data / "rejected" / "collect" / source):
            if "start" in record["detail"]:
                found = record["detail"]
                spans.setdefault(found["doc"], []).append((found["start"], found["end"]))
    assert max(len(found) for found in spans.values()) > 1
    for found in spans.values():
        ordered = sorted(found)
        assert all(a[1] <= b[0] for a, b in pairwise(ordered))


@pytest.mark.parametrize("source", SOURCES)
def test_unify_equation(first: Clone, data: Path, source: str) -> None:
    taken = records(data / "collect" / source)
    given = records(data / "unify" / source)
    rejected = records(data / "rejected" / "unify" / source)
    counts = metrics(first.root, f"unify/{source}")
    assert counts["records"] == counts["conversations"] + sum(counts["rejected"].values())
    assert counts["records"] == len(taken)
    assert counts["conversations"] == len(given)
    assert counts["rejected"] == Counter(record["reason"] for record in rejected)


@pytest.mark.parametrize("source", CORPORA)
def test_parents_of_corpora_are_passages(data: Path, source: str) -> None:
    passages = {passage["id"]: passage for passage in records(data / "collect" / source)}
    conversations = records(data / "unify" / source)
    assert {conversation["parent"] for conversation in conversations} == passages.keys()
    for conversation in conversations:
        passage = passages[conversation["parent"]]
        assert conversation["passage"] == passage["text"]
        assert place(conversation) == place(passage)
        assert conversation["id"] == content_id(passage["id"], "conversation")


@pytest.mark.parametrize("source", SFT)
def test_parents_of_sft_are_documents(data: Path, source: str) -> None:
    seen: Counter[str] = Counter()
    for conversation in records(data / "unify" / source):
        messages = conversation["messages"]
        text = json.dumps(messages, ensure_ascii=False, separators=(",", ":"))
        assert conversation["parent"] == content_id(source, content_id(text), seen[text])
        assert conversation["id"] == content_id(conversation["parent"], "sft")
        seen[text] += 1


def test_sft_passes_unify_unchanged(data: Path) -> None:
    for source in SFT:
        assert records(data / "unify" / source) == records(data / "collect" / source)


def test_dedupe_equation(first: Clone, data: Path) -> None:
    taken = [record for found in of_sources(data / "unify").values() for record in found]
    kept, rejected = records(data / "dedupe"), records(data / "rejected" / "dedupe")
    ids = {record["id"] for record in taken}
    assert len(ids) == len(taken) == len(kept) + len(rejected)
    assert {record["id"] for record in kept + rejected} == ids
    counts = metrics(first.root, "dedupe")
    assert sorted(counts) == sorted(SOURCES)
    for source, found in counts.items():
        reasons = Counter(r["reason"] for r in rejected if r["source"] == source)
        assert found["records"] == found["kept"] + sum(found["rejected"].values())
        assert found["records"] == by_source(taken)[source]
        assert found["kept"] == by_source(kept)[source]
        assert found["rejected"] == reasons


def test_dedupe_changes_no_record(data: Path) -> None:
    taken = {r["id"]: r for found in of_sources(data / "unify").values() for r in found}
    assert all(record == taken[record["id"]] for record in records(data / "dedupe"))


def test_what_duplicates_stand_for_is_kept(data: Path) -> None:
    kept = {record["id"] for record in records(data / "dedupe")}
    rejected = records(data / "rejected" / "dedupe")
    duplicates = [record for record in rejected if record["reason"].endswith("_duplicate")]
    assert {record["reason"] for record in duplicates} == {"exact_duplicate", "near_duplicate"}
    assert {record["detail"]["kept"] for record in duplicates} <= kept


def test_sample_equation(first: Clone, data: Path) -> None:
    kept = records(data / "dedupe")
    draws, heldout = records(data / "sample"), records(data / "sample", "heldout")
    counts, epochs = metrics(first.root, "sample"), first.params()["sample"]["epochs"]
    assert sorted(counts) == sorted(SOURCES)
    for source, found in counts.items():
        copies = found["records"] * epochs[source]
        assert copies == found["drawn"] + found["capped"] + found["heldout"]
        assert found["epochs"] == epochs[source]
        assert found["records"] == by_source(kept)[source]
        assert found["drawn"] == by_source(draws)[source]
        assert found["heldout"] == by_source(heldout)[source] * epochs[source]
        assert found["drawn"] > 0
        assert found["heldout"] > 0


def test_every_copy_is_drawn_once_or_held_out_whole(first: Clone, data: Path) -> None:
    sources = {record["id"]: record["source"] for record in records(data / "dedupe")}
    epochs = first.params()["sample"]["epochs"]
    draws, heldout = records(data / "sample"), records(data / "sample", "heldout")
    held = {draw["id"] for draw in heldout}
    assert all(draw["source"] == sources[draw["id"]] for draw in draws + heldout)
    expected = {
        (name, copy)
        for name, source in sources.items()
        if name not in held
        for copy in range(epochs[source])
    }
    drawn = [(draw["id"], draw["copy"]) for draw in draws]
    assert set(drawn) == expected
    assert len(drawn) == len(expected)
    assert len(heldout) == len(held)


def test_curriculum_is_numbered_in_order(data: Path) -> None:
    for stem in ("part", "heldout"):
        found = records(data / "sample", stem)
        assert [draw["order"] for draw in found] == list(range(len(found)))


def test_curriculum_moves_from_web_to_sft(data: Path) -> None:
    draws = records(data / "sample")
    quarter = len(draws) // 4
    start, end = by_source(draws[:quarter]), by_source(draws[-quarter:])
    web, sft = ("web_zh", "web_en"), ("sft_zh", "sft_en")
    assert sum(start[name] for name in web) > sum(end[name] for name in web)
    assert sum(start[name] for name in sft) < sum(end[name] for name in sft)


@pytest.mark.parametrize(("stem", "draw_stem"), [("rows", "part"), ("heldout", "heldout")])
def test_pack_equation(first: Clone, data: Path, stem: str, draw_stem: str) -> None:
    rows, draws = records(data / "pack", stem), records(data / "sample", draw_stem)
    samples = [sample for row in rows for sample in row["samples"]]
    counts = metrics(first.root, "pack")[stem]
    rejected = sum(counts["rejected"].values())
    assert counts["samples"] - counts["split"] + counts["pieces"] == counts["packed"] + rejected
    assert counts["tokens_of_samples"] == counts["tokens"] + counts["tokens_lost"]
    assert counts["trained_tokens_of_rows"] == counts["trained_tokens_of_samples"]
    pieces = counts["chars_of_pieces"] + counts["chars_between_pieces"]
    assert counts["chars_of_split"] == pieces
    assert counts["samples"] == len(draws)
    assert counts["packed"] == len(samples)
    assert counts["rows"] == len(rows)
    assert counts["tokens"] == sum(len(row["input_ids"]) for row in rows)
    assert counts["trained_tokens_of_rows"] == sum(map(trained_tokens, rows))
    seq_len_tokens = first.params()["pack"]["seq_len_tokens"]
    fill = counts["tokens"] / (len(rows) * seq_len_tokens)
    assert counts["fill"] == pytest.approx(fill, abs=1e-6)


def test_pack_rejections_and_samples_are_the_draws(first: Clone, data: Path) -> None:
    rejected = records(data / "rejected" / "pack")
    found = [(r["detail"]["conversation"], r["detail"]["copy"], r["source"]) for r in rejected]
    expected = []
    for stem, draw_stem in (("rows", "part"), ("heldout", "heldout")):
        rows = records(data / "pack", stem)
        found += [(s["id"], s["copy"], s["source"]) for row in rows for s in row["samples"]]
        draws = records(data / "sample", draw_stem)
        expected += [(draw["id"], draw["copy"], draw["source"]) for draw in draws]
    assert set(found) == set(expected)
    counts = [metrics(first.root, "pack")[stem] for stem in ("rows", "heldout")]
    more = sum(count["pieces"] - count["split"] for count in counts)
    assert len(found) == len(expected) + more


def test_no_sample_moves_farther_than_allowed(first: Clone, data: Path) -> None:
    """Places among the draws are those of draws that are packed, pieces and all, by tokens."""
    order = {(d["id"], d["copy"]): d["order"] for d in records(data / "sample")}
    choices, before, packed = first.params()["pack"], 0, []
    for row in records(data / "pack", "rows"):
        for sample in row["samples"]:
            place = order[sample["id"], sample["copy"]]
            packed.append((place, before + sample["start"], sample["end"] - sample["start"]))
        before += len(row["input_ids"])
    limit = choices["max_displacement_rows"] * choices["seq_len_tokens"]
    drawn = 0
    for _, start, tokens in sorted(packed):
        assert abs(start - drawn) < limit
        drawn += tokens
    plotted = table(first.root / "plots" / "pack_displacement.csv")
    assert sum(int(line["samples"]) for line in plotted) == len(packed)


@pytest.mark.parametrize("stem", ["rows", "heldout"])
def test_samples_tile_their_rows(first: Clone, data: Path, stem: str) -> None:
    seq_len_tokens = first.params()["pack"]["seq_len_tokens"]
    for row in records(data / "pack", stem):
        edges = [0, *(sample["end"] for sample in row["samples"])]
        assert [sample["start"] for sample in row["samples"]] == edges[:-1]
        assert edges[-1] == len(row["input_ids"]) <= seq_len_tokens
        for sample in row["samples"]:
            bounds = [sample["start"], *chain(*sample["trained"]), sample["end"]]
            assert bounds == sorted(bounds)
            assert all(start < end for start, end in sample["trained"])
            assert sample["trained"]
            assert bounds[1] > bounds[0], "a sample's first token has nothing to be told from"


@pytest.mark.parametrize(("stem", "draw_stem"), [("rows", "part"), ("heldout", "heldout")])
def test_rows_follow_the_curriculum(data: Path, stem: str, draw_stem: str) -> None:
    draws = records(data / "sample", draw_stem)
    order = {(draw["id"], draw["copy"]): draw["order"] for draw in draws}
    rows = [
        [order[sample["id"], sample["copy"]] for sample in row["samples"]]
        for row in records(data / "pack", stem)
    ]
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    assert all(row == sorted(row) for row in rows)


def test_heldout_records_are_never_trained(data: Path) -> None:
    held = {draw["id"] for draw in records(data / "sample", "heldout")}
    assert held
    assert not held & {draw["id"] for draw in records(data / "sample")}
    trained = {s["id"] for row in records(data / "pack", "rows") for s in row["samples"]}
    assert not held & trained


def test_train_sees_every_row(first: Clone, data: Path) -> None:
    rows = len(records(data / "pack", "rows"))
    counts, choices = metrics(first.root, "train"), first.params()["train"]
    assert counts["rows"] == rows
    assert counts["steps"] == -(-rows // choices["rows_per_step"])


@pytest.mark.parametrize("model", ["own", "base"])
def test_evaluate_equation(first: Clone, data: Path, model: str) -> None:
    items = {
        (path.stem, item["id"]): item["answer"]
        for path in sorted((data / "toy" / "benchmarks").glob("*.jsonl"))
        for item in map(json.loads, path.read_text(encoding="utf-8").splitlines())
    }
    predictions = records(data / "evaluate" / model)
    counts = metrics(first.root, f"evaluate/{model}")
    parts = ("asked", "without_answer", "beyond_max_items")
    assert counts["items"] == sum(counts[name] for name in parts) == len(items)
    assert counts["asked"] == len(predictions) == len(items)
    answers = {(p["benchmark"], p["item"]): p["answer"] for p in predictions}
    assert answers == items
    assert all(p["correct"] == (p["predicted"] == p["answer"]) for p in predictions)


def test_compare_counts_the_predictions(first: Clone, data: Path) -> None:
    tables = metrics(first.root, "compare")
    assert sorted(tables) == ["base", "own"]
    for model, groups in tables.items():
        predictions = records(data / "evaluate" / model)
        for benchmark in ("mc_zh", "mc_en", "exam_zh"):
            found = [p["correct"] for p in predictions if p["benchmark"] == benchmark]
            shown = groups[benchmark]
            assert (shown["items"], shown["right"]) == (len(found), sum(found))
            assert shown["accuracy"] == pytest.approx(sum(found) / len(found), abs=1e-6)
            assert shown["low"] <= shown["accuracy"] <= shown["high"]
