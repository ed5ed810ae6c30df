import json
from pathlib import Path

import pytest

from onestage.benchmarks import Item
from onestage.comparison.contamination import read_contamination
from onestage.dedupe.contamination import Shared
from onestage.dedupe.decontamination import Contaminated, ContaminationCounts
from onestage.errors import InputError
from onestage.records import Rejection


def _counts(path: Path) -> Path:
    """Write what dedupe writes of two conversations that hold the same item of two."""
    items = [Item("mc", str(n), "en", "", "q", ("x", "y"), "A", "", "") for n in range(2)]
    counts = ContaminationCounts(items)
    shared = Shared("mc", "0", "shared_run", "text")
    for source in ("web", "books"):
        rejection = Rejection("id", source, "contaminated", {"shared": shared.text})
        counts.add(Contaminated(rejection, frozenset({("mc", "0")})))
    path.write_text(json.dumps(counts.as_metrics()), encoding="utf-8")
    return path


def test_what_dedupe_wrote_is_read(tmp_path: Path) -> None:
    path = _counts(tmp_path / "contamination.json")
    expected = {"mc": {"items": 2, "items_found": 1, "records": 2}}
    assert read_contamination(path, {"mc"}) == expected


@pytest.mark.parametrize("text", [None, "{", '{"mc": {"items": 2}}', '{"other": 1}'])
def test_what_is_not_dedupes_is_told(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "contamination.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"contamination.json: .*run dvc repro dedupe"):
        read_contamination(path, {"mc"})


def test_a_benchmark_that_dedupe_did_not_see_is_told(tmp_path: Path) -> None:
    path = _counts(tmp_path / "contamination.json")
    with pytest.raises(InputError, match="no counts of benchmark exam; run dvc repro dedupe"):
        read_contamination(path, {"mc", "exam"})
