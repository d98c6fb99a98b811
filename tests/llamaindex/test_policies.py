"""Every way of asking in LlamaIndex keeps to the policies; the sandbox's log is the judge."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from llama_index.core.llms import ChatMessage
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from globalapi_core.config import Config, parse_config
from globalapi_core.errors import PolicyError
from globalapi_core.sandbox import Sandbox
from llamaindex_globalapi import GlobalAPI, GlobalAPIRouter

CONFIG = """
attempts: {max_retries: 0, timeout: 20}
aliases: {cheap: glm-5}
policies:
  - {name: home, when: {tags: pii}, origins: us}
  - {name: desk, unless: {metadata: {app: zh-desk}}, not_models: [kimi-*]}
routes:
  - {name: abroad, when: {tags: abroad}, candidates: [glm-5, deepseek-v4-flash]}
  - {name: rest, candidates: [cheap, kimi-k2.5, gpt-4o, gpt-4o-mini]}
"""
PII = {"tags": ["pii"]}
HI = [ChatMessage("hi")]


class City(BaseModel):
    """A city."""

    name: str


def find(name: str) -> str:
    """Find a city."""
    return name


def awaited(made: Callable[[], Awaitable[Any]], *, stream: bool = False) -> Any:
    """What comes of *made*, in a loop of its own."""

    async def run() -> Any:
        found = await made()
        return [each async for each in found] if stream else found

    return asyncio.run(run())


TOOLS = [FunctionTool.from_defaults(find)]
ASKED = PromptTemplate("hi")
WAYS: dict[str, Callable[[Any], Any]] = {
    "chat": lambda llm: llm.chat(HI, **PII),
    "achat": lambda llm: awaited(lambda: llm.achat(HI, **PII)),
    "stream_chat": lambda llm: list(llm.stream_chat(HI, **PII)),
    "astream_chat": lambda llm: awaited(lambda: llm.astream_chat(HI, **PII), stream=True),
    "complete": lambda llm: llm.complete("hi", **PII),
    "acomplete": lambda llm: awaited(lambda: llm.acomplete("hi", **PII)),
    "stream_complete": lambda llm: list(llm.stream_complete("hi", **PII)),
    "astream_complete": lambda llm: awaited(lambda: llm.astream_complete("hi", **PII), stream=True),
    "chat_with_tools": lambda llm: llm.chat_with_tools(TOOLS, "hi", **PII),
    "structured_predict": lambda llm: llm.structured_predict(City, ASKED, llm_kwargs=PII),
    "as_structured_llm": lambda llm: llm.as_structured_llm(City).chat(HI, **PII),
}
way = pytest.mark.parametrize("way", WAYS)


@pytest.fixture(scope="module")
def config() -> Config:
    """The file of these tests."""
    return parse_config(CONFIG, file="globalapi.yaml")


@pytest.fixture
def llm(sandbox: Sandbox, config: Config) -> Callable[..., GlobalAPI]:
    """Makes one model."""

    def make(model: str = "glm-5", **given: Any) -> GlobalAPI:
        return GlobalAPI(model=model, config=config, api_base=sandbox.base_url, **given)

    return make


def sent(sandbox: Sandbox) -> list[str | None]:
    """The models that were asked."""
    return [each.model for each in sandbox.requests]


@way
def test_model_that_is_forbidden_is_not_asked(
    sandbox: Sandbox, llm: Callable[..., GlobalAPI], way: str
) -> None:
    """One model obeys the policies of the file, however it is asked."""
    with pytest.raises(PolicyError, match="policy 'home'"):
        WAYS[way](llm())

    assert sent(sandbox) == []


@way
def test_labels_are_not_sent(sandbox: Sandbox, llm: Callable[..., GlobalAPI], way: str) -> None:
    """Tags and metadata are for policies: the server hears of neither."""
    WAYS[way](llm("gpt-4o", call_metadata={"app": "zh-desk"}))

    assert sent(sandbox) == ["gpt-4o"]
    assert not {"tags", "metadata", "call_metadata"} & set(sandbox.requests[0].body)


@way
def test_router_asks_who_is_allowed(sandbox: Sandbox, config: Config, way: str) -> None:
    """A router asks the first candidate that is allowed, however it is asked."""
    WAYS[way](GlobalAPIRouter(config=config, api_base=sandbox.base_url))

    assert sent(sandbox) == ["gpt-4o"]


def test_labels_of_the_constructor_count(sandbox: Sandbox, llm: Callable[..., GlobalAPI]) -> None:
    """Tags and metadata of every call are set once; those of a call join them."""
    desk = llm("kimi-k2.5", call_metadata={"app": "zh-desk"})

    desk.chat(HI)
    with pytest.raises(PolicyError, match="policy 'desk'"):
        desk.chat(HI, metadata={"app": "web"})
    with pytest.raises(PolicyError, match="policy 'home'"):
        llm(tags=["pii"]).chat(HI, tags=["other"])

    assert sent(sandbox) == ["kimi-k2.5"]


@pytest.mark.parametrize("name", ["cheap", "zai-org/GLM-5", "own/unheard-of", "ga-standard"])
def test_spelling_is_no_way_around(
    sandbox: Sandbox, llm: Callable[..., GlobalAPI], name: str
) -> None:
    """An alias, another spelling and a model without an origin are refused alike."""
    asked: list[Callable[[], object]] = [
        lambda: llm(name).chat(HI, **PII),
        lambda: llm("gpt-4o").chat(HI, model=name, **PII),
        lambda: llm("gpt-4o", additional_kwargs={"model": name}).chat(HI, **PII),
        lambda: llm("gpt-4o").chat(HI, extra_body={"model": name}, **PII),
    ]
    for ask in asked:
        with pytest.raises(PolicyError):
            ask()

    assert sent(sandbox) == []
