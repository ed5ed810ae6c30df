"""The profile real-sample, over files that nobody prepared; docs/real-sample.md says which.

The figures here are what a run gave (docs/LOG.md), less a margin.
"""

import re
import shutil
from pathlib import Path

import pytest
from pipeline.artifacts import Record, metrics, records
from pipeline.clones import Clone, built_once, make_clone
from real_files import FILES, NEEDS_FILES

LOCALE = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC"}

pytestmark = [
    pytest.mark.xdist_group("real_sample"),
    NEEDS_FILES,
]

# source: the least share of its passages that is kept
MEDICAL = {
    "classics_zh": 0.5,
    "meridians_zh": 0.8,
    "infections_zh": 0.6,
    "pharmacology_en": 0.72,
    "encyclopedia_zh": 0.99,
    "kidney_en": 0.92,
    "nerves_en": 0.94,
    "literature_en": 0.5,
    "web_zh": 0.9,
    "web_en": 0.8,
}
# source: the largest share of its passages that is kept
GENERAL = {
    "news_zh": 0.0,
    "apps_zh": 0.02,
    "wiki_zh": 0.08,
    "wiki_en": 0.03,
    "plays_en": 0.03,
}
# one in ten of its papers is about medicine
MIXED = ("literature_zh",)
WITHHELD = "withheld_en"
SFT = "sft_zh"
SOURCES = (*MEDICAL, *GENERAL, *MIXED, WITHHELD, SFT)
BENCHMARK_ITEMS = {
    "cmmlu_anatomy": 148,
    "cmmlu_clinical_knowledge": 237,
    "cmmlu_traditional_chinese_medicine": 185,
    "mmlu_anatomy": 135,
    "mmlu_clinical_knowledge": 265,
    "mmlu_college_medicine": 173,
    "medqa": 300,
    "medmcqa": 1000,
    "cmexam": 300,
}
# What the sources call by these marks is gone from texts; `P<0.05` and `a < b` may stay.
RESIDUE = re.compile(
    r"</?[A-Za-z][A-Za-z0-9_]*(?: [^<>\n]{0,40})?/?>|<篇名>|<目录>|\\x|=标题=|\[详细\]"
    r"|&[a-z]{2,8};|@-@|-->|\[(?:fig|table)-\d"
)


@pytest.fixture(scope="module")
def run(clones_root: Path) -> Clone:
    """Return a clone after `dvc repro` of the profile; do not change it."""

    def build(folder: Path) -> Clone:
        clone = make_clone(folder, locale=LOCALE)
        clone.run("python", "profiles/bring_real_sample.py", str(FILES))
        shutil.copyfile(folder / "profiles" / "real-sample.yaml", folder / "params.yaml")
        clone.dvc("repro")
        return clone

    return built_once(clones_root / "real sample", build, LOCALE)


def kept(run: Clone, source: str) -> list[Record]:
    return records(run.root / "data" / "collect" / source)


REPEATS = ("exact_duplicate", "near_duplicate", "boilerplate")


def share_kept(run: Clone, source: str) -> float:
    """Return the share of the passages that do not merely repeat others."""
    counts = metrics(run.root, f"collect/{source}")
    repeats = sum(counts["passages_rejected"].get(reason, 0) for reason in REPEATS)
    return counts["passages_kept"] / (counts["passages"] - repeats)


def test_all_sources_are_looked_at(run: Clone) -> None:
    assert sorted(run.params()["sources"]) == sorted(SOURCES)
    assert sorted(run.params()["benchmarks"]) == sorted(BENCHMARK_ITEMS)


@pytest.mark.parametrize("source", SOURCES)
def test_collect_and_unify_conserve(run: Clone, source: str) -> None:
    counts = metrics(run.root, f"collect/{source}")
    bad, documents = sum(counts["bad_records"].values()), counts["documents"]
    assert counts["records"] == bad + documents > 0
    assert documents == counts["documents_kept"] + sum(counts["documents_rejected"].values())
    assert counts["passages"] == counts["passages_kept"] + sum(counts["passages_rejected"].values())
    parts = [counts[f"chars_{name}"] for name in ("kept", "rejected", "between")]
    assert counts["chars"] == sum(parts)
    assert min(parts) >= 0
    passed = counts["documents_kept"] if source == SFT else counts["passages_kept"]
    assert len(kept(run, source)) == passed
    assert len(records(run.root / "data" / "unify" / source)) == passed


def test_dedupe_sample_and_pack_conserve(run: Clone) -> None:
    deduped = metrics(run.root, "dedupe")
    sampled = metrics(run.root, "sample")
    for source in SOURCES:
        found = deduped[source]
        assert found["records"] == found["kept"] + sum(found["rejected"].values())
        assert found["records"] == len(kept(run, source))
        epochs = run.params()["sample"]["epochs"][source]
        if found["kept"]:
            copies = sampled[source]
            assert found["kept"] * epochs == (
                copies["drawn"] + copies["capped"] + copies["heldout"]
            )
    for part in ("rows", "heldout"):
        packed = metrics(run.root, "pack")[part]
        assert packed["trained_tokens_of_rows"] == packed["trained_tokens_of_samples"] > 0


def test_answers_that_were_withheld_give_nothing(run: Clone) -> None:
    counts = metrics(run.root, f"collect/{WITHHELD}")
    assert counts["documents"] == 141
    assert counts["documents_rejected"] == {"empty": 141}
    assert kept(run, WITHHELD) == []


def test_undecodable_bytes_cost_their_sections_only(run: Clone) -> None:
    counts = metrics(run.root, "collect/classics_zh")
    assert counts["bad_records"] == {"undecodable": 2}
    broken = [r for r in kept(run, "classics_zh") if r["file"].startswith("203")]
    assert len(broken) > 50


@pytest.mark.parametrize(("source", "least"), MEDICAL.items())
def test_medical_sources_are_kept(run: Clone, source: str, least: float) -> None:
    assert share_kept(run, source) >= least


@pytest.mark.parametrize(("source", "most"), GENERAL.items())
def test_general_sources_are_rejected(run: Clone, source: str, most: float) -> None:
    assert share_kept(run, source) <= most


def test_papers_are_told_apart(run: Clone) -> None:
    assert 0.08 <= share_kept(run, "literature_zh") <= 0.2


@pytest.mark.parametrize("source", SOURCES)
def test_kept_text_is_clean(run: Clone, source: str) -> None:
    texts = [
        text
        for record in records(run.root / "data" / "unify" / source)
        for text in (*(turn["content"] for turn in record["messages"]), record["text"])
    ]
    found = [match[0] for text in texts for match in [RESIDUE.search(text)] if match]
    assert found == []
    assert not [text for text in texts if re.search("[\ufffd\ud800-\udfff\u2236\r\t]", text)]
    assert not [text for text in texts if "  " in text or text != text.strip()]


def test_wrapped_lines_are_joined(run: Clone) -> None:
    """In classics few lines that are as long as a printed one end without a mark."""
    lines = [
        line
        for record in kept(run, "classics_zh")
        for line in record["text"].split("\n")
        if len(line) > 30 and line.count(" ") < 4
    ]
    open_ended = [line for line in lines if line[-1] not in "。！？；：，、）〕》”’"]
    assert len(lines) > 1000
    assert len(open_ended) / len(lines) < 0.06


def test_no_benchmark_item_is_in_the_corpora(run: Clone) -> None:
    deduped = metrics(run.root, "dedupe")
    assert not [source for source in SOURCES if "contaminated" in deduped[source]["rejected"]]


def test_repeated_answers_are_found(run: Clone) -> None:
    for source, least in (("kidney_en", 80), ("web_zh", 100)):
        rejected = metrics(run.root, f"collect/{source}")["passages_rejected"]
        assert rejected["exact_duplicate"] > least
        assert metrics(run.root, "dedupe")[source]["rejected"].get("exact_duplicate", 0) == 0


def test_loss_falls_for_every_source(run: Clone) -> None:
    losses = metrics(run.root, "train")["heldout_loss"]
    assert {*MEDICAL, *MIXED, SFT} <= {*losses}
    assert {name: found for name, found in losses.items() if found["drop"] < 0.08} == {}


@pytest.mark.parametrize("model", ["own", "base"])
def test_every_benchmark_is_scored(run: Clone, model: str) -> None:
    report = metrics(run.root, f"evaluate/{model}")
    assert report["items"] == sum(BENCHMARK_ITEMS.values())
    assert report["without_answer"] == 1
    asked = run.params()["evaluate"]["max_items"]
    for name in BENCHMARK_ITEMS:
        found = report["accuracy"][name]
        assert found["items"] == asked
        assert 0 <= found["accuracy"] <= 1
