"""What LangChain makes of a chat model: fallbacks, retries, configs, batches, caches."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.exceptions import ModelError, ModelRateLimitError
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.rate_limiters import BaseRateLimiter
from langchain_core.runnables import ConfigurableField, RunnableLambda
from pydantic import BaseModel

from globalapi_core.config import parse_config
from globalapi_core.errors import GatewayError, RateLimitError
from globalapi_core.sandbox import Sandbox, faults
from langchain_globalapi import ChatGlobalAPI, RouterRunnable

Chat = Callable[..., ChatGlobalAPI]
Make = Callable[..., RouterRunnable]
Either = Callable[..., ChatGlobalAPI | RouterRunnable]

QUESTION = "Which port does the server listen on?"


class Weather(BaseModel):
    """Get the weather in a city."""

    city: str


def asked(sandbox: Sandbox) -> list[str | None]:
    """The models asked, in order."""
    return [each.model for each in sandbox.requests]


def record(message: Any) -> dict[str, Any]:
    """The record of the call that a message came of."""
    found: dict[str, Any] = message.response_metadata["globalapi"]
    return found


# --- with_fallbacks, with_retry -----------------------------------------------------------


async def test_fallbacks_answer_for_a_model_that_fails(
    model: Either, chat: Chat, sandbox: Sandbox
) -> None:
    """`with_fallbacks` asks the next, whole and streamed, sync and async."""
    sandbox.down("deepseek-v4-flash")
    sandbox.down("gpt-4o-mini")
    chain = model().with_fallbacks([chat("glm-5")])

    whole = [chain.invoke(QUESTION), await chain.ainvoke(QUESTION)]
    pieces = [each.text for each in chain.stream(QUESTION)]
    apieces = [each.text async for each in chain.astream(QUESTION)]

    assert [record(each)["model"] for each in whole] == ["glm-5", "glm-5"]
    assert "".join(pieces) == "".join(apieces) == whole[0].text


def test_fallbacks_keep_tools_and_schemas(model: Either, chat: Chat, sandbox: Sandbox) -> None:
    """Tools and schemas bound to a model with fallbacks are bound to all of them."""
    sandbox.down("deepseek-v4-flash")
    sandbox.down("gpt-4o-mini")
    chain: Any = model().with_fallbacks([chat("glm-5")])

    calling = chain.bind_tools([Weather]).invoke("What is the weather in Paris?")
    parsed = chain.with_structured_output(Weather).invoke("The weather in Paris")

    assert record(calling)["model"] == "glm-5"
    assert [each["name"] for each in calling.tool_calls] == ["Weather"]
    assert isinstance(parsed, Weather)


def test_fallbacks_can_be_of_one_kind_of_error(chat: Chat, sandbox: Sandbox) -> None:
    """Our errors are told apart by `exceptions_to_handle`, by our names and LangChain's."""
    sandbox.script("deepseek-v4-flash", [faults.rate_limited(), faults.status(401)])
    handled = (ModelRateLimitError,)
    chain = chat().with_fallbacks([chat("glm-5")], exceptions_to_handle=handled)

    assert record(chain.invoke(QUESTION))["model"] == "glm-5"
    with pytest.raises(GatewayError) as raised:
        chain.invoke(QUESTION)
    assert not isinstance(raised.value, RateLimitError)


async def test_retry_asks_again(model: Either, sandbox: Sandbox) -> None:
    """`with_retry` works on top of our own, by LangChain's name for our errors."""
    sandbox.script("*", [faults.status(500)] * 2)
    chain = model(max_retries=0).with_retry(
        retry_if_exception_type=(ModelError,), wait_exponential_jitter=False
    )

    assert isinstance(chain.invoke(QUESTION), AIMessage)
    assert isinstance(await chain.ainvoke(QUESTION), AIMessage)


def test_retry_comes_after_the_tools(model: Either) -> None:
    """LangChain's `with_retry` is no chat model: tools are bound first, as everywhere."""
    made = model()

    retried = made.bind_tools([Weather], tool_choice="any").with_retry()

    assert not hasattr(made.with_retry(), "bind_tools")
    assert retried.invoke("The weather in Paris").tool_calls


# --- with_config, configurable_fields, configurable_alternatives --------------------------


async def test_config_is_bound(model: Either, sandbox: Sandbox) -> None:
    """`with_config` names a model for every call, also after tools were bound."""
    bound = model().bind_tools([Weather]).with_config(configurable={"model": "glm-5"})

    bound.invoke(QUESTION)
    await bound.ainvoke(QUESTION)
    list(bound.stream(QUESTION))

    assert asked(sandbox) == ["glm-5"] * 3


def test_fields_are_configurable(model: Either, sandbox: Sandbox) -> None:
    """`configurable_fields` changes settings by call: of a router, for all its members."""
    field = ConfigurableField(id="warmth")
    made = model(temperature=0.1).configurable_fields(temperature=field)

    made.invoke(QUESTION)
    made.invoke(QUESTION, {"configurable": {"warmth": 0.7}})
    made.invoke(QUESTION)

    sent = [each.body.get("temperature") for each in sandbox.requests]
    assert sent == [0.1, 0.7, 0.1]


def test_alternatives_are_configurable(model: Either, chat: Chat, sandbox: Sandbox) -> None:
    """`configurable_alternatives` switches between models, routers among them."""
    made = model().configurable_alternatives(
        ConfigurableField(id="llm"), default_key="ours", claude=chat("claude-3.5-sonnet")
    )

    made.invoke(QUESTION)
    made.invoke(QUESTION, {"configurable": {"llm": "claude"}})

    assert asked(sandbox) == ["deepseek-v4-flash", "claude-3.5-sonnet"]


# --- batches -----------------------------------------------------------------------------


class Gauge:
    """How many are inside at once, at most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self.most = 0

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            self.most = max(self.most, self._inside)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1


async def test_batch_keeps_to_its_concurrency(model: Either, sandbox: Sandbox) -> None:
    """`max_concurrency` holds, and answers stand in the order of their questions."""
    gauge, together = Gauge(), threading.Barrier(2)
    made = model()

    def one(text: str) -> str:
        with gauge:
            together.wait(60)
            return made.invoke(text).text

    texts = [f"Question {number}?" for number in range(6)]
    answers = RunnableLambda(one).batch(texts, {"max_concurrency": 2})
    own = made.batch(list(texts), {"max_concurrency": 2})
    aown = await made.abatch(list(texts), {"max_concurrency": 2})

    assert gauge.most == 2
    assert answers == [each.text for each in own] == [each.text for each in aown]
    assert all(text in answer for text, answer in zip(texts, answers, strict=True))


async def test_batch_hands_over_what_failed(chat: Chat, sandbox: Sandbox) -> None:
    """With `return_exceptions` an error stands in its place, and the others answer."""
    failing = ["Hello", "x" * 600_000, "Bye"]  # the second is past every window

    got = chat().batch(list(failing), return_exceptions=True)
    agot = await chat().abatch(list(failing), return_exceptions=True)

    for each in (got, agot):
        assert [isinstance(item, GatewayError) for item in each] == [False, True, False]


async def test_batch_as_completed_gives_places(model: Either) -> None:
    """`batch_as_completed` says which answer is whose."""
    made = model()

    got = dict(made.batch_as_completed(["One?", "Two?"]))
    agot = {place: item async for place, item in made.abatch_as_completed(["One?", "Two?"])}

    for each in (got, agot):
        assert {place: item.text[-4:] for place, item in each.items()} == {0: "One?", 1: "Two?"}


# --- cache, rate limiter, usage ----------------------------------------------------------


def test_cache_tells_models_routers_and_servers_apart(
    chat: Chat, router: Make, sandbox: Sandbox
) -> None:
    """One cache serves many: nothing is answered by another model, router or server."""
    cache = InMemoryCache()
    others = parse_config("routes: [{name: r, candidates: [glm-5]}]", file="others.yaml")
    with Sandbox() as elsewhere:
        askers: list[Any] = [
            chat(cache=cache),
            chat("kimi-k2.5", cache=cache),
            chat(cache=cache, temperature=0.5),
            chat(cache=cache, base_url=elsewhere.base_url),
            router(cache=cache, config=others),
        ]
        first = [each.invoke(QUESTION) for each in askers]
        asked_once = len(sandbox.requests) + len(elsewhere.requests)
        again = [each.invoke(QUESTION) for each in askers]
        asked_twice = len(sandbox.requests) + len(elsewhere.requests)

    assert asked_once == asked_twice == len(askers)
    assert [each.text for each in again] == [each.text for each in first]
    assert [dict(each.usage_metadata)["total_cost"] for each in again] == [0] * len(askers)


def test_generate_is_cached_by_router(router: Make, sandbox: Sandbox) -> None:
    """`generate` caches the router's own answer: another router's is another."""
    cache = InMemoryCache()
    others = parse_config("routes: [{name: r, candidates: [glm-5]}]", file="others.yaml")
    messages: Any = [[HumanMessage(QUESTION)]]

    for made in (router(cache=cache), router(cache=cache, config=others)):
        made.generate(messages)
        made.generate(messages)

    assert asked(sandbox) == ["deepseek-v4-flash", "glm-5"]


class Counter(BaseRateLimiter):
    """Lets everything through, and counts."""

    def __init__(self) -> None:
        self.taken = 0

    def acquire(self, *, blocking: bool = True) -> bool:
        """Take one."""
        self.taken += 1
        return True

    async def aacquire(self, *, blocking: bool = True) -> bool:
        """Take one."""
        return self.acquire()


async def test_rate_limiter_counts_attempts(router: Make, sandbox: Sandbox) -> None:
    """A router's limiter is asked once for each model that is tried."""
    sandbox.script("deepseek-v4-flash", [faults.overloaded()])
    limiter = Counter()
    made = router(rate_limiter=limiter)

    made.invoke(QUESTION)
    tried = len(sandbox.requests)
    list(made.stream(QUESTION))
    await made.ainvoke(QUESTION)

    assert tried == 2
    assert limiter.taken == len(sandbox.requests)


async def test_usage_is_the_answering_models(router: Make, sandbox: Sandbox) -> None:
    """LangChain's usage callback counts a call once, under the model that answered."""
    sandbox.down("deepseek-v4-flash")
    made = router()

    with get_usage_metadata_callback() as usage:
        messages = [made.invoke(QUESTION), await made.ainvoke(QUESTION)]
        first, *rest = made.stream(QUESTION)
        messages.append(sum(rest, first))

    (name,) = usage.usage_metadata
    assert name == "gpt-4o-mini"
    counts = [each.usage_metadata["total_tokens"] for each in messages if each.usage_metadata]
    assert usage.usage_metadata[name]["total_tokens"] == sum(counts)
    assert len(counts) == 3


# --- events ------------------------------------------------------------------------------


async def test_events_of_a_chain(model: Either) -> None:
    """`astream_events` has each token once, and its last event the whole answer."""
    chain = ChatPromptTemplate.from_template("{question}") | model() | StrOutputParser()

    events = [each async for each in chain.astream_events({"question": QUESTION}, version="v2")]

    streamed = [each for each in events if each["event"] == "on_chat_model_stream"]
    text = "".join(each["data"]["chunk"].text for each in streamed)
    assert text == events[-1]["data"]["output"]
    assert len({each["run_id"] for each in streamed}) == 1
    assert events[0]["run_id"] in streamed[0]["parent_ids"]
