"""What the sandbox refuses for a vendor's models, in the vendor's words, and our wire avoids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from globalapi_core.catalog import Catalog
from globalapi_core.sandbox import Sandbox
from globalapi_core.sandbox.thinking import REASONING
from globalapi_core.settings import Endpoint
from globalapi_core.wire import ChatRequest, Reply, Wire

from .client import send, tool

FLASH, R1, QWEN, GLM = "deepseek-v4-flash", "deepseek-r1", "qwen3-32b", "glm-5"
KIMI, KIMI_K2 = "kimi-k2.5", "kimi-k2-thinking"
HI: dict[str, Any] = {"role": "user", "content": "Hello"}
ADD = tool("add", "Counts")
STRICT = {**ADD, "function": {**ADD["function"], "strict": True}}
NAMED = {"type": "function", "function": {"name": "add"}}
FORCED: dict[str, Any] = {"tools": [ADD], "tool_choice": NAMED}
CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
CALLING: dict[str, Any] = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "3"}
LOOP: dict[str, Any] = {"messages": [HI, CALLING, RESULT]}
PARTS = [{"type": "text", "text": "3"}]
RESULT_IN_PARTS = {**RESULT, "content": PARTS}
REASONED = {**CALLING, "reasoning_content": ""}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
ON, OFF = {"thinking": {"type": "enabled"}}, {"thinking": {"type": "disabled"}}
MISSING = "Missing `reasoning_content` field in the assistant message at message index 1"
KIMI_MISSING = (
    "thinking is enabled but reasoning_content is missing in assistant tool call message at index 1"
)
THINKING_CHOICE = "Thinking mode does not support this tool_choice"
QWEN_CHOICE = (
    "<400> InternalError.Algo.InvalidParameter: The tool_choice parameter does not support being "
    "set to required or object in thinking mode"
)
QWEN_WHOLE = "parameter.enable_thinking must be set to false for non-streaming calls"
QWEN_WORD = (
    "'messages' must contain the word 'json' in some form, to use 'response_format' of type "
    "'json_object'."
)
DEVELOPER = (
    "Failed to deserialize the JSON body into the target type: messages[0].role: unknown variant "
    "`developer`, expected one of `system`, `user`, `assistant`, `tool`"
)
SEQUENCE = (
    "Failed to deserialize the JSON body into the target type: "
    "messages[2]: invalid type: sequence, expected a string"
)

REFUSED: list[tuple[str, str, dict[str, Any], str]] = [
    ("DeepSeek: developer", FLASH, {"messages": [{**HI, "role": "developer"}]}, DEVELOPER),
    ("DeepSeek: parts", FLASH, {"messages": [HI, REASONED, RESULT_IN_PARTS]}, SEQUENCE),
    ("DeepSeek: named", FLASH, FORCED, THINKING_CHOICE),
    ("DeepSeek: required", FLASH, {**FORCED, "tool_choice": "required"}, THINKING_CHOICE),
    ("DeepSeek: forced on a reasoner", R1, FORCED, THINKING_CHOICE),
    ("DeepSeek: forced, on by name", FLASH, {**FORCED, **ON}, THINKING_CHOICE),
    ("DeepSeek: no reasoning", FLASH, LOOP, MISSING),
    ("DeepSeek: no reasoning, on by name", FLASH, {**LOOP, **ON}, MISSING),
    ("DeepSeek: strict", FLASH, {"tools": [STRICT]}, f"{FLASH} has no strict tools"),
    (
        "Kimi: temperature", KIMI, {"temperature": 0.2},
        "invalid temperature: only 1 is allowed for this model",
    ),
    ("Kimi: top_p", KIMI_K2, {"top_p": 1}, "invalid top_p: only 0.95 is allowed for this model"),
    (
        "Kimi: penalty", KIMI, {"presence_penalty": 1},
        "invalid presence_penalty: only 0 is allowed for this model",
    ),
    (
        "Kimi: named while thinking", KIMI, {**FORCED, **ON},
        "tool_choice 'specified' is incompatible with thinking enabled",
    ),
    (
        "Kimi: required", KIMI, {**FORCED, "tool_choice": "required"},
        f"{KIMI} knows no tool_choice 'required'",
    ),
    ("Kimi: no reasoning", KIMI_K2, LOOP, KIMI_MISSING),
    ("Kimi: no reasoning, switched on", KIMI, {**LOOP, **ON}, KIMI_MISSING),
    (
        "Kimi: parts", KIMI, {"messages": [{**HI, "content": PARTS}]},
        f"{KIMI} takes content as a string",
    ),
    ("Kimi: strict", KIMI, {"tools": [STRICT]}, f"{KIMI} has no strict tools"),
    ("GLM: named", GLM, FORCED, f"{GLM} knows no tool_choice but 'auto'"),
    ("GLM: none", GLM, {**FORCED, "tool_choice": "none"}, f"{GLM} knows no tool_choice but 'auto'"),
    ("GLM: a name", GLM, {"messages": [{**HI, "name": "ann"}]}, "messages 参数非法。请检查文档。"),
    (
        "GLM: no user", GLM, {"messages": [{**HI, "role": "system"}]},
        "messages 参数非法。请检查文档。",
    ),
    ("GLM: strict", GLM, {"tools": [STRICT]}, f"{GLM} has no strict tools"),
    ("Qwen: thinking, whole", QWEN, {"enable_thinking": True}, QWEN_WHOLE),
    (
        "Qwen: forced while thinking", QWEN, {**FORCED, "enable_thinking": True, "stream": True},
        QWEN_CHOICE,
    ),
    ("Qwen: a schema without its word", QWEN, {"response_format": SCHEMA}, QWEN_WORD),
]  # fmt: skip
"""By name: the model, what a request says beside a greeting, and the refusal."""


@pytest.fixture(scope="module")
def gateway() -> Iterator[Sandbox]:
    """A sandbox of the shipped catalog."""
    with Sandbox() as running:
        yield running


@pytest.mark.parametrize(
    ("model", "fields", "text"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_unadapted_request_is_refused(
    gateway: Sandbox, model: str, fields: dict[str, Any], text: str
) -> None:
    """A request that the vendor refuses is refused here, in the vendor's words."""
    body = {"model": model, "messages": [HI], **fields}

    got = send(gateway.port, "POST", "/v1/chat/completions", body)

    assert got.status == 400
    assert got.error["message"] == text
    assert got.error["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("model", "fields"), [row[1:3] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_adapted_request_is_answered(gateway: Sandbox, model: str, fields: dict[str, Any]) -> None:
    """The same request is answered when our wire sends it, whole and streamed."""
    # Qwen's own switch would be sent as it is.
    own = {"thinking" if key == "enable_thinking" else key: v for key, v in fields.items()}
    stated = {name: own.pop(name, None) for name in ("tools", "tool_choice", "response_format")}
    messages = own.pop("messages", [HI])
    own.pop("stream", None)
    request = ChatRequest(
        messages,
        tools=stated["tools"] or (),
        tool_choice=stated["tool_choice"],
        response_format=stated["response_format"],
        params=own,
    )
    wire = Wire(Endpoint(gateway.base_url, None))
    info = Catalog.default().resolve(model)

    replies = [wire.complete(request, info), list(wire.stream(request, info))[-1]]

    assert all(isinstance(each, Reply) and each.adaptations for each in replies)


ACCEPTED: list[tuple[str, str, dict[str, Any]]] = [
    ("DeepSeek: forced with thinking off", FLASH, {**FORCED, **OFF}),
    ("DeepSeek: auto while thinking", FLASH, {**FORCED, **ON, "tool_choice": "auto"}),
    ("DeepSeek: a loop with thinking off", FLASH, {**LOOP, **OFF}),
    ("DeepSeek: empty reasoning", FLASH, {"messages": [HI, REASONED, RESULT]}),
    ("DeepSeek: a temperature", FLASH, {"temperature": 0.2}),
    ("DeepSeek: a model that does not think", "deepseek-coder", {**FORCED, **LOOP}),
    ("Kimi: its own sampling", KIMI, {"temperature": 1, "top_p": 0.95, "n": 1}),
    ("Kimi: named with thinking off", KIMI, {**FORCED, **OFF}),
    ("Kimi: a loop unswitched", KIMI, LOOP),
    ("GLM: auto", GLM, {**FORCED, "tool_choice": "auto"}),
    ("GLM: a loop", GLM, LOOP),
    ("Qwen: thinking in a stream", QWEN, {"enable_thinking": True, "stream": True}),
    ("Qwen: thinking off", QWEN, {**FORCED, "enable_thinking": False}),
    ("Claude: developer, strict and forced", "claude-3-5-sonnet", {
        "messages": [{**HI, "role": "developer"}, HI], "tools": [STRICT], "tool_choice": NAMED,
    }),
    ("GPT: strict, forced and a loop", "gpt-4o", {**LOOP, "tools": [STRICT], "tool_choice": NAMED}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("model", "fields"), [row[1:] for row in ACCEPTED], ids=[row[0] for row in ACCEPTED]
)
def test_request_is_accepted(gateway: Sandbox, model: str, fields: dict[str, Any]) -> None:
    """What a vendor takes is not refused."""
    body = {"model": model, "messages": [HI], **fields}

    assert send(gateway.port, "POST", "/v1/chat/completions", body).status == 200


@pytest.mark.parametrize(
    ("model", "fields", "reasoning"),
    [
        (FLASH, {}, ""),
        (FLASH, ON, REASONING),
        (FLASH, OFF, None),
        (R1, {}, REASONING),
        (KIMI, {}, None),
        (KIMI, ON, REASONING),
        (GLM, {}, None),
        ("deepseek-coder", {}, None),
        ("gpt-4o", ON, None),
    ],
)
def test_thinking_by_default(
    gateway: Sandbox, model: str, fields: dict[str, Any], reasoning: str | None
) -> None:
    """DeepSeek is in thinking mode unless switched off; unswitched, its reasoning is empty."""
    body = {"model": model, "messages": [HI], **fields}

    got = send(gateway.port, "POST", "/v1/chat/completions", body)

    assert got.message.get("reasoning_content") == reasoning


def test_empty_reasoning_costs_nothing(gateway: Sandbox) -> None:
    """A plain question costs DeepSeek's thinking mode what it costs without thinking."""
    plain = {"model": FLASH, "messages": [HI]}

    on = send(gateway.port, "POST", "/v1/chat/completions", plain).json["usage"]
    off = send(gateway.port, "POST", "/v1/chat/completions", {**plain, **OFF}).json["usage"]

    assert on["completion_tokens"] == off["completion_tokens"]
    assert on["completion_tokens_details"] == {"reasoning_tokens": 0}
