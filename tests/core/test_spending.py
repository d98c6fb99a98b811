"""What one attempt may cost at most, and what is said when there is no money for it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from globalapi_core.budget import Budget
from globalapi_core.catalog import ModelInfo
from globalapi_core.errors import ConnectionLostError, GatewayError, RateLimitError
from globalapi_core.estimates import longest_answer, most
from globalapi_core.pricing import Price, Usage, usd
from globalapi_core.records import Attempt, Candidate, Outcome
from globalapi_core.signals import Signals
from globalapi_core.spending import Hold, Shortage, Spending, exceeded

from .helpers import model

TEN = Signals(input_tokens=10)


def candidate(params: dict[str, Any] | None = None, **facts: Any) -> Candidate:
    """A candidate of a dollar a token, whose answers have 100 tokens at most."""
    facts = {"price": 1_000_000, "max_output": 100, **facts}
    return Candidate(model("a", **facts), params=params or {})


# --- the most -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "params", "longest"),
    [
        (None, {}, 100),
        (7, {}, 7),
        (None, {"max_tokens": 8}, 8),
        (None, {"max_completion_tokens": 9}, 9),
        (7, {"max_tokens": 8}, 8),
        (9, {"max_tokens": 8}, 9),
        (None, {"max_tokens": -1}, 100),
        (None, {"max_tokens": None}, 100),
        (None, {"max_tokens": "many"}, 100),
    ],
)
def test_longest_answer(limit: int | None, params: dict[str, Any], longest: int) -> None:
    """An answer is as long as the call or the route allows, else as the model's answers get."""
    assert longest_answer(candidate(params), Signals(max_tokens=limit)) == longest


@pytest.mark.parametrize(
    ("family", "thinking", "longest"),
    [
        ("qwen", "optional", 107),
        ("qwen", "always", 107),
        ("qwen", "never", 7),
        ("qwen", None, 7),
        ("deepseek", "always", 7),
        ("claude", "optional", 7),
    ],
)
def test_thinking_is_part_of_the_answer(family: str, thinking: str | None, longest: int) -> None:
    """`max_tokens` holds thinking in, but Qwen's, which may come on top of it."""
    thinker = candidate(family=family, thinking=thinking)

    assert longest_answer(thinker, Signals(max_tokens=7)) == longest


def priced(**prices: Decimal) -> Candidate:
    """A candidate with these prices."""
    return Candidate(ModelInfo(name="a", id="a", max_output=100, price=Price(**prices)))


def test_most() -> None:
    """The most is the prompt and the longest answer, each at its price."""
    each = priced(input_mtok=Decimal(1_000_000), output_mtok=Decimal(2_000_000))

    assert most(each, TEN) == 10 + 200


@pytest.mark.parametrize("known", ["input_mtok", "output_mtok"])
def test_half_a_price_is_none(known: str) -> None:
    """A model with one price missing could cost anything."""
    assert most(priced(**{known: Decimal(1)}), TEN) is None


# --- one call -----------------------------------------------------------------------------------


def hold(spending: Spending, each: Candidate) -> Hold:
    """The money of an attempt that may be made."""
    found = spending.hold(each)
    assert isinstance(found, Hold)
    return found


def settle(spending: Spending, each: Candidate, outcome: Outcome) -> None:
    """Make an attempt that ends with *outcome*."""
    with hold(spending, each) as held:
        held.settle(Attempt(1, each), outcome.estimated(TEN))


def lost(tokens: int | None) -> GatewayError:
    """A connection lost after so many tokens."""
    error = ConnectionLostError("lost")
    error.partial_tokens = tokens
    return error


@pytest.mark.parametrize(
    ("outcome", "spent"),
    [
        (Outcome(usage=Usage(10, 20)), 30),
        (Outcome(error=lost(0), usage=Usage(10, 20)), 30),
        (Outcome(error=RateLimitError("slow")), 0),
        (Outcome(error=lost(5)), 15),
        (Outcome(error=lost(0)), 10),
        (Outcome(error=lost(None)), 110),
        (Outcome(), 110),
        (Outcome(estimate=Usage(output_tokens=4)), 14),
        (Outcome(usage=Usage(input_tokens=12)), 110),
        (Outcome(usage=Usage(input_tokens=500)), 500),
    ],
)
def test_attempt_is_settled(outcome: Outcome, spent: int) -> None:
    """What is known counts as known, what can be estimated as estimated, the rest as the most."""
    budget = Budget(Decimal(1_000))
    spending = Spending(TEN, Decimal(1_000), budget)

    settle(spending, candidate(), outcome)

    assert spending.spent == spent
    assert budget.settled == spent
    assert budget.reserved == 0


def test_ceiling_holds_all_attempts() -> None:
    """What failed attempts came to is missing for the next."""
    spending = Spending(TEN, Decimal(200), None)
    settle(spending, candidate(), Outcome(error=lost(81)))

    found = spending.hold(candidate())

    assert found == Shortage("a", Decimal(110), "attempts.max_cost", Decimal(200), Decimal(91))


def test_budget_holds_all_calls() -> None:
    """Two calls at the same time cannot hold the same money."""
    budget = Budget(Decimal(200), "day")
    first, second = Spending(TEN, None, budget), Spending(TEN, None, budget)

    with hold(first, candidate()):
        found = second.hold(candidate())

    assert found == Shortage("a", Decimal(110), "budget per day", Decimal(200), Decimal(110))
    assert isinstance(second.hold(candidate()), Hold)


def test_money_nobody_limits() -> None:
    """Without a limit a model without a price may be called."""
    spending = Spending(TEN, None, None)

    settle(spending, candidate(price=None), Outcome(usage=Usage(1, 1)))

    assert spending.spent == 0


@pytest.mark.parametrize("limited", ["call", "budget"])
def test_price_nobody_knows(limited: str) -> None:
    """Where there is a limit, a model without a price cannot be held to it."""
    ceiling = Decimal(10**9)
    spending = Spending(
        TEN,
        ceiling if limited == "call" else None,
        Budget(ceiling) if limited == "budget" else None,
    )

    found = spending.hold(candidate(price=None))

    assert isinstance(found, Shortage)
    assert found.most is None
    assert "its price is not known" in str(found)


def test_ceiling_is_asked_before_the_budget() -> None:
    """What one call may not spend is not set aside for it."""
    budget = Budget(Decimal(1_000))

    found = Spending(TEN, Decimal(1), budget).hold(candidate())

    assert isinstance(found, Shortage)
    assert budget.reserved == 0


# --- what is said -------------------------------------------------------------------------------


def test_error_says_what_there_is_to_know() -> None:
    """The error names each model with what it may cost, the limit, what is spent, what to do."""
    limit, spent = Decimal("0.01"), Decimal("0.0040001")
    dear = Shortage("dear", Decimal("0.5"), "attempts.max_cost", limit, spent)
    less = Shortage("less", Decimal("0.02"), "attempts.max_cost", limit, spent)
    unknown = Shortage("unknown", None, "attempts.max_cost", limit, spent)

    error = exceeded([unknown, dear, less], RateLimitError("slow down"))

    assert (error.limit, error.spent, error.needed) == (limit, spent, Decimal("0.02"))
    assert str(error) == (
        "no money for another attempt: "
        "unknown: its price is not known, and attempts.max_cost is set; "
        "dear: may cost $0.5; of attempts.max_cost, $0.01, $0.004001 is spent; "
        "less: may cost $0.02; of attempts.max_cost, $0.01, $0.004001 is spent. "
        "Raise the limit, set a lower max_tokens, or add a cheaper candidate. "
        "The last attempt failed: slow down"
    )


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0", "$0"), ("5", "$5"), ("100", "$100"), ("0.0000001", "$0.000001"), ("1.50", "$1.5")],
)
def test_amount_for_people(amount: str, text: str) -> None:
    """An amount is short, and never less than it is."""
    assert usd(Decimal(amount)) == text
