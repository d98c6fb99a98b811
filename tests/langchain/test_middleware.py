"""`langchain.agents.middleware`: what changes, repeats or replaces an agent's model calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import (
    ClearToolUsesEdit,
    ContextEditingMiddleware,
    LLMToolEmulator,
    LLMToolSelectorMiddleware,
    ModelCallLimitMiddleware,
    ModelFallbackMiddleware,
    ModelRetryMiddleware,
    SummarizationMiddleware,
    wrap_model_call,
)
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from pydantic import BaseModel

from globalapi_core.errors import GlobalAPIError
from globalapi_core.sandbox import Sandbox, faults
from langchain_globalapi import ChatGlobalAPI, RouterRunnable

Chat = Callable[..., ChatGlobalAPI]
Make = Callable[..., RouterRunnable]
Either = Callable[..., ChatGlobalAPI | RouterRunnable]

ASK = "What is the weather in Paris?"


@tool
def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"sunny in {city}"


@tool
def get_train(city: str) -> str:
    """Get the next train to a city."""
    return f"10:04 to {city}"


class Report(BaseModel):
    """A report on the weather."""

    city: str


def run(agent: Any, *history: Any) -> dict[str, Any]:
    """The state after the agent was asked for the weather."""
    state: dict[str, Any] = agent.invoke({"messages": [*history, HumanMessage(ASK)]})
    return state


def asked(sandbox: Sandbox) -> list[str | None]:
    """The models asked, in order."""
    return [each.model for each in sandbox.requests]


@pytest.mark.parametrize("form", ["invoke", "ainvoke"])
async def test_fallback_keeps_tools(model: Either, chat: Chat, sandbox: Sandbox, form: str) -> None:
    """`ModelFallbackMiddleware` goes on with another of our models, tools and all."""
    for name in ("deepseek-v4-flash", "gpt-4o-mini"):
        sandbox.down(name)
    guard = ModelFallbackMiddleware(chat("glm-5"))
    agent: Any = create_agent(model(), [get_weather], middleware=[guard])

    given = {"messages": [HumanMessage(ASK)]}
    state = agent.invoke(given) if form == "invoke" else await agent.ainvoke(given)

    assert "sunny in Paris" in state["messages"][-1].text
    assert state["messages"][-1].response_metadata["globalapi"]["model"] == "glm-5"


def test_fallback_keeps_the_schema(chat: Chat, sandbox: Sandbox) -> None:
    """Between a model with schemas and one without, the answer keeps its form."""
    sandbox.down("gpt-4o-mini")
    guard = ModelFallbackMiddleware(chat("claude-3.5-sonnet"))
    agent: Any = create_agent(chat("gpt-4o-mini"), [], middleware=[guard], response_format=Report)

    assert isinstance(run(agent)["structured_response"], Report)


def test_long_history_is_summarized(model: Either, sandbox: Sandbox) -> None:
    """`SummarizationMiddleware` has the model itself shorten what came before."""
    made = model()
    guard = SummarizationMiddleware(made, trigger=("messages", 6), keep=("messages", 2))
    history = [
        each
        for number in range(4)
        for each in (HumanMessage(f"Question {number}?"), AIMessage(f"Answer {number}."))
    ]

    state = run(create_agent(made, [], middleware=[guard]), *history)

    assert len(state["messages"]) == 4
    assert "summary" in state["messages"][0].text
    assert len(sandbox.requests) == 2


def test_summary_is_due_by_the_tokens_reported(model: Either, sandbox: Sandbox) -> None:
    """Usage that an answer of ours reports counts: provider and metadata agree."""
    made = model()
    guard = SummarizationMiddleware(made, trigger=("tokens", 50_000), keep=("messages", 1))
    answer = made.invoke("Hello")
    assert answer.usage_metadata is not None
    answer.usage_metadata["total_tokens"] = 60_000

    run(create_agent(made, [], middleware=[guard]), HumanMessage("Hello"), answer)

    assert len(sandbox.requests) == 3


def test_model_is_chosen_by_step(chat: Chat, sandbox: Sandbox) -> None:
    """`request.override(model=...)` in `wrap_model_call` changes the model within a loop."""

    @wrap_model_call
    def stronger_later(request: Any, handler: Any) -> Any:
        done = any(isinstance(each, ToolMessage) for each in request.messages)
        return handler(request.override(model=chat("claude-3.5-sonnet")) if done else request)

    run(create_agent(chat(), [get_weather], middleware=[stronger_later]))

    assert asked(sandbox) == ["deepseek-v4-flash", "claude-3.5-sonnet"]


def test_settings_of_a_step_reach_the_wire(model: Either, sandbox: Sandbox) -> None:
    """`model_settings` of middleware are a call's arguments, a router's `route` among them."""

    @wrap_model_call
    def colder(request: Any, handler: Any) -> Any:
        return handler(request.override(model_settings={"temperature": 0.2, "model": "glm-5"}))

    run(create_agent(model(), [], middleware=[colder]))

    assert asked(sandbox) == ["glm-5"]
    assert sandbox.requests[0].body["temperature"] == 0.2


def test_tools_are_selected_first(model: Either, sandbox: Sandbox) -> None:
    """`LLMToolSelectorMiddleware` gets a structured answer to choose tools by."""
    guard = LLMToolSelectorMiddleware(max_tools=1)

    state = run(create_agent(model(), [get_weather, get_train], middleware=[guard]))

    offered = [len(tools) for each in sandbox.requests if (tools := each.body.get("tools"))]
    assert set(offered) == {1}
    assert isinstance(state["messages"][-1], AIMessage)


def test_tool_is_emulated(model: Either, sandbox: Sandbox) -> None:
    """`LLMToolEmulator` asks the model what the tool would have said."""
    made = model()
    guard = LLMToolEmulator(tools=["get_weather"], model=made)

    state = run(create_agent(made, [get_weather], middleware=[guard]))

    (result,) = [each for each in state["messages"] if isinstance(each, ToolMessage)]
    assert result.text.startswith("[sandbox]")
    assert len(sandbox.requests) == 3


def test_calls_are_limited(model: Either, sandbox: Sandbox) -> None:
    """`ModelCallLimitMiddleware` counts a router's call once, whatever it tried."""
    sandbox.script("deepseek-v4-flash", [faults.overloaded()])
    guard = ModelCallLimitMiddleware(run_limit=2)

    state = run(create_agent(model(max_retries=1), [get_weather], middleware=[guard]))

    assert "sunny in Paris" in state["messages"][-1].text
    assert len(sandbox.requests) == 3


@pytest.mark.parametrize("form", ["invoke", "ainvoke"])
async def test_failed_call_is_repeated(model: Either, sandbox: Sandbox, form: str) -> None:
    """`ModelRetryMiddleware` repeats what our errors say can be repeated, a router's too."""
    sandbox.script("*", [faults.status(500)] * 2)
    guard = ModelRetryMiddleware(initial_delay=0, jitter=False, max_retries=2, on_failure="error")
    agent: Any = create_agent(model(max_retries=0), [], middleware=[guard])

    given = {"messages": [HumanMessage(ASK)]}
    state = agent.invoke(given) if form == "invoke" else await agent.ainvoke(given)

    assert state["messages"][-1].text


def test_refused_key_is_not_repeated(model: Either, sandbox: Sandbox) -> None:
    """What cannot be repeated is raised by `ModelRetryMiddleware` at once."""
    sandbox.script("*", [faults.status(401)] * 3)
    guard = ModelRetryMiddleware(initial_delay=0, jitter=False, on_failure="error")
    agent = create_agent(model(), [], middleware=[guard])

    with pytest.raises(GlobalAPIError):
        run(agent)
    assert len(sandbox.requests) == 1


def test_old_results_are_cleared_by_the_models_count(model: Either, sandbox: Sandbox) -> None:
    """`ContextEditingMiddleware` counts with the model, and what it cleared is not sent."""
    edit = ClearToolUsesEdit(trigger=100, keep=1)
    guard = ContextEditingMiddleware(edits=[edit], token_count_method="model")
    calling = [
        AIMessage("", tool_calls=[{"name": "get_weather", "args": {"city": "Rome"}, "id": f"{n}"}])
        for n in range(3)
    ]
    history = [
        each
        for n, call in enumerate(calling)
        for each in (HumanMessage(ASK), call, ToolMessage("rain " * 60, tool_call_id=f"{n}"))
    ]

    run(create_agent(model(), [get_weather], middleware=[guard]), *history)

    results = [m["content"] for m in sandbox.requests[0].body["messages"] if m["role"] == "tool"]
    assert results[:2] == ["[cleared]", "[cleared]"]
    assert results[2].startswith("rain")


@pytest.mark.parametrize("strategy", [ToolStrategy, None])
@pytest.mark.parametrize("name", ["gpt-4o", "deepseek-v4-flash", "qwen3-32b", "claude-3.5-sonnet"])
def test_structured_answer_with_tools(chat: Chat, name: str, strategy: Any) -> None:
    """An agent with tools ends in its schema, by a tool or by the way the profile names."""
    wanted = strategy(Report) if strategy else Report
    agent = create_agent(chat(name), [get_weather], response_format=wanted)

    state = agent.invoke({"messages": [HumanMessage(ASK)]}, {"recursion_limit": 12})

    assert state["structured_response"] == Report(city="Paris")
    assert "get_weather" in [each.name for each in state["messages"] if each.type == "tool"]


def test_schema_is_asked_of_a_model_without_schemas(chat: Chat) -> None:
    """`ProviderStrategy` works where the schema has to go into the prompt."""
    agent: Any = create_agent(
        chat("deepseek-v4-flash"), [get_weather], response_format=ProviderStrategy(Report)
    )

    assert isinstance(run(agent)["structured_response"], Report)


def test_router_agent_gives_a_structured_answer(router: Make) -> None:
    """A router's agent asks by a way that all its models know."""
    agent: Any = create_agent(router(), [get_weather], response_format=Report)

    state = agent.invoke({"messages": [HumanMessage(ASK)]}, {"recursion_limit": 12})

    assert state["structured_response"] == Report(city="Paris")
