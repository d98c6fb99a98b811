"""Models as objects: stored, copied, shared by threads and loops, left half-way."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import pickle
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.load import dumpd, dumps

from globalapi_core import settings
from globalapi_core.errors import AllModelsFailedError, GatewayError
from globalapi_core.sandbox import Sandbox, faults
from langchain_globalapi import ChatGlobalAPI, RouterRunnable
from tests.langchain.recorder import Recorder
from tests.langchain.servers import RawServer, events, saying

Either = Callable[..., ChatGlobalAPI | RouterRunnable]

QUESTION = "Which port does the server listen on?"
KEY = "sk-canary-5c1f0e7a94"
SOON = 30.0
"""Seconds within which a server must see that it was left."""


@pytest.fixture(params=[ChatGlobalAPI, RouterRunnable])
def left(request: pytest.FixtureRequest) -> Any:
    """Either class, with a server that says one word and then waits to be left."""
    with saying(events([{"content": "one"}], finish=None), hang=True) as server:
        yield request.param(base_url=server.base_url, max_retries=0), server


def test_key_is_nowhere_to_be_read(model: Either, caplog: pytest.LogCaptureFixture) -> None:
    """The key is in no text that a model, its copies, its dumps or its calls leave behind."""
    seen = Recorder()
    made = model(api_key=KEY, callbacks=[seen])
    caplog.set_level(logging.DEBUG)

    made.invoke(QUESTION)
    list(made.stream(QUESTION))
    made.generate([[made._convert_input(QUESTION).to_messages()[0]]])
    made.callbacks = None
    private = made.__pydantic_private__
    texts = [repr(made), str(made), dumps(made), repr(dumpd(made)), repr(made.model_dump())]
    texts += [made.model_dump_json(), repr(made.__dict__), repr(private), caplog.text]
    texts += [repr(made._identifying_params), made._get_llm_string(), *seen.payloads]
    texts += [repr(vars(made.bind(stop=["a"]))), repr(made._get_ls_params())]

    assert seen.payloads
    assert not [text for text in texts if KEY in text]
    assert KEY.encode() not in pickle.dumps(made)


def test_key_is_in_no_error(model: Either, sandbox: Sandbox) -> None:
    """An error is as silent, also where the server repeats the key."""
    echo = faults.status(500, message=f"Incorrect API key provided: {KEY}")
    sandbox.script("*", [echo] * 4)

    with pytest.raises((GatewayError, AllModelsFailedError)) as raised:
        model(api_key=KEY).invoke(QUESTION)

    error = raised.value
    assert (
        KEY not in f"{error} {error!r} {error.__dict__} {error.record and error.record.as_dict()}"
    )
    assert KEY.encode() not in pickle.dumps(error)


def test_key_reaches_the_server(model: Either, sandbox: Sandbox) -> None:
    """The key is sent, by the members of a router too."""
    model(api_key=KEY).invoke(QUESTION)

    assert sandbox.requests[0].authorized


@pytest.mark.parametrize("used", [False, True])
def test_pickle_works_where_it_arrives(
    model: Either, sandbox: Sandbox, used: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model travels without its key, which is read from the environment at the other end."""
    made = model(api_key=KEY, temperature=0.5)
    if used:
        made.invoke(QUESTION)
    monkeypatch.setenv(settings.KEY_VARIABLE, "sk-of-the-other-end")

    arrived = pickle.loads(pickle.dumps(made))  # noqa: S301 -- our own bytes

    assert arrived.invoke(QUESTION).text == made.invoke(QUESTION).text
    assert arrived._endpoint.api_key == "sk-of-the-other-end"
    assert sandbox.requests[-1].body["temperature"] == 0.5


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda made: made.model_copy()])
def test_copy_works(model: Either, sandbox: Sandbox, copied: Callable[[Any], Any]) -> None:
    """A copy keeps everything, its key too."""
    made = model(api_key=KEY, temperature=0.5)
    made.invoke(QUESTION)

    copied(made).invoke(QUESTION)

    first, second = sandbox.requests
    assert first.body == second.body
    assert second.authorized


def test_dump_says_what_it_is(model: Either) -> None:
    """`dumpd` is plain JSON that names the class; LangChain loads its own partners' alone."""
    dumped = dumpd(model())

    assert json.loads(json.dumps(dumped))["id"][0] == "langchain_globalapi"
    assert dumped["type"] == "not_implemented"


def test_one_event_loop_after_another(model: Either) -> None:
    """A model outlives the loop it was first used in, however often."""
    made = model()

    texts = {asyncio.run(made.ainvoke(QUESTION)).text for _ in range(3)}

    assert len(texts) == 1


def test_threads_share_a_model(model: Either, sandbox: Sandbox) -> None:
    """Twenty threads ask one model at once, and each gets its own answer."""
    made = model()
    questions = [f"What is number {number} of the list?" for number in range(20)]

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(made.invoke, questions))

    assert [f"number {i} of" in str(each.text) for i, each in enumerate(answers)] == [True] * 20
    assert len(sandbox.requests) == 20


async def test_tasks_share_a_model(model: Either, sandbox: Sandbox) -> None:
    """Twenty tasks do so on one loop, at the same time."""
    sandbox.script("*", [faults.delay(1)] * 20)
    made = model()
    started = time.monotonic()

    answers = await asyncio.gather(*(made.ainvoke(f"What is number {i}?") for i in range(20)))

    assert time.monotonic() - started < 15  # one after the other they take twenty
    assert [f"number {i}" in str(each.text) for i, each in enumerate(answers)] == [True] * 20


def test_abandoned_stream_closes_its_connection(left: tuple[Any, RawServer]) -> None:
    """Who stops reading a stream leaves the server at once."""
    made, server = left
    chunks = made.stream(QUESTION)

    assert next(chunks).text == "one"
    chunks.close()

    assert server.left.wait(SOON)


async def test_abandoned_async_stream_closes_its_connection(left: tuple[Any, RawServer]) -> None:
    """Who breaks out of an async stream leaves the server at once."""
    made, server = left
    chunks = made.astream(QUESTION)

    assert (await anext(chunks)).text == "one"
    await chunks.aclose()

    assert await asyncio.to_thread(server.left.wait, SOON)


async def test_cancelled_call_closes_its_connection(left: tuple[Any, RawServer]) -> None:
    """A cancelled task ends as cancelled, and leaves the server at once."""
    made, server = left
    begun = asyncio.Event()

    async def read() -> None:
        async for _ in made.astream(QUESTION):
            begun.set()

    task = asyncio.create_task(read())
    await begun.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(server.left.wait, SOON)


async def test_call_leaves_the_loop_free(model: Either, sandbox: Sandbox) -> None:
    """While a call waits, other tasks of its loop run, on this thread alone."""
    sandbox.script("*", [faults.delay(1)])
    threads = threading.active_count()
    made, ticks = model(), 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    await made.ainvoke(QUESTION)
    ticking.cancel()

    assert ticks >= 5  # in a call that held the loop up, one at most
    assert threading.active_count() <= threads + 1
