"""What the answer of a router's call is to those who compare it with its shadow's."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import AIMessage

from globalapi_core.shadow import spoken
from langchain_globalapi import _bridge

FOR_TRACERS = ("ls_structured_output_format", "structured_output_format")
"""Arguments of a call that LangChain takes out before it is made."""


def answer(messages: Sequence[AIMessage]) -> str | None:
    """The text of a message, or of the pieces of one; `None` if it came from LangChain's cache."""
    if _bridge.is_cached(messages[-1]):
        return None
    calls: list[tuple[str, object]] = []
    for message in messages:
        calls += [(each["name"], each["args"]) for each in message.tool_calls]
        calls += [(each["name"] or "", each["args"] or "") for each in message.invalid_tool_calls]
    return spoken("".join(str(message.text) for message in messages), calls)
