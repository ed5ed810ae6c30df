"""Decontamination over every real text finds exactly what a plain search finds."""

from pathlib import Path

import pytest
from plain_contamination import (
    plain_form,
    plain_parts,
    questions_plainly,
    runs_plainly,
    window_table,
)
from real_documents import benchmark_items, documents
from real_files import NEEDS_FILES

from onestage.dedupe.contamination import ContaminationIndex
from onestage.dedupe.settings import Contamination

pytestmark = [pytest.mark.xdist_group("real_corpora"), pytest.mark.long, NEEDS_FILES]

# Files that are benchmarks, read as if they were corpora.
_BENCHMARKS = {
    "apollo_en", "apollo_zh", "cmexam_zh", "cmmlu_zh", "encodings_zh", "medmcqa_en", "medqa_en",
    "mmlu_en",
}  # fmt: skip


def test_a_plain_search_finds_the_same(tmp_path: Path) -> None:
    items = benchmark_items()
    choices = Contamination(min_chars=64, short_questions=True, ngram_chars=10, ngram_share=0.0)
    index = ContaminationIndex(items, choices)
    keys, texts = zip(*documents(tmp_path), strict=True)
    found = {
        (n, (shared.benchmark, shared.item), shared.rule)
        for n, text in enumerate(texts)
        for shared in index.find(text)
    }
    plain = [plain_form(text) for text in texts]
    parts = {(item.benchmark, item.id): (item.case, item.question, item.options) for item in items}
    runs = runs_plainly(window_table(parts, 64), plain, 64)
    questions = questions_plainly({name: plain_parts(of) for name, of in parts.items()}, plain)
    assert found == {(*one, "shared_run") for one in runs} | {
        (*one, "question_and_options") for one in questions - runs
    }
    # Benchmark files hold benchmark items, corpora do not.
    assert {keys[n] for n, _, _ in found} == _BENCHMARKS
    # Of medmcqa questions alone are read; one item elsewhere has options of 7 characters.
    missed = {item.question for item in items if item.benchmark != "medmcqa"} - {
        parts[name][1] for _, name, _ in found
    }
    assert missed == {"How many chromosomes do all human somatic cells contain?"}
