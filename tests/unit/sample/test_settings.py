"""Where each strategy puts a source, and the fewest records that a source may have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onestage.errors import InputError, ParamError
from onestage.params import section
from onestage.records import Kind
from onestage.sample.settings import Sample, Standing, Strategy, require_minimum, standings

_KINDS: dict[str, Kind] = {"web": "web", "book": "book", "paper": "literature", "sft": "sft"}
_PRIORITY = {"web": 32.0, "book": 4.0, "paper": 4.0, "sft": 1.0}
_EPOCHS = dict.fromkeys(_KINDS, 1)


@pytest.mark.parametrize(
    ("strategy", "places"),
    [
        ("priority", [(0, 32, 0), (0, 4, 0), (0, 4, 0), (0, 1, 0)]),
        ("random", [(0, 1, 0)] * 4),
        ("sequential", [(0, 1, 0), (1, 1, 0), (1, 1, 0), (2, 1, 0)]),
        ("two_stage", [(0, 1, 0), (0, 1, 0), (0, 1, 0), (1, 1, 1)]),
    ],
)
def test_where_a_strategy_puts_sources(
    strategy: Strategy, places: list[tuple[int, float, int]]
) -> None:
    found = standings(_KINDS, Sample(1, strategy, _PRIORITY, _EPOCHS))
    assert found == {name: Standing(*place) for name, place in zip(_KINDS, places, strict=True)}


@pytest.mark.parametrize("strategy", ["priority", "random", "sequential", "two_stage"])
@pytest.mark.parametrize("missing", ["priority", "epochs"])
def test_a_source_needs_priority_and_epochs(strategy: Strategy, missing: str) -> None:
    figures = {"priority": {**_PRIORITY}, "epochs": {**_EPOCHS}}
    del figures[missing]["paper"]
    choices = section({"sample": {"seed": 1, "strategy": strategy, **figures}}, "sample", Sample)
    with pytest.raises(ParamError, match=rf"sample\.{missing}\.paper is missing; add it"):
        standings(_KINDS, choices)


@pytest.mark.parametrize("value", [0, -1, float("inf"), float("nan"), 1e-300, "8", True])
def test_a_priority_is_a_finite_figure_above_0(value: object) -> None:
    document = {"seed": 1, "strategy": "priority", "priority": {"a": value}, "epochs": {"a": 1}}
    with pytest.raises(ParamError, match=r"sample\.priority"):
        section({"sample": document}, "sample", Sample)


def test_an_unknown_strategy_is_refused_by_its_name() -> None:
    document = {"seed": 1, "strategy": "shuffled", "priority": {}, "epochs": {}}
    with pytest.raises(ParamError, match=r"sample\.strategy.*shuffled"):
        section({"sample": document}, "sample", Sample)


@given(st.integers(0, 5), st.integers(0, 5))
def test_fewer_records_than_the_minimum_are_an_error(minimum: int, found: int) -> None:
    choices = Sample(1, "priority", {}, {}, minimum={"web": minimum})
    for records in ({"web": found}, {"web": found, "sft": 0}):
        if found >= minimum:
            require_minimum(records, choices)
        else:
            said = rf"source web: expected at least {minimum} .*found {found};"
            with pytest.raises(InputError, match=said):
                require_minimum(records, choices)


def test_a_source_without_any_record_is_missed_too() -> None:
    with pytest.raises(InputError, match=r"source web.*found 0"):
        require_minimum({}, Sample(1, "priority", {}, {}, minimum={"web": 1}))
