"""What the answer of a router's call is to those who compare it with its shadow's."""

from __future__ import annotations

from collections.abc import Sequence

from llama_index.core.base.llms.types import ChatResponse, ToolCallBlock

from globalapi_core.shadow import spoken
from llamaindex_globalapi._bridge import INVALID_CALLS


def answer(responses: Sequence[ChatResponse]) -> str:
    """The text of a response; the last one of a stream has all of it."""
    message = responses[-1].message
    blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    calls: list[tuple[str, object]] = [(each.tool_name, each.tool_kwargs) for each in blocks]
    invalid = message.additional_kwargs.get(INVALID_CALLS) or ()
    calls += [(each["name"] or "", each["arguments"]) for each in invalid]
    return spoken(message.content or "", calls)
