"""Time limits that a model's published speed cannot keep."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from globalapi_core.catalog import ModelInfo
from globalapi_core.cli._advice import Advice, candidates
from globalapi_core.config import Route
from globalapi_core.config.schema import Attempts
from globalapi_core.estimates import EXPECTED_OUTPUT
from globalapi_core.router import Router


def find(router: Router) -> Iterator[Advice]:
    """Advice on each candidate that is too slow for `timeout` or `first_delta`.

    It is an error when none of the route's candidates is fast enough for what the file
    says: the first sign of life, or answers of `max_tokens`.
    """
    limits = router.config.attempts
    for number, route in enumerate(router.config.routes):
        found = {
            place: late
            for place, model in candidates(route, router.catalog)
            if (late := _silent(model, limits) or _slow(model, route, limits))
        }
        hopeless = len(found) == len(route.candidates) and all(each.said for each in found.values())
        for place, late in found.items():
            location = ("routes", number, "candidates", place)
            yield Advice("error" if hopeless else "warning", location, late.text, late.help)


@dataclass(frozen=True, slots=True)
class _Late:
    said: bool
    """Whether the file says how long the answer may be; else a length was assumed."""
    text: str
    help: str


def _silent(model: ModelInfo, limits: Attempts) -> _Late | None:
    """*model* does not even begin in time."""
    first = _first(model)
    for key, limit in (("timeout", limits.timeout), ("first_delta", limits.first_delta)):
        if first >= limit:
            text = f"{model.name} shows nothing before {first:g} s, and attempts.{key} is "
            help_ = f"raise attempts.{key}, or take a faster model"
            return _Late(True, f"{text}{limit:g} s", help_)
    return None


def _slow(model: ModelInfo, route: Route, limits: Attempts) -> _Late | None:
    """*model* does not end in time."""
    stated = route.params.get("max_tokens")
    tokens = stated if isinstance(stated, int) and stated > 0 else EXPECTED_OUTPUT
    said = tokens is stated
    needed = model.seconds(tokens)
    if needed is None or not model.tokens_per_second or needed <= limits.timeout:
        return None
    fit = int((limits.timeout - _first(model)) * model.tokens_per_second)
    text = (
        f"{tokens:,} tokens{'' if said else ', assumed without max_tokens,'} take {model.name} "
        f"{needed:.1f} s at {model.tokens_per_second:g} a second, and attempts.timeout is "
        f"{limits.timeout:g} s"
    )
    help_ = f"at most {fit:,} tokens fit: set params.max_tokens to that, or raise attempts.timeout"
    return _Late(said, text, help_)


def _first(model: ModelInfo) -> float:
    return (model.ttft_ms or 0) / 1000
