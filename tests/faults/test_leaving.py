"""Calls that are left half-way: rows 127 and 128, for all classes."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import pytest

from langchain_globalapi import ChatGlobalAPI, RouterRunnable
from tests.core.wire.server import Peer, Server, body, stream
from tests.faults import ours
from tests.faults.case import HEL, PROMPT, ROLE, Case
from tests.faults.promise import answers

CALLER = pytest.mark.parametrize("caller", [*ours.SINGLE, *ours.ROUTERS])
SOON = 20.0
"""Seconds within which a server must see that it was left."""


class Left:
    """A server that waits to be left, after the first words of a stream if one was asked for."""

    def __init__(self) -> None:
        self.gone = False
        self.server = Server(self._answer)

    def _answer(self, peer: Peer) -> None:
        if b'"stream": true' in self.server.requests[-1]:
            stream(ROLE, HEL, end=False)(peer)
        self.gone = peer.gone(3 * SOON)

    async def seen(self) -> bool:
        """Whether the server sees soon that its client has gone."""
        for _ in range(int(SOON / 0.01)):
            if self.gone:
                return True
            await asyncio.sleep(0.01)
        return False


@pytest.fixture
def left() -> Iterator[Left]:
    """A server to be left."""
    waiting = Left()
    with waiting.server:
        yield waiting


def _made(caller: str, left: Left) -> Any:
    return (ours.SINGLE | ours.ROUTERS)[caller][0](
        left.server.url, Case(0, "left", (), answers(""))
    )


def _stream(model: Any) -> Any:
    if isinstance(model, ChatGlobalAPI | RouterRunnable):
        return model.stream(PROMPT)
    return model.stream_complete(PROMPT)


async def _astream(model: Any) -> Any:
    if isinstance(model, ChatGlobalAPI | RouterRunnable):
        return model.astream(PROMPT)
    return await model.astream_complete(PROMPT)


async def _read(model: Any, begun: asyncio.Event) -> None:
    async for _ in await _astream(model):
        begun.set()


async def _asked(server: Server) -> None:
    """Return once *server* has had a request."""
    for _ in range(1_000):
        if server.requests:
            return
        await asyncio.sleep(0.01)


async def _alone() -> bool:
    """Whether no task but this one is left, once those that are ending have ended."""
    for _ in range(1_000):
        if len(asyncio.all_tasks()) == 1:
            return True
        await asyncio.sleep(0.01)
    return False


@CALLER
async def test_cancelled_stream(caller: str, left: Left) -> None:
    """127: a task cancelled in a stream ends so; its connection closes, nothing is retried."""
    begun = asyncio.Event()
    task = asyncio.create_task(_read(_made(caller, left), begun))
    await begun.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert await left.seen()
    assert len(left.server.requests) == 1
    assert await _alone()


@CALLER
async def test_cancelled_call(caller: str, left: Left) -> None:
    """127: nor is a call that was cancelled before any answer."""
    make, read = (ours.SINGLE | ours.ROUTERS)[caller]
    model = make(left.server.url, Case(0, "left", (), answers("")))
    task = asyncio.create_task(read(model, "ainvoke", {}, []))
    await _asked(left.server)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert await left.seen()
    assert len(left.server.requests) == 1
    assert await _alone()


@CALLER
async def test_cancelled_wait(caller: str) -> None:
    """127: cancelled while it waits to try again, a call does not try again."""
    make, read = (ours.SINGLE | ours.ROUTERS)[caller]
    refused = body({"error": {"message": "slow down"}}, 429, {"retry-after": "1"})
    with Server(refused) as server:
        model = make(server.url, Case(0, "left", (), answers("")))
        task = asyncio.create_task(read(model, "astream", {}, []))
        await _asked(server)
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(1.2)

    assert len(server.requests) == 1


@CALLER
@pytest.mark.parametrize("how", ["closed", "dropped"])
async def test_abandoned_stream(caller: str, how: str, left: Left) -> None:
    """128: a sync stream that is closed, or just dropped, closes its connection."""
    items = _stream(_made(caller, left))
    next(items)

    if how == "closed":
        items.close()
    del items
    gc.collect()

    assert await left.seen()
    assert len(left.server.requests) == 1


@CALLER
@pytest.mark.parametrize("how", ["closed", "dropped"])
async def test_abandoned_async_stream(caller: str, how: str, left: Left) -> None:
    """128: so does an async one."""
    items = await _astream(_made(caller, left))
    await anext(items)

    if how == "closed":
        await items.aclose()
    del items
    gc.collect()

    assert await left.seen()
    assert len(left.server.requests) == 1
    assert await _alone()


@CALLER
async def test_timeout_of_the_callers_own(caller: str, left: Left) -> None:
    """127: `asyncio.timeout` around a stream ends it as it says, and closes its connection."""
    begun = asyncio.Event()

    async def read() -> None:
        async with asyncio.timeout(None) as timer:
            ending = asyncio.create_task(run_out(timer))
            await _read(_made(caller, left), begun)
        await ending

    async def run_out(timer: asyncio.Timeout) -> None:
        await begun.wait()
        timer.reschedule(asyncio.get_running_loop().time())

    with pytest.raises(TimeoutError):
        await read()

    assert await left.seen()
    assert len(left.server.requests) == 1
    assert await _alone()
