"""Routes that go by how good models are expected to be, and what they lack for it."""

from __future__ import annotations

from collections.abc import Iterator

from globalapi_core.catalog import ModelInfo
from globalapi_core.cli._advice import Advice, candidates
from globalapi_core.config import Route
from globalapi_core.router import Router


def find(router: Router) -> Iterator[Advice]:
    """Advice on target shares, cost weights and models that nobody measured."""
    for number, route in enumerate(router.config.routes):
        models = [model for _, model in candidates(route, router.catalog)]
        yield from _uncalibrated(number, route)
        yield from _unweighed(number, route, models)
        if route.choose == "quality":
            yield from _unmeasured(number, route, models, router)
    if router.config.results and not router.config.is_learned:
        text = "nothing goes by the results: no route has choose: quality or a target_share"
        yield Advice("warning", ("results",), text, "give a route 'choose: quality'")


def _uncalibrated(number: int, route: Route) -> Iterator[Advice]:
    where = ("routes", number, "target_share")
    for model, share in (route.target_share or {}).items():
        if share in (0, 1):
            text = f"a target_share of {share:g} is no share: nothing is left to decide by need"
            help_ = f"take {model} out, or give it as the only candidate"
            yield Advice("warning", where, text, help_)
        elif route.need_above is None:
            text = f"route {route.name!r} does not hold its target_share: need_above is missing"
            help_ = "`globalapi calibrate PROMPTS --write` sets it from a sample of your prompts"
            yield Advice("warning", where, text, help_)


def _unweighed(number: int, route: Route, models: list[ModelInfo]) -> Iterator[Advice]:
    if not route.cost_weight:
        return
    if route.choose != "quality":
        text = f"cost_weight counts for nothing: route {route.name!r} has choose: {route.choose}"
        help_ = "set choose: quality, or take it out"
        yield Advice("warning", ("routes", number, "cost_weight"), text, help_)
        return
    unpriced = [
        model.name
        for model in models
        if model.price.input_mtok is None or model.price.output_mtok is None
    ]
    if unpriced:
        text = (
            f"{_goes(unpriced)} last in route {route.name!r}: cost_weight weighs prices, and "
            f"{'its' if len(unpriced) == 1 else 'their'} price is not known"
        )
        help_ = f"state it under models.{unpriced[0]}, or leave cost_weight at 0"
        yield Advice("warning", ("routes", number, "cost_weight"), text, help_)


def _unmeasured(
    number: int, route: Route, models: list[ModelInfo], router: Router
) -> Iterator[Advice]:
    unknown = [model.name for model in models if router.table.get(model.name) is None]
    if not unknown:
        return
    where = ("routes", number, "choose")
    if len(unknown) == len(models):
        text = f"route {route.name!r} cannot choose by quality: none of its models was measured"
    else:
        text = f"{_goes(unknown)} last in route {route.name!r}: nobody measured "
        text += "it" if len(unknown) == 1 else "them"
    help_ = "name a file of your own evaluation under 'results'"
    yield Advice("warning", where, text, help_)


def _goes(names: list[str]) -> str:
    return f"{', '.join(names)} always {'goes' if len(names) == 1 else 'go'}"
