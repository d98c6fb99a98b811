"""What tests of circuits are about: failures, and a clock that the test turns."""

from __future__ import annotations

from globalapi_core.errors import GatewayError
from globalapi_core.health import Health, Turn
from globalapi_core.settings import Endpoint

COOLDOWN = 30.0
"""Seconds."""


class Clock:
    """Seconds, as the test says."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        """The time it is."""
        return self.now


def unvarying(clock: Clock, endpoint: Endpoint | None = None) -> Health:
    """Circuits by *clock* that vary no pause."""
    return Health(endpoint, clock=clock, jitter=lambda: 0.5)


def fail(
    health: Health,
    error: GatewayError,
    model: str = "a",
    times: int = 1,
    cooldown: float = COOLDOWN,
) -> None:
    """Calls of *model* that are given up with *error*, one after the other."""
    for _ in range(times):
        Turn(health, model, health._clock()).failed(error, cooldown=cooldown)


def left(health: Health, model: str = "a") -> float | None:
    """Seconds for which others go before *model*; `None` if it is well."""
    found = health.cooling().of(model)
    return None if found is None else found.seconds


def refusal(health: Health, model: str = "a") -> GatewayError | None:
    """What a call is told that has nowhere else to go; `None` if it may be made."""
    found = health.last_resort(model)
    if isinstance(found, GatewayError):
        return found
    with found:
        return None
