"""Tools: binding them, calling them, and going round with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from pydantic import BaseModel, Field

from globalapi_core.sandbox import Sandbox, faults
from langchain_globalapi import ChatGlobalAPI, RouterRunnable

Chat = Callable[..., ChatGlobalAPI]
Either = Callable[..., ChatGlobalAPI | RouterRunnable]

ASK = "What is the weather in Paris?"


def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"sunny in {city}"


@tool
def weather_tool(city: Annotated[str, "a city"]) -> str:
    """Get the weather in a city."""
    return f"sunny in {city}"


class WeatherIn(BaseModel):
    """Get the weather in a city."""

    city: str = Field(description="a city")


PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
OPENAI = {
    "type": "function",
    "function": {"name": "from_dict", "description": "weather", "parameters": PARAMETERS},
}
ANTHROPIC = {"name": "from_claude", "description": "weather", "input_schema": PARAMETERS}


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (get_weather, "get_weather"),
        (weather_tool, "weather_tool"),
        (WeatherIn, "WeatherIn"),
        (OPENAI, "from_dict"),
        (ANTHROPIC, "from_claude"),
    ],
    ids=["function", "tool", "pydantic", "openai", "anthropic"],
)
@pytest.mark.parametrize("choice", ["any", True, "name"])
async def test_tool_of_any_kind_is_called(
    model: Either, given: Any, name: str, choice: Any
) -> None:
    """Functions, tools, classes and definitions are called, when they must be."""
    bound = model().bind_tools([given], tool_choice=name if choice == "name" else choice)

    chunks = list(bound.stream(ASK))
    answers: list[Any] = [bound.invoke(ASK), await bound.ainvoke(ASK), sum(chunks[1:], chunks[0])]

    for answer in answers:
        (call,) = answer.tool_calls
        assert (call["name"], call["args"]) == (name, {"city": "Paris"})
        assert call["id"]


def test_choice_of_an_unknown_tool_is_refused(model: Either) -> None:
    """A choice must be of a tool that is bound, and the error names those."""
    with pytest.raises(ValueError, match="get_weather"):
        model().bind_tools([get_weather], tool_choice="get_wether")


def test_no_tools_are_not_sent(chat: Chat, sandbox: Sandbox) -> None:
    """An empty list of tools, as agents bind it, leaves no trace on the wire."""
    chat().bind_tools([], tool_choice="any").invoke(ASK)

    assert not {"tools", "tool_choice"} & sandbox.requests[0].body.keys()


def test_parallel_calls_can_be_forbidden(chat: Chat, sandbox: Sandbox) -> None:
    """`parallel_tool_calls` and `strict` reach the wire."""
    model = chat("gpt-4o")

    model.bind_tools([get_weather], parallel_tool_calls=False, strict=True).invoke(ASK)

    body = sandbox.requests[0].body
    assert body["parallel_tool_calls"] is False
    assert body["tools"][0]["function"]["strict"] is True


def test_bound_router_still_decides(
    router: Callable[..., RouterRunnable], sandbox: Sandbox
) -> None:
    """Binding tools keeps the router, its configs and its fallbacks."""
    sandbox.script("deepseek-v4-flash", [faults.overloaded()])
    bound = router().bind_tools([get_weather], tool_choice="any")

    moved = bound.invoke(ASK)
    sent = bound.invoke(ASK, {"tags": ["vip"]})

    assert isinstance(moved, AIMessage)
    assert moved.response_metadata["globalapi"]["model"] == "gpt-4o-mini"
    assert moved.tool_calls
    assert sent.response_metadata["globalapi"]["route"] == "vip"


async def test_agent_goes_round(model: Either) -> None:
    """An agent calls its tool and answers with the result, sync and async."""
    agent: Any = create_agent(model(), [get_weather])

    state = agent.invoke({"messages": [HumanMessage(ASK)]})
    astate = await agent.ainvoke({"messages": [HumanMessage(ASK)]})

    for messages in (state["messages"], astate["messages"]):
        kinds = [type(each) for each in messages]
        assert kinds == [HumanMessage, AIMessage, ToolMessage, AIMessage]
        assert messages[2].content == "sunny in Paris"
        assert "sunny in Paris" in messages[3].text


def test_tool_loop_stays_with_its_model(router: Callable[..., RouterRunnable]) -> None:
    """The model that asked for a tool gets its result, though another comes first by right."""
    made = router()
    asking = made.invoke(ASK, tools=[OPENAI], tool_choice="required", model="gpt-4o-mini")
    result = ToolMessage("sunny", tool_call_id=str(asking.tool_calls[0]["id"]))

    decision = made.decide([HumanMessage(ASK), asking, result])

    assert decision.primary.name == "gpt-4o-mini"
    assert made.decide([HumanMessage(ASK)]).primary.name == "deepseek-v4-flash"


@pytest.mark.parametrize("asked", ["gpt-4o-mini", "deepseek-v4-flash"])
def test_agent_gives_a_structured_answer(chat: Chat, sandbox: Sandbox, asked: str) -> None:
    """An agent asks for its schema as the model's profile says it can: by format or by tool."""
    agent: Any = create_agent(chat(asked), [], response_format=WeatherIn)

    state = agent.invoke({"messages": [HumanMessage(ASK)]}, {"recursion_limit": 10})

    assert isinstance(state["structured_response"], WeatherIn)
    by_format = "response_format" in sandbox.requests[0].body
    assert by_format is (asked == "gpt-4o-mini")


async def test_graph_streams_each_token_once(model: Either) -> None:
    """In LangGraph's `messages` mode the text comes once, and the final message not again."""
    made = model()

    def node(state: MessagesState) -> dict[str, Any]:
        return {"messages": [made.invoke(state["messages"])]}

    graph: Any = StateGraph(MessagesState).add_node("node", node).add_edge(START, "node").compile()

    pieces = list(graph.stream({"messages": [HumanMessage(ASK)]}, stream_mode="messages"))
    apieces = [
        each
        async for each in graph.astream({"messages": [HumanMessage(ASK)]}, stream_mode="messages")
    ]

    expected = made.invoke(ASK).text
    assert "".join(message.text for message, _ in pieces) == expected
    assert "".join(message.text for message, _ in apieces) == expected
    assert len([message for message, _ in pieces if message.text]) > 1


def test_graph_remembers_and_resumes(model: Either) -> None:
    """Messages with their records go into a checkpoint and come out again."""
    agent: Any = create_agent(model(), [get_weather], checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}

    agent.invoke({"messages": [HumanMessage(ASK)]}, config)
    state = agent.invoke({"messages": [HumanMessage("And in Rome?")]}, config)

    assert len([each for each in state["messages"] if isinstance(each, HumanMessage)]) == 2
    assert state["messages"][1].response_metadata["globalapi"]["attempts"]


def test_conversation_moves_between_models(
    router: Callable[..., RouterRunnable], sandbox: Sandbox
) -> None:
    """A history with tool calls goes from DeepSeek to Claude to Kimi, and each accepts it."""
    bound = router().bind_tools([get_weather])
    history: list[BaseMessage] = []
    for model_name in ("deepseek-v4-flash", "claude-3.5-sonnet", "kimi-k2.5", "glm-5"):
        history.append(HumanMessage(ASK))
        asking = bound.invoke(history, {"configurable": {"model": model_name}})
        assert isinstance(asking, AIMessage)
        # As a thinking model would have left it.
        asking.additional_kwargs["reasoning_content"] = f"thoughts of {model_name}"
        (call,) = asking.tool_calls
        history += [asking, ToolMessage("sunny", tool_call_id=str(call["id"]))]
        history.append(bound.invoke(history, {"configurable": {"model": model_name}}))

    for request in sandbox.requests:
        thoughts = [each.get("reasoning_content") for each in request.body["messages"]]
        # Blank where DeepSeek and Kimi demand what another model does not have.
        assert set(thoughts) <= {None, " ", f"thoughts of {request.model}"}
    assert len(sandbox.requests) == 8
