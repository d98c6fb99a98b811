"""Tiers that no route uses, and a tier in force that no route follows."""

from __future__ import annotations

from collections.abc import Iterator

from globalapi_core.cli._advice import Advice
from globalapi_core.router import Router


def find(router: Router) -> Iterator[Advice]:
    """Advice on each tier that no route can get to."""
    config = router.config
    pinned = {route.tier for route in config.routes if route.tier}
    # The reader of the file has put the tier in force into the routes that follow it.
    follow = config.tier is not None and any(
        route.tier is None and route.candidates == config.tiers.get(config.tier)
        for route in config.routes
    )
    if follow:
        return  # to flip the setting gets to each of them
    if config.tier is not None:
        text = f"tier: {config.tier} changes nothing: every route has candidates or its own tier"
        help_ = "take 'candidates' out of the routes that should follow it"
        yield Advice("warning", ("tier",), text, help_)
    for name in config.tiers:
        if name not in pinned:
            text = f"no route uses the tier {name!r}"
            help_ = "give a route 'tier', or the file, with routes that have no candidates"
            yield Advice("warning", ("tiers", name), text, help_)
