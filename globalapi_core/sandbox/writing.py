"""Deciding in which form to answer: a tool call, JSON, or text."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from globalapi_core.catalog import ModelInfo
from globalapi_core.sandbox import answers, choices, freeform, structures, thinking, words
from globalapi_core.sandbox.chat import ChatRequest
from globalapi_core.sandbox.completions import Answer, ToolCall


def answer(request: ChatRequest, model: ModelInfo, text: str | None = None) -> Answer:
    """What *model* says to *request*: *text* if given, else the same each time."""
    reasoning = thinking.reasoning(request, model)
    called = _called(request) if text is None else ()
    if text is not None:
        said = Answer(content=text, reasoning=reasoning)
    elif called:
        calls = tuple(_call(request, tool, index) for index, tool in enumerate(called))
        said = Answer(reasoning=reasoning, calls=calls, finish_reason="tool_calls")
    else:
        said = Answer(content=_content(request, model), reasoning=reasoning)
    return said.stopped(request.stops).limited(request.max_tokens)


def _content(request: ChatRequest, model: ModelInfo) -> str:
    if request.format == "text":
        return answers.text(request)
    # A model that accepts a schema without obeying it writes some JSON object.
    if request.format == "json_schema" and model.json_schema is not False:
        filled = structures.fill(request.schema, _source(request))
    else:
        filled = freeform.free_object(_source(request), answers.text(request))
    return json.dumps(filled, ensure_ascii=False)


def _source(request: ChatRequest) -> structures.Source:
    return structures.Source(
        request.user_text,
        request.question,
        answers.extract(request),
        request.instructions,
        tuple(choices.chosen(request)),
    )


def _called(request: ChatRequest) -> Sequence[Mapping[str, Any]]:
    """The tools to call: as the caller chose, else those the last user message asks for."""
    choice = request.body.get("tool_choice") or "auto"
    if not request.tools or choice == "none":
        return ()
    if isinstance(choice, dict):
        return [tool for tool in request.tools if tool["name"] == choice["function"]["name"]]
    if choice == "auto" and request.results:
        return ()
    several = request.body.get("parallel_tool_calls") is not False
    tools = _left(request)
    named = [tool for tool in tools if _mentions(request.user_text, tool["name"])]
    if named:
        return named if several else named[:1]
    shared = [_shared(request.question, tool) for tool in tools]
    best = max(shared)
    if choice == "auto" and not best:
        return ()
    return [tools[shared.index(best)]]


def _left(request: ChatRequest) -> Sequence[Mapping[str, Any]]:
    """The tools whose result is not there yet; all if there is none: who must call goes on."""
    answered = {each["tool_call_id"] for each in request.results}
    called = {
        call["function"]["name"]
        for message in request.messages
        for call in message.get("tool_calls") or ()
        if call["id"] in answered
    }
    return [tool for tool in request.tools if tool["name"] not in called] or request.tools


def _mentions(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text, re.ASCII) is not None


def _shared(question: str, tool: Mapping[str, Any]) -> int:
    told = words.of_name(tool["name"]) | words.content(tool.get("description") or "")
    return len(told & words.content(question))


def _call(request: ChatRequest, tool: Mapping[str, Any], index: int) -> ToolCall:
    schema = tool.get("parameters") or {"type": "object", "properties": {}}
    filled = structures.fill(schema, _source(request))
    arguments = json.dumps(filled, ensure_ascii=False)
    # Of its place in the conversation, so that no two calls in one share an id.
    place = json.dumps([request.messages, tool["name"], index], ensure_ascii=False)
    digest = hashlib.sha256(place.encode("utf-8", "replace")).hexdigest()
    return ToolCall(f"call_{digest[:24]}", tool["name"], arguments)
