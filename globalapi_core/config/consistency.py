"""What in a config the schema cannot say: names that must be known, and keys that need others."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence

from globalapi_core.catalog import Catalog
from globalapi_core.config.mending import Mended
from globalapi_core.config.problems import Location, Problem
from globalapi_core.config.schema import Config, Expect, Policy, Route, When
from globalapi_core.errors import UnknownModelError, UnknownRouteError

_EACH_CALL = frozenset(
    {"messages", "model", "response_format", "stream", "stream_options", "tools"}
)
"""What a call says itself, so that no route may."""


def of(mended: Mended) -> Iterator[Problem]:
    """The problems of a config, at their places in the file."""
    for location, text in _of(mended):
        yield mended.place(location), text


def _of(mended: Mended) -> Iterator[Problem]:
    config, whole = mended.config, mended.whole
    names = [route.name for route in config.routes]
    yield from _of_names("routes", names)
    yield from _of_names("policies", [policy.name for policy in config.policies])
    yield from _of_tiers(config)
    # Of a route whose `when` could not be read, nobody knows whether it always fires.
    if whole:
        yield from _of_order(config.routes)
    try:
        catalog = config.catalog
    except UnknownModelError as error:
        spelling = next(key for key, name in config.aliases.items() if name == error.name)
        yield ("aliases", spelling), str(error)
        return
    for number, route in enumerate(config.routes):
        yield from _placed(("routes", number), _of_route(route, catalog))
    for tier, models in config.tiers.items():
        for place, model in enumerate(models):
            yield from _unknown(("tiers", tier, place), model, catalog)
    for number, policy in enumerate(config.policies):
        # Of a limit that could not be read, its own problem says enough.
        if not mended.is_touched("policies", number):
            yield from _placed(("policies", number), _of_limits(policy))
        yield from _placed(("policies", number), _of_policy(policy, catalog))
    for model in config.alerts.shares:
        yield from _unknown(("alerts", "shares", model), model, catalog)
    for number, case in enumerate(config.tests):
        found = _of_case(case.expect, catalog, names if whole else None)
        yield from _placed(("tests", number, "expect"), found)


def _placed(outer: Location, found: Iterable[Problem]) -> Iterator[Problem]:
    """What was *found* in the part of the file at *outer*."""
    for where, text in found:
        yield (*outer, *where), text


def _of_names(key: str, names: Sequence[str]) -> Iterator[Problem]:
    noun = {"routes": "route", "policies": "policy"}[key]
    for number, name in enumerate(names):
        if name in names[:number]:
            yield (key, number, "name"), f"another {noun} is named {name!r} too"


def _of_tiers(config: Config) -> Iterator[Problem]:
    known = list(config.tiers)
    named: list[tuple[Location, str | None]] = [(("tier",), config.tier)]
    named += [(("routes", n, "tier"), route.tier) for n, route in enumerate(config.routes)]
    for where, tier in named:
        if tier is not None and tier not in known:
            near = difflib.get_close_matches(tier, known, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            yield where, f"no tier is named {tier!r}; {hint}tiers: {', '.join(known) or 'none'}"
    for number, route in enumerate(config.routes):
        if route.tier in known and route.candidates != config.tiers[route.tier]:
            yield ("routes", number, "tier"), "give candidates or a tier, not both"


def _of_order(routes: Sequence[Route]) -> Iterator[Problem]:
    for number, route in enumerate(routes):
        always = not (route.when and route.when.conditions)
        last = number == len(routes) - 1
        if always and not last:
            yield ("routes", number), f"route {route.name!r} always fires: no later route can"
        if last and not always:
            text = "the last route takes what is left and must have no 'when'; add such a route"
            yield ("routes", number, "when"), text


def _of_route(route: Route, catalog: Catalog) -> Iterator[Problem]:
    yield from _placed(("when",), _of_when(route.when))
    listed: set[str] = set()
    for place, name in enumerate(route.candidates):
        yield from _unknown(("candidates", place), name, catalog)
        if name not in catalog:
            continue
        if (model := catalog.resolve(name).name) in listed:
            yield ("candidates", place), f"{model!r} is listed already"
        else:
            listed.add(model)
    for name in _EACH_CALL.intersection(route.params):
        yield ("params", name), f"each call sets its own {name}; a route cannot"
    yield from _of_shares(route, catalog, listed)


def _of_shares(route: Route, catalog: Catalog, listed: Iterable[str]) -> Iterator[Problem]:
    """*listed* are the route's candidates by their names."""
    named: list[Location] = [("split", "shares", each) for each in _arms(route)]
    named += [("target_share", each) for each in route.target_share or {}]
    arms: set[str] = set()
    for where in named:
        name = str(where[-1])
        model = catalog.get(name).name
        if name not in catalog or model not in listed:
            yield where, f"{name!r} is no candidate of this route; add it to its candidates"
        elif where[0] == "split" and model in arms:
            yield where, f"{model!r} has a share already"
        arms.add(model)
    if route.target_share and len(route.candidates) < 2:
        text = "a share is one of several models: add the candidate that gets the other calls"
        yield ("target_share",), text
    if route.need_above is not None and not route.target_share:
        yield ("need_above",), "it belongs to a target_share, which is not given"
    if route.shadow:
        yield from _unknown(("shadow", "model"), route.shadow.model, catalog)


def _arms(route: Route) -> Iterable[str]:
    return route.split.shares if route.split else ()


def _of_limits(policy: Policy) -> Iterator[Problem]:
    limits = ("origins", "models", "not_models", "max_cost", "max_seconds")
    if all(getattr(policy, name) is None for name in limits):
        yield (), f"policy {policy.name!r} forbids nothing; give one of {', '.join(limits)}"
    if policy.unless and not policy.unless.conditions:
        yield ("unless",), "it holds for every call, and so the policy for none; give a condition"


def _of_when(when: When | None) -> Iterator[Problem]:
    """Of one condition, a route's or a policy's: a list of nothing, which no request meets."""
    for key, wanted in (when.conditions if when else {}).items():
        lists = wanted if key == "metadata" else {key: wanted}
        for name, values in lists.items():
            if values == []:
                where = (key,) if key == name else (key, name)
                yield where, "nothing is listed: give a value, or take the key out"


def _of_policy(policy: Policy, catalog: Catalog) -> Iterator[Problem]:
    for key in ("when", "unless"):
        yield from _placed((key,), _of_when(getattr(policy, key)))
    for key in ("origins", "models", "not_models"):
        if getattr(policy, key) == []:
            yield (key,), "nothing is listed: give a value, or take the key out"
    for key in ("models", "not_models"):
        for place, name in enumerate(getattr(policy, key) or ()):
            if name.rpartition("/")[2].strip("*") == "" and "/" in name:
                text = f"{name!r} would be every model: a maker is no part of a model's name"
                yield (key, place), text
            elif "*" not in name:
                yield from _unknown((key, place), name, catalog)


def _unknown(where: Location, name: str, catalog: Catalog) -> Iterator[Problem]:
    if name not in catalog:
        hint = f"{UnknownModelError(name, close=catalog.near(name))}"
        stop = "" if hint.endswith("?") else "."
        yield where, f"{hint}{stop} A model the catalog does not have goes under 'models' first"


def _of_case(expect: Expect, catalog: Catalog, routes: Sequence[str] | None) -> Iterator[Problem]:
    """*routes* is `None` when some of them could not be read."""
    if expect.empty:
        yield (), f"nothing is expected; give one of {', '.join(Expect.model_fields)}"
    for key in ("model", "not_model"):
        for name in getattr(expect, key) or ():
            if name not in catalog:
                yield (key,), f"{UnknownModelError(name, close=catalog.near(name))}"
    for name in expect.route or ():
        if routes is not None and name not in routes:
            near = difflib.get_close_matches(name, routes)
            yield ("route",), f"{UnknownRouteError(name, close=near, known=routes)}"
