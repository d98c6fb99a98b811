"""Circuits over real sockets: what reaches a model that failed, and what a caller is told."""

from __future__ import annotations

import asyncio
import copy
import pickle
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import pytest
from langchain_core.exceptions import ModelError

from globalapi_core.circuits import STREAK
from globalapi_core.errors import (
    AllModelsFailedError,
    AuthenticationError,
    GatewayConnectionError,
    InvalidRequestError,
    RateLimitError,
    ServerError,
)
from globalapi_core.health import Health
from globalapi_core.sandbox import Sandbox, faults
from langchain_globalapi import ChatGlobalAPI, RouterRunnable

from ..core.circuit_helpers import Clock, unvarying

FIRST, SECOND = "deepseek-v4-flash", "gpt-4o-mini"
WAYS = ("invoke", "ainvoke", "stream", "astream")


def asked(sandbox: Sandbox) -> list[str | None]:
    """The models asked, in order."""
    return [each.model for each in sandbox.requests]


def arrived(sandbox: Sandbox, requests: int) -> None:
    """Wait until the sandbox has got that many requests."""
    while len(sandbox.requests) < requests:
        time.sleep(0.01)


def ask(llm: Any, way: str = "invoke", **given: Any) -> Any:
    """Ask in the given way; a stream's answer is its chunks."""
    if way == "invoke":
        return llm.invoke("hello", **given)
    if way == "ainvoke":
        return asyncio.run(llm.ainvoke("hello", **given))
    if way == "stream":
        return list(llm.stream("hello", **given))

    async def read() -> list[Any]:
        return [chunk async for chunk in llm.astream("hello", **given)]

    return asyncio.run(read())


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def routed(router: Callable[..., RouterRunnable], clock: Clock) -> RouterRunnable:
    """A router whose circuits go by the clock."""
    made = router()
    made._health = unvarying(clock)
    return made


@pytest.fixture
def single(chat: Callable[..., ChatGlobalAPI], clock: Clock) -> ChatGlobalAPI:
    """One model whose circuits go by the clock."""
    made = chat()
    made._health = unvarying(clock)
    return made


@pytest.mark.parametrize("way", WAYS)
def test_dead_primary_is_left_alone_then_tried_once(
    sandbox: Sandbox, routed: RouterRunnable, clock: Clock, way: str
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


def test_threads_send_one_probe(router: Callable[..., RouterRunnable], clock: Clock) -> None:
    """Row 144: twenty threads that come back after the pause send one request to the model."""
    with ThreadPoolExecutor(20) as pool, Sandbox() as own:
        made = router(base_url=own.base_url)
        made._health = unvarying(clock)
        own.script(FIRST, [faults.overloaded(), faults.delay(100)])
        ask(made)
        clock.now += 30

        calls = as_completed([pool.submit(ask, made) for _ in range(20)])
        others = [next(calls).result() for _ in range(19)]

        assert [each.text != "" for each in others] == [True] * 19
        assert asked(own)[2:].count(FIRST) == 1


def test_cancelled_probe_gives_its_place_back(
    sandbox: Sandbox, routed: RouterRunnable, clock: Clock
) -> None:
    """A task that is cancelled while it probes leaves the model to the next call at once."""
    sandbox.script(FIRST, [faults.overloaded(), faults.delay(100)])
    ask(routed)
    clock.now += 30

    async def main() -> None:
        probe = asyncio.create_task(routed.ainvoke("hello"))
        await asyncio.to_thread(arrived, sandbox, 3)
        await routed.ainvoke("hello")
        probe.cancel()
        with pytest.raises(asyncio.CancelledError):
            await probe
        await routed.ainvoke("hello")

    asyncio.run(main())

    assert asked(sandbox) == [FIRST, SECOND, FIRST, SECOND, FIRST]


def test_decision_says_who_goes_last(
    sandbox: Sandbox, routed: RouterRunnable, clock: Clock
) -> None:
    """Who goes last, why, and until when, stands in the decision."""
    sandbox.script(FIRST, [faults.rate_limited(60)])
    ask(routed)
    clock.now += 30

    decision = routed.decide("hello")

    assert decision.candidates[-1].name == FIRST
    assert decision.reason.endswith(
        f"{FIRST} goes last: failed lately with RateLimitError, tried again in 36 s"
    )


def test_callers_mistake_opens_nothing(sandbox: Sandbox, routed: RouterRunnable) -> None:
    """Row 148: after any number of refused requests the model is called as before."""
    for _ in range(5):
        with pytest.raises(InvalidRequestError):
            ask(routed, temperature=9)

    ask(routed)

    assert set(asked(sandbox)) == {FIRST}


def test_bad_key_is_that_of_all_models(sandbox: Sandbox, routed: RouterRunnable) -> None:
    """Row 147: a refused key is refused for all its models together, and after a streak at once."""
    sandbox.script("*", [faults.unauthorized()] * 99)

    for model in (None, "glm-5", "kimi-k2.5", "gpt-4o", "qwen3-32b"):
        with pytest.raises((AuthenticationError, AllModelsFailedError)):
            ask(routed, **({"model": model} if model else {}))
    with pytest.raises(AllModelsFailedError) as raised:
        ask(routed)

    assert len(sandbox.requests) == STREAK
    assert all(isinstance(each, AuthenticationError) for each in raised.value.exceptions)
    assert f"its key failed {STREAK} times in a row" in str(raised.value)
    assert isinstance(raised.value, ModelError)


def test_dead_endpoint_is_that_of_all_models(clock: Clock, router: Any) -> None:
    """Row 147: where nobody listens, siblings are not tried one after the other."""
    made = router(base_url="http://127.0.0.1:9/v1")
    made._health = unvarying(clock)
    for _ in range(STREAK):
        with pytest.raises(GatewayConnectionError):
            ask(made)

    refused = f"its endpoint failed {STREAK} times in a row"
    with pytest.raises(GatewayConnectionError, match=refused):
        ask(made, model="glm-5")


@pytest.mark.parametrize("way", WAYS)
def test_single_model(sandbox: Sandbox, single: ChatGlobalAPI, clock: Clock, way: str) -> None:
    """A model alone is refused after a streak only, for a second, and then probed once."""
    single.max_retries = 1
    sandbox.script(FIRST, [faults.rate_limited(0.001)] * 2 * STREAK + [faults.overloaded()])
    for _ in range(STREAK):
        with pytest.raises(ModelError):
            ask(single, way)
    assert len(sandbox.requests) == 2 * STREAK

    with pytest.raises(RateLimitError, match="not tried") as raised:
        ask(single, way)
    assert raised.value.retry_after == 1
    assert raised.value.record is not None
    assert raised.value.record.attempts == ()
    assert len(sandbox.requests) == 2 * STREAK

    clock.now += 1
    with pytest.raises(ServerError):
        ask(single, way)
    assert len(sandbox.requests) == 2 * STREAK + 1

    clock.now += 2
    assert ask(single, way)


def test_single_model_is_not_refused_for_one_failure(
    sandbox: Sandbox, chat: Callable[..., ChatGlobalAPI]
) -> None:
    """A script that goes on after a failed call gets its next answer."""
    made = chat()
    sandbox.script(FIRST, [faults.overloaded()])
    with pytest.raises(ServerError):
        ask(made)

    assert ask(made).text


def test_members_have_no_circuits_of_their_own(sandbox: Sandbox, routed: RouterRunnable) -> None:
    """A failure counts once, in the router's circuits, in copies and pickles of it too."""
    for each in (routed, copy.deepcopy(routed), pickle.loads(pickle.dumps(routed))):  # noqa: S301
        sandbox.script(FIRST, [faults.overloaded()])
        ask(each)
        assert set(each._health.cooling().models) == {FIRST}
        assert not any(member._health.cooling().models for member in each._members.values())


@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made))],  # noqa: S301
)
def test_copy_starts_afresh(
    sandbox: Sandbox, routed: RouterRunnable, copied: Callable[[Any], Any]
) -> None:
    """A copy of a router knows nothing of what failed before."""
    sandbox.script(FIRST, [faults.overloaded()])
    ask(routed)

    ask(copied(routed))

    assert asked(sandbox) == [FIRST, SECOND, FIRST]


def test_new_key_has_a_new_circuit(sandbox: Sandbox, routed: RouterRunnable) -> None:
    """Who mends the key of a router is not refused for the old one."""
    sandbox.script("*", [faults.unauthorized()] * STREAK)
    for _ in range(STREAK):
        with pytest.raises(AuthenticationError):
            ask(routed)

    routed.api_key = None

    assert isinstance(routed._health, Health)
    assert ask(routed).text
