"""Every way of asking in LangChain keeps to the policies; the sandbox's log is the judge."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableConfig, RunnableLambda
from pydantic import BaseModel

from globalapi_core.config import Config, parse_config
from globalapi_core.errors import GlobalAPIError, PolicyError
from globalapi_core.sandbox import Sandbox, faults
from langchain_globalapi import ChatGlobalAPI, RouterRunnable

CONFIG = """
attempts: {max_retries: 0, timeout: 20}
aliases: {cheap: glm-5}
models: {house-7b: {input_mtok: 1, output_mtok: 1}}
policies:
  - {name: home, when: {tags: pii}, origins: us}
  - {name: desk, unless: {metadata: {app: zh-desk}}, not_models: [kimi-*]}
  - {name: purse, when: {tags: thrifty}, max_cost: 0.02}
  - {name: text, when: {pii: email}, origins: us}
routes:
  - {name: home, when: {tags: home}, candidates: [cheap, gpt-4o]}
  - {name: abroad, when: {tags: abroad}, candidates: [glm-5, deepseek-v4-flash]}
  - {name: rest, candidates: [glm-5, kimi-k2.5, gpt-4o, gpt-4o-mini]}
"""
PII: RunnableConfig = {"tags": ["pii"]}
LOOP = [
    HumanMessage("Where is it?"),
    AIMessage(
        "",
        tool_calls=[{"name": "find", "args": {}, "id": "1"}],
        response_metadata={"model_name": "glm-5"},
    ),
    ToolMessage("Here.", tool_call_id="1"),
]


class City(BaseModel):
    """A city."""

    name: str


async def drained(items: AsyncIterator[Any]) -> list[Any]:
    """All there is."""
    return [each async for each in items]


@RunnableLambda
def chained(asked: Any, config: RunnableConfig) -> Any:
    """Asks within a chain, whose config it hands on."""
    model, prompt = asked
    return model.invoke(prompt, config)


WAYS: dict[str, Callable[[Any, Any], Any]] = {
    "invoke": lambda model, asked: model.invoke(asked, PII),
    "ainvoke": lambda model, asked: asyncio.run(model.ainvoke(asked, PII)),
    "stream": lambda model, asked: list(model.stream(asked, PII)),
    "astream": lambda model, asked: asyncio.run(drained(model.astream(asked, PII))),
    "batch": lambda model, asked: model.batch([asked] * 2, PII),
    "abatch": lambda model, asked: asyncio.run(model.abatch([asked] * 2, PII)),
    "events": lambda model, asked: asyncio.run(
        drained(model.astream_events(asked, PII, version="v2"))
    ),
    "generate": lambda model, asked: model.generate([[HumanMessage(asked)]], tags=["pii"]),
    "bind": lambda model, asked: model.bind(temperature=0).invoke(asked, PII),
    "with_config": lambda model, asked: model.with_config(tags=["pii"]).stream(asked).__next__(),
    "structured": lambda model, asked: model.with_structured_output(City).invoke(asked, PII),
    "in a chain": lambda model, asked: chained.invoke((model, asked), PII),
    "in a task": lambda model, asked: RunnableLambda(
        lambda each: list(model.stream(each))
    ).invoke(asked, PII),
}  # fmt: skip
way = pytest.mark.parametrize("way", WAYS)


@pytest.fixture(scope="module")
def config() -> Config:
    """The file of these tests."""
    return parse_config(CONFIG, file="globalapi.yaml")


@pytest.fixture
def chat(sandbox: Sandbox, config: Config) -> Callable[..., ChatGlobalAPI]:
    """Makes one model."""

    def make(model: str = "glm-5", **given: Any) -> ChatGlobalAPI:
        return ChatGlobalAPI(model_name=model, config=config, base_url=sandbox.base_url, **given)

    return make


@pytest.fixture
def router(sandbox: Sandbox, config: Config) -> RouterRunnable:
    """A router of all models."""
    return RouterRunnable(config=config, base_url=sandbox.base_url)


def sent(sandbox: Sandbox) -> list[str | None]:
    """The models that were asked."""
    return [each.model for each in sandbox.requests]


@way
def test_model_that_is_forbidden_is_not_asked(
    sandbox: Sandbox, chat: Callable[..., ChatGlobalAPI], way: str
) -> None:
    """One model obeys the policies of the file, however it is asked."""
    with pytest.raises(PolicyError, match="policy 'home'"):
        WAYS[way](chat(), "hi")

    assert sent(sandbox) == []


@way
def test_router_asks_who_is_allowed(sandbox: Sandbox, router: RouterRunnable, way: str) -> None:
    """A router asks the first candidate that is allowed, however it is asked."""
    WAYS[way](router, "hi")

    assert set(sent(sandbox)) == {"gpt-4o"}


@way
def test_cached_answer_of_a_forbidden_model_is_not_handed_out(
    sandbox: Sandbox, chat: Callable[..., ChatGlobalAPI], way: str
) -> None:
    """What a model answered when it was allowed is no answer to a call it is forbidden."""
    model = chat(cache=InMemoryCache())
    model.invoke("hi")
    model.invoke("hi")

    with pytest.raises(PolicyError):
        WAYS[way](model, "hi")
    assert sent(sandbox) == ["glm-5"]


def test_router_hands_out_what_an_allowed_model_answered(sandbox: Sandbox, config: Config) -> None:
    """A router's cache is its members': each call gets an answer of a model it is allowed."""
    router = RouterRunnable(config=config, base_url=sandbox.base_url, cache=InMemoryCache())
    for tags in ([], ["pii"], [], ["pii"]):
        router.invoke("hi", {"tags": tags})

    assert sent(sandbox) == ["glm-5", "gpt-4o"]


def test_streaming_underneath_keeps_the_tags(
    sandbox: Sandbox, chat: Callable[..., ChatGlobalAPI]
) -> None:
    """A call that is streamed underneath is judged by its config, as any other."""
    desk: RunnableConfig = {"metadata": {"app": "zh-desk"}}

    chat("kimi-k2.5", streaming=True).invoke("hi", desk)
    with pytest.raises(PolicyError, match="policy 'desk'"):
        chat("kimi-k2.5", streaming=True).invoke("hi")

    assert sent(sandbox) == ["kimi-k2.5"]


@pytest.mark.parametrize("name", ["cheap", "zai-org/GLM-5", "own/unheard-of", "house-7b"])
def test_spelling_is_no_way_around(
    sandbox: Sandbox, chat: Callable[..., ChatGlobalAPI], router: RouterRunnable, name: str
) -> None:
    """An alias, another spelling and a model without an origin are refused alike."""
    asked: list[Callable[[], object]] = [
        lambda: chat(name).invoke("hi", PII),
        lambda: chat("gpt-4o").invoke("hi", PII, model=name),
        lambda: chat("gpt-4o").with_config(configurable={"model": name}).invoke("hi", PII),
        lambda: chat("gpt-4o").bind(model=name).invoke("hi", PII),
        lambda: chat("gpt-4o", model_kwargs={"model": name}).invoke("hi", PII),
        lambda: router.invoke("hi", PII, model=name),
        lambda: router.with_config(configurable={"model": name}).invoke("hi", PII),
    ]
    for ask in asked:
        with pytest.raises(PolicyError):
            ask()

    assert sent(sandbox) == []


@pytest.mark.parametrize(
    "asked",
    [{"route": "abroad"}, {"key": "abroad"}, {"configurable": {"route": "abroad"}}],
    ids=str,
)
def test_route_that_is_named_is_no_way_around(
    sandbox: Sandbox, router: RouterRunnable, asked: dict[str, Any]
) -> None:
    """A route none of whose models is allowed is refused, whoever names it."""
    key, configurable = asked.get("key"), asked.get("configurable", {})
    prompt: Any = {"key": key, "input": "hi"} if key else "hi"

    with pytest.raises(PolicyError, match="route 'abroad' has no model that may take this call"):
        router.invoke(prompt, {**PII, "configurable": configurable}, route=asked.get("route"))

    assert sent(sandbox) == []


def test_tool_loop_leaves_a_model_that_is_forbidden(
    sandbox: Sandbox, router: RouterRunnable
) -> None:
    """A loop that a forbidden model began goes on with one that is allowed."""
    router.invoke(LOOP, PII)

    assert sent(sandbox) == ["gpt-4o"]


def test_langchain_fallback_is_no_way_around(
    sandbox: Sandbox, chat: Callable[..., ChatGlobalAPI], router: RouterRunnable
) -> None:
    """A model that LangChain falls back to obeys too."""
    chain = chat("glm-5").with_fallbacks([chat("deepseek-v4-flash"), chat("gpt-4o")])

    chain.invoke("hi", PII)

    assert sent(sandbox) == ["gpt-4o"]


FAULTS = [
    faults.overloaded(), faults.server_error(), faults.rate_limited(0.0), faults.context_overflow(),
    faults.empty(), faults.blank(), faults.cut(0), faults.status(404), faults.status(400),
    faults.unauthorized(), faults.quota_exhausted(),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_fallback_keeps_to_the_policy(sandbox: Sandbox, router: RouterRunnable, fault: Any) -> None:
    """Whatever goes wrong, nobody is asked but who is allowed."""
    sandbox.down("gpt-4o", fault)
    sandbox.down("gpt-4o-mini", fault)

    with pytest.raises(GlobalAPIError):
        router.invoke("hi", PII)

    assert set(sent(sandbox)) <= {"gpt-4o", "gpt-4o-mini"}
    assert sent(sandbox)


def test_ceiling_turns_down_who_is_too_dear(sandbox: Sandbox, router: RouterRunnable) -> None:
    """A model whose answer may cost more than a policy allows is not fallen back to."""
    sandbox.down("glm-5")

    answer = router.invoke("hi", {"tags": ["thrifty"]}, max_tokens=5_000)

    decision = answer.response_metadata["globalapi"]["decision"]
    assert sent(sandbox) == ["glm-5", "gpt-4o-mini"]
    assert decision["policies"] == ["desk", "purse"]
    assert "more than $0.02" in decision["rejected"]["gpt-4o"]


def test_text_is_looked_into_for_one_model(
    sandbox: Sandbox, chat: Callable[..., ChatGlobalAPI]
) -> None:
    """A policy by what the text holds holds for a model that is named, too."""
    with pytest.raises(PolicyError, match="policy 'text'"):
        chat().invoke("Write to wang@example.com.")

    assert sent(sandbox) == []


def test_router_generates_for_each_call_alone(sandbox: Sandbox, config: Config) -> None:
    """What `generate` finds in the cache is of a model that this call may be answered by."""
    router = RouterRunnable(config=config, base_url=sandbox.base_url, cache=InMemoryCache())
    for tags in ([], ["pii"], [], ["pii"]):
        router.generate([[HumanMessage("hi")]], tags=tags)

    assert sent(sandbox) == ["glm-5", "gpt-4o"]


def test_router_streams_underneath_with_the_tags(sandbox: Sandbox, config: Config) -> None:
    """`generate` of a router that streams is judged by its tags too."""
    router = RouterRunnable(config=config, base_url=sandbox.base_url, streaming=True)

    router.generate([[HumanMessage("hi")]], tags=["pii"])

    assert sent(sandbox) == ["gpt-4o"]


def test_tags_of_whoever_called_above_count(sandbox: Sandbox, router: RouterRunnable) -> None:
    """In a thread that was handed callbacks alone, the tags of the chain above still hold."""

    def ask(prompt: str, config: RunnableConfig) -> Any:
        with ThreadPoolExecutor() as threads:
            beside: RunnableConfig = {"callbacks": config["callbacks"]}
            return threads.submit(router.invoke, prompt, beside).result()

    RunnableLambda(ask).invoke("hi", PII)

    assert sent(sandbox) == ["gpt-4o"]


def test_ceiling_counts_what_is_sent(sandbox: Sandbox, config: Config) -> None:
    """An answer may not be made longer than the ceiling saw, where the request is put together."""
    router = RouterRunnable(config=config, base_url=sandbox.base_url, max_tokens=60)
    long = {"max_tokens": 40_000}

    with pytest.raises(PolicyError, match="policy 'purse'"):
        router.invoke("hi", {"tags": ["thrifty", "home"]}, extra_body=long)

    assert sent(sandbox) == []
