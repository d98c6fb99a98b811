"""Candidates that `attempts.max_cost` or the budget never pays for."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from globalapi_core import estimates
from globalapi_core.cli._advice import Advice, candidates
from globalapi_core.cli._advice.abilities import firing
from globalapi_core.config import Route
from globalapi_core.pricing import usd
from globalapi_core.records import Candidate
from globalapi_core.router import Router
from globalapi_core.signals import Signals

_MILLION = 1_000_000


def find(router: Router) -> Iterator[Advice]:
    """Advice on each candidate whose least call may cost more than there is."""
    config = router.config
    limits = {
        "attempts.max_cost": config.attempts.max_cost,
        "budget.usd": config.budget.usd if config.budget else None,
    }
    for key, limit in limits.items():
        if limit is not None:
            for number, route in enumerate(config.routes):
                yield from _of_route(number, route, key, limit, router)


def _of_route(
    number: int, route: Route, key: str, limit: Decimal, router: Router
) -> Iterator[Advice]:
    least = firing(route)[0]
    # Of an empty prompt, even an unknown price would be nothing.
    signals = least.sized(max(1, least.input_tokens))
    found = [
        (place, estimates.candidate(model, signals, route.params))
        for place, model in candidates(route, router.catalog)
    ]
    costs = {place: estimates.most(each, signals) for place, each in found}
    over = [place for place, cost in costs.items() if cost is None or cost > limit]
    # A call may still say `max_tokens` where the route does not.
    sure = len(over) == len(route.candidates) and "max_tokens" in route.params
    for place, each in found:
        if place in over:
            text, help_ = _told(each, signals, costs[place], key, limit)
            location = ("routes", number, "candidates", place)
            yield Advice("error" if sure else "warning", location, text, help_)


def _told(
    candidate: Candidate, signals: Signals, cost: Decimal | None, key: str, limit: Decimal
) -> tuple[str, str]:
    name = candidate.name
    if cost is None:
        text = f"{name} is always passed over: its price is not known, and {key} is set"
        return text, f"state its price under models.{name}"
    answer = estimates.longest_answer(candidate, signals)
    text = f"{name} is passed over: {answer:,} tokens of answer may cost {usd(cost)}, and {key} "
    return f"{text}is {usd(limit)}", _help(candidate, limit, key)


def _help(candidate: Candidate, limit: Decimal, key: str) -> str:
    price = candidate.model.price.output_mtok
    fit = int(limit * _MILLION / price) if price else 0
    return f"set params.max_tokens, below {fit:,}, or raise {key}" if fit > 1 else f"raise {key}"
