"""Results of tools: what they may hold, and what is called after them."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from globalapi_core.sandbox import Sandbox
from tests.langchain.assets import png

from .client import send, tool

ASK = {"role": "user", "content": "Count the apples in this report"}
COUNT, REPORT = tool("count", "Counts apples"), tool("report", "Writes")
CALL = {"id": "c1", "type": "function", "function": {"name": "count", "arguments": "{}"}}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
PICTURE = {
    "type": "image_url",
    "image_url": {"url": f"data:image/png;base64,{base64.b64encode(png()).decode()}"},
}


def after(result: Any, model: str, **fields: Any) -> Any:
    """The answer to a conversation that ends in a tool's *result*."""
    done = {"role": "tool", "tool_call_id": "c1", "content": result}
    body = {"model": model, "messages": [ASK, CALLING, done], "tools": [COUNT, REPORT], **fields}
    with Sandbox() as sandbox:
        return send(sandbox.port, "POST", "/v1/chat/completions", body)


@pytest.mark.parametrize(("model", "status"), [("gpt-4o", 400), ("glm-4.6v", 200)])
def test_picture_of_a_tool(model: str, status: int) -> None:
    """GPT's tools return text alone, and it says so; others that see take a picture."""
    got = after([PICTURE], model)

    assert got.status == status
    if status == 400:
        assert got.error["message"] == "Invalid value: 'image_url'. Supported values are: 'text'."
        assert got.error["param"] == "messages[2].content[0].type"


def test_text_parts_of_a_tool() -> None:
    """Text in parts is text."""
    assert after([{"type": "text", "text": "3"}], "gpt-4o").status == 200


def test_forced_call_goes_on() -> None:
    """Who must call again calls another tool than the one whose result has come."""
    forced = after("3", "gpt-4o", tool_choice="required")
    free = after("3", "gpt-4o")

    assert [each["function"]["name"] for each in forced.message["tool_calls"]] == ["report"]
    assert "tool_calls" not in free.message
