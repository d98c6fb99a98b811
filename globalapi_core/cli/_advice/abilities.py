"""Candidates that cannot take what their own route sends them, and what is not known of them."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher

from globalapi_core import policy
from globalapi_core.catalog import Catalog, ModelInfo
from globalapi_core.cli._advice import Advice, Severity, candidates
from globalapi_core.config import Route
from globalapi_core.router import Router
from globalapi_core.signals import Signals

_MOST_NAMED = 3


def find(router: Router) -> Iterator[Advice]:
    """Advice on each route's candidates, and on each model once."""
    for number, route in enumerate(router.config.routes):
        yield from _of_route(number, route, router.catalog)
    seen: set[str] = set()
    for number, route in enumerate(router.config.routes):
        for place, model in candidates(route, router.catalog):
            if model.name not in seen:
                seen.add(model.name)
                for text, help_ in _blind_spots(model):
                    yield Advice("warning", ("routes", number, "candidates", place), text, help_)


def firing(route: Route) -> list[Signals]:
    """The least demanding requests that *route* fires for, one for each modality."""
    when = route.when.conditions if route.when else {}
    return [
        Signals(
            modalities=frozenset({"text", modality}),
            tools=int(when.get("tools", False)),
            response_format="json_object" if when.get("json_output") else None,
            input_tokens=when.get("min_tokens", 0),
        )
        for modality in when.get("modality", ["text"])
    ]


def _of_route(number: int, route: Route, catalog: Catalog) -> Iterator[Advice]:
    requests = firing(route)
    models = candidates(route, catalog)
    never: list[tuple[int, ModelInfo, str]] = []
    for place, model in models:
        reasons = [policy.unable(model, each, route.params) for each in requests]
        if all(reasons):
            never.append((place, model, str(reasons[0])))
    dead = len(never) == len(route.candidates)
    able = _named(_able(models, route, catalog))
    for place, model, reason in never:
        text = f"route {route.name!r} never takes {model.name}: {reason}"
        if dead:
            text += "; none of its candidates can take its calls"
        help_ = f"models that can: {able}" if able else "no model of the catalog can"
        severity: Severity = "error" if dead else "warning"
        yield Advice(severity, ("routes", number, "candidates", place), text, help_)
    if not dead and len(models) == len(route.candidates):
        yield from _missed(number, route, [model for _, model in models])


def _missed(number: int, route: Route, models: list[ModelInfo]) -> Iterator[Advice]:
    """Modalities that the route fires for and none of its candidates takes."""
    for request in firing(route):
        if all(policy.unable(model, request, route.params) for model in models):
            kind = " and ".join(sorted(request.modalities - {"text"}))
            text = f"route {route.name!r} fires for {kind}, which none of its candidates takes"
            help_ = f"add a model that takes {kind}, or take {kind} out of 'modality'"
            yield Advice("warning", ("routes", number, "when", "modality"), text, help_)


def _able(models: list[tuple[int, ModelInfo]], route: Route, catalog: Catalog) -> list[ModelInfo]:
    """Models that can take every request of *route*, the most like its candidates first."""
    able = [
        model
        for model in catalog
        if not any(policy.unable(model, each, route.params) for each in firing(route))
    ]
    return sorted(able, key=lambda each: _unlikeness(each, models))


def _unlikeness(model: ModelInfo, others: list[tuple[int, ModelInfo]]) -> float:
    return 1 - max(
        (SequenceMatcher(None, model.name, each.name).ratio() for _, each in others), default=0
    )


def _named(models: list[ModelInfo]) -> str:
    return ", ".join(each.name for each in models[:_MOST_NAMED])


def _blind_spots(model: ModelInfo) -> Iterator[tuple[str, str]]:
    """What is not known of *model*, and what to do about it."""
    where = f"state it under models.{model.name}"
    prices = {"input": model.price.input_mtok, "output": model.price.output_mtok}
    unknown = [name for name, price in prices.items() if price is None]
    if unknown:
        prices_ = f"{' and '.join(unknown)} price{'s' * (len(unknown) > 1)}"
        keys = " and ".join(f"{name}_mtok" for name in unknown)
        text = f"{model.name}: {prices_} unknown, so costs are lower bounds"
        yield text, f"{where}: {keys}"
    if model.context_window is None:
        text = f"{model.name}: context window unknown, {model.window:,} tokens assumed"
        yield text, f"{where}: context_window"
