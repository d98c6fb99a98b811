"""Routes that never fire, because nothing can satisfy them or an earlier one always does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from globalapi_core.cli._advice import Advice
from globalapi_core.config import Route
from globalapi_core.router import Router
from globalapi_core.signals import keywords


def find(router: Router) -> Iterator[Advice]:
    """Advice on each route that cannot fire, or only when an earlier one has nobody able."""
    routes = router.config.routes
    for number, route in enumerate(routes):
        when = _conditions(route)
        least, most = when.get("min_tokens"), when.get("max_tokens")
        if least and most and least > most:
            text = f"route {route.name!r} never fires: no prompt has {least:,} tokens or more "
            text += f"and {most:,} or fewer"
            location = ("routes", number, "when", "min_tokens")
            yield Advice("error", location, text, "make min_tokens the smaller of the two")
        earlier = next((each for each in routes[:number] if _contains(each, route)), None)
        if earlier is not None:
            yield _shadowed(number, route, earlier, router)


def _shadowed(number: int, route: Route, earlier: Route, router: Router) -> Advice:
    if not _conditions(earlier):
        text = f"route {route.name!r} never fires: {earlier.name!r} before it takes every prompt"
        help_ = f"a 'modality' of text always holds; give {earlier.name!r} a condition"
        return Advice("error", ("routes", number), text, help_)
    text = f"route {route.name!r} is shadowed: whenever it would fire, {earlier.name!r} before it "
    text += "fires too"
    return Advice("warning", ("routes", number), text, f"put it before {earlier.name!r}")


def _conditions(route: Route) -> dict[str, Any]:
    """What *route* asks for, without what always holds."""
    conditions = dict(route.when.conditions if route.when else {})
    if "text" in conditions.get("modality", ()):
        del conditions["modality"]
    return conditions


def _contains(earlier: Route, later: Route) -> bool:
    """Whether *earlier* fires for everything that *later* fires for."""
    wanted = _conditions(later)
    if not wanted and not (later.when and later.when.conditions):
        return False  # the last route takes what is left
    return all(
        key in wanted and _implied(key, value, wanted[key])
        for key, value in _conditions(earlier).items()
    )


def _implied(key: str, wide: Any, narrow: Any) -> bool:
    """Whether a request for which *narrow* holds is one for which *wide* does."""
    if key == "keywords":
        return all(any(keywords.found(each, wide)) for each in narrow)
    if key == "min_tokens":
        return bool(wide <= narrow)
    if key == "max_tokens":
        return bool(wide >= narrow)
    if isinstance(wide, dict):
        return all(name in narrow and _implied("", wide[name], narrow[name]) for name in wide)
    if isinstance(wide, list):
        return set(narrow) <= set(wide)
    return bool(wide == narrow)
