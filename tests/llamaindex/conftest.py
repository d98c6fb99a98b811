from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from globalapi_core.config import Config, parse_config
from globalapi_core.sandbox import Sandbox
from llamaindex_globalapi import GlobalAPI, GlobalAPIRouter

LLM = GlobalAPI | GlobalAPIRouter

CONFIG = """
attempts: {max_retries: 0, max_attempts: 4, timeout: 30}
routes:
  - name: vision
    when: {modality: image}
    candidates: [qwen3-vl-32b]
  - name: tools
    when: {tools: true}
    candidates: [gpt-4o, kimi-k2-thinking]
  - name: json
    when: {json_output: true}
    candidates: [gpt-4o-mini, gpt-4o]
  - name: vip
    when: {tags: vip}
    candidates: [deepseek-v4-pro]
  - name: tenant
    when: {metadata: {tenant: acme}}
    candidates: [qwen3-coder-30b]
  - name: chinese
    when: {language: zh}
    candidates: [glm-5, kimi-k2.5]
    params: {temperature: 0.3, max_tokens: 700}
  - name: default
    candidates: [deepseek-v4-flash, qwen3-32b, gpt-4o-mini]
"""


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key but what a test gives: a sandbox asks for none."""
    monkeypatch.delenv("GLOBAL_API_KEY", raising=False)


@pytest.fixture(autouse=True)
def _own_event_loop() -> Iterator[None]:
    """An event loop that is closed: LlamaIndex's sync engines take one, or leave one open."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A sandbox that answers at once."""
    with Sandbox() as running:
        yield running


@pytest.fixture(scope="session")
def config() -> Config:
    """Routes that can be told apart by their first candidate; nothing is tried twice."""
    return parse_config(CONFIG)


@pytest.fixture
def router(sandbox: Sandbox, config: Config) -> GlobalAPIRouter:
    """A router on the sandbox."""
    return GlobalAPIRouter(config=config, api_base=sandbox.base_url)


@pytest.fixture
def single(sandbox: Sandbox) -> Callable[..., GlobalAPI]:
    """Makes one model on the sandbox; it tries once."""

    def make(model: str = "gpt-4o", **kwargs: object) -> GlobalAPI:
        given = {"api_base": sandbox.base_url, "max_retries": 0, **kwargs}
        return GlobalAPI(model=model, **given)

    return make


@pytest.fixture(params=["single", "router"])
def llm(
    request: pytest.FixtureRequest, single: Callable[..., GlobalAPI], router: GlobalAPIRouter
) -> LLM:
    """Either class: what is promised of an LLM holds for both."""
    return router if request.param == "router" else single()
