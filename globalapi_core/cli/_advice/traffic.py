"""What parts a route's calls among its models, or asks a second one: arms, shadows, moves up."""

from __future__ import annotations

from collections.abc import Iterator

from globalapi_core import estimates, policy
from globalapi_core.catalog import ModelInfo
from globalapi_core.cli._advice import Advice, candidates
from globalapi_core.cli._advice.abilities import firing
from globalapi_core.config import Route
from globalapi_core.config.schema import Shadow
from globalapi_core.pricing import usd
from globalapi_core.router import Router

_FEW = 0.01
"""A share of the calls under which an arm tells nothing for a long time."""


def find(router: Router) -> Iterator[Advice]:
    """Advice on each route's split, shadow, stickiness and escalation."""
    for number, route in enumerate(router.config.routes):
        yield from _of_split(number, route, router)
        if route.shadow is not None:
            yield from _of_shadow(number, route, route.shadow, router)
        yield from _of_one(number, route)
        if route.sticky:
            yield from _of_cache(number, route, router)


def _of_split(number: int, route: Route, router: Router) -> Iterator[Advice]:
    if route.split is None:
        return
    where = ("routes", number, "split", "shares")
    whole = sum(route.split.shares.values())
    for name, weight in route.split.shares.items():
        share = weight / whole
        if share < _FEW:
            text = f"{name} gets {share:.2%} of the calls of route {route.name!r}"
            help_ = "weights are compared with each other: 90 and 10, or 0.9 and 0.1"
            yield Advice("warning", (*where, name), text, help_)
        if name in router.catalog and (reason := _never(router.catalog.resolve(name), route)):
            text = f"the arm of {name} is empty: {reason}, so the others get its calls"
            yield Advice("warning", (*where, name), text, "split between models that can")
    if route.target_share:
        text = f"the split of route {route.name!r} goes before its target_share"
        yield Advice("warning", ("routes", number, "split"), text, "give one of the two")


def _of_shadow(number: int, route: Route, shadow: Shadow, router: Router) -> Iterator[Advice]:
    where = ("routes", number, "shadow", "model")
    if shadow.model not in router.catalog:
        return
    model = router.catalog.resolve(shadow.model)
    if model.name in _always_first(route, router):
        text = f"the shadow of route {route.name!r} is {model.name}, which answers already"
        yield Advice("warning", where, text, "take a model to compare it with")
    if reason := _never(model, route):
        text = f"the shadow of route {route.name!r} is never asked: {model.name} {reason}"
        yield Advice("warning", where, text, "take a model that can")
        return
    least = firing(route)[0]
    # Of an empty prompt, even an unknown price would be nothing.
    signals = least.sized(max(1, least.input_tokens))
    cost = estimates.most(estimates.candidate(model, signals, route.params), signals)
    if cost is None:
        text = f"the shadow of route {route.name!r} is never asked: the price of {model.name} is "
        text += "not known, and shadow.budget is set"
        yield Advice("warning", where, text, f"state its price under models.{model.name}")
    elif cost > shadow.budget.usd:
        text = f"the shadow of route {route.name!r} is never asked: a call may cost {usd(cost)}, "
        text += f"and shadow.budget.usd is {usd(shadow.budget.usd)}"
        help_ = "raise it, or set params.max_tokens"
        yield Advice("warning", ("routes", number, "shadow", "budget"), text, help_)


def _always_first(route: Route, router: Router) -> set[str]:
    """The one model that takes every call of *route* it can; none if that depends."""
    names = [model.name for _, model in candidates(route, router.catalog)]
    depends = route.choose != "priority" or route.split or route.target_share
    return set(names[:1]) if not depends or len(names) == 1 else set()


def _of_one(number: int, route: Route) -> Iterator[Advice]:
    """What a route with a single candidate asks for in vain."""
    if len(route.candidates) > 1:
        return
    if route.escalate:
        text = f"route {route.name!r} has nobody to escalate to: it has one candidate"
        help_ = "add the candidate that should answer then"
        yield Advice("warning", ("routes", number, "escalate"), text, help_)
    if route.sticky:
        text = f"sticky does nothing in route {route.name!r}: it has one candidate"
        yield Advice("warning", ("routes", number, "sticky"), text, "take it out")


def _of_cache(number: int, route: Route, router: Router) -> Iterator[Advice]:
    models = [model for _, model in candidates(route, router.catalog)]
    unknown = [model.name for model in models if model.price.cache_read_mtok is None]
    if len(models) > 1 and unknown:
        text = "sticky keeps a conversation only where that is no dearer at full price: the price "
        text += f"of cached tokens is not known of {', '.join(unknown)}"
        help_ = f"state it under models.{unknown[0]}: cache_read_mtok"
        yield Advice("warning", ("routes", number, "sticky"), text, help_)


def _never(model: ModelInfo, route: Route) -> str | None:
    """Why *model* can take none of the calls of *route*; `None` if it can take some."""
    reasons = [policy.unable(model, each, route.params) for each in firing(route)]
    return reasons[0] if all(reasons) else None
