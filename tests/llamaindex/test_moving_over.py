"""Moving over: programs for `OpenAILike` and `OpenRouter`, changed by the class alone.

Each is written as LlamaIndex's tutorials are, and takes the class it is to use and the
address. Their own classes run them too where they are installed.
"""

from __future__ import annotations

import importlib.util
import json
import os
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from llama_index.core import (
    Document,
    MockEmbedding,
    PromptTemplate,
    Settings,
    SummaryIndex,
    VectorStoreIndex,
)
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent
from llama_index.core.llms import ChatMessage
from llama_index.core.query_engine import RouterQueryEngine
from llama_index.core.tools import QueryEngineTool
from llama_index.core.workflow import Context
from pydantic import BaseModel, Field

from globalapi_core.sandbox import Sandbox
from llamaindex_globalapi import GlobalAPI
from llamaindex_globalapi._moving import taken_over

Make = Callable[..., Any]

ESSAY = [
    Document(text="The author grew up writing short stories and programming on an IBM 1401."),
    Document(text="Later the author studied painting in Florence."),
]
QUESTION = "What did the author do growing up?"


async def starter(make: Make, url: str) -> str:
    """The starter tutorial: an index, a query engine, an answer."""
    llm = make(
        model="gpt-4o-mini",
        api_base=url,
        api_key="fake",
        context_window=128_000,
        is_chat_model=True,
        is_function_calling_model=False,
        temperature=0.1,
        timeout=60.0,
        max_retries=3,
    )
    index = VectorStoreIndex.from_documents(ESSAY, embed_model=MockEmbedding(embed_dim=8))
    return str(index.as_query_engine(llm=llm).query(QUESTION))


async def streaming_chat(make: Make, url: str) -> str:
    """A chat engine that streams, with the LLM in `Settings`."""
    Settings.llm = make(
        model="deepseek-v4-flash",
        api_base=url,
        api_key="fake",
        is_chat_model=True,
        context_window=64_000,
        max_tokens=512,
        reuse_client=False,
        tokenizer=None,
        default_headers=None,
        additional_kwargs={"top_p": 0.9},
    )
    index = SummaryIndex.from_documents(ESSAY)
    engine = index.as_chat_engine(chat_mode="condense_plus_context", system_prompt="You chat.")
    return "".join(engine.stream_chat(QUESTION).response_gen)


async def agent_with_memory(make: Make, url: str) -> str:
    """The agent tutorial: functions as tools, a context that remembers."""

    def multiply(a: float, b: float) -> float:
        """Multiply two numbers and return the product."""
        return a * b

    llm = make(
        model="gpt-4o",
        api_base=url,
        api_key="fake",
        is_chat_model=True,
        is_function_calling_model=True,
        context_window=128_000,
        strict=False,
        should_use_structured_outputs=True,
        http_client=None,
        async_http_client=None,
        api_version="",
    )
    agent = FunctionAgent(tools=[multiply], llm=llm, system_prompt="You can multiply.")
    context = Context(agent)
    first = await agent.run("Please multiply 6 and 7.", ctx=context)
    await agent.run("Please multiply 2 and 3.", ctx=context)
    return str(first)


async def invoice(make: Make, url: str) -> str:
    """Structured output: an object from a text, by way of a structured LLM."""

    class Invoice(BaseModel):
        """An invoice."""

        customer: str = Field(description="Who pays")
        total: int

    llm = make(
        model="gpt-4o",
        api_base=url,
        api_key="fake",
        is_chat_model=True,
        is_function_calling_model=True,
        logprobs=None,
        top_logprobs=0,
        reasoning_effort=None,
    )
    response = llm.as_structured_llm(Invoice).chat(
        [ChatMessage(role="user", content='The customer is "Maria", the total is 42 euros.')]
    )
    prompt = PromptTemplate('The customer is "{who}", the total is 42 euros.')
    same = llm.structured_predict(Invoice, prompt, who="Maria")
    return f"{response.raw} {same}"


async def router_over_engines(make: Make, url: str) -> str:
    """`RouterQueryEngine` over two engines, and a workflow that has it for a tool."""
    llm = make(
        model="gpt-4o",
        api_base=url,
        api_key="fake",
        is_chat_model=True,
        is_function_calling_model=True,
        context_window=128_000,
        max_tokens=1024,
    )
    facts = SummaryIndex.from_documents(ESSAY).as_query_engine(llm=llm)
    summary = SummaryIndex.from_documents(ESSAY).as_query_engine(
        llm=llm, response_mode="tree_summarize"
    )
    engines = [
        QueryEngineTool.from_defaults(facts, description="Index: 1, facts on the author"),
        QueryEngineTool.from_defaults(summary, description="Index: 2, summaries"),
    ]
    engine = RouterQueryEngine.from_defaults(engines, llm=llm)
    tool = QueryEngineTool.from_defaults(engine, name="essay", description="Knows the author")
    workflow = AgentWorkflow.from_tools_or_functions([tool], llm=llm)
    return str(await workflow.run(user_msg=f"Ask essay: {QUESTION}"))


PROGRAMS = {
    starter: "IBM 1401",
    streaming_chat: "IBM 1401",
    agent_with_memory: "42",
    invoice: "Maria",
    router_over_engines: "IBM 1401",
}
CLASSES: dict[str, Make] = {"GlobalAPI": GlobalAPI}
if importlib.util.find_spec("llama_index.llms.openai_like"):
    from llama_index.llms.openai_like import OpenAILike

    CLASSES["OpenAILike"] = OpenAILike


@pytest.fixture(autouse=True)
def _settings() -> Any:
    before = Settings._llm
    yield
    Settings._llm = before


# LlamaIndex warns of itself: its contexts leave the memory out.
@pytest.mark.filterwarnings("ignore:Skipping serialization of known")
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
@pytest.mark.parametrize("name", CLASSES)
async def test_program_runs_unchanged_but_for_the_class(
    sandbox: Sandbox, name: str, program: Callable[..., Any]
) -> None:
    """A program written for the other class answers, and its arguments reach the wire."""
    answer = await program(CLASSES[name], sandbox.base_url)

    assert PROGRAMS[program] in answer
    assert all(request.authorized for request in sandbox.requests)
    if program is streaming_chat:
        assert sandbox.requests[0].body["top_p"] == 0.9
        assert sandbox.requests[0].body["max_tokens"] == 512


def test_arguments_of_openrouter_are_taken(sandbox: Sandbox) -> None:
    """What its documentation shows makes an LLM that answers."""
    llm = GlobalAPI(
        api_key="<your-api-key>",
        api_base=sandbox.base_url,
        max_tokens=256,
        context_window=4096,
        model="deepseek/deepseek-chat",
        max_retries=5,
        order=None,
        allow_fallbacks=None,
    )

    assert str(llm.complete("Hello World!"))
    assert llm.metadata.context_window == 4096
    assert sandbox.requests[0].body["max_tokens"] == 256


@pytest.mark.parametrize(
    ("argument", "sent"),
    [
        ({"reasoning_effort": "low"}, {"reasoning_effort": "low"}),
        ({"logprobs": True, "top_logprobs": 3}, {"logprobs": True, "top_logprobs": 3}),
        ({"logprobs": None, "top_logprobs": 0}, {}),
        ({"modalities": ["text"]}, {"modalities": ["text"]}),
        ({"max_new_tokens": 7}, {"max_tokens": 7}),
        ({"additional_kwargs": None}, {}),
    ],
)
def test_argument_of_the_request_is_sent(argument: dict[str, Any], sent: dict[str, Any]) -> None:
    """Fields of theirs that are fields of the request stay so."""
    llm = GlobalAPI(model="gpt-4o", api_base="http://127.0.0.1:9/v1", **argument)

    assert llm._params == sent


@pytest.mark.parametrize(
    "argument",
    [
        {"default_headers": {"X-Title": "My app"}},
        {"additional_kwargs": {"extra_headers": {"X-Title": "My app"}}},
        {"http_client": object()},
        {"strict": True},
        {"order": ["deepinfra"]},
        {"allow_fallbacks": True},
    ],
    ids=lambda argument: ".".join([*argument, *(argument.get("additional_kwargs") or ())]),
)
def test_argument_without_effect_is_told(sandbox: Sandbox, argument: dict[str, Any]) -> None:
    """What did something there and does nothing here is warned of, at the caller's line."""
    with pytest.warns(UserWarning, match="GlobalAPI does not use") as caught:
        llm = GlobalAPI(model="gpt-4o", api_base=sandbox.base_url, **argument)

    assert [each.filename for each in caught] == [__file__]
    assert str(llm.complete("Hello"))
    assert json.loads(llm.to_json())["additional_kwargs"] == {}


@pytest.mark.parametrize(
    "name", ["reuse_client", "tokenizer", "api_version", "strict", "order", "allow_fallbacks"]
)
def test_argument_that_is_unset_is_passed_over(name: str) -> None:
    """Their defaults are nothing to speak of."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        GlobalAPI(model="gpt-4o", api_base="http://127.0.0.1:9/v1", **{name: None})


def test_arguments_of_the_caller_are_left_alone() -> None:
    """A dict of settings that is used for two LLMs gives two alike."""
    given = {"max_new_tokens": 7, "additional_kwargs": {"extra_headers": {"a": "b"}, "seed": 1}}

    first, second = taken_over(given), taken_over(given)

    assert first == second == ({"max_tokens": 7, "additional_kwargs": {"seed": 1}},
                               ["extra_headers"])  # fmt: skip


def test_foreign_keys_stay_where_they_are(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variables of the class before are read by nobody."""
    for name in ("OPENAI_API_KEY", "OPENROUTER_API_KEY", "DEEPSEEK_API_KEY"):
        monkeypatch.setitem(os.environ, name, "sk-canary")

    GlobalAPI(model="gpt-4o", api_base=sandbox.base_url).complete("Hello")

    assert not sandbox.requests[0].authorized
