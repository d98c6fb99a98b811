"""Async calls leave the event loop free: `blockbuster` raises where one would hold it up."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest
from blockbuster import BlockingError, blockbuster_ctx
from langchain.agents import create_agent
from langchain_core.caches import InMemoryCache
from langchain_core.messages import HumanMessage
from pydantic import BaseModel

from globalapi_core.errors import GatewayConnectionError
from globalapi_core.sandbox import Sandbox, faults
from langchain_globalapi import ChatGlobalAPI, RouterRunnable

Either = Callable[..., ChatGlobalAPI | RouterRunnable]
Call = Callable[[Any], Any]

QUESTION = "What is the weather in Paris?"


class Weather(BaseModel):
    """Get the weather in a city."""

    city: str


async def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"sunny in {city}"


async def whole(model: Any) -> None:
    """One answer."""
    await model.ainvoke(QUESTION)


async def streamed(model: Any) -> None:
    """One answer, piece by piece."""
    assert [chunk async for chunk in model.astream(QUESTION)]


async def abandoned(model: Any) -> None:
    """A stream that is left after its first piece."""
    async with aclosing(model.astream(QUESTION)) as chunks:
        await anext(chunks)


async def batched(model: Any) -> None:
    """Many at once."""
    await model.abatch([QUESTION] * 8)


async def with_tools(model: Any) -> None:
    """A forced tool."""
    await model.bind_tools([Weather], tool_choice="any").ainvoke(QUESTION)


async def structured(model: Any) -> None:
    """A schema."""
    await model.with_structured_output(Weather).ainvoke(QUESTION)


async def traced(model: Any) -> None:
    """Events."""
    assert [each async for each in model.astream_events(QUESTION, version="v2")]


async def by_an_agent(model: Any) -> None:
    """An agent with a tool."""
    agent: Any = create_agent(model, [get_weather])
    await agent.ainvoke({"messages": [HumanMessage(QUESTION)]})


async def by_name(model: Any) -> None:
    """Another model, which the catalog has to be asked for."""
    await model.ainvoke(QUESTION, model="glm-5")


CALLS = [whole, streamed, abandoned, batched, with_tools, structured, traced, by_an_agent, by_name]


def test_blocking_call_would_be_seen() -> None:
    """What these tests rest on: a call that reads a file in a loop is an error."""

    async def reads() -> None:
        with open(__file__) as file:  # noqa: ASYNC230 - what is to be seen
            file.read()

    with blockbuster_ctx(), pytest.raises(BlockingError):
        asyncio.run(reads())


@pytest.mark.parametrize("call", CALLS, ids=lambda each: str(each.__name__))
async def test_call_does_not_block(model: Either, call: Call) -> None:
    """No call holds up the loop: no file, no socket, no lock, no sleep."""
    await call(model())
    made = model(cache=InMemoryCache())

    with blockbuster_ctx():
        await call(made)


async def test_retries_and_fallbacks_do_not_block(model: Either, sandbox: Sandbox) -> None:
    """Waiting for another try leaves the loop free."""
    made = model(max_retries=2)
    await made.ainvoke(QUESTION)
    sandbox.script(
        "deepseek-v4-flash", [faults.rate_limited(retry_after=0.05), faults.overloaded()]
    )

    with blockbuster_ctx():
        answer = await made.ainvoke("Another question?")

    assert len(answer.response_metadata["globalapi"]["attempts"]) >= 2


async def test_names_and_certificates_do_not_block() -> None:
    """Looking up a host and setting up TLS leave the loop free."""
    with Sandbox() as warm:
        await ChatGlobalAPI(base_url=warm.base_url).ainvoke(QUESTION)
    made = ChatGlobalAPI(base_url="https://localhost:9/v1", api_key="a-key", max_retries=0)

    with blockbuster_ctx(), pytest.raises(GatewayConnectionError):
        await made.ainvoke(QUESTION)


_FIRST_CALL = """
import asyncio, sys
from blockbuster import blockbuster_ctx
from langchain_globalapi import ChatGlobalAPI
model = ChatGlobalAPI(base_url=sys.argv[1], max_retries=0)
with blockbuster_ctx():
    asyncio.run(model.ainvoke("Hello"))
"""


def test_first_call_does_not_block(sandbox: Sandbox) -> None:
    """The first call of a process reads its files and modules beside the loop."""
    done = subprocess.run(
        [sys.executable, "-c", _FIRST_CALL, sandbox.base_url], capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
