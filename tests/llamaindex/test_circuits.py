"""Circuits over real sockets: what reaches a model that failed, and what a caller is told."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage

from globalapi_core.circuits import STREAK
from globalapi_core.errors import (
    AllModelsFailedError,
    AuthenticationError,
    GatewayError,
    InvalidRequestError,
    ServerError,
)
from globalapi_core.sandbox import Sandbox, faults
from llamaindex_globalapi import GlobalAPI, GlobalAPIRouter

from ..core.circuit_helpers import Clock, unvarying

FIRST, SECOND = "deepseek-v4-flash", "qwen3-32b"
HELLO = [ChatMessage("What is the capital of France?")]
WAYS = ("chat", "achat", "stream_chat", "astream_chat")


def asked(sandbox: Sandbox) -> list[str | None]:
    """The models asked, in order."""
    return [each.model for each in sandbox.requests]


def ask(llm: Any, way: str = "chat", **given: Any) -> Any:
    """Ask in the given way; a stream's answer is its parts."""
    if way == "chat":
        return llm.chat(HELLO, **given)
    if way == "achat":
        return asyncio.run(llm.achat(HELLO, **given))
    if way == "stream_chat":
        return list(llm.stream_chat(HELLO, **given))

    async def read() -> list[Any]:
        return [part async for part in await llm.astream_chat(HELLO, **given)]

    return asyncio.run(read())


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def routed(router: GlobalAPIRouter, clock: Clock) -> GlobalAPIRouter:
    """A router whose circuits go by the clock."""
    router._health = unvarying(clock)
    return router


@pytest.mark.parametrize("way", WAYS)
def test_dead_primary_is_left_alone_then_tried_once(
    sandbox: Sandbox, routed: GlobalAPIRouter, clock: Clock, way: str
) -> None:
    """After its first failing call nothing reaches it until its pause is over; then one probe."""
    sandbox.down(FIRST)

    for _ in range(5):
        ask(routed, way)
    assert asked(sandbox) == [FIRST] + [SECOND] * 5

    clock.now += 30
    for _ in range(3):
        ask(routed, way)
    assert asked(sandbox)[6:] == [FIRST] + [SECOND] * 3

    sandbox.up(FIRST)
    clock.now += 60
    ask(routed, way)
    ask(routed, way)
    assert asked(sandbox)[10:] == [FIRST] * 2


def test_threads_send_one_probe(sandbox: Sandbox, routed: GlobalAPIRouter, clock: Clock) -> None:
    """Row 144: twenty threads that come back after the pause send one request to the model."""
    with ThreadPoolExecutor(20) as pool, sandbox:
        sandbox.script(FIRST, [faults.overloaded(), faults.delay(100)])
        ask(routed)
        clock.now += 30

        calls = as_completed([pool.submit(ask, routed) for _ in range(20)])
        others = [next(calls).result() for _ in range(19)]

        assert [str(each) != "" for each in others] == [True] * 19
        assert asked(sandbox)[2:].count(FIRST) == 1


def test_abandoned_stream_gives_its_place_back(
    sandbox: Sandbox, routed: GlobalAPIRouter, clock: Clock
) -> None:
    """A probe whose stream is left after its first part leaves the model to the next call."""
    sandbox.script(FIRST, [faults.overloaded()])
    ask(routed)
    clock.now += 30

    stream = routed.stream_chat(HELLO)
    next(stream)
    ask(routed)
    stream.close()
    ask(routed)

    assert asked(sandbox)[2:] == [FIRST, SECOND, FIRST]


def test_callers_mistake_opens_nothing(sandbox: Sandbox, routed: GlobalAPIRouter) -> None:
    """Row 148: after any number of refused requests the model is called as before."""
    for _ in range(5):
        with pytest.raises(InvalidRequestError):
            ask(routed, temperature=9)

    ask(routed)

    assert set(asked(sandbox)) == {FIRST}


def test_bad_key_is_that_of_all_models(sandbox: Sandbox, routed: GlobalAPIRouter) -> None:
    """Row 147: a refused key is refused for all its models together, and after a streak at once."""
    sandbox.script("*", [faults.unauthorized()] * 99)

    for _ in range(STREAK):
        with pytest.raises(AuthenticationError):
            ask(routed)
    with pytest.raises(AuthenticationError, match=f"its key failed {STREAK} times in a row"):
        ask(routed, model="glm-5")
    with pytest.raises(AllModelsFailedError) as caught:
        ask(routed)

    assert len(sandbox.requests) == STREAK
    assert all(isinstance(each, AuthenticationError) for each in caught.value.exceptions)
    assert all(f"{name}: not tried" in str(caught.value) for name in (FIRST, SECOND))
    assert caught.value.retry_after == 1


@pytest.mark.parametrize("way", WAYS)
def test_single_model(
    sandbox: Sandbox, single: Callable[..., GlobalAPI], clock: Clock, way: str
) -> None:
    """A model alone is refused after a streak only, for a second, and then probed once."""
    llm = single(max_retries=1)
    llm._health = unvarying(clock)
    sandbox.script("gpt-4o", [faults.rate_limited(0.001)] * 2 * STREAK + [faults.overloaded()])
    for _ in range(STREAK):
        with pytest.raises(GatewayError):
            ask(llm, way)
    assert len(sandbox.requests) == 2 * STREAK

    with pytest.raises(GatewayError, match="not tried") as caught:
        ask(llm, way)
    assert caught.value.retry_after == 1
    assert len(sandbox.requests) == 2 * STREAK

    clock.now += 1
    with pytest.raises(ServerError):
        ask(llm, way)
    assert len(sandbox.requests) == 2 * STREAK + 1

    clock.now += 2
    assert ask(llm, way)


def test_single_model_is_not_refused_for_one_failure(
    sandbox: Sandbox, single: Callable[..., GlobalAPI]
) -> None:
    """A script that goes on after a failed call gets its next answer."""
    llm = single()
    sandbox.script("gpt-4o", [faults.overloaded()])
    with pytest.raises(ServerError):
        ask(llm)

    assert ask(llm).message.content


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made))],  # noqa: S301
)
def test_members_have_no_circuits_of_their_own(
    sandbox: Sandbox, routed: GlobalAPIRouter, copied: Callable[[Any], Any]
) -> None:
    """A failure counts once, in the router's circuits, in copies and pickles of it too."""
    ask(routed)
    again = copied(routed)
    sandbox.script(FIRST, [faults.overloaded()])
    ask(again)

    assert set(again._health.cooling().models) == {FIRST}
    assert not any(member._health.cooling().models for member in again._members.values())


@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made))],  # noqa: S301
)
def test_copy_starts_afresh(
    sandbox: Sandbox, routed: GlobalAPIRouter, copied: Callable[[Any], Any]
) -> None:
    """A copy of a router knows nothing of what failed before."""
    sandbox.script(FIRST, [faults.overloaded()])
    ask(routed)

    ask(copied(routed))

    assert asked(sandbox) == [FIRST, SECOND, FIRST]
