"""Alerts that would always be given, or never."""

from __future__ import annotations

from collections.abc import Iterator

from globalapi_core.cli._advice import Advice, candidates
from globalapi_core.drift import implied, too_many
from globalapi_core.router import Router


def find(router: Router) -> Iterator[Advice]:
    """Advice on each band of `alerts.shares`."""
    config = router.config
    used = {model.name for route in config.routes for _, model in candidates(route, router.catalog)}
    for name, (least, most) in config.alerts.shares.items():
        where = ("alerts", "shares", name)
        if least > most:
            text = f"no share of {name} is {least:g} or more and {most:g} or less"
            yield Advice("error", where, text, "give the least first, then the most")
        elif name in router.catalog and router.catalog.resolve(name).name not in used:
            text = f"no route has {name}: its share is 0"
            yield Advice("warning", where, text, "add it to a route, or take it out")
    yield from _silent(router)


def _silent(router: Router) -> Iterator[Advice]:
    """Bands that too few calls are compared with: no share of so few is beyond chance."""
    for band in implied(router.config):
        high = too_many(band.window, band.most) > band.window
        low = too_many(band.window, 1 - band.least) > band.window
        if band.route is None and (band.least, band.most) != (0, 1) and high and low:
            text = f"{band.window} calls are too few to tell that {band.model} has left its band"
            yield Advice("warning", ("alerts", "window"), text, "raise the window")
