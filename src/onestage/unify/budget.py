"""The bound on what a source may cost, in tokens and in money: no request may exceed it."""

import asyncio

from onestage.errors import ParamError
from onestage.unify.responses import ResponseStore, Spent
from onestage.unify.settings import Price, Unify

_MILLION = 1_000_000


def money(spent: Spent, price: Price) -> float:
    """Return what tokens cost."""
    prompt, completion = spent.prompt_tokens * price.prompt, spent.completion_tokens
    return (prompt + completion * price.completion) / _MILLION


class Budget:
    """Lets a request begin only if the most that it can cost is left, and counts what it did.

    The store knows what the source has cost already. The most that a request can cost is in it
    before the request is sent, so that a run that is killed has paid for what was under way.
    `changed` is set whenever a request ends, which costs less, as a rule, than was set aside.

    Raises:
        ParamError: the source has no budget, or one in money where tokens have no price.
    """

    def __init__(self, choices: Unify, source: str, store: ResponseStore) -> None:
        self._store = store
        self._price = choices.price
        self._source = source
        self._tokens = choices.budget_tokens.get(source, 0)
        self._money = choices.budget_money.get(source, 0.0)
        if not self._tokens and not self._money:
            raise ParamError(
                f"params: unify.budget_tokens.{source} is 0, so no call may be made; set it to "
                "the most tokens that the source may cost, or unify.budget_money (see onestage "
                "estimate)"
            )
        if self._money and not (choices.price.prompt or choices.price.completion):
            raise ParamError(
                f"params: unify.budget_money.{source}: tokens have no price; set unify.price"
            )
        self.spent = store.spent(source)
        self._reserved = Spent()
        self.changed = asyncio.Event()

    def reserve(self, most: Spent) -> bool:
        """Set aside the most that a request can cost; return whether those under way allow it.

        Raises:
            ParamError: it could exceed the budget, and nothing under way could give back any.
        """
        whole = _sum(_sum(self.spent, self._reserved), most)
        short_of_tokens = bool(self._tokens) and sum(whole) > self._tokens
        short_of_money = bool(self._money) and money(whole, self._price) > self._money
        if not short_of_tokens and not short_of_money:
            self._store.charge(self._source, *most)
            self._reserved = _sum(self._reserved, most)
            return True
        if any(self._reserved):
            return False
        if short_of_tokens:
            raise self._refusal("budget_tokens", self._tokens, sum(self.spent), sum(most))
        spent = money(self.spent, self._price)
        raise self._refusal("budget_money", self._money, spent, money(most, self._price))

    def _refusal(self, name: str, budget: float, spent: float, most: float) -> ParamError:
        return ParamError(
            f"params: unify.{name}.{self._source}: {budget:g} would not cover the next call "
            f"(spent {spent:.7g}, at most {most:.7g} more); all responses so far are kept: raise "
            "it and run again"
        )

    def count(self, most: Spent, actual: Spent) -> None:
        """Give back what was set aside, and count what the request did cost."""
        self._store.charge(self._source, *_less(actual, most))
        self._reserved = _less(self._reserved, most)
        self.spent = _sum(self.spent, actual)
        self.changed.set()


def _less(left: Spent, right: Spent) -> Spent:
    return Spent(
        left.prompt_tokens - right.prompt_tokens, left.completion_tokens - right.completion_tokens
    )


def _sum(left: Spent, right: Spent) -> Spent:
    return Spent(
        left.prompt_tokens + right.prompt_tokens, left.completion_tokens + right.completion_tokens
    )
