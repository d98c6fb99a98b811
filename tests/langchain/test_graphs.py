"""LangGraph: agents streamed in every mode, and graphs stopped, stored and resumed."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    ToolMessage,
)
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, interrupt

from globalapi_core.sandbox import Sandbox, faults
from langchain_globalapi import ChatGlobalAPI, RouterRunnable
from tests.langchain.recorder import Recorder

Either = Callable[..., ChatGlobalAPI | RouterRunnable]
Make = Callable[..., RouterRunnable]

ASK = "What is the weather in Paris?"
THREAD: Any = {"configurable": {"thread_id": "1"}}


@tool
def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"sunny in {city}"


def asked() -> dict[str, list[BaseMessage]]:
    """A state in which the weather was asked for."""
    return {"messages": [HumanMessage(ASK)]}


async def streamed(agent: Any, form: str, mode: Any) -> list[Any]:
    """What the agent streams in one mode, sync or async."""
    if form == "stream":
        return list(agent.stream(asked(), stream_mode=mode))
    return [each async for each in agent.astream(asked(), stream_mode=mode)]


@pytest.mark.parametrize("form", ["stream", "astream"])
async def test_agent_streams_its_steps(model: Either, form: str) -> None:
    """`updates` has a step for each node, and `values` the whole state after each."""
    agent = create_agent(model(), [get_weather])

    updates = await streamed(agent, form, "updates")
    values = await streamed(agent, form, "values")

    assert [next(iter(each)) for each in updates] == ["model", "tools", "model"]
    assert [len(each["messages"]) for each in values] == [1, 2, 3, 4]
    assert "sunny in Paris" in values[-1]["messages"][-1].text


@pytest.mark.parametrize("form", ["stream", "astream"])
async def test_agent_streams_each_token_once(model: Either, form: str) -> None:
    """`messages` has each piece of text once, in the node that said it, and in pieces."""
    agent: Any = create_agent(model(), [get_weather])

    pieces = await streamed(agent, form, "messages")

    answer = agent.invoke(asked())["messages"][-1].text
    said = [(piece.text, where) for piece, where in pieces if isinstance(piece, AIMessageChunk)]
    assert "".join(text for text, _ in said) == answer
    assert {where["langgraph_node"] for _, where in said} == {"model"}
    assert len([text for text, _ in said if text]) > 1


async def test_agent_streams_several_modes_at_once(model: Either) -> None:
    """Tokens and steps come together, each step after its tokens."""
    agent = create_agent(model(), [get_weather])

    got = await streamed(agent, "astream", ["updates", "messages"])

    kinds = [kind for kind, _ in got]
    assert kinds.count("updates") == 3
    assert kinds[-1] == "updates"
    assert "messages" in kinds


def test_streamed_fallback_shows_one_models_text(router: Make, sandbox: Sandbox) -> None:
    """A model that fails before its first word leaves no trace in `messages`."""
    sandbox.script("deepseek-v4-flash", [faults.overloaded()])
    agent: Any = create_agent(router(), [])

    pieces = [piece for piece, _ in agent.stream(asked(), stream_mode="messages")]

    assert len({piece.id for piece in pieces}) == 1
    assert "asked of gpt-4o-mini" in "".join(piece.text for piece in pieces)


async def test_runs_of_a_graph_hang_together(model: Either) -> None:
    """Within a graph every model run has its parents, up to the graph's own run."""
    seen = Recorder()
    agent: Any = create_agent(model(), [get_weather])

    await agent.ainvoke(asked(), {"callbacks": [seen]})

    calls = seen.of("llm")
    assert len(calls) == 2
    for call in calls:
        names, parent = [], call.parent
        while parent is not None:
            names.append(seen.runs[parent].name)
            parent = seen.runs[parent].parent
        assert names[-2:] == ["model", "LangGraph"]


def _approval(made: Any, checkpointer: InMemorySaver) -> Any:
    """A graph that has its answer approved before it goes on."""

    def draft(state: MessagesState) -> dict[str, Any]:
        return {"messages": [made.invoke(state["messages"])]}

    def approve(state: MessagesState) -> dict[str, Any]:
        said = interrupt({"draft": state["messages"][-1].text})
        return {"messages": [HumanMessage(said)]}

    def final(state: MessagesState) -> dict[str, Any]:
        return {"messages": [made.invoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("draft", draft)
    graph.add_node("approve", approve)
    graph.add_node("final", final)
    graph.add_edge(START, "draft")
    graph.add_edge("draft", "approve")
    graph.add_edge("approve", "final")
    graph.add_edge("final", END)
    return graph.compile(checkpointer=checkpointer)


def test_interrupted_graph_resumes(model: Either, sandbox: Sandbox) -> None:
    """What was answered before an interrupt is stored, and not asked for again."""
    graph = _approval(model(), InMemorySaver())

    stopped = graph.invoke(asked(), THREAD)
    asked_so_far = len(sandbox.requests)
    state = graph.invoke(Command(resume="Shorter, please."), THREAD)

    assert stopped["__interrupt__"][0].value["draft"] == state["messages"][1].text
    assert asked_so_far == 1
    assert len(sandbox.requests) == 2
    said = [each["content"] for each in sandbox.requests[1].body["messages"]]
    assert said == [ASK, state["messages"][1].text, "Shorter, please."]


def test_stored_graph_resumes_elsewhere(model: Either) -> None:
    """A checkpoint that was written down resumes with a model that is made anew."""
    first = InMemorySaver()
    _approval(model(), first).invoke(asked(), THREAD)
    kept = pickle.dumps(({k: dict(v) for k, v in first.storage.items()}, dict(first.blobs),
                         {k: dict(v) for k, v in first.writes.items()}))  # fmt: skip

    second = InMemorySaver()
    storage, blobs, writes = pickle.loads(kept)  # noqa: S301 - our own
    second.storage.update(storage)
    second.blobs.update(blobs)
    second.writes.update(writes)
    state = _approval(model(), second).invoke(Command(resume="Shorter, please."), THREAD)

    assert [type(each) for each in state["messages"]] == [
        *(HumanMessage, AIMessage, HumanMessage, AIMessage)
    ]
    assert state["messages"][1].response_metadata["globalapi"]["attempts"]


@pytest.mark.parametrize("streamed", [False, True])
def test_message_survives_the_serializer(model: Either, streamed: bool) -> None:
    """LangGraph's serializer gives back a message with all that it said, unwarned."""
    serde = JsonPlusSerializer()
    bound = model().bind_tools([get_weather], tool_choice="any")
    message: Any = bound.invoke(ASK)
    if streamed:
        first, *rest = bound.stream(ASK)
        message = sum(rest, first)

    back = serde.loads_typed(serde.dumps_typed(message))

    assert back == message
    assert back.tool_calls[0]["args"] == {"city": "Paris"}
    assert back.usage_metadata == message.usage_metadata
    assert back.response_metadata == message.response_metadata


@pytest.mark.parametrize("decision", ["approve", "reject"])
async def test_tool_waits_for_a_human(model: Either, decision: str) -> None:
    """An agent stops before a tool that a human must allow, and goes on either way."""
    guard: Any = HumanInTheLoopMiddleware(interrupt_on={"get_weather": True})
    agent: Any = create_agent(
        model(), [get_weather], middleware=[guard], checkpointer=InMemorySaver()
    )

    stopped = await agent.ainvoke(asked(), THREAD)
    state = await agent.ainvoke(Command(resume={"decisions": [{"type": decision}]}), THREAD)

    assert stopped["__interrupt__"][0].value["action_requests"][0]["args"] == {"city": "Paris"}
    (result,) = [each for each in state["messages"] if isinstance(each, ToolMessage)]
    assert (result.text == "sunny in Paris") is (decision == "approve")
    assert isinstance(state["messages"][-1], AIMessage)
    assert not state["messages"][-1].tool_calls


def test_thread_moves_to_another_model(router: Make, sandbox: Sandbox) -> None:
    """A thread goes on with another model, by the config of a later call."""
    agent: Any = create_agent(router(), [get_weather], checkpointer=InMemorySaver())

    for model_name in ("deepseek-v4-flash", "claude-3.5-sonnet", "kimi-k2.5"):
        agent.invoke(asked(), {"configurable": {"thread_id": "1", "model": model_name}})

    assert [each.model for each in sandbox.requests] == [
        *("deepseek-v4-flash", "deepseek-v4-flash", "claude-3.5-sonnet"),
        *("claude-3.5-sonnet", "kimi-k2.5", "kimi-k2.5"),
    ]
