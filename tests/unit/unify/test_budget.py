"""No request begins that could exceed what its source may cost."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from given import parameters
from hypothesis import given
from hypothesis import strategies as st

from onestage.errors import ParamError
from onestage.unify.budget import Budget, money
from onestage.unify.responses import ResponseStore, Spent
from onestage.unify.settings import Price, Unify

_BASE = msgspec.convert(parameters()["unify"], Unify)
_PRICE = Price(prompt=2.0, completion=8.0)


def _choices(**more: Any) -> Unify:
    return msgspec.structs.replace(_BASE, price=_PRICE, **more)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ResponseStore]:
    """Return an empty store."""
    with closing(ResponseStore(tmp_path / "r.sqlite")) as base:
        yield base


def test_tokens_have_the_price_of_their_kind() -> None:
    assert money(Spent(3_000_000, 0), _PRICE) == 6.0
    assert money(Spent(0, 500_000), _PRICE) == 4.0
    assert money(Spent(), _PRICE) == 0.0


@pytest.mark.parametrize(
    "budgets", [{}, {"budget_tokens": {"other": 9}}, {"budget_tokens": {"web": 0}}]
)
def test_a_source_without_a_budget_costs_nothing(
    store: ResponseStore, budgets: dict[str, Any]
) -> None:
    with pytest.raises(ParamError, match=r"unify\.budget_tokens\.web is 0") as caught:
        Budget(_choices(**budgets), "web", store)
    assert "\n" not in str(caught.value)


def test_money_without_prices_bounds_nothing_and_is_refused(store: ResponseStore) -> None:
    free = _choices(budget_money={"web": 1.0})
    free = msgspec.structs.replace(free, price=Price(0.0, 0.0))
    with pytest.raises(ParamError, match=r"budget_money\.web: tokens have no price"):
        Budget(free, "web", store)


def test_the_last_token_may_be_spent_and_not_one_more(store: ResponseStore) -> None:
    budget = Budget(_choices(budget_tokens={"web": 100}), "web", store)
    assert budget.reserve(Spent(60, 40))
    assert not budget.reserve(Spent(1, 0))
    assert not budget.changed.is_set()
    budget.count(Spent(60, 40), Spent(10, 5))
    assert budget.changed.is_set()
    assert budget.reserve(Spent(85, 0))
    assert not budget.reserve(Spent(0, 1))
    budget.count(Spent(85, 0), Spent(85, 0))
    with pytest.raises(ParamError, match=r"budget_tokens\.web: 100 would .*spent 100, at most 1 m"):
        budget.reserve(Spent(0, 1))


def test_a_refused_request_sets_nothing_aside(store: ResponseStore) -> None:
    budget = Budget(_choices(budget_tokens={"web": 100}), "web", store)
    with pytest.raises(ParamError):
        budget.reserve(Spent(101, 0))
    budget.reserve(Spent(100, 0))


def test_the_bound_in_money_holds_beside_the_one_in_tokens(store: ResponseStore) -> None:
    choices = _choices(budget_tokens={"web": 10_000_000}, budget_money={"web": 4.0})
    budget = Budget(choices, "web", store)
    assert budget.reserve(Spent(2_000_000, 0))
    assert not budget.reserve(Spent(0, 1))
    budget.count(Spent(2_000_000, 0), Spent(2_000_000, 0))
    with pytest.raises(ParamError, match=r"unify\.budget_money\.web: 4 would not cover"):
        budget.reserve(Spent(0, 1))


def test_what_the_source_has_cost_before_counts_and_what_others_cost_does_not(
    store: ResponseStore,
) -> None:
    store.charge("web", 30, 40)
    store.charge("book", 1000, 1000)
    budget = Budget(_choices(budget_tokens={"web": 100}), "web", store)
    assert budget.spent == Spent(30, 40)
    assert budget.reserve(Spent(30, 0))
    assert not budget.reserve(Spent(1, 0))


def test_what_was_under_way_when_a_run_was_killed_is_known_to_the_next(
    store: ResponseStore,
) -> None:
    choices = _choices(budget_tokens={"web": 100})
    budget = Budget(choices, "web", store)
    ended, killed = Spent(20, 10), Spent(50, 20)
    budget.reserve(ended)
    budget.reserve(killed)
    budget.count(ended, Spent(7, 3))
    assert Budget(choices, "web", store).spent == Spent(57, 23)
    budget.count(killed, Spent(50, 0))
    assert Budget(choices, "web", store).spent == budget.spent == Spent(57, 3)


_COSTS = st.tuples(st.integers(0, 40), st.integers(0, 40))


@given(st.lists(st.tuples(_COSTS, st.floats(0, 1), st.booleans()), max_size=40))
def test_whatever_is_asked_the_budget_is_never_exceeded(
    requests: list[tuple[tuple[int, int], float, bool]],
) -> None:
    with closing(ResponseStore(Path(":memory:"))) as store:
        budget = Budget(_choices(budget_tokens={"web": 200}), "web", store)
        under_way: list[tuple[Spent, Spent]] = []
        for costs, share, ends in requests:
            most = Spent(*costs)
            taken = sum(budget.spent) + sum(sum(other) for other, _ in under_way)
            try:
                begins = budget.reserve(most)
            except ParamError:
                assert taken + sum(most) > 200
                assert not any(sum(other) for other, _ in under_way)
            else:
                assert begins == (taken + sum(most) <= 200)
                if begins:
                    under_way.append((most, Spent(int(costs[0] * share), int(costs[1] * share))))
            if ends and under_way:
                budget.count(*under_way.pop(0))
        for most, actual in under_way:
            budget.count(most, actual)
        assert sum(budget.spent) <= 200
