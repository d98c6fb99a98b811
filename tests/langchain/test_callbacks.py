"""What calls came to, as a callback adds it up: the sandbox's own bill says if it is right."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda

from globalapi_core.errors import GatewayError
from globalapi_core.sandbox import Sandbox
from langchain_globalapi import ChatGlobalAPI, RouterRunnable, get_cost_callback
from langchain_globalapi.callbacks import CostCallbackHandler

QUESTION = "How long does a refund take?"
Model = Callable[..., ChatGlobalAPI | RouterRunnable]


def ask(model: Any, way: str) -> None:
    """Ask in one of six ways, and read the answer to its end."""
    if way == "invoke":
        model.invoke(QUESTION)
    elif way == "ainvoke":
        asyncio.run(model.ainvoke(QUESTION))
    elif way == "stream":
        list(model.stream(QUESTION))
    elif way == "batch":
        model.batch([QUESTION, QUESTION])
    elif way == "generate":
        model.generate_prompt([ChatPromptTemplate.from_template(QUESTION).invoke({})])
    else:
        asyncio.run(_read(model))


async def _read(model: Any) -> None:
    async for _ in model.astream(QUESTION):
        pass


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream", "batch", "generate"])
def test_cost_is_the_bill(sandbox: Sandbox, model: Model, way: str) -> None:
    """Whichever way is taken, the callback comes to what the sandbox bills."""
    with get_cost_callback() as costs:
        ask(model(), way)

    assert costs.cost.usd == sandbox.bill.total.usd
    assert costs.attempts == len(sandbox.requests) == (2 if way == "batch" else 1)


def test_cost_within_a_chain(sandbox: Sandbox, chat: Model) -> None:
    """Calls deep in a chain are counted, by model."""
    first, second = chat("deepseek-v4-flash"), chat("glm-5")
    chain = first | RunnableLambda(lambda message: second.invoke(message.text))

    with get_cost_callback() as costs:
        chain.invoke(QUESTION)
        chain.invoke(QUESTION)

    assert set(costs.by_model) == {"deepseek-v4-flash", "glm-5"}
    assert costs.cost.usd == sandbox.bill.total.usd
    assert costs.attempts == 4


def test_cost_of_failed_attempts(sandbox: Sandbox, router: Model) -> None:
    """Attempts of a model that is down are counted as attempts, and cost nothing."""
    sandbox.down("deepseek-v4-flash")

    with get_cost_callback() as costs:
        router().invoke(QUESTION)

    assert costs.attempts == 2
    assert set(costs.by_model) == {"gpt-4o-mini"}
    assert costs.cost.usd == sandbox.bill.total.usd


def test_cost_of_a_call_that_fails(sandbox: Sandbox, model: Model) -> None:
    """A call that fails leaves its attempts in the count."""
    sandbox.down("deepseek-v4-flash")
    sandbox.down("gpt-4o-mini")

    with get_cost_callback() as costs, pytest.raises((GatewayError, ExceptionGroup)):
        model().invoke(QUESTION)

    assert costs.attempts == len(sandbox.requests) > 0
    assert costs.cost.usd == sandbox.bill.total.usd == 0


def test_cost_of_a_stream_that_is_left(sandbox: Sandbox, model: Model) -> None:
    """A stream whose reader leaves is an attempt, and what it cost is not known."""
    with get_cost_callback() as costs:
        stream: Any = model().stream(QUESTION)
        next(stream)
        stream.close()

    assert costs.attempts == len(sandbox.requests) == 1
    assert list(costs.by_model) == ["deepseek-v4-flash"]
    assert (costs.cost.usd, costs.cost.unknown) == (None, ("usage",))


async def test_cost_of_an_async_stream_that_is_left(sandbox: Sandbox, model: Model) -> None:
    """So is an asynchronous one."""
    with get_cost_callback() as costs:
        stream: Any = model().astream(QUESTION)
        await anext(stream)
        await stream.aclose()

    assert costs.attempts == len(sandbox.requests) == 1
    assert (costs.cost.usd, costs.cost.unknown) == (None, ("usage",))


def test_cached_answers_cost_nothing(sandbox: Sandbox, model: Model) -> None:
    """An answer from LangChain's cache is not paid for twice."""
    asked = model(cache=InMemoryCache())

    with get_cost_callback() as costs:
        asked.invoke(QUESTION)
        asked.invoke(QUESTION)

    assert len(sandbox.requests) == 1
    assert costs.cost.usd == sandbox.bill.total.usd


def test_blocks_count_their_own(sandbox: Sandbox, chat: Model) -> None:
    """Nothing is counted after a block's end, nor before its beginning."""
    chat().invoke(QUESTION)
    with get_cost_callback() as costs:
        chat().invoke(QUESTION)
    chat().invoke(QUESTION)

    assert costs.attempts == 1


def test_handler_by_itself(sandbox: Sandbox, router: Model) -> None:
    """The handler can be given as any callback is; it says what it has counted."""
    costs = CostCallbackHandler()

    router().invoke(QUESTION, config={"callbacks": [costs]})

    assert costs.cost.usd == sandbox.bill.total.usd
    assert repr(costs) == f"<{costs.cost}, 1 attempts>"
