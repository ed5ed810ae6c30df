"""Every benchmark file among the real ones loads, with the counts that were published."""

import csv
import json
from collections import Counter
from typing import Any

import msgspec
import pytest
from real_files import FILES, NEEDS_FILES

from onestage.benchmarks import Benchmark, Item, read_items

pytestmark = NEEDS_FILES

_CMMLU = {"lang": "zh", "format": "csv", "question": "Question", "options": list("ABCD"),
          "answer": "Answer"}  # fmt: skip
_MMLU = {"lang": "en", "format": "csv", "question": "question", "answer": "answer",
         "options": [f"choice{n}" for n in range(4)], "answer_base": 0}  # fmt: skip
_APOLLO = {"format": "json", "question": "question", "options": ["options"], "answer": "answer",
           "track": "source"}  # fmt: skip
_CMEXAM = {"file": "bench_cmexam_val/cmexam_val_300.csv", "lang": "zh", "format": "csv",
           "question": "Question", "options": ["Options"], "options_separator": "\\n",
           "answer": "Answer", "max_unanswered": 1}  # fmt: skip
_MEDQA = {"file": "bench_medqa_usmle_4opt/medqa_4options_first300.jsonl", "lang": "en",
          "format": "jsonl", "id": "realidx", "question": "question", "options": ["options"],
          "answer": "answer_idx"}  # fmt: skip
_MEDMCQA = {"file": "bench_medmcqa_val/medmcqa_validation_first1000.jsonl", "lang": "en",
            "format": "jsonl", "question": "question", "options": ["choices"], "answer": "answer",
            "answer_base": 0}  # fmt: skip


def _read(**entry: Any) -> list[Item]:
    return read_items("mc", msgspec.convert(entry, Benchmark), FILES)


def _counts(items: list[Item]) -> tuple[int, dict[int, int], int, int]:
    """Questions, questions by number of options, with several answers, without one."""
    sizes = Counter(len(item.options) for item in items)
    several = sum(len(item.answer) > 1 for item in items)
    return len(items), dict(sizes), several, sum(not item.answer for item in items)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"file": "bench_apollo_dev_zh_en/zh.json", "lang": "zh", **_APOLLO},
         (389, {4: 203, 5: 186}, 4, 0)),
        ({"file": "bench_apollo_dev_zh_en/en.json", "lang": "en", "case": "context", **_APOLLO},
         (217, {4: 163, 3: 53, 5: 1}, 0, 0)),
        (_CMEXAM, (300, {5: 293, 4: 7}, 49, 1)),
        (_MEDQA, (300, {4: 300}, 0, 0)),
        (_MEDMCQA, (1000, {4: 1000}, 0, 0)),
    ],
    ids=["apollo_zh", "apollo_en", "cmexam", "medqa", "medmcqa"],
)  # fmt: skip
def test_a_file_loads_whole(
    entry: dict[str, Any], expected: tuple[int, dict[int, int], int, int]
) -> None:
    assert _counts(_read(**entry)) == expected


@pytest.mark.parametrize(
    ("file", "count"),
    [
        ("bench_cmmlu_medical/dev_anatomy.csv", 5),
        ("bench_cmmlu_medical/test_anatomy.csv", 148),
        ("bench_cmmlu_medical/dev_clinical_knowledge.csv", 5),
        ("bench_cmmlu_medical/test_clinical_knowledge.csv", 237),
        ("bench_cmmlu_medical/dev_traditional_chinese_medicine.csv", 5),
        ("bench_cmmlu_medical/test_traditional_chinese_medicine.csv", 185),
        ("bench_cmmlu_nonmedical/test_chinese_history.csv", 323),
        ("bench_cmmlu_nonmedical/test_computer_science.csv", 204),
        ("bench_cmmlu_nonmedical/test_business_ethics.csv", 209),
        ("bench_mmlu_medical/anatomy_dev.csv", 5),
        ("bench_mmlu_medical/anatomy_test.csv", 135),
        ("bench_mmlu_medical/clinical_knowledge_dev.csv", 5),
        ("bench_mmlu_medical/clinical_knowledge_test.csv", 265),
        ("bench_mmlu_medical/college_medicine_dev.csv", 5),
        ("bench_mmlu_medical/college_medicine_test.csv", 173),
    ],
)
def test_a_subject_of_four_options_loads_whole(file: str, count: int) -> None:
    entry = _MMLU if "_mmlu_" in file else _CMMLU
    assert _counts(_read(file=file, **entry)) == (count, {4: count}, 0, 0)


def test_prefixes_of_options_are_dropped_and_answers_are_right() -> None:
    first = _read(**_CMEXAM)[0]
    assert not any(option.startswith(tuple("ABCDE")) for option in first.options)
    assert (len(first.options), first.answer) == (5, "C")
    assert not any(item.options[0].startswith("A. ") for item in _read(**_MEDMCQA))


def test_the_answers_text_gives_the_same_letters_as_its_index() -> None:
    assert _read(**{**_MEDQA, "answer": "answer", "answer_text": True}) == _read(**_MEDQA)


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("gbk", "gb18030"), ("utf8bom_crlf", "utf-8"), ("utf16le", "utf-16")],
)
def test_three_encodings_hold_identical_items(name: str, encoding: str) -> None:
    file = f"fixture_encodings_cmmlu_anatomy/anatomy_{name}.csv"
    items = _read(file=file, encoding=encoding, **_CMMLU)
    assert items == _read(file="bench_cmmlu_medical/test_anatomy.csv", **_CMMLU)


def test_the_original_layout_without_header_holds_the_same(tmp_path: Any) -> None:
    """MMLU was published without a header and with letters."""
    known = _read(file="bench_mmlu_medical/anatomy_test.csv", **_MMLU)
    with (tmp_path / "anatomy.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([i.question, *i.options, i.answer] for i in known)
    entry = {"file": "anatomy.csv", "lang": "en", "format": "csv", "header": False,
             "question": "0", "options": ["1", "2", "3", "4"], "answer": "5"}  # fmt: skip
    assert read_items("mc", msgspec.convert(entry, Benchmark), tmp_path) == known


def test_no_benchmark_of_the_manifest_is_left_out() -> None:
    manifest = json.loads((FILES / "MANIFEST.json").read_text(encoding="utf-8"))
    counted = {e["name"]: e["records"] for e in manifest["entries"] if e["kind"] == "benchmark"}
    assert counted == {
        "bench_apollo_dev_zh_en": 389 + 217,
        "bench_cmexam_val": 300,
        "bench_cmmlu_medical": 585,
        "bench_cmmlu_nonmedical": 736,
        "bench_medmcqa_val": 1000,
        "bench_medqa_usmle_4opt": 300,
        "bench_mmlu_medical": 588,
    }
