"""What a careful colleague would say of a config file: each module looks for one kind of thing.

An advice has a place in the config, like a problem of `config.problems`, and a severity:
an error is what cannot work, a warning what may not be meant.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from globalapi_core.catalog import Catalog, ModelInfo
from globalapi_core.config import Config, Route
from globalapi_core.config.mending import Location, Mended
from globalapi_core.errors import ConfigError, UnknownModelError
from globalapi_core.router import Router

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Advice:
    """Something worth knowing of a config."""

    severity: Severity
    location: Location
    """Its place in the config, such as `("routes", 0, "candidates", 1)`."""
    text: str
    """What is the matter."""
    help: str = ""
    """What to do."""


def find(mended: Mended) -> Iterator[Advice]:
    """All there is to say of a config, as far as its routes and models are known."""
    from globalapi_core.cli._advice import (
        abilities,
        alerts,
        cases,
        keywords,
        learned,
        money,
        policies,
        rules,
        seconds,
        tiers,
        traffic,
    )

    try:
        router, unread = usable(mended.config)
    except UnknownModelError:
        return  # of an alias, which is a problem of the file already
    if unread is not None:
        help_ = "mend the file, or take 'results' out"
        yield Advice("error", ("results",), str(unread), help_)
    yield from keywords.find(router)
    # What a route does depends on its `when` and on the routes before it.
    if not mended.whole:
        return
    yield from rules.find(router)
    try:
        catalog = router.catalog
    except UnknownModelError:
        return
    for module in (abilities, seconds, money, learned, traffic, tiers, alerts, policies):
        yield from module.find(router)
    if all(name in catalog for route in router.config.routes for name in route.candidates):
        yield from cases.find(router)


def usable(config: Config) -> tuple[Router, ConfigError | None]:
    """The router of *config*, without its results if they cannot be read, and why not."""
    try:
        return Router(config), None
    except ConfigError as error:
        return Router(config.model_copy(update={"results": None})), error


def candidates(route: Route, catalog: Catalog) -> list[tuple[int, ModelInfo]]:
    """The candidates of *route* that are known, each with its place."""
    return [
        (place, catalog.resolve(name))
        for place, name in enumerate(route.candidates)
        if name in catalog
    ]
