"""Many calls at once through one object: rows 124 and 129."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from langchain_globalapi import ChatGlobalAPI, RouterRunnable
from llamaindex_globalapi import GlobalAPI, GlobalAPIRouter
from tests.faults.crowd import crowd, question

TASKS = 500
THREADS = 120
LONGEST = 100.0
"""Seconds: about thirty times what the slowest of them takes on two idle cores."""
CALLER = pytest.mark.parametrize("cls", [ChatGlobalAPI, RouterRunnable, GlobalAPI, GlobalAPIRouter])


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The address of a server that answers all at once."""
    with crowd() as running:
        yield running


def _made(cls: Any, url: str) -> Any:
    address = "base_url" if issubclass(cls, ChatGlobalAPI | RouterRunnable) else "api_base"
    return cls(**{address: url, "timeout": LONGEST, "max_retries": 0})


def _said(model: Any, text: str) -> str:
    if isinstance(model, ChatGlobalAPI | RouterRunnable):
        return "".join(chunk.text for chunk in model.stream(text))
    return "".join(each.delta or "" for each in model.stream_complete(text))


async def _asaid(model: Any, text: str) -> str:
    if isinstance(model, ChatGlobalAPI | RouterRunnable):
        return "".join([chunk.text async for chunk in model.astream(text)])
    return "".join([each.delta or "" async for each in await model.astream_complete(text)])


@CALLER
def test_five_hundred_streams_do_not_mix(cls: Any, url: str) -> None:
    """129: 500 streams of one object, all open at once, each get their own answer."""
    model = _made(cls, url)
    numbers = range(TASKS)

    async def all_() -> list[str]:
        return await asyncio.gather(*(_asaid(model, question(each, TASKS)) for each in numbers))

    started = time.monotonic()
    answers = asyncio.run(all_())

    assert answers == [f"item {number} of {TASKS}" for number in numbers]
    assert time.monotonic() - started < LONGEST


@CALLER
def test_streams_of_many_threads_do_not_mix(cls: Any, url: str) -> None:
    """124, 129: so do those of 120 threads."""
    model = _made(cls, url)
    numbers = range(THREADS)

    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(lambda each: _said(model, question(each, THREADS)), numbers))

    assert answers == [f"item {number} of {THREADS}" for number in numbers]
