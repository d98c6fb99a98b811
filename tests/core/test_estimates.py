"""What a call may come to, before it is made."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from globalapi_core import estimates
from globalapi_core.catalog import ModelInfo
from globalapi_core.pricing import Price
from globalapi_core.records import Candidate
from globalapi_core.signals import Signals
from globalapi_core.signals.size import of

from .helpers import model

TEXT = Signals(input_tokens=1_000)


@pytest.mark.parametrize(
    ("signals", "params", "output"),
    [
        (TEXT, {}, estimates.EXPECTED_OUTPUT),
        (TEXT, {"max_tokens": 100}, 100),
        (Signals(input_tokens=1_000, max_tokens=50), {"max_tokens": 100}, 50),
        (TEXT, {"max_tokens": None}, estimates.EXPECTED_OUTPUT),
        (TEXT, {"max_tokens": "many"}, estimates.EXPECTED_OUTPUT),
        (TEXT, {"max_tokens": -1}, estimates.EXPECTED_OUTPUT),
    ],
)
def test_estimate(signals: Signals, params: dict[str, Any], output: int) -> None:
    """The estimate counts the answer the caller allows, else the route, else the usual one."""
    priced = model("m")
    priced = type(priced)(name="m", id="m", price=Price(Decimal(1), Decimal(1_000_000)))

    estimate = estimates.candidate(priced, signals, params).estimate

    assert estimate is not None
    assert estimate.usd == output + Decimal("0.001")


def test_each_family_counts_its_own_tokens() -> None:
    """Of one prompt, the estimate for Claude is not that for Qwen."""
    size = of([{"role": "user", "content": "程序员写代码" * 100}])
    signals = Signals(input_tokens=size.estimate().tokens, size=size, max_tokens=1)

    claude, qwen = (
        estimates.candidate(model("m", family=family, price=1), signals, {}).estimate
        for family in ("claude", "qwen")
    )

    assert claude is not None
    assert qwen is not None
    assert claude.at_least > qwen.at_least * Decimal("1.5")


def test_cache_holds_no_more_than_the_prompt() -> None:
    """A prompt that a family counts shorter than what is cached is cached whole, at its price."""
    price = Price(Decimal(10), Decimal(0), Decimal(1))
    model = ModelInfo(name="m", id="m", price=price)
    signals = Signals(input_tokens=500_000, max_tokens=1, previous="m", cached_tokens=900_000)

    estimate = estimates.candidate(model, signals, {}).estimate

    assert estimate is not None
    assert estimate.usd == Decimal("0.5")


@pytest.mark.parametrize(("own", "of_route"), [(1_000, 300), (300, 1_000)])
def test_longest_answer_is_the_larger_limit(own: int, of_route: int) -> None:
    """Where call and route both set a limit, either may be sent: the larger counts."""
    made = Candidate(ModelInfo(name="m", id="m"), params={"max_tokens": of_route})

    assert estimates.longest_answer(made, Signals(max_tokens=own)) == 1_000


def test_what_the_last_model_has_cached_costs_it_less() -> None:
    """The conversation so far is estimated at the price of a cache, for the model that has it."""
    priced = ModelInfo(name="m", id="m", price=Price(Decimal(10), Decimal(0), Decimal(1)))
    signals = Signals(input_tokens=1_000_000, max_tokens=1, previous="m", cached_tokens=900_000)

    mine = estimates.candidate(priced, signals, {}).estimate
    another = estimates.candidate(priced, Signals(input_tokens=1_000_000), {}).estimate

    assert mine is not None
    assert another is not None
    assert (mine.usd, another.usd) == (Decimal("1.9"), Decimal(10))
