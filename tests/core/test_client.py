"""The client over the sandbox: real sockets, real failures, one record for each call."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, closing
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from globalapi_core import Client, Router, Sandbox
from globalapi_core.budget import Budget
from globalapi_core.client import Answer
from globalapi_core.config import Attempts
from globalapi_core.errors import (
    AllModelsFailedError,
    AuthenticationError,
    BudgetExceededError,
    GatewayError,
    IncompleteResponseError,
    RateLimitError,
    ServerError,
)
from globalapi_core.health import Health
from globalapi_core.records import Decision
from globalapi_core.sandbox import faults
from globalapi_core.settings import Endpoint
from globalapi_core.wire import ChatRequest, Delta, Wire

WAYS = ("complete", "acomplete", "stream", "astream")
every_way = pytest.mark.parametrize("way", WAYS)
streams = pytest.mark.parametrize("way", ["stream", "astream"])
REQUEST = ChatRequest([{"role": "user", "content": "What is the capital of France?"}])
FIRST, SECOND = "deepseek-v4-flash", "qwen3-32b"


def decided() -> Decision:
    """The shipped default's decision for the request."""
    router = Router()
    return router.decide(router.signals(REQUEST.messages))


def ask(
    way: str, sandbox: Sandbox, *, health: Health | None = None, **limits: Any
) -> tuple[list[Delta], Answer]:
    """Ask in the given way: the deltas that were shown, and the answer."""
    made = Attempts.model_validate({"max_retries": 0, **limits})
    client = Client(Wire(Endpoint(sandbox.base_url)), made, health)
    if way == "complete":
        return [], client.complete(REQUEST, decided())
    if way == "acomplete":
        return [], asyncio.run(client.acomplete(REQUEST, decided()))

    async def read() -> list[Any]:
        return [item async for item in client.astream(REQUEST, decided())]

    items = list(client.stream(REQUEST, decided())) if way == "stream" else asyncio.run(read())
    *deltas, answer = items
    assert isinstance(answer, Answer)
    return [each for each in deltas if isinstance(each, Delta)], answer


@every_way
def test_answer_and_record(way: str, sandbox: Sandbox) -> None:
    """An answer comes with its record, whose cost is what the sandbox billed."""
    deltas, answer = ask(way, sandbox)

    assert answer.reply.finish_reason == "stop"
    assert answer.record.model == FIRST
    assert answer.record.cost.usd == sandbox.bill.total.usd
    if way in ("stream", "astream"):
        assert "".join(each.text for each in deltas) == answer.reply.text
        assert answer.record.attempts[-1][1].first_delta is not None


@every_way
@pytest.mark.parametrize(
    "fault",
    [faults.rate_limited(), faults.overloaded(), faults.dead(), faults.empty(), faults.cut(0)],
)
def test_fallback(way: str, fault: faults.Fault, sandbox: Sandbox) -> None:
    """A model that fails before anything was shown is left for the next one."""
    sandbox.script(FIRST, [fault])

    _, answer = ask(way, sandbox)

    assert answer.record.model == SECOND
    assert answer.record.fell_back
    assert [each.model for each in sandbox.requests] == [FIRST, SECOND]


@every_way
def test_retry(way: str, sandbox: Sandbox) -> None:
    """A model that asks for a moment is asked again."""
    sandbox.script(FIRST, [faults.rate_limited(0.01)])

    _, answer = ask(way, sandbox, max_retries=1)

    assert [attempt.wait for attempt, _ in answer.record.attempts] == [0, 0.01]
    assert answer.record.model == FIRST


@streams
@pytest.mark.parametrize("abrupt", [False, True])
def test_cut_after_something_was_shown(way: str, abrupt: bool, sandbox: Sandbox) -> None:
    """A stream that breaks off after text is an error with it: no other model goes on."""
    sandbox.script(FIRST, [faults.cut(1, abrupt=abrupt)])

    with pytest.raises(IncompleteResponseError) as caught:
        ask(way, sandbox, max_retries=3)

    assert caught.value.shown
    assert caught.value.partial_text
    assert [each.model for each in sandbox.requests] == [FIRST]


@every_way
def test_key_refused(way: str, sandbox: Sandbox) -> None:
    """A key that is not accepted ends the call at once: all models share it."""
    sandbox.script("*", [faults.unauthorized()] * 9)

    with pytest.raises(AuthenticationError) as caught:
        ask(way, sandbox)

    assert len(sandbox.requests) == 1
    assert caught.value.model == FIRST
    assert caught.value.record is not None


@every_way
def test_all_models_fail(way: str, sandbox: Sandbox) -> None:
    """When all fail the error has each with its model, by type."""
    sandbox.script("*", [faults.rate_limited(), *[faults.server_error()] * 9])

    with pytest.raises(AllModelsFailedError) as caught:
        ask(way, sandbox)

    kinds = [type(each) for each in caught.value.exceptions]
    assert kinds == [RateLimitError, ServerError, ServerError]
    assert len(sandbox.requests) == 3


@every_way
def test_attempts_are_bounded(way: str, sandbox: Sandbox) -> None:
    """What reaches the server is never more than the declared number of attempts."""
    sandbox.script("*", [faults.rate_limited(0.001)] * 50)

    with pytest.raises(GatewayError):
        ask(way, sandbox, max_retries=10, max_attempts=5)

    assert len(sandbox.requests) == 5


@every_way
def test_failed_model_cools_down(way: str, sandbox: Sandbox) -> None:
    """A model that was given up is known to be ill."""
    health = Health()
    sandbox.down(FIRST)

    ask(way, sandbox, health=health)

    assert set(health.cooling().models) == {FIRST}


def test_route_parameters_are_sent(sandbox: Sandbox) -> None:
    """A route's parameters reach the server, where the caller set none."""
    made = decided()
    candidates = [replace(made.primary, params={"temperature": 0.5, "max_tokens": 7})]
    client = Client(Wire(Endpoint(sandbox.base_url)))

    client.complete(
        replace(REQUEST, params={"max_tokens": 9}), replace(made, candidates=tuple(candidates))
    )

    assert sandbox.requests[0].body["temperature"] == 0.5
    assert sandbox.requests[0].body["max_tokens"] == 9


def test_abandoned_streams(sandbox: Sandbox) -> None:
    """Leaving a stream, sync or async, ends it without an error."""
    client = Client(Wire(Endpoint(sandbox.base_url)))

    async def leave() -> object:
        async with aclosing(client.astream(REQUEST, decided())) as items:
            return await anext(items)

    with closing(client.stream(REQUEST, decided())) as items:
        first = next(items)

    assert isinstance(first, Delta)
    assert isinstance(asyncio.run(leave()), Delta)


def test_concurrent_streams_do_not_mix(sandbox: Sandbox) -> None:
    """A hundred streams at once each get their own answer."""
    client = Client(Wire(Endpoint(sandbox.base_url)))

    async def one(number: int) -> bool:
        prompt = (
            f"Context: The secret of room {number} is {number * 7}.\nQuestion: What is the secret?"
        )
        request = ChatRequest([{"role": "user", "content": prompt}])
        *_, answer = [item async for item in client.astream(request, decided())]
        assert isinstance(answer, Answer)
        return str(number * 7) in answer.reply.text

    async def all_() -> list[bool]:
        return await asyncio.gather(*(one(number) for number in range(100, 200)))

    assert all(asyncio.run(all_()))


# --- money --------------------------------------------------------------------------------------


@every_way
def test_cut_answer_is_estimated(way: str, sandbox: Sandbox) -> None:
    """143: a cut answer makes the cost unknown; what is estimated of it stands beside."""
    sandbox.script(FIRST, [faults.cut(0)])

    _, answer = ask(way, sandbox)

    record, bill = answer.record, sandbox.bill
    answered = next(row.cost.usd for row in bill.rows if row.model == SECOND)
    assert record.cost.usd is None
    assert record.cost.unknown == ("usage",)
    assert record.cost.at_least == answered
    assert 0 < record.estimated_cost.at_least <= bill.total.at_least - record.cost.at_least


@every_way
@pytest.mark.parametrize("fault", [faults.rate_limited(), faults.overloaded(), faults.empty()])
def test_cost_is_exact_where_usage_is_known(
    way: str, fault: faults.Fault, sandbox: Sandbox
) -> None:
    """A refusal costs nothing, an empty answer what it says: together just what is billed."""
    sandbox.script(FIRST, [fault])

    _, answer = ask(way, sandbox)

    assert answer.record.cost.usd == sandbox.bill.total.usd
    assert answer.record.estimated_cost.usd == 0


@every_way
def test_ceiling(way: str, sandbox: Sandbox) -> None:
    """A call under a ceiling asks nobody who may cost more, and says so of each."""
    with pytest.raises(BudgetExceededError) as caught:
        ask(way, sandbox, max_cost="0.000001")

    assert sandbox.requests == []
    assert caught.value.record is not None
    assert len(caught.value.record.passed_over) == len(decided().candidates)


@every_way
def test_budget_is_what_the_server_bills(way: str, sandbox: Sandbox) -> None:
    """What calls took of a budget is the server's own bill, and when it is spent they stop."""
    budget = Budget(Decimal("0.0126"))
    client = Client(Wire(Endpoint(sandbox.base_url)), Attempts(max_retries=0), None, budget)

    def spend_all() -> None:
        for _ in range(100):
            spend(client, way)

    with pytest.raises(BudgetExceededError):
        spend_all()

    assert sandbox.requests
    assert sandbox.bill.total.usd == budget.settled
    assert budget.settled <= budget.usd
    assert budget.reserved == 0


def spend(client: Client, way: str) -> None:
    """Ask for one answer, of 50,000 tokens at most."""
    request = replace(REQUEST, params={"max_tokens": 50_000})
    router = Router()
    made = router.decide(router.signals(request.messages, max_tokens=50_000), model=FIRST)
    if way == "complete":
        client.complete(request, made)
    elif way == "acomplete":
        asyncio.run(client.acomplete(request, made))
    elif way == "stream":
        list(client.stream(request, made))
    else:

        async def read() -> None:
            async for _ in client.astream(request, made):
                pass

        asyncio.run(read())


@streams
def test_abandoned_stream_is_settled(way: str, sandbox: Sandbox) -> None:
    """A stream that is left gives back what it did not use, and keeps what it may have."""
    budget = Budget(Decimal(1))
    client = Client(Wire(Endpoint(sandbox.base_url)), budget=budget)

    async def leave() -> None:
        async with aclosing(client.astream(REQUEST, decided())) as items:
            await anext(items)

    if way == "stream":
        with closing(client.stream(REQUEST, decided())) as items:
            next(items)
    else:
        asyncio.run(leave())

    assert budget.reserved == 0
    assert 0 < budget.settled < Decimal("0.00001")


def test_threads_share_a_budget(sandbox: Sandbox) -> None:
    """Twenty threads on one budget are billed no more than it has."""
    budget = Budget(Decimal("0.05"))
    client = Client(Wire(Endpoint(sandbox.base_url)), Attempts(max_retries=0), None, budget)

    def work(number: int) -> int:
        for done in range(10):
            try:
                spend(client, "complete")
            except BudgetExceededError:
                return done
        return 10

    with ThreadPoolExecutor(20) as pool:
        answered = sum(pool.map(work, range(20)))

    assert 0 < answered == len(sandbox.requests)
    assert sandbox.bill.total.usd == budget.settled
    assert budget.settled <= budget.usd
