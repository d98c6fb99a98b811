"""Faults of processes and clocks: rows 123, 125, 126 and 130 to 132."""

from __future__ import annotations

import asyncio
import copy
import inspect
import os
import pickle
import re
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import globalapi_core
from globalapi_core import Client, Router, Shadowed
from globalapi_core.budget import Budget
from globalapi_core.errors import AllModelsFailedError, IncompleteResponseError
from globalapi_core.settings import Endpoint
from globalapi_core.wire import ChatRequest, Wire, transport
from tests.core.wire.server import Peer, Server, body, silence, stream
from tests.faults import ours, reading
from tests.faults.case import FIRST, HEL, PROMPT, ROLE, SECOND, Case, place, sound
from tests.faults.promise import KEY, answers

ROOT = Path(__file__).parent.parent.parent
CALLER = pytest.mark.parametrize("caller", [*ours.SINGLE, *ours.ROUTERS])


def _pickled(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))  # noqa: S301 -- our own bytes


def _made(caller: str, url: str) -> tuple[Any, reading.Reader]:
    make, read = (ours.SINGLE | ours.ROUTERS)[caller]
    return make(url, Case(0, "well", (), answers(""))), read


def _asked(model: Any, read: reading.Reader, way: str) -> str | None:
    """The text of an answer; the asynchronous ways run in an event loop of their own."""
    found = read(model, way, {}, [])
    seen = asyncio.run(found) if inspect.iscoroutine(found) else found
    text: str | None = seen.text
    return text


@CALLER
@pytest.mark.parametrize("way", ["ainvoke", "astream"])
def test_three_event_loops_in_a_row(caller: str, way: str) -> None:
    """123: an object outlives its event loops, each of which opens a connection of its own."""
    with Server(sound) as server:
        model, read = _made(caller, server.url)
        heard = [_asked(model, read, way) for _ in range(3)]

    assert heard == ["hello"] * 3
    assert server.connections == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@CALLER
@pytest.mark.parametrize("way", ["invoke", "stream", "astream"])
def test_fork_with_warm_connections(caller: str, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """125: a forked child opens connections of its own, and both get their answers."""
    # However slow the machine is, the end of a stream is read and its connection kept.
    monkeypatch.setattr(transport, "_LINGER", 10.0)
    with Server(sound) as server:
        model, read = _made(caller, server.url)
        _asked(model, read, way)
        child = os.fork()
        if child == 0:
            heard: str | None = ""
            # No test may go on in the child, whatever happens in it.
            try:
                heard = _asked(model, read, way)
            finally:
                os._exit(0 if heard == "hello" else 1)
        _, status = os.waitpid(child, 0)
        again = _asked(model, read, way)

    assert (os.waitstatus_to_exitcode(status), again) == (0, "hello")
    # An event loop keeps no connection for the next one.
    assert server.connections == (2 if way in ("invoke", "stream") else 3)


@CALLER
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, _pickled])
@pytest.mark.parametrize("way", ["invoke", "astream"])
def test_copy_of_one_in_use(caller: str, copied: Callable[[Any], Any], way: str) -> None:
    """126: a copy of an object with open connections, or its pickle, answers; so does it."""
    with Server(sound) as server:
        model, read = _made(caller, server.url)
        _asked(model, read, way)
        twin = copied(model)
        heard = [_asked(each, read, way) for each in (twin, model)]

    assert heard == ["hello", "hello"]
    assert twin is not model


def test_every_public_value_travels() -> None:
    """126: each public name of the core that is a value pickles and copies, without the key."""
    values = _public()

    assert {*values, *NO_VALUES} == set(globalapi_core.__all__)
    for name, value in values.items():
        pickled = pickle.dumps(value)
        for twin in (pickle.loads(pickled), copy.deepcopy(value)):  # noqa: S301 -- our own bytes
            assert type(twin) is type(value), name
            assert _told(twin) == _told(value), name
        assert KEY.encode() not in pickled, name
        assert KEY not in f"{value} {value!r}", name


def _told(value: object) -> str:
    """The repr of a value, but for where in memory it is, and sets in one order."""
    text = re.sub(r" at 0x[0-9a-f]+", "", repr(value))
    return re.sub(r"(?<=frozenset\(\{)[^}]*", lambda found: _in_order(found[0]), text)


def _in_order(elements: str) -> str:
    return ", ".join(sorted(elements.split(", ")))


NO_VALUES = {
    "Sandbox": "a server that runs",
    "compare": "a function",
    "escalations": "a function",
    "load_config": "a function",
    "on_alert": "a function",
    "on_call": "a function",
    "on_shadow": "a function",
    "parse_config": "a function",
    "recorded_calls": "a function",
    "shadows_to": "a function",
}


def _public() -> dict[str, Any]:
    with Server(sound) as server:
        client = Client(Wire(Endpoint(server.url, KEY)))
        router = Router()
        messages = [{"role": "user", "content": PROMPT}]
        signals = router.signals(messages)
        decision = router.decide(signals)
        answer = client.complete(ChatRequest(messages), decision)
    error = IncompleteResponseError("cut", model=FIRST, partial_text="hel")
    error.record = answer.record
    return {
        "Answer": answer,
        "Budget": Budget(Decimal(5), "day"),
        "CallRecord": answer.record,
        "Catalog": router.catalog,
        "Client": client,
        "Config": router.config,
        "Cost": answer.record.cost,
        "Decision": decision,
        "GatewayError": error,
        "GlobalAPIError": AllModelsFailedError("all failed", [error]),
        "ModelInfo": decision.primary.model,
        "Price": decision.primary.model.price,
        "Router": router,
        "Shadowed": Shadowed(answer.record, answer.record, None, "hello", "hello"),
        "Signals": signals,
        "Usage": answer.reply.usage,
    }


@pytest.mark.parametrize("hours", [-1, 1])
@pytest.mark.parametrize("caller", ours.ROUTERS)
def test_wall_clock_that_jumps(caller: str, hours: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """130: an hour more or less on the wall clock moves no cooldown and no deadline."""
    now = time.time()
    with place(Case(130, "gone", (body({"error": "gone"}, 404),), answers(""))) as here:
        model, read = _made(caller, here.url)
        read(model, "invoke", {}, [])
        monkeypatch.setattr(time, "time", lambda: now + hours * 3600)
        read(model, "invoke", {}, [])

    assert here.models == (FIRST, SECOND, SECOND)


_IN_LANGCHAIN = """
import asyncio
from langchain_globalapi import ChatGlobalAPI
model = ChatGlobalAPI(base_url={url!r})
left = model.stream("hi")
next(left)
async def leave():
    await anext(model.astream("hi"))
asyncio.run(leave())
"""
_IN_LLAMAINDEX = """
import asyncio
from llamaindex_globalapi import GlobalAPI
llm = GlobalAPI(api_base={url!r})
left = llm.stream_complete("hi")
next(left)
async def leave():
    await anext(await llm.astream_complete("hi"))
asyncio.run(leave())
"""


@pytest.mark.parametrize("program", [_IN_LANGCHAIN, _IN_LLAMAINDEX])
def test_interpreter_ends_in_a_stream(program: str) -> None:
    """131: a program that ends with a stream half read ends at once and says nothing."""
    with Server(stream(ROLE, HEL, end=False, then=silence(20))) as server:
        done = _run(program.format(url=server.url))

    assert (done.returncode, done.stderr) == (0, "")


@CALLER
def test_sync_call_inside_a_running_loop(caller: str) -> None:
    """132: a sync call works where an event loop runs, whole and streamed."""

    async def ask(url: str) -> list[str | None]:
        model, read = _made(caller, url)
        return [read(model, way, {}, []).text for way in ("invoke", "stream")]

    with Server(sound) as server:
        heard = asyncio.run(ask(server.url))

    assert heard == ["hello", "hello"]


_LEAVES_NOTHING = """
import asyncio, gc, os, stat
from globalapi_core.errors import GlobalAPIError
from tests.faults import ours
from tests.faults.case import Case
from tests.faults.promise import answers

def is_socket(number):
    try:
        return stat.S_ISSOCK(os.fstat(number).st_mode)
    except OSError:
        return False

def sockets():
    gc.collect()
    return sum(map(is_socket, range(3, 300)))

async def asking(model, read):
    for way in ("ainvoke", "astream") * 4:
        try:
            await read(model, way, {{}}, [])
        except GlobalAPIError:
            pass
    assert len(asyncio.all_tasks()) == 1, asyncio.all_tasks()

for caller, (make, read) in (ours.SINGLE | ours.ROUTERS).items():
    model = make({url!r}, Case(0, "left", (), answers("")))
    before = sockets()
    for _ in range(3):
        asyncio.run(asking(model, read))
    assert sockets() == before, caller
    for way in ("invoke", "stream") * 4:
        try:
            read(model, way, {{}}, [])
        except GlobalAPIError:
            pass
    assert sockets() <= 1, caller
"""


def test_nothing_is_left_behind() -> None:
    """123, 127, 128: answers, refusals and cut streams leave no socket, task or warning.

    One connection waits for another sync call; none is left of an event loop.
    """
    refused = body({"error": {"message": "no"}}, 400)
    cut = stream(ROLE, HEL, end=False, then=Peer.close)

    def in_turn(peer: Peer) -> None:
        (sound, refused, sound, cut)[len(server.requests) % 4](peer)

    with Server(in_turn) as server:
        program = _LEAVES_NOTHING.format(url=server.url)
        done = _run(program, "-W", "always::ResourceWarning")

    assert (done.returncode, done.stderr) == (0, "")
    assert len(server.requests) >= 4 * 32


def _run(program: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run *program* in a process of its own, from the project's folder."""
    return subprocess.run(
        [sys.executable, *options, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
