"""A tool loop that changes its model at each turn: what one vendor wants, no other gets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.tools import tool

from globalapi_core.catalog import Catalog
from globalapi_core.sandbox import Sandbox
from globalapi_core.sandbox.thinking import REASONING
from langchain_globalapi import ChatGlobalAPI, RouterRunnable

PLAIN = ["deepseek-v4-flash", "claude-3.5-sonnet", "kimi-k2.5", "glm-5", "qwen3-32b"]
THINKING = ["deepseek-v4-flash", "claude-3.5-sonnet", "kimi-k2-thinking", "glm-5", "qwen3-32b"]


@tool
def get_weather(city: str) -> str:
    """The weather of a city."""
    return f"sunny in {city}"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("thinking", [False, True])
def test_six_turns_on_five_models(
    model: Callable[..., ChatGlobalAPI | RouterRunnable],
    sandbox: Sandbox,
    stream: bool,
    thinking: bool,
) -> None:
    """Each model takes the tool calls of those before it; reasoning goes to its own family."""
    models = THINKING if thinking else PLAIN
    six = [*models, models[0]]
    bound = model().bind_tools([get_weather], **({"thinking": True} if thinking else {}))
    history: list[BaseMessage] = []

    for asking, reading in zip(six, [*six[1:], six[0]], strict=True):
        history.append(HumanMessage("Call get_weather for Rome."))
        asked = _ask(bound, history, asking, stream)
        (call,) = asked.tool_calls
        history += [asked, get_weather.invoke(call)]
        read = _ask(bound, history, reading, stream)
        assert "sunny" in read.text
        history.append(read)

    assert len(sandbox.requests) == 12
    for request in sandbox.requests:
        calls = [each for each in request.body["messages"] if each.get("tool_calls")]
        reasoning = [each.get("reasoning_content") for each in calls]
        makers = six[: len(calls)]
        assert reasoning == [_expected(str(request.model), maker, thinking) for maker in makers]


def _ask(bound: Any, history: list[BaseMessage], name: str, stream: bool) -> AIMessage:
    config = {"configurable": {"model": name}}
    if not stream:
        message: AIMessage = bound.invoke(history, config)
        return message
    whole: AIMessageChunk | None = None
    for chunk in bound.stream(history, config):
        whole = chunk if whole is None else whole + chunk
    assert whole is not None
    return whole


def _expected(model: str, maker: str, thinking: bool) -> str | None:
    """The reasoning that *model* is sent with a tool call of *maker*'s."""
    catalog = Catalog.default()
    family, made = catalog.resolve(model).family, catalog.resolve(maker).family
    if family in ("claude", "qwen"):
        return None
    if family == made and thinking:
        return REASONING
    return None if family == "glm" else " "
