from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from globalapi_core.config import Config, parse_config
from globalapi_core.sandbox import Sandbox
from langchain_globalapi import ChatGlobalAPI, RouterRunnable

# Nothing is retried: the sandbox is asked as often as a test says.
ROUTES = """
attempts: {max_retries: 0, timeout: 20}
routes:
  - {name: pictures, when: {modality: image}, candidates: [qwen3-vl-32b, gpt-4o]}
  - {name: vip, when: {tags: vip}, candidates: [claude-3.5-sonnet]}
  - {name: legal, when: {metadata: {team: legal}}, candidates: [kimi-k2.5]}
  - name: chinese
    when: {language: zh}
    candidates: [glm-5, qwen3-32b]
    params: {temperature: 0.3}
  - {name: rest, candidates: [deepseek-v4-flash, gpt-4o-mini]}
"""


@pytest.fixture(scope="session")
def _running() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def sandbox(_running: Sandbox) -> Sandbox:
    """A sandbox of which nothing was asked yet and in which all is well."""
    assert _running._loop is not None
    # What the test before has sent and left is taken in and billed first, not after.
    asyncio.run_coroutine_threadsafe(_turns(), _running._loop).result(60)
    _running.reset()
    return _running


async def _turns() -> None:
    """A few turns of an event loop: to accept, to read, to answer."""
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture(scope="session")
def routes() -> Config:
    """The routes of these tests."""
    return parse_config(ROUTES, file="routes.yaml")


@pytest.fixture
def chat(sandbox: Sandbox) -> Callable[..., ChatGlobalAPI]:
    """Makes a model that asks the sandbox; it retries nothing unless told to."""

    def make(model: str = "deepseek-v4-flash", **given: Any) -> ChatGlobalAPI:
        return ChatGlobalAPI(
            **{"model": model, "base_url": sandbox.base_url, "max_retries": 0} | given
        )

    return make


@pytest.fixture
def router(sandbox: Sandbox, routes: Config) -> Callable[..., RouterRunnable]:
    """Makes a router over the sandbox."""

    def make(**given: Any) -> RouterRunnable:
        return RouterRunnable(**{"config": routes, "base_url": sandbox.base_url} | given)

    return make


@pytest.fixture(params=["chat", "router"])
def model(request: pytest.FixtureRequest) -> Callable[..., ChatGlobalAPI | RouterRunnable]:
    """Makes either: what a test says of it holds for one model and for a router."""
    made: Callable[..., ChatGlobalAPI | RouterRunnable] = request.getfixturevalue(request.param)
    return made
