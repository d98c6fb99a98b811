from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from globalapi_core import settings
from globalapi_core.config import Config, parse_config
from globalapi_core.sandbox import Sandbox
from langchain_globalapi import ChatGlobalAPI, RouterRunnable

# Two models that retry nothing: what is asked of the sandbox is what each test asks for.
ROUTES = """
attempts: {max_retries: 0, timeout: 20}
routes:
  - {name: pictures, when: {modality: image}, candidates: [qwen3-vl-32b, gpt-4o]}
  - {name: vip, when: {tags: vip}, candidates: [claude-3.5-sonnet]}
  - {name: team, when: {metadata: {team: legal}}, candidates: [kimi-k2.5]}
  - {name: chinese, when: {language: zh}, candidates: [glm-5, qwen3-32b], params: {temperature: 0.3}}
  - {name: rest, candidates: [deepseek-v4-flash, gpt-4o-mini]}
"""


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """No key, address or config file of whoever runs the tests."""
    for name in (settings.KEY_VARIABLE, settings.BASE_URL_VARIABLE, settings.CONFIG_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def _shared_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def sandbox(_shared_sandbox: Sandbox) -> Sandbox:
    """A sandbox of which nothing was asked yet and in which all is well."""
    _shared_sandbox.reset()
    return _shared_sandbox


@pytest.fixture(scope="session")
def routes() -> Config:
    """The routes of these tests."""
    return parse_config(ROUTES, file="routes.yaml")


@pytest.fixture
def chat(sandbox: Sandbox) -> Callable[..., ChatGlobalAPI]:
    """Makes a model that asks the sandbox; it retries nothing unless told to."""

    def make(model: str = "deepseek-v4-flash", **given: Any) -> ChatGlobalAPI:
        return ChatGlobalAPI(model=model, base_url=sandbox.base_url, **{"max_retries": 0, **given})

    return make


@pytest.fixture
def router(sandbox: Sandbox, routes: Config) -> Callable[..., RouterRunnable]:
    """Makes a router over the sandbox."""

    def make(**given: Any) -> RouterRunnable:
        return RouterRunnable(**{"config": routes, "base_url": sandbox.base_url, **given})

    return make
