"""The measured mixture along the course beside the expected one."""

import pytest

from onestage.records import Kind
from onestage.sample.course import course
from onestage.sample.curriculum import draw_curriculum
from onestage.sample.pool import Candidate, pool_of
from onestage.sample.settings import Sample, Strategy

_KINDS: dict[str, Kind] = {"web": "web", "sft": "sft"}


def _course(
    number: int, strategy: Strategy = "priority", steps: int = 20
) -> list[dict[str, str | float]]:
    found = [
        Candidate(f"{n:024x}", source, kind)
        for n in range(number)
        for source, kind in _KINDS.items()
    ]
    found = [Candidate(f"{n:024x}", c.source, c.kind) for n, c in enumerate(found)]
    choices = Sample(1, strategy, {"web": 32, "sft": 1}, {"web": 1, "sft": 1})
    return course(draw_curriculum(pool_of(found), choices), steps=steps)


def test_rows_name_sources_and_ends_of_intervals() -> None:
    rows = _course(100, steps=4)
    assert [row["source"] for row in rows] == ["sft", "web"] * 4
    assert [row["progress"] for row in rows[::2]] == [0.25, 0.5, 0.75, 1]
    for sft, web in zip(rows[::2], rows[1::2], strict=True):
        for column in ("share", "expected"):
            assert float(sft[column]) + float(web[column]) == pytest.approx(1)


@pytest.mark.parametrize("strategy", ["priority", "random", "sequential", "two_stage"])
def test_a_large_curriculum_is_what_was_expected(strategy: Strategy) -> None:
    rows = _course(20_000, strategy)
    for row in rows:
        # 2,000 draws an interval: four standard deviations of a share are at most .045
        assert float(row["share"]) == pytest.approx(float(row["expected"]), abs=0.045)
    shares = [float(row["share"]) for row in rows if row["source"] == "web"]
    assert (shares[0] > shares[9] > shares[-1]) == (strategy == "priority")
    if strategy in ("sequential", "two_stage"):
        assert shares == [1.0] * 10 + [0.0] * 10


def test_fewer_draws_than_intervals() -> None:
    rows = _course(1)
    assert len(rows) == 40
    assert sum(float(row["share"]) for row in rows) == 2
    assert sum(float(row["expected"]) for row in rows) == pytest.approx(2)
