"""Moving over: programs for `ChatOpenAI` that run with ours, changed by the class alone.

Each program is written as LangChain's tutorials are, and takes the class it is to use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.documents import Document
from langchain_core.messages import AIMessageChunk, BaseMessage, HumanMessage, SystemMessage
from langchain_core.output_parsers import JsonOutputParser, StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from pydantic import BaseModel, Field

from globalapi_core.config import parse_config
from globalapi_core.errors import InvalidInputError
from globalapi_core.sandbox import Sandbox
from langchain_globalapi import ChatGlobalAPI, RouterRunnable, _moving

Make = Callable[..., Any]


def translate(chat: Make) -> Any:
    """A prompt, a model, a parser: whole, streamed and in a batch."""
    llm = chat(model="gpt-4o-mini", temperature=0, max_tokens=None, timeout=None, max_retries=2)
    prompt = ChatPromptTemplate.from_messages(
        [("system", "You translate {source} to {target}."), ("human", "{text}")]
    )
    chain = prompt | llm | StrOutputParser()
    given = {"source": "English", "target": "German", "text": "I love programming."}
    return chain.invoke(given), "".join(chain.stream(given)), chain.batch([given, given])


def answer_from_documents(chat: Make) -> Any:
    """Retrieval: documents are stuffed into a prompt."""
    llm = chat(model="gpt-4o-mini", temperature=0.2, seed=7)
    documents = [Document("LangChain was founded in 2022."), Document("Paris is in France.")]

    def retriever(question: str) -> list[Document]:
        return [each for each in documents if "LangChain" in question]

    prompt = ChatPromptTemplate.from_template("Context:\n{context}\n\nQuestion: {question}")

    def stuffed(found: list[Document]) -> str:
        return "\n\n".join(each.page_content for each in found)

    chain = (
        {"context": RunnableLambda(retriever) | stuffed, "question": RunnablePassthrough()}
        | prompt
        | llm
    )
    message = chain.invoke("When was LangChain founded?")
    return (
        message.content,
        message.usage_metadata["input_tokens"],
        message.response_metadata["finish_reason"],
    )


class Person(BaseModel):
    """A person who is named in a text."""

    name: str = Field(description="the person's name")
    age: int | None = Field(default=None, description="the person's age in years")


def extract(chat: Make) -> Any:
    """Structured output, by each of the three methods, with the raw answer beside it."""
    llm = chat(model="gpt-4o-mini", temperature=0)
    text = "name: Ada, age: 36. Answer in JSON with the keys name and age."
    by_method = [
        llm.with_structured_output(Person, method=method).invoke(text)
        for method in ("json_schema", "function_calling", "json_mode")
    ]
    raw = llm.with_structured_output(Person, include_raw=True).invoke(text)
    parsed = (llm.bind(response_format={"type": "json_object"}) | JsonOutputParser()).invoke(text)
    return [each.name for each in by_method], raw["parsed"].name, raw["parsing_error"], parsed


@tool
def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


def call_tools(chat: Make) -> Any:
    """Tools, bound with every option that tutorials show, whole and streamed."""
    llm = chat(model="gpt-4o-mini")
    forced = llm.bind_tools([multiply], tool_choice="multiply", parallel_tool_calls=False)
    strict = llm.bind_tools([multiply], tool_choice="any", strict=True)
    messages = [SystemMessage("You calculate."), HumanMessage("Multiply 6 and 7")]
    whole = forced.invoke(messages).tool_calls[0]
    gathered: AIMessageChunk | None = None
    for chunk in strict.stream(messages):
        gathered = chunk if gathered is None else gathered + chunk
    assert gathered is not None
    return whole["name"], whole["args"], gathered.tool_calls[0]["args"]


def run_agent(chat: Make) -> Any:
    """An agent with a memory, streamed by step."""
    llm = chat(model="gpt-4o-mini", temperature=0, streaming=True)
    agent: Any = create_agent(llm, [multiply], checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "abc"}}
    steps = [
        next(iter(step))
        for step in agent.stream(
            {"messages": [("user", "Multiply 6 and 7")]}, config, stream_mode="updates"
        )
    ]
    state = agent.invoke({"messages": [("user", "Hello")]}, config)
    return steps, len(state["messages"]), state["messages"][3].content


def converse(chat: Make) -> Any:
    """A conversation whose history the program keeps."""
    llm = chat(model="gpt-4o-mini", max_tokens=200, stop=["\n\n\n"])
    prompt = ChatPromptTemplate.from_messages(
        [("system", "Be brief."), MessagesPlaceholder("history"), ("human", "{input}")]
    )
    chain = prompt | llm
    history: list[BaseMessage] = []
    for text in ("I am Ada.", "Who am I?"):
        message = chain.invoke({"history": history, "input": text})
        history += [HumanMessage(text), message]
    return [(each.type, each.text) for each in history]


PROGRAMS = [translate, answer_from_documents, extract, call_tools, run_agent, converse]


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    """A sandbox for all programs."""
    with Sandbox() as running:
        yield running


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda each: str(each.__name__))
def test_program_does_the_same(server: Sandbox, program: Any) -> None:
    """With ours in place of theirs a program gives the same results."""

    def made(chat: Any) -> Make:
        return lambda **given: chat(api_key="a-key", base_url=server.base_url, **given)

    assert program(made(ChatGlobalAPI)) == program(made(ChatOpenAI))


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda each: str(each.__name__))
def test_program_runs_with_a_router(server: Sandbox, program: Any) -> None:
    """With a router that has the one model a program gives what the model gives."""
    file = parse_config("routes: [{name: all, candidates: [gpt-4o-mini]}]", file="all.yaml")

    def one(**given: Any) -> ChatGlobalAPI:
        return ChatGlobalAPI(base_url=server.base_url, **given)

    def routed(model: str, **given: Any) -> RouterRunnable:
        return RouterRunnable(config=file, base_url=server.base_url, **given)

    assert program(routed) == program(one)


# --- arguments ---------------------------------------------------------------------------

KNOWN = frozenset(
    {
        *("model", "model_name", "api_key", "base_url", "temperature", "max_tokens"),
        *("timeout", "max_retries", "stop", "streaming", "stream_usage", "reasoning_effort"),
        *("model_kwargs", "extra_body"),
    }
)


@pytest.mark.parametrize(
    ("given", "ours"),
    [
        ({"openai_api_key": "k", "openai_api_base": "u"}, {"api_key": "k", "base_url": "u"}),
        ({"api_base": "u"}, {"base_url": "u"}),
        ({"openrouter_api_key": "k"}, {"api_key": "k"}),
        ({"max_tokens": 5, "max_completion_tokens": 6}, {"max_tokens": 5}),
        ({"max_tokens": None, "max_completion_tokens": 6}, {"max_tokens": 6}),
        ({"request_timeout": 9.0, "stop_sequences": ["a"]}, {"timeout": 9.0, "stop": ["a"]}),
        ({"max_tokens": None, "timeout": None}, {"max_tokens": None, "timeout": None}),
        ({"stream_usage": None}, {}),
        ({"stream_usage": True}, {"stream_usage": True}),
        ({"logit_bias": {"50256": -100}}, {"model_kwargs": {"logit_bias": {"50256": -100}}}),
        (
            {"model_kwargs": {"a": 1}, "extra_body": {"b": 2}, "verbosity": "low"},
            {"model_kwargs": {"a": 1, "b": 2, "verbosity": "low"}},
        ),
        ({"reasoning": {"effort": "low", "summary": "auto"}}, {"reasoning_effort": "low"}),
        ({"n": 1, "http_client": None, "use_responses_api": False, "app_title": "x"}, {}),
        ({"default_headers": {}, "tiktoken_model_name": "gpt-4o"}, {}),
    ],
)
def test_argument_has_its_counterpart(given: dict[str, Any], ours: dict[str, Any]) -> None:
    """What other classes' users pass is ours under its name, or without effect in both."""
    named = {"model": "gpt-4o", **given}

    assert _moving.moved(named, KNOWN) == {"model": "gpt-4o", **ours}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"http_client": object()}, "HTTPS_PROXY"),
        ({"openai_proxy": "http://127.0.0.1:1"}, "HTTPS_PROXY"),
        ({"openrouter_provider": {"order": ["a"]}}, "route"),
        ({"default_headers": {"X-Title": "a"}}, "default_headers"),
    ],
)
def test_argument_without_a_counterpart_is_told(given: dict[str, Any], said: str) -> None:
    """What has no effect here is dropped with a warning that says what to do instead."""
    with pytest.warns(UserWarning, match=said) as told:
        made = ChatGlobalAPI(model="gpt-4o", base_url="http://127.0.0.1:9/v1", **given)

    assert made.model == "gpt-4o"
    assert [each.filename for each in told] == [__file__]


@pytest.mark.parametrize("extra", ["extra_headers", "extra_query"])
def test_what_a_call_would_put_beside_its_request_is_told(server: Sandbox, extra: str) -> None:
    """Headers and a query of one call are no part of the request: a warning says so."""
    model = ChatGlobalAPI(base_url=server.base_url)

    with pytest.warns(UserWarning, match=f"'{extra}' is not used"):
        model.bind(**{extra: {"a": "b"}}).invoke("Hello")

    assert extra not in server.requests[-1].body


def test_extra_body_of_a_call_is_in_its_request(server: Sandbox) -> None:
    """What `extra_body` holds is sent, before the constructor's and after the call's own."""
    model = ChatGlobalAPI(base_url=server.base_url, top_p=0.1)

    model.invoke("Hello", extra_body={"top_p": 0.5, "temperature": 0.2}, temperature=0.3)

    sent = server.requests[-1].body
    assert (sent["top_p"], sent["temperature"]) == (0.5, 0.3)
    assert "extra_body" not in sent


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"n": 2}, "batch"),
        ({"use_responses_api": True}, "chat completions"),
        ({"plugins": [{"id": "web"}]}, "the gateway has none"),
        ({"temprature": 0}, "did you mean 'temperature'"),
        ({"temprature": None}, "did you mean 'temperature'"),
    ],
)
def test_argument_that_changes_answers_is_refused(given: dict[str, Any], said: str) -> None:
    """What would make other answers is not dropped: the error says what to do instead."""
    with pytest.raises(InvalidInputError, match=said):
        _moving.moved({"model": "gpt-4o", **given}, KNOWN)
