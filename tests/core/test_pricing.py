"""Money is exact, and what is not known is never zero."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globalapi_core.pricing import Cost, Price, Usage, cost, total

PRICE = Price(Decimal("0.18"), Decimal("0.25"), Decimal("0.02"))


def test_cost_of_a_call() -> None:
    """A call comes to its input and its output at their prices, to the last digit."""
    assert cost(Usage(60_000, 500), PRICE) == Cost(Decimal("0.010925"), Decimal("0.010925"))


def test_no_binary_rounding() -> None:
    """A million calls of one token come to exactly a million times one."""
    one = cost(Usage(1, 1), PRICE)

    assert total([one] * 1_000).usd == Decimal("0.00043")


def test_cached_input() -> None:
    """Tokens read from the cache are billed at their own price, once."""
    assert cost(Usage(1_000, 0, 400), PRICE).usd == Decimal("0.000116")


def test_cached_input_without_a_price_of_its_own() -> None:
    """Where no price for cached tokens is known they are billed as input."""
    assert cost(Usage(1_000, 0, 400), Price(Decimal(1), Decimal(1))).usd == Decimal("0.001")


def test_more_cached_than_input() -> None:
    """A server that counts more cached tokens than input earns nobody money."""
    assert cost(Usage(100, 0, 400), PRICE).usd == Decimal("0.000008")


@pytest.mark.parametrize(
    ("usage", "price", "unknown", "at_least"),
    [
        (None, PRICE, ("usage",), "0"),
        (Usage(), PRICE, ("input tokens", "output tokens"), "0"),
        (Usage(None, 1_000_000), PRICE, ("input tokens",), "0.25"),
        (Usage(1_000_000), PRICE, ("output tokens",), "0.18"),
        (Usage(5, 1_000_000), Price(None, Decimal("0.38")), ("input price",), "0.38"),
        (Usage(5, 5), Price(), ("input price", "output price"), "0"),
        (Usage(None, None), Price(), ("input tokens", "input price", "output tokens",
                                      "output price"), "0"),
    ],
)  # fmt: skip
def test_unknown_is_not_zero(
    usage: Usage | None, price: Price, unknown: tuple[str, ...], at_least: str
) -> None:
    """A cost of which part is unknown has no sum, and says what is missing."""
    assert cost(usage, price) == Cost(None, Decimal(at_least), unknown)


def test_no_tokens_need_no_price() -> None:
    """Nothing costs nothing, whatever its price."""
    assert cost(Usage(0, 0), Price()) == Cost(Decimal(0), Decimal(0))


def test_total_with_an_unknown_part() -> None:
    """A sum with an unknown part is unknown, and at least what is known."""
    known, unknown = cost(Usage(0, 1_000_000), PRICE), cost(None, PRICE)

    assert total([known, unknown, unknown]) == Cost(None, Decimal("0.25"), ("usage",))
    assert total([]) == Cost(Decimal(0), Decimal(0))


def test_text_of_a_cost() -> None:
    """A cost shows six places; one that is partly unknown says so."""
    assert str(cost(Usage(60_000, 500), PRICE)) == "$0.010925"
    assert (
        str(cost(Usage(5, 100), Price(None, Decimal("2.5")))) == "≥ $0.000250 (input price unknown)"
    )


def test_json_of_a_cost_is_exact() -> None:
    """Amounts are decimal text without an exponent, so that nothing is rounded."""
    tiny = cost(Usage(1, 0), Price(Decimal("0.01")))

    assert tiny.as_dict() == {"usd": "0.00000001", "at_least": "0.00000001", "unknown": []}
    assert cost(None, PRICE).as_dict()["usd"] is None


def test_total_tokens() -> None:
    """A total is known only if both parts are."""
    assert Usage(1, 2).total_tokens == 3
    assert Usage(1).total_tokens is None
    assert Usage(0, 0).total_tokens == 0
    assert Usage(0, None, 3).as_dict() == {"input_tokens": 0, "cache_read_tokens": 3}


def test_total_of_one_is_that_one() -> None:
    """A sum of one cost is the cost, unknown or not."""
    for each in (cost(Usage(1, 1), PRICE), cost(Usage(None, 7), PRICE), cost(None, PRICE)):
        assert total([each]) == each


COUNTS = st.none() | st.integers(0, 10**9)
MONEY = st.none() | st.decimals(0, 10_000, places=4)


@given(st.builds(Usage, COUNTS, COUNTS, COUNTS), st.builds(Price, MONEY, MONEY, MONEY))
def test_any_cost_holds_together(usage: Usage, price: Price) -> None:
    """No cost is below zero, and a sum is known exactly when nothing is unknown."""
    each = cost(usage, price)

    assert each.at_least >= 0
    assert (each.usd is None) == bool(each.unknown)
    assert each == total([each, Cost(Decimal(0), Decimal(0))])
    assert each.usd in (None, each.at_least)
