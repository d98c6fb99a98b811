"""One model: what it is asked, what it answers, and how it fails."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, trim_messages
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.rate_limiters import BaseRateLimiter
from langchain_core.runnables import ConfigurableField, RunnableLambda
from pydantic import ValidationError

from globalapi_core.errors import (
    GatewayTimeoutError,
    IncompleteResponseError,
    InsecureURLError,
    InvalidInputError,
    MissingKeyError,
    ModelNotFoundError,
    RateLimitError,
    ServerError,
)
from globalapi_core.sandbox import Sandbox, faults
from langchain_globalapi import ChatGlobalAPI, RouterRunnable
from tests.langchain.recorder import Recorder
from tests.langchain.servers import events, saying, whole

Chat = Callable[..., ChatGlobalAPI]
Either = Callable[..., ChatGlobalAPI | RouterRunnable]

QUESTION = "Which port does the server listen on?"
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
SCHEMA = {
    "title": "place",
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}
AT_ONCE = faults.status(503, retry_after=0.01)


def asked(sandbox: Sandbox) -> list[str | None]:
    """The models asked, in order."""
    return [each.model for each in sandbox.requests]


async def test_answer_is_the_same_in_every_form(model: Either) -> None:
    """Invoke, stream and batch, sync and async, come to the same text and usage."""
    chat = model()

    answers: list[AIMessage] = [chat.invoke(QUESTION), await chat.ainvoke(QUESTION)]
    answers += [*chat.batch([QUESTION]), *await chat.abatch([QUESTION])]
    chunks = list(chat.stream(QUESTION))
    achunks = [chunk async for chunk in chat.astream(QUESTION)]
    answers += [sum(chunks[1:], chunks[0]), sum(achunks[1:], achunks[0])]

    assert len({str(each.text) for each in answers}) == 1
    assert answers[0].text.startswith("[sandbox]")
    assert len({str(each.usage_metadata) for each in answers}) == 1
    assert answers[0].usage_metadata is not None
    assert len([chunk for chunk in chunks if chunk.text]) > 1


def test_metadata_names_the_model_and_the_record(chat: Chat) -> None:
    """The answer says which model gave it, why it ended, and what it cost."""
    answer = chat("glm-5").invoke(QUESTION)

    metadata = answer.response_metadata
    assert metadata["model_name"] == "glm-5"
    assert metadata["finish_reason"] == "stop"
    assert metadata["model_provider"] == "globalapi"
    assert [each["outcome"] for each in metadata["globalapi"]["attempts"]] == ["ok"]
    assert metadata["globalapi"]["cost"]["usd"] is not None


def test_merged_stream_says_everything_once(chat: Chat) -> None:
    """Adding the chunks of a stream up leaves metadata as it is on a whole answer."""
    chunks = list(chat().stream(QUESTION))

    merged = sum(chunks[1:], chunks[0]).response_metadata
    whole_answer = chat().invoke(QUESTION).response_metadata
    for name in ("model_name", "finish_reason", "model_provider", "family"):
        assert merged[name] == whole_answer[name]
    assert len(merged["globalapi"]["attempts"]) == 1


def test_batch_keeps_its_order_and_its_configs(chat: Chat, sandbox: Sandbox) -> None:
    """Each item of a batch is answered in its place, by the model its own config names."""
    configs: list[Any] = [{"configurable": {"model": name}} for name in ("glm-5", "kimi-k2.5")]

    answers = chat().batch(["one", "two"], configs)

    assert [each.response_metadata["model_name"] for each in answers] == ["glm-5", "kimi-k2.5"]


def test_chain_passes_the_answer_on(model: Either) -> None:
    """A model between a prompt and a parser works whole and streamed."""
    chain = ChatPromptTemplate.from_template("{question}") | model() | StrOutputParser()

    text = chain.invoke({"question": QUESTION})

    assert text.startswith("[sandbox]")
    assert "".join(chain.stream({"question": QUESTION})) == text
    assert chain.batch([{"question": QUESTION}]) == [text]


async def test_config_names_the_model_of_a_call(model: Either, sandbox: Sandbox) -> None:
    """`configurable={"model": ...}` holds in every form, the newest events included."""
    bound = model().with_config(configurable={"model": "glm-5"})

    bound.invoke("a")
    await bound.ainvoke("b")
    list(bound.stream("c"))
    async for _ in bound.astream("d"):
        pass
    config: Any = {"configurable": {"model": "glm-5"}}
    assert model().stream_events("e", config, version="v3").output.text
    stream = await model().astream_events("f", config, version="v3")
    assert (await stream.output).text

    assert asked(sandbox) == ["glm-5"] * 6


def test_config_around_a_call_names_its_model(chat: Chat, sandbox: Sandbox) -> None:
    """A call inside another runnable takes the config it runs under."""
    step = RunnableLambda(lambda text: chat().invoke(text))

    step.invoke(QUESTION, {"configurable": {"model": "glm-5"}})

    assert asked(sandbox) == ["glm-5"]


def test_argument_goes_before_the_config(chat: Chat, sandbox: Sandbox) -> None:
    """`model=` of a call beats the config's, which beats the constructor's."""
    chat().invoke(QUESTION, {"configurable": {"model": "glm-5"}}, model="kimi-k2.5")

    assert asked(sandbox) == ["kimi-k2.5"]


def test_configurable_field_makes_another_model(chat: Chat, sandbox: Sandbox) -> None:
    """LangChain's own way to change an argument works."""
    field = ConfigurableField("llm")

    chat().configurable_fields(model_name=field).invoke(
        QUESTION, {"configurable": {"llm": "glm-5"}}
    )

    assert asked(sandbox) == ["glm-5"]


def test_copy_asks_what_it_was_changed_to(chat: Chat, sandbox: Sandbox) -> None:
    """`model_copy(update=...)` changes the model that is asked."""
    chat().model_copy(update={"model_name": "glm-5"}).invoke(QUESTION)

    assert asked(sandbox) == ["glm-5"]


@pytest.mark.parametrize("name", ["model", "model_name"])
def test_model_has_both_its_names(name: str, sandbox: Sandbox) -> None:
    """A model is named by `model` or by `model_name`, and says both."""
    chat = ChatGlobalAPI(**{name: "glm-5"}, base_url=sandbox.base_url)

    assert (chat.model, chat.model_name) == ("glm-5", "glm-5")


def test_request_carries_what_was_set_and_nothing_else(chat: Chat, sandbox: Sandbox) -> None:
    """An argument of a call beats the constructor's; what nobody set is not sent."""
    extra = {"top_k": 3}
    model = chat("qwen3-coder-30b", temperature=0.5, stop=["never"], seed=7, model_kwargs=extra)

    model.invoke(QUESTION, temperature=0.1, stop=["enough"], stream_usage=True)

    body = dict(sandbox.requests[0].body)
    messages = body.pop("messages")
    assert messages == [{"role": "user", "content": QUESTION}]
    assert body == {
        "model": "qwen3-coder-30b", "temperature": 0.1, "stop": ["enough"], "seed": 7, "top_k": 3,
    }  # fmt: skip


def test_empty_stop_is_none(chat: Chat, sandbox: Sandbox) -> None:
    """An empty list of stop sequences, of the constructor or a call, is not sent."""
    chat(stop=[]).invoke(QUESTION)
    chat(stop=["a"]).invoke(QUESTION, stop=[])

    assert ["stop" in each.body for each in sandbox.requests] == [False, False]


def test_stop_has_its_other_name(chat: Chat, sandbox: Sandbox) -> None:
    """`stop_sequences` and `max_completion_tokens` mean what they mean elsewhere."""
    chat(stop_sequences=["."], max_completion_tokens=9).invoke(QUESTION)

    assert sandbox.requests[0].body["stop"] == ["."]
    assert sandbox.requests[0].body["max_tokens"] == 9


@pytest.mark.parametrize("cls", [ChatGlobalAPI, RouterRunnable])
def test_misspelt_argument_is_refused(cls: type[Any], sandbox: Sandbox) -> None:
    """An argument nobody knows is named, not dropped."""
    with pytest.raises(ValidationError, match="temprature"):
        cls(base_url=sandbox.base_url, temprature=0)


@pytest.mark.parametrize("retries", [0, 2])
def test_attempts_are_as_many_as_declared(chat: Chat, sandbox: Sandbox, retries: int) -> None:
    """`max_retries` more requests are made, and not one beyond."""
    sandbox.down("glm-5", AT_ONCE)

    with pytest.raises(ServerError) as raised:
        chat("glm-5", max_retries=retries).invoke(QUESTION)

    assert len(sandbox.requests) == 1 + retries
    assert raised.value.record is not None
    assert len(raised.value.record.attempts) == 1 + retries


def test_retry_that_succeeds_is_on_the_record(chat: Chat, sandbox: Sandbox) -> None:
    """An answer lists the attempts that failed before it."""
    sandbox.script("glm-5", [faults.rate_limited(0.01)])

    answer = chat("glm-5", max_retries=1).invoke(QUESTION)

    outcomes = [each["outcome"] for each in answer.response_metadata["globalapi"]["attempts"]]
    assert outcomes == ["RateLimitError", "ok"]


@pytest.mark.parametrize("where", ["constructor", "call"])
def test_timeout_ends_the_call(model: Either, sandbox: Sandbox, where: str) -> None:
    """The seconds given are the most a call takes, retries and fallbacks included."""
    sandbox.script("*", [faults.delay(30)] * 4)
    made = model(timeout=1.0) if where == "constructor" else model()
    started = time.monotonic()

    with pytest.raises(GatewayTimeoutError):
        made.invoke(QUESTION, **({"timeout": 1.0} if where == "call" else {}))

    assert time.monotonic() - started < 11


def test_unknown_model_is_an_error_of_the_server(chat: Chat) -> None:
    """Any id may be asked for; the server says whether it serves it."""
    with pytest.raises(ModelNotFoundError, match="nobodys-model"):
        chat("nobodys-model").invoke(QUESTION)


@pytest.mark.parametrize("empty", ["", [], [HumanMessage("")]])
def test_empty_prompt_is_refused(model: Either, sandbox: Sandbox, empty: Any) -> None:
    """A prompt with nothing in it is not sent."""
    with pytest.raises(InvalidInputError, match="empty"):
        model().invoke(empty)

    assert sandbox.requests == []


@pytest.mark.parametrize("cls", [ChatGlobalAPI, RouterRunnable])
def test_missing_key_says_what_to_set(cls: type[Any]) -> None:
    """Without a key there is no model on the gateway, and the error says what to do."""
    with pytest.raises(MissingKeyError, match="GLOBAL_API_KEY"):
        cls()


@pytest.mark.parametrize("cls", [ChatGlobalAPI, RouterRunnable])
def test_other_machine_needs_https(cls: type[Any]) -> None:
    """Keys and prompts go to another machine encrypted or not at all."""
    with pytest.raises(InsecureURLError):
        cls(base_url="http://192.0.2.1/v1", api_key="a-key")


@pytest.mark.parametrize("abrupt", [False, True])
def test_cut_answer_is_no_answer(chat: Chat, sandbox: Sandbox, abrupt: bool) -> None:
    """A stream that breaks off raises, with what had come, also where it is read whole."""
    sandbox.script("glm-5", [faults.cut(2, abrupt=abrupt)])

    with pytest.raises(IncompleteResponseError) as raised:
        chat("glm-5", streaming=True).invoke(QUESTION)

    assert raised.value.partial_text.startswith("[sandbox]")


async def test_cut_stream_shows_what_came_and_no_end(chat: Chat, sandbox: Sandbox) -> None:
    """Whoever reads a stream that breaks off has seen its text, and the error says so."""
    sandbox.script("glm-5", [faults.cut(2)])
    shown: list[str] = []

    async def read() -> None:
        async for chunk in chat("glm-5").astream(QUESTION):
            shown.append(str(chunk.text))

    with pytest.raises(IncompleteResponseError) as raised:
        await read()

    assert "".join(shown) == raised.value.partial_text
    assert raised.value.shown is True


def test_usage_is_none_when_a_side_is_unknown() -> None:
    """LangChain has no word for an unknown count, and a guess is none."""
    body = whole({"content": "hi"}, usage={"prompt_tokens": 3})

    with saying(body, kind=b"application/json") as server:
        answer = ChatGlobalAPI(model="m", base_url=server.base_url).invoke(QUESTION)

    assert answer.usage_metadata is None
    assert answer.response_metadata["globalapi"]["attempts"][0]["usage"]["input_tokens"] == 3


def test_cumulative_usage_is_not_summed() -> None:
    """A server that repeats its usage on every chunk is not billed for each."""
    usage = {"prompt_tokens": 10, "completion_tokens": 5}
    body = events([{"content": "a"}, {"content": "b"}], usage=usage)
    body = body.replace(
        b'"choices"', b'"usage": {"prompt_tokens": 10, "completion_tokens": 1}, "choices"', 2
    )

    with saying(body) as server:
        chunks = list(ChatGlobalAPI(model="m", base_url=server.base_url).stream(QUESTION))

    counted = sum(chunks[1:], chunks[0]).usage_metadata
    assert counted is not None
    assert (counted["input_tokens"], counted["output_tokens"]) == (10, 5)


def test_reasoning_is_a_block_of_its_own() -> None:
    """Reasoning is beside the text, as LangChain's standard blocks have it."""
    body = events([{"reasoning_content": "hm, "}, {"reasoning_content": "so"}, {"content": "4"}])

    with saying(body) as server:
        model = ChatGlobalAPI(model="m", base_url=server.base_url)
        chunks = list(model.stream("2+2"))
        blocks = list(model.model_copy(update={"output_version": "v1"}).stream("2+2"))

    assert (merged := sum(chunks[1:], chunks[0])).text == "4"
    assert [each["type"] for each in merged.content_blocks] == ["reasoning", "text"]
    v1 = sum(blocks[1:], blocks[0]).content
    assert [(each["type"], each.get("reasoning")) for each in v1] == [
        ("reasoning", "hm, so"),
        ("text", None),
    ]


@pytest.mark.parametrize("disabled", [True, "tool_calling"])
def test_streaming_can_be_disabled(model: Either, sandbox: Sandbox, disabled: Any) -> None:
    """`disable_streaming` asks for a whole answer, and the stream has one item."""
    made = model(disable_streaming=disabled)

    seen = Recorder()

    items = list(made.stream(QUESTION, {"callbacks": [seen]}, tools=[TOOL]))

    assert len(items) == 1
    assert {run.end for run in seen.runs.values()} == {"ok"}
    assert "stream" not in sandbox.requests[0].body
    assert items[0].response_metadata["globalapi"]["model"]


def test_rate_limiter_is_asked_once_for_each_call(model: Either) -> None:
    """A limiter given to a model or a router lets each of its calls pass once."""

    class Counting(BaseRateLimiter):
        passed = 0

        def acquire(self, *, blocking: bool = True) -> bool:
            self.passed += 1
            return True

        async def aacquire(self, *, blocking: bool = True) -> bool:
            return self.acquire()

    limiter = Counting()
    made = model(rate_limiter=limiter)

    made.invoke(QUESTION)
    list(made.stream(QUESTION))
    made.generate([[HumanMessage(QUESTION)]])

    assert limiter.passed == 3


def test_cache_holds_models_and_servers_apart(chat: Chat, sandbox: Sandbox) -> None:
    """A cached answer is given again to the same question alone: model, settings, server."""
    cache = InMemoryCache()

    for _ in range(2):
        chat("glm-5", cache=cache).invoke(QUESTION)
        chat("kimi-k2.5", cache=cache).invoke(QUESTION)
        chat("glm-5", cache=cache, temperature=0.5).invoke(QUESTION)
        chat("glm-5", cache=cache).invoke(QUESTION, timeout=7)

    assert asked(sandbox) == ["glm-5", "kimi-k2.5", "glm-5"]


def test_messages_are_trimmed_by_the_models_own_count(chat: Chat, sandbox: Sandbox) -> None:
    """`trim_messages(token_counter=model)` works, offline."""
    history = [SystemMessage("Be brief."), HumanMessage("old " * 500), HumanMessage("new")]

    kept = trim_messages(history, token_counter=chat(), max_tokens=50, include_system=True)

    assert [each.content for each in kept] == ["Be brief.", "new"]
    assert sandbox.requests == []


def test_fallbacks_and_retries_of_langchains_own_work(chat: Chat, sandbox: Sandbox) -> None:
    """`with_fallbacks` and `with_retry` see our errors, and keep tools and schemas."""
    sandbox.down("glm-5")
    sandbox.script("kimi-k2.5", [faults.rate_limited()])
    spare = chat("glm-5").with_fallbacks([chat("gpt-4o-mini")])
    stubborn = chat("kimi-k2.5").with_retry(
        retry_if_exception_type=(RateLimitError,), wait_exponential_jitter=False
    )

    called = spare.bind_tools([TOOL], tool_choice="weather").invoke("Weather in Paris?")
    parsed = spare.with_structured_output(SCHEMA).invoke("Name a city, as JSON")
    retried = stubborn.invoke(QUESTION)

    assert [each["name"] for each in called.tool_calls] == ["weather"]
    assert set(parsed) == {"city"}
    assert retried.text
    assert asked(sandbox)[-2:] == ["kimi-k2.5", "kimi-k2.5"]


def test_profile_says_what_the_catalog_knows(chat: Chat) -> None:
    """`profile` has LangChain's own keys, from the catalog."""
    profile = chat("gpt-4o").profile

    assert profile is not None
    assert profile["image_inputs"] is True
    assert profile["structured_output"] is True
    assert profile["max_input_tokens"] == 128_000


def test_thinking_costs_what_thinking_costs() -> None:
    """A model asked to think is charged at that mode's price, to the sandbox's last digit."""
    with Sandbox() as sandbox:
        model = ChatGlobalAPI(model="kimi-k2.5", base_url=sandbox.base_url)
        record = model.invoke("hello", thinking=True).response_metadata["globalapi"]
        bill = sandbox.bill

    assert record["cost"]["usd"] == f"{bill.total.usd:f}"
    assert [row.model for row in bill.rows] == ["kimi-k2.5-thinking"]
