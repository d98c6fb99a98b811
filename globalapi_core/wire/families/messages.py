"""The shape of messages, and the reasoning that goes back with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from globalapi_core.catalog import ModelInfo
from globalapi_core.wire.families import thinking
from globalapi_core.wire.families.body import Body, change_messages, without

_Message = Mapping[str, Any]

_KNOW_DEVELOPER = frozenset({"gpt", "claude", "other"})
_TEXT_ONLY = frozenset({"deepseek", "kimi"})
_TAKE_REASONING = frozenset({"deepseek", "kimi", "glm", "other"})
"""Of `other` nothing is known: what a model said is sent back to it."""
_DEMAND_REASONING = frozenset({"deepseek", "kimi"})
_WANT_NULL = frozenset({"gpt", "claude", "glm"})
"""Null is OpenAI's own form. Of an empty text a gateway makes Claude a text block, which it
refuses when empty (run-llama/llama_index#17278); GLM refused one (songquanpeng/one-api#1153)."""
_NO_REASONING = " "
"""Reasoning where there was none. Not "": gateways written in Go leave empty fields out."""


def developer_role(body: Body, model: ModelInfo) -> str | None:
    """Only OpenAI knows the role developer; Claude's endpoint takes it as system."""
    if model.family in _KNOW_DEVELOPER:
        return None

    def change(message: _Message) -> _Message | None:
        return {**message, "role": "system"} if message.get("role") == "developer" else None

    return "role developer sent as system" if change_messages(body, change) else None


def text_parts(body: Body, model: ModelInfo) -> str | None:
    """DeepSeek and Kimi's text models refuse content in parts, text though it is.

    "invalid type: sequence, expected a string" (DeepSeek); langchain-deepseek and
    LiteLLM's Moonshot transformation join them too.
    """
    if model.family not in _TEXT_ONLY:
        return None
    return "text parts joined" if change_messages(body, _joined) else None


def tool_results(body: Body, model: ModelInfo) -> str | None:
    """GPT's tools return text alone (openai SDK): what else they did follows as the user's."""
    if model.family != "gpt":
        return None
    messages: list[_Message] = []
    held: list[Any] = []
    for message in body["messages"]:
        of_tool = message.get("role") == "tool"
        if held and not of_tool:
            messages.append({"role": "user", "content": held})
            held = []
        attached = _attached(message) if of_tool else []
        held = [*held, *attached]
        messages.append(_text_of_result(message) if attached else message)
    messages += [{"role": "user", "content": held}] if held else []
    if len(messages) == len(body["messages"]):
        return None
    body["messages"] = messages
    return "attachments of tool results sent as the user's: GPT's tools return text"


def name(body: Body, model: ModelInfo) -> str | None:
    """GLM's messages have no name (AgentScope's GLM formatter)."""
    if model.family != "glm":
        return None

    def change(message: _Message) -> _Message | None:
        return without(message, "name") if "name" in message else None

    return (
        "left out the names of messages: GLM knows none" if change_messages(body, change) else None
    )


def null_content(body: Body, model: ModelInfo) -> str | None:
    """A string beside tool calls, if an empty one: to null some servers say no.

    llama-cpp-python's server answers null with a 500, LM Studio refuses it
    (lmstudio-bug-tracker#261), DeepSeek wants a string (langchain-deepseek), Qwen's own
    examples send an empty one (Alibaba Cloud Model Studio, function calling), Kimi takes it
    (BerriAI/litellm#42186).
    """
    if model.family in _WANT_NULL:
        return None

    def change(message: _Message) -> _Message | None:
        empty = message.get("tool_calls") and message.get("content") is None
        return {**message, "content": ""} if empty else None

    return "empty content beside tool calls" if change_messages(body, change) else None


def a_question(body: Body, model: ModelInfo) -> str | None:
    """GLM wants at least one message of the user's (AgentScope's GLM formatter)."""
    messages = body["messages"]
    if model.family != "glm" or not messages or any(m.get("role") == "user" for m in messages):
        return None
    last = max((i for i, m in enumerate(messages) if m.get("role") == "system"), default=None)
    if last is None:
        return None
    changed = {**messages[last], "role": "user"}
    body["messages"] = [*messages[:last], changed, *messages[last + 1 :]]
    return "the last system message sent as the user's: GLM wants one"


def reasoning(body: Body, model: ModelInfo) -> str | None:
    """Reasoning that led to tool calls goes back where it is taken, and nowhere else.

    DeepSeek and Kimi refuse a conversation that lacks it, also for calls that other models
    made (api-docs.deepseek.com/guides/thinking_mode, platform.kimi.ai); GLM wants it kept
    (docs.z.ai/guides/capabilities/thinking-mode).
    """
    if model.family not in _TAKE_REASONING:
        return "left out reasoning_content" if change_messages(body, _without_reasoning) else None
    if model.family not in _DEMAND_REASONING or not thinking.may_be_on(body, model):
        return None
    padded = change_messages(body, _with_reasoning)
    return "empty reasoning_content beside tool calls that lack it" if padded else None


def _with_reasoning(message: _Message) -> _Message | None:
    if not message.get("tool_calls") or message.get("reasoning_content"):
        return None
    return {**message, "reasoning_content": _NO_REASONING}


def _without_reasoning(message: _Message) -> _Message | None:
    return without(message, "reasoning_content") if "reasoning_content" in message else None


def _joined(message: _Message) -> _Message | None:
    content = message.get("content")
    if not isinstance(content, list) or not all(_is_text(part) for part in content):
        return None
    return {**message, "content": "\n".join(part["text"] for part in content)}


def _attached(message: _Message) -> list[Any]:
    content = message.get("content")
    return [part for part in content if not _is_text(part)] if isinstance(content, list) else []


def _text_of_result(message: _Message) -> _Message:
    text = "\n".join(part["text"] for part in message["content"] if _is_text(part))
    return {**message, "content": text or "See the attachment in the next message."}


def _is_text(part: object) -> bool:
    return (
        isinstance(part, Mapping)
        and part.get("type") == "text"
        and isinstance(part.get("text"), str)
    )
