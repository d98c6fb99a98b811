"""Small values that several tests are about."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from globalapi_core.catalog import ModelInfo
from globalapi_core.errors import GatewayError
from globalapi_core.pricing import Price
from globalapi_core.records import Attempt, CallRecord, Candidate, Decision, Outcome
from globalapi_core.signals import Signals


def model(name: str, **facts: Any) -> ModelInfo:
    """A model with these facts; one price makes a price of it."""
    price = facts.pop("price", None)
    if price is not None:
        facts["price"] = Price(Decimal(str(price)), Decimal(str(price)))
    return ModelInfo(name=name, id=name, **facts)


def decision(*models: str | ModelInfo, route: str | None = "r") -> Decision:
    """A decision for these models, in order."""
    infos = [each if isinstance(each, ModelInfo) else model(each) for each in models]
    candidates = tuple(Candidate(each) for each in infos)
    return Decision(route, "because", candidates, Signals(input_tokens=10))


def record(outcomes: Sequence[tuple[str, Outcome]], made: Decision | None = None) -> CallRecord:
    """The record of these attempts."""
    names = list(dict.fromkeys(name for name, _ in outcomes))
    made = made or decision(*names)
    by_name = {each.name: each for each in made.candidates}
    attempts = [
        (Attempt(number, by_name[name]), outcome)
        for number, (name, outcome) in enumerate(outcomes, 1)
    ]
    return CallRecord(made, tuple(attempts), seconds=1.5)


def failed(error: GatewayError, **facts: Any) -> Outcome:
    """A failed attempt."""
    return Outcome(error=error, **facts)
