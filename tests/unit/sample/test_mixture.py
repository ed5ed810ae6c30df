"""The closed form against the protocol's figures, exact cases and step-by-step probabilities."""

import math
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onestage.errors import ParamError
from onestage.records import Kind
from onestage.sample.mixture import Part, Point, expected_parts, mixture_at
from onestage.sample.settings import Sample, Standing, Strategy

# The protocol's records, in thousands, Chinese and English together.
_RECORDS = {
    "web": 1_035_000, "literature": 1_055_000, "encyclopedia": 558_000, "books": 2_638_000,
    "sft": 142_248,
}  # fmt: skip
_KINDS: dict[str, Kind] = {
    "web": "web", "literature": "literature", "encyclopedia": "encyclopedia", "books": "book",
    "sft": "sft",
}  # fmt: skip
_PRIORITY = {"web": 32.0, "literature": 16.0, "encyclopedia": 8.0, "books": 4.0, "sft": 1.0}
_EPOCHS = {**dict.fromkeys(_RECORDS, 1), "sft": 3}

_PARTS = st.dictionaries(
    st.sampled_from("abcdef"),
    st.builds(
        Part,
        st.integers(1, 10**7).map(float),
        st.builds(Standing, st.integers(0, 2), st.floats(1e-3, 1e3), st.just(0)),
    ),
    min_size=1,
)


def _protocol(strategy: Strategy) -> dict[str, Part]:
    return expected_parts(_RECORDS, _KINDS, Sample(1, strategy, _PRIORITY, _EPOCHS))


def _percent(figures: Mapping[str, float]) -> dict[str, int]:
    return {source: round(100 * figure) for source, figure in figures.items()}


def test_the_protocols_counts_give_the_protocols_shares() -> None:
    parts = _protocol("priority")
    assert _percent(mixture_at(parts, 0.5).consumed) == {
        "web": 94, "literature": 75, "encyclopedia": 50, "books": 29, "sft": 8,
    }  # fmt: skip
    shares = {at: mixture_at(parts, at).share["sft"] for at in (0.9, 0.95, 0.99)}
    assert {at: round(100 * share) for at, share in shares.items()} == {
        0.9: 16, 0.95: 32, 0.99: 95,
    }  # fmt: skip


def test_equal_weights_consume_all_sources_alike() -> None:
    parts = _protocol("random")
    total = sum(part.copies for part in parts.values())
    for progress in (0.0, 0.3, 0.99):
        point = mixture_at(parts, progress)
        for source, part in parts.items():
            assert point.consumed[source] == pytest.approx(progress)
            assert point.share[source] == pytest.approx(part.copies / total)


def test_sequential_sources_follow_one_another() -> None:
    parts = _protocol("sequential")
    total = sum(part.copies for part in parts.values())
    web, literature = parts["web"].copies / total, parts["literature"].copies / total
    point = mixture_at(parts, web + literature / 4)
    assert point.consumed["web"] == 1
    assert point.consumed["literature"] == pytest.approx(0.25)
    assert point.share == {**dict.fromkeys(parts, 0.0), "literature": 1}
    assert point.consumed["books"] == point.consumed["sft"] == 0


def test_two_stages_leave_sft_for_the_end() -> None:
    parts = _protocol("two_stage")
    total = sum(part.copies for part in parts.values())
    domain = total - parts["sft"].copies
    before, after = (mixture_at(parts, (domain + step) / total) for step in (-1e5, 1e5))
    assert before.share["sft"] == before.consumed["sft"] == 0
    assert before.share["books"] == pytest.approx(parts["books"].copies / domain)
    assert after.share["sft"] == 1
    assert after.consumed["sft"] == pytest.approx(1e5 / parts["sft"].copies)
    assert after.consumed["books"] == 1


def test_two_sources_of_weights_two_and_one() -> None:
    parts = {"a": Part(1000, Standing(0, 2.0, 0)), "b": Part(1000, Standing(0, 1.0, 0))}
    left = (math.sqrt(5) - 1) / 2  # x with x² + x = 1
    point = mixture_at(parts, 0.5)
    assert point.consumed["a"] == pytest.approx(1 - left**2)
    assert point.consumed["b"] == pytest.approx(1 - left)
    assert point.share["a"] == pytest.approx(2 * left**2 / (2 * left**2 + left))
    assert mixture_at(parts, 0).share["a"] == pytest.approx(2 / 3)
    assert mixture_at(parts, 1) == Point({"a": 1, "b": 1}, {"a": 0, "b": 1})


@given(_PARTS, st.floats(0, 1))
def test_what_is_consumed_adds_up(parts: dict[str, Part], progress: float) -> None:
    total = sum(part.copies for part in parts.values())
    point = mixture_at(parts, progress)
    consumed = sum(parts[source].copies * share for source, share in point.consumed.items())
    assert consumed == pytest.approx(progress * total, rel=1e-9, abs=1e-6 * total)
    assert sum(point.share.values()) == pytest.approx(1)
    assert all(0 <= share <= 1 for share in (*point.consumed.values(), *point.share.values()))


@given(_PARTS, st.floats(0.001, 0.998))
def test_shares_are_how_fast_sources_are_consumed(parts: dict[str, Part], progress: float) -> None:
    """Between two near points a source gives as many draws as its shares at both say."""
    total = sum(part.copies for part in parts.values())
    first, last = (mixture_at(parts, at) for at in (progress, progress + 0.001))
    for source, part in parts.items():
        drawn = part.copies * (last.consumed[source] - first.consumed[source]) / (0.001 * total)
        low, high = sorted((first.share[source], last.share[source]))
        turns = {p.standing.turn for s, p in parts.items() if first.share[s] + last.share[s]}
        # within a turn shares move slowly, up or down, and a change of turn can hide one
        if len(turns) == 1:
            assert low - 0.01 <= drawn <= high + 0.01


def _stepwise(counts: list[int], weights: list[float], draws: int) -> list[float]:
    """Return the expected numbers drawn by P_t, over every state that can be reached."""
    states = {tuple(counts): 1.0}
    for _ in range(draws):
        after: dict[tuple[int, ...], float] = {}
        for left, chance in states.items():
            rates = [n * w for n, w in zip(left, weights, strict=True)]
            for source, rate in enumerate(rates):
                if rate:
                    state = (*left[:source], left[source] - 1, *left[source + 1 :])
                    after[state] = after.get(state, 0) + chance * rate / sum(rates)
        states = after
    return [
        counts[source] - sum(chance * left[source] for left, chance in states.items())
        for source in range(len(counts))
    ]


@pytest.mark.parametrize("draws", [9, 45, 72, 86])
def test_the_limit_is_near_the_exact_expectation_for_few_copies(draws: int) -> None:
    """Ninety copies: the exact mean of the sampler's own formula is off by less than half one."""
    counts, weights = [30, 40, 20], [8.0, 2.0, 1.0]
    parts = {
        str(n): Part(count, Standing(0, weight, 0))
        for n, (count, weight) in enumerate(zip(counts, weights, strict=True))
    }
    consumed = mixture_at(parts, draws / 90).consumed
    found = [counts[n] * consumed[str(n)] for n in range(3)]
    assert found == pytest.approx(_stepwise(counts, weights, draws), abs=0.5)


def test_holding_out_caps_and_epochs_shape_the_parts() -> None:
    choices = Sample(
        1, "priority", {"a": 2, "b": 1, "c": 1}, {"a": 1, "b": 3, "c": 2},
        cap={"a": 50, "b": 0, "c": 95}, heldout_share={"b": 0.25, "c": 0.1},
    )  # fmt: skip
    kinds: dict[str, Kind] = dict.fromkeys("abc", "web")
    parts = expected_parts({"a": 100, "b": 100, "c": 100}, kinds, choices)
    assert {source: part.copies for source, part in parts.items()} == {"a": 50, "b": 225, "c": 180}
    assert parts["a"].standing == Standing(0, 2, 0)
    with pytest.raises(ParamError, match=r"sample\.priority\.d is missing"):
        expected_parts({"d": 1}, {"d": "web"}, choices)


def test_a_source_without_copies_disturbs_nothing() -> None:
    parts = {
        "none": Part(0, Standing(0, 0.5, 0)),
        "later": Part(0, Standing(1, 1.0, 0)),
        "some": Part(10, Standing(0, 2.0, 0)),
    }
    for progress in (0, 0.5, 1):
        point = mixture_at(parts, progress)
        assert point.share == {"none": 0, "later": 0, "some": 1}
        assert point.consumed["some"] == pytest.approx(progress)
