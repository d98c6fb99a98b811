"""What is bound to a model stays when tools or a schema are added."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.load import dumpd
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableBinding
from pydantic import BaseModel

from globalapi_core.errors import InvalidInputError
from globalapi_core.sandbox import Sandbox
from langchain_globalapi import ChatGlobalAPI, RouterRunnable

Either = Callable[..., ChatGlobalAPI | RouterRunnable]
PROMPT = 'Sort this ticket as JSON with the keys "topic" and "urgent": the invoice is wrong.'


class Ticket(BaseModel):
    """A support ticket."""

    topic: str
    urgent: bool


def look(order: str) -> str:
    """Look an order up."""
    return f"{order} was sent"


def names(body: Mapping[str, Any]) -> list[str]:
    """The tools that were sent."""
    return [each["function"]["name"] for each in body.get("tools", ())]


def test_schema_would_lose_tools(model: Either) -> None:
    """Where a call of a bound tool could not be told, the error says what to do."""
    with pytest.raises(InvalidInputError, match=r"'look'.*include_raw=True"):
        model().bind_tools([look]).with_structured_output(Ticket)
    with pytest.raises(InvalidInputError, match="leave method out"):
        model().bind_tools([look]).with_structured_output(
            Ticket, method="function_calling", include_raw=True
        )


@pytest.mark.parametrize("name", ["gpt-4o-mini", "claude-3.5-sonnet"])
def test_tools_stay_beside_a_schema(model: Either, sandbox: Sandbox, name: str) -> None:
    """With `include_raw` both are sent: an object is parsed, a call is on the message."""
    asked = model().bind_tools([look]).with_structured_output(Ticket, include_raw=True)

    answer: Any = asked.invoke(PROMPT, {"configurable": {"model": name}})

    assert names(sandbox.requests[0].body)[0] == "look"
    assert answer["parsing_error"] is None
    assert isinstance(answer["parsed"], Ticket) != bool(answer["raw"].tool_calls)


def test_tools_that_may_not_be_called_stay_beside_a_schema(model: Either, sandbox: Sandbox) -> None:
    """A conversation with tool calls in it needs their definitions, and then an object."""
    asked = model().bind_tools([look], tool_choice="none").with_structured_output(Ticket)

    answer = asked.invoke(PROMPT, {"configurable": {"model": "gpt-4o-mini"}})

    assert isinstance(answer, Ticket)
    assert names(sandbox.requests[0].body) == ["look"]


def test_arguments_stay_beside_a_schema_and_tools(model: Either, sandbox: Sandbox) -> None:
    """So does what `bind` bound, and the config of `with_config`."""
    bound: Any = model().bind(temperature=0.1).with_config(configurable={"model": "gpt-4o-mini"})

    bound.with_structured_output(Ticket).invoke(PROMPT)
    bound.bind_tools([look]).invoke(PROMPT)

    assert [each.body["temperature"] for each in sandbox.requests] == [0.1, 0.1]
    assert [each.model for each in sandbox.requests] == ["gpt-4o-mini"] * 2
    assert names(sandbox.requests[1].body) == ["look"]


def test_binding_is_langchains(model: Either) -> None:
    """It is a `RunnableBinding`, by name too, and survives a pickle and a chain."""
    bound = model().bind_tools([look])

    again = pickle.loads(pickle.dumps(bound))  # noqa: S301

    assert isinstance(again, RunnableBinding)
    assert dumpd(bound)["id"][-1] == "RunnableBinding"
    assert ((lambda text: [HumanMessage(text)]) | again).invoke("Hi")


def test_agent_takes_the_model(model: Either, sandbox: Sandbox) -> None:
    """An agent binds its own tools, and runs them."""
    answer = create_agent(model(), tools=[look]).invoke(
        {"messages": [HumanMessage("Look up the order A7.")]}
    )

    assert names(sandbox.requests[0].body) == ["look"]
    assert answer["messages"][-1].text
