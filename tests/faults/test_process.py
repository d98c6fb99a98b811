"""Faults of processes and clocks: rows 125 and 130 to 132."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.core.wire.server import Server, body, silence, stream
from tests.faults import ours, reading
from tests.faults.case import FIRST, HEL, ROLE, SECOND, Case, place, sound
from tests.faults.promise import answers

ROOT = Path(__file__).parent.parent.parent
CALLER = pytest.mark.parametrize("caller", [*ours.SINGLE, *ours.ROUTERS])


def _made(caller: str, url: str) -> tuple[Any, reading.Reader]:
    make, read = (ours.SINGLE | ours.ROUTERS)[caller]
    return make(url, Case(0, "well", (), answers(""))), read


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@CALLER
def test_fork_with_warm_connections(caller: str) -> None:
    """125: a forked child opens connections of its own, and both get their answers."""
    with Server(sound) as server:
        model, read = _made(caller, server.url)
        read(model, "invoke", {}, [])
        child = os.fork()
        if child == 0:
            # No test may go on in the child, whatever happens in it.
            try:
                heard = read(model, "invoke", {}, []).text
            finally:
                os._exit(0 if heard == "hello" else 1)
        _, status = os.waitpid(child, 0)
        again = read(model, "invoke", {}, []).text

    assert (os.waitstatus_to_exitcode(status), again) == (0, "hello")
    assert server.connections == 2


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
        done = subprocess.run(
            [sys.executable, "-c", program.format(url=server.url)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=15,
        )

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
