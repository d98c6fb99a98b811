"""What one call may come to: its own ceiling, and what it draws from a budget.

An attempt is begun only if the most it may cost fits into both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import TracebackType
from typing import Self

from globalapi_core.budget import Budget, Reservation
from globalapi_core.config import Attempts
from globalapi_core.errors import BudgetExceededError
from globalapi_core.estimates import most
from globalapi_core.pricing import usd
from globalapi_core.records import (
    Attempt,
    Candidate,
    Decision,
    Outcome,
    estimated_cost,
    known_cost,
)
from globalapi_core.signals import Signals


@dataclass(frozen=True, slots=True)
class Shortage:
    """Why an attempt was not begun."""

    model: str
    most: Decimal | None
    """What it may cost, USD; `None`: the model has no known price."""
    key: str
    """The limit, by its name in the config file."""
    limit: Decimal
    spent: Decimal

    def __str__(self) -> str:
        if self.most is None:
            return f"its price is not known, and {self.key} is set"
        return f"may cost {usd(self.most)}; of {self.key}, {usd(self.limit)}, " + (
            f"{usd(self.spent)} is spent" if self.spent else "nothing is spent"
        )


class Spending:
    """What one call has come to, and what it may still come to."""

    def __init__(
        self,
        signals: Signals,
        ceiling: Decimal | None,
        budget: Budget | None,
        *,
        key: str = "attempts.max_cost",
    ) -> None:
        """Begin with nothing spent.

        Args:
            signals: of the call.
            ceiling: USD for the whole call; `None`: no limit.
            budget: what it shares with other calls; `None`: nothing.
            key: the ceiling's name in the config file.
        """
        self._key = key
        self._signals = signals
        self._ceiling = ceiling
        self._budget = budget
        self.spent = Decimal(0)
        """Known and estimated, USD; counted only if there is a limit."""

    @classmethod
    def of(cls, decision: Decision, limits: Attempts, budget: Budget | None) -> Self:
        """For a call of *decision*: the lower ceiling holds, of *limits* or of the policies."""
        own, ruled = limits.max_cost, decision.max_cost
        if ruled is None or (own is not None and own <= ruled):
            return cls(decision.signals, own, budget)
        key = f"max_cost of policy {' or '.join(map(repr, decision.policies))}"
        return cls(decision.signals, ruled, budget, key=key)

    def hold(self, candidate: Candidate) -> Hold | Shortage:
        """Set aside what an attempt of *candidate* may cost."""
        if self._ceiling is None and self._budget is None:
            return Hold()
        price = most(candidate, self._signals)
        if self._ceiling is not None and (price is None or self.spent + price > self._ceiling):
            return Shortage(candidate.name, price, self._key, self._ceiling, self.spent)
        reservation = None
        if self._budget is not None:
            reservation = None if price is None else self._budget.reserve(price)
            if reservation is None:
                limit, spent = self._budget.usd, self._budget.spent
                return Shortage(candidate.name, price, self._budget.key, limit, spent)
        return Hold(self, price or Decimal(0), reservation)


class Hold:
    """The money of one attempt. Whoever leaves it unsettled gives it back."""

    def __init__(
        self,
        spending: Spending | None = None,
        most: Decimal = Decimal(0),
        reservation: Reservation | None = None,
    ) -> None:
        self._spending = spending
        self._most = most
        self._reservation = reservation

    def settle(self, attempt: Attempt, outcome: Outcome) -> None:
        """Note what came of the attempt: what nobody can estimate counts as the most."""
        if self._spending is None:
            return
        charges = (known_cost(attempt, outcome), estimated_cost(attempt, outcome))
        known, estimated = (each.at_least if each else Decimal(0) for each in charges)
        if charges[1] is not None and charges[1].usd is None:
            known, estimated = max(known, self._most), Decimal(0)
        self._spending.spent += known + estimated
        if self._reservation is not None:
            self._reservation.settle(known + estimated)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._reservation is not None:
            self._reservation.settle(Decimal(0))


def exceeded(shortages: Sequence[Shortage], last: Exception | None) -> BudgetExceededError:
    """What to raise when money is what is missing for another attempt; *last* failed before."""
    cheapest = min(shortages, key=lambda each: (each.most is None, each.most or 0))
    told = "; ".join(f"{each.model}: {each}" for each in shortages)
    return BudgetExceededError(
        f"no money for another attempt: {told}. Raise the limit, set a lower max_tokens, or add "
        "a cheaper candidate" + (f". The last attempt failed: {last}" if last else ""),
        limit=cheapest.limit,
        spent=cheapest.spent,
        needed=cheapest.most,
    )
