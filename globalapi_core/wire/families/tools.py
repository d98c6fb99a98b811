"""Tools, and the choice among them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from globalapi_core.catalog import ModelInfo
from globalapi_core.wire.families import thinking
from globalapi_core.wire.families.body import Body, instruct, without

_NOT_STRICT = frozenset({"deepseek", "kimi", "glm"})
_TITLES = {"deepseek": "DeepSeek", "kimi": "Kimi", "qwen": "Qwen"}
"""Families that take no forced choice while they think."""


def strict(body: Body, model: ModelInfo) -> str | None:
    """Kimi and GLM know no strict tools, DeepSeek only on its beta address.

    AgentScope's formatters for Kimi and GLM; langchain-deepseek.
    """
    tools = body.get("tools") or ()
    if model.family not in _NOT_STRICT or not any("strict" in _function(tool) for tool in tools):
        return None
    body["tools"] = [
        {**tool, "function": without(_function(tool), "strict")}
        if "strict" in _function(tool)
        else tool
        for tool in tools
    ]
    return f"left out strict: {model.name} has no strict tools"


def glm_choice(body: Body, model: ModelInfo) -> str | None:
    """GLM knows no tool choice but auto; none means no tools (docs.bigmodel.cn)."""
    choice = body.get("tool_choice")
    if model.family != "glm" or choice in (None, "auto"):
        return None
    if choice == "none":
        del body["tool_choice"]
        body.pop("tools", None)
        return "left out the tools: GLM knows no tool_choice 'none'"
    _ask_for_call(body)
    return "tool_choice auto, and the call asked for in the prompt: GLM knows no other"


def kimi_required(body: Body, model: ModelInfo) -> str | None:
    """Kimi knows no `required` (LiteLLM's Moonshot transformation): of one tool, it is that one."""
    if model.family != "kimi" or body.get("tool_choice") != "required":
        return None
    if thinking.always_on(model):
        return None
    names = [_function(tool).get("name") for tool in body.get("tools") or ()]
    if len(names) != 1:
        _ask_for_call(body)
        return "tool_choice auto, and a call asked for in the prompt: Kimi knows no 'required'"
    body["tool_choice"] = {"type": "function", "function": {"name": names[0]}}
    return f"tool_choice {names[0]!r}: Kimi knows no 'required'"


def forced_choice(body: Body, model: ModelInfo) -> str | None:
    """No tool can be forced on DeepSeek, Kimi and Qwen while they think.

    "Thinking mode does not support this tool_choice" (deepseek-ai/DeepSeek-V3#1376). With
    thinking off the choice holds; with `auto` the model may answer without a call.
    """
    title = _TITLES.get(model.family)
    if title is None or body.get("tool_choice") in (None, "auto", "none"):
        return None
    if thinking.always_on(model):
        _ask_for_call(body)
        return f"tool_choice auto, and the call asked for in the prompt: {model.name} always thinks"
    if not thinking.may_be_on(body, model):
        return None
    thinking.switch_off(body, model)
    return f"thinking switched off: {title} takes no forced tool_choice with it"


def _ask_for_call(body: Body) -> None:
    """Let the model choose, and tell it what was to be forced."""
    choice = body["tool_choice"]
    name = _function(choice).get("name") if isinstance(choice, Mapping) else None
    instruct(body, f"Call the tool {name!r}." if name else "Call one of the tools.")
    body["tool_choice"] = "auto"


def _function(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    function = tool.get("function")
    return function if isinstance(function, Mapping) else {}
