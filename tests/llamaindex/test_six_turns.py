"""A tool loop that changes its model at each turn: what one vendor wants, no other gets."""

from __future__ import annotations

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.tools import FunctionTool

from globalapi_core.catalog import Catalog
from globalapi_core.sandbox import Sandbox
from globalapi_core.sandbox.thinking import REASONING

from .conftest import LLM

PLAIN = ["deepseek-v4-flash", "claude-3.5-sonnet", "kimi-k2.5", "glm-5", "qwen3-32b"]
THINKING = ["deepseek-v4-flash", "claude-3.5-sonnet", "kimi-k2-thinking", "glm-5", "qwen3-32b"]


def get_weather(city: str) -> str:
    """The weather of a city."""
    return f"sunny in {city}"


WEATHER = FunctionTool.from_defaults(get_weather)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("thinking", [False, True])
def test_six_turns_on_five_models(llm: LLM, sandbox: Sandbox, stream: bool, thinking: bool) -> None:
    """Each model takes the tool calls of those before it; reasoning goes to its own family."""
    models = THINKING if thinking else PLAIN
    six = [*models, models[0]]
    history: list[ChatMessage] = []

    for asking, reading in zip(six, [*six[1:], six[0]], strict=True):
        history.append(ChatMessage("Call get_weather for Rome."))
        asked = _ask(llm, history, asking, stream, thinking)
        (call,) = llm.get_tool_calls_from_response(asked)
        result = str(get_weather(**call.tool_kwargs))
        extras = {"tool_call_id": call.tool_id}
        history += [asked.message, ChatMessage(result, role="tool", additional_kwargs=extras)]
        read = _ask(llm, history, reading, stream, thinking)
        assert "sunny" in str(read.message.content)
        history.append(read.message)

    assert len(sandbox.requests) == 12
    for request in sandbox.requests:
        calls = [each for each in request.body["messages"] if each.get("tool_calls")]
        reasoning = [each.get("reasoning_content") for each in calls]
        makers = six[: len(calls)]
        assert reasoning == [_expected(str(request.model), maker, thinking) for maker in makers]


def _ask(
    llm: LLM, history: list[ChatMessage], name: str, stream: bool, thinking: bool
) -> ChatResponse:
    given = {"model": name, **({"thinking": True} if thinking else {})}
    if not stream:
        return llm.chat_with_tools([WEATHER], chat_history=history, **given)
    *_, last = llm.stream_chat_with_tools([WEATHER], chat_history=history, **given)
    return last


def _expected(model: str, maker: str, thinking: bool) -> str | None:
    """The reasoning that *model* is sent with a tool call of *maker*'s."""
    catalog = Catalog.default()
    family, made = catalog.resolve(model).family, catalog.resolve(maker).family
    if family in ("claude", "qwen"):
        return None
    if family == made and thinking:
        return REASONING
    return None if family == "glm" else " "
