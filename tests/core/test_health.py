"""Cooldowns, by a clock that the test turns."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest

from globalapi_core.errors import (
    AuthenticationError,
    ContextOverflowError,
    GatewayConnectionError,
    GatewayError,
    InvalidRequestError,
    ModelNotFoundError,
    RateLimitError,
    ServerError,
)
from globalapi_core.health import Health


class Clock:
    """Seconds, as the test says."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        """The time it is."""
        return self.now


def test_failed_model_cools_down() -> None:
    """A model that was given up is left out for the cooldown, and no longer."""
    clock = Clock()
    health = Health(cooldown=30, clock=clock)

    health.failed("a", ServerError("no"))

    assert health.cooling() == {"a": 30}
    clock.now += 29
    assert health.cooling() == {"a": 1}
    clock.now += 1
    assert health.cooling() == {}


def test_model_says_how_long() -> None:
    """A model that asks for a wait is left out as long as it asks."""
    health = Health(cooldown=30, clock=Clock())

    health.failed("a", RateLimitError("slow", retry_after=120))

    assert health.cooling() == {"a": 120}


@pytest.mark.parametrize(
    "error",
    [
        InvalidRequestError("bad"),
        ContextOverflowError("long"),
        AuthenticationError("key"),
        GatewayConnectionError("down"),
    ],
)
def test_fault_that_is_not_the_models(error: GatewayError) -> None:
    """What is the fault of the request, the key or the endpoint cools no model down."""
    health = Health(clock=Clock())

    health.failed("a", error)

    assert not health.cooling()


def test_answer_ends_the_cooldown() -> None:
    """A model that answers is well again."""
    health = Health(clock=Clock())
    health.failed("a", ModelNotFoundError("gone"))

    health.answered("a")
    health.answered("never failed")

    assert not health.cooling()


def test_pickle_starts_afresh() -> None:
    """Cooldowns are this process's own: a pickled health remembers its setting only."""
    health = Health(cooldown=7)
    health.failed("a", ServerError("no"))

    again = pickle.loads(pickle.dumps(health))  # noqa: S301

    assert again.cooldown == 7
    assert not again.cooling()


def test_threads() -> None:
    """Many threads may report at once."""
    health = Health(clock=Clock())

    with ThreadPoolExecutor(8) as pool:
        for number in range(800):
            pool.submit(health.failed, f"m{number % 50}", ServerError("no"))

    assert len(health.cooling()) == 50
