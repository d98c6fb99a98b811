"""What messages become on the wire, and what answers become as messages."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)

from globalapi_core.errors import InvalidInputError
from globalapi_core.sandbox import Sandbox
from langchain_globalapi import ChatGlobalAPI, _bridge
from tests.langchain.servers import call, events, saying, whole

PIXEL = "iVBORw0KGgo="
DATA_URL = f"data:image/png;base64,{PIXEL}"
SENT_IMAGE = {"type": "image_url", "image_url": {"url": DATA_URL}}


def on_the_wire(*messages: BaseMessage, **more: Any) -> list[Any]:
    """The messages as they are sent."""
    return _bridge.to_wire(messages, **more)


def answered(body: bytes, *, stream: bool) -> AIMessage:
    """The message that an answer of *body* becomes."""
    kind = b"text/event-stream" if stream else b"application/json"
    with saying(body, kind=kind) as server:
        model = ChatGlobalAPI(model="m", base_url=server.base_url, max_retries=0)
        if not stream:
            return model.invoke("hi")
        chunks = list(model.stream("hi"))
        return sum(chunks[1:], chunks[0])


@pytest.mark.parametrize(
    ("message", "role"),
    [
        (SystemMessage("a"), "system"),
        (HumanMessage("a"), "user"),
        (AIMessage("a"), "assistant"),
        (AIMessageChunk("a"), "assistant"),
        (ChatMessage(role="developer", content="a"), "developer"),
    ],
)
def test_role_is_the_wires_own(message: BaseMessage, role: str) -> None:
    """Each kind of message has its role, pieces of a stream included."""
    assert on_the_wire(message) == [{"role": role, "content": "a"}]


def test_message_without_a_role_is_refused() -> None:
    """A message that is an instruction to a graph is not sent."""
    with pytest.raises(InvalidInputError, match="RemoveMessage"):
        on_the_wire(RemoveMessage(id="1"))


def test_name_of_a_speaker_is_sent() -> None:
    """A name goes along, but not that of a tool, which no vendor takes."""
    named = on_the_wire(HumanMessage("a", name="Ann"), ToolMessage("b", tool_call_id="1", name="t"))

    assert named[0]["name"] == "Ann"
    assert "name" not in named[1]


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image_url", "image_url": {"url": DATA_URL}},
        {"type": "image", "base64": PIXEL, "mime_type": "image/png"},
        {"type": "image", "source_type": "base64", "data": PIXEL, "mime_type": "image/png"},
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": PIXEL},
        },
        {"type": "image", "url": DATA_URL},
        {"type": "image", "source": {"type": "url", "url": DATA_URL}},
    ],
    ids=["wire", "v1", "v0", "anthropic", "v1-url", "anthropic-url"],
)
@pytest.mark.parametrize("kind", [HumanMessage, ToolMessage])
def test_picture_is_sent_in_one_form(block: dict[str, Any], kind: type[Any]) -> None:
    """LangChain's old and new blocks and Anthropic's become the wire's picture."""
    more = {"tool_call_id": "1"} if kind is ToolMessage else {}

    sent = on_the_wire(kind(content=["look:", block], **more))

    assert sent[0]["content"] == [{"type": "text", "text": "look:"}, SENT_IMAGE]


@pytest.mark.parametrize(
    ("block", "part"),
    [
        (
            {"type": "audio", "base64": "AA==", "mime_type": "audio/wav"},
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
        ),
        (
            {
                "type": "file",
                "base64": "AA==",
                "mime_type": "application/pdf",
                "extras": {"filename": "a.pdf"},
            },
            {
                "type": "file",
                "file": {"file_data": "data:application/pdf;base64,AA==", "filename": "a.pdf"},
            },
        ),
        (
            {"type": "video", "url": "https://example.org/a.mp4"},
            {"type": "video_url", "video_url": {"url": "https://example.org/a.mp4"}},
        ),
    ],
    ids=["audio", "file", "video"],
)
def test_attachment_is_sent_in_the_wires_form(block: dict[str, Any], part: Any) -> None:
    """Recordings, files and videos become what the vendors take."""
    assert on_the_wire(HumanMessage(content=[block, "a"]))[0]["content"][0] == part


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image", "base64": PIXEL},
        {"type": "image", "source": {"type": "base64"}},
        {"type": "file", "url": "https://example.org/a.pdf"},
        {"type": "text"},
        {"text": "no type"},
    ],
)
def test_block_that_cannot_be_sent_is_named(block: dict[str, Any]) -> None:
    """A block that lacks something is an error that says which block."""
    with pytest.raises(InvalidInputError, match=f"type {block.get('type')!r}"):
        on_the_wire(HumanMessage(content=[block]))


@pytest.mark.parametrize(
    "content",
    [
        ["a", "b"],
        [{"type": "text", "text": "a"}, {"type": "text-plain", "text": "b"}],
        [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}, "b"],
    ],
)
@pytest.mark.parametrize("kind", [HumanMessage, SystemMessage, ToolMessage])
def test_text_in_blocks_is_sent_as_text(kind: type[Any], content: Any) -> None:
    """Blocks of text alone become a text: not every vendor takes a list."""
    more = {"tool_call_id": "1"} if kind is ToolMessage else {}

    assert on_the_wire(kind(content=content, **more))[0]["content"] == "ab"


def test_blocks_of_another_vendor_stay_behind() -> None:
    """Of an answer in blocks its text goes back, and neither thoughts nor tool blocks."""
    foreign = AIMessage(
        content=[
            {"type": "thinking", "thinking": "hm", "signature": "x"},
            {"type": "text", "text": "ok"},
            {"type": "tool_use", "id": "1", "name": "t", "input": {}},
            {"type": "input_json_delta", "partial_json": "{"},
        ],
        tool_calls=[{"name": "t", "args": {"城市": "北京"}, "id": "1"}],
    )

    sent = on_the_wire(foreign, ToolMessage("done", tool_call_id="1"))

    arguments = sent[0].pop("tool_calls")[0]["function"]["arguments"]
    assert sent[0] == {"role": "assistant", "content": "ok"}
    assert arguments == '{"城市": "北京"}'


@pytest.mark.parametrize(("family", "sent"), [("deepseek", True), ("claude", False), (None, False)])
def test_reasoning_goes_back_to_its_own_family(family: str | None, sent: bool) -> None:
    """Reasoning that led to a tool call is given back to the family it came from, and no other."""
    message = AIMessage(
        "",
        tool_calls=[{"name": "t", "args": {}, "id": "1"}],
        additional_kwargs={"reasoning_content": "hm"},
        response_metadata={"family": "deepseek"},
    )

    wire = on_the_wire(message, reasoning_of=family)[0]

    assert ("reasoning_content" in wire) is sent


def test_tool_loop_is_known_by_its_last_answer() -> None:
    """Inside a tool loop the model that asked is known, and outside it is not."""
    asking = AIMessage(
        "",
        tool_calls=[{"name": "t", "args": {}, "id": "1"}],
        response_metadata={"globalapi": {"model": "glm-5"}},
    )
    result = ToolMessage("done", tool_call_id="1")

    assert _bridge.answered_by([HumanMessage("a"), asking, result]) == "glm-5"
    assert _bridge.answered_by([HumanMessage("a"), asking, result, HumanMessage("b")]) is None
    assert _bridge.answered_by([AIMessage("a"), result]) is None


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("arguments", "finish"),
    [
        ('{"city": "Par', "tool_calls"),
        ('{"city": "Paris"', "tool_calls"),
        ('{"city": "Paris"}', "length"),
        ('{"city": ', "length"),
        ('["Paris"]', "tool_calls"),
        ("Paris", "tool_calls"),
    ],
)
def test_unsound_call_never_runs(stream: bool, arguments: str, finish: str) -> None:
    """A call that was cut or is no JSON object is among the invalid ones, whole or merged."""
    body = events([call(arguments)], finish) if stream else whole(call(arguments), finish)

    message = answered(body, stream=stream)

    assert message.tool_calls == []
    assert [each["name"] for each in message.invalid_tool_calls] == ["weather"]
    said = message.invalid_tool_calls[0]["args"] or ""
    assert (json.loads(said) if stream else said) == arguments


@pytest.mark.parametrize("stream", [False, True])
def test_sound_call_beside_an_unsound_one_runs(stream: bool) -> None:
    """Each call is judged by itself."""
    good = {"index": 0, "id": "1", "function": {"name": "f", "arguments": '{"a": [1, {"b": 2}]}'}}
    bad = {"index": 1, "id": "2", "function": {"name": "g", "arguments": "{"}}
    calls = {"tool_calls": [good, bad]}

    message = answered(
        events([calls], "tool_calls") if stream else whole(calls, "tool_calls"), stream=stream
    )

    assert [(each["name"], each["args"]) for each in message.tool_calls] == [
        ("f", {"a": [1, {"b": 2}]})
    ]
    assert [each["name"] for each in message.invalid_tool_calls] == ["g"]


def test_unsound_call_never_runs_in_the_newest_events() -> None:
    """The events of version 3 end in a message that calls nothing."""
    with saying(events([call('{"city": "Par')], "length")) as server:
        model = ChatGlobalAPI(model="m", base_url=server.base_url)
        message = model.stream_events("hi", version="v3").output

    assert message.tool_calls == []
    assert message.response_metadata["finish_reason"] == "length"


def test_invalid_call_goes_back_only_with_its_result(
    chat: Callable[..., ChatGlobalAPI], sandbox: Sandbox
) -> None:
    """A call nobody answered is left out, for servers refuse calls without results."""
    invalid = AIMessage(
        "Let me see.",
        invalid_tool_calls=[{"name": "t", "args": "{", "id": "1", "error": None}],
    )
    history = [HumanMessage("a"), invalid, HumanMessage("b")]

    chat().invoke(history)

    assert "tool_calls" not in sandbox.requests[0].body["messages"][1]
    with_result = on_the_wire(invalid, ToolMessage("not JSON", tool_call_id="1"))
    assert with_result[0]["tool_calls"][0]["function"]["arguments"] == "{"


def test_metadata_of_an_answer_is_plain_json(chat: Callable[..., ChatGlobalAPI]) -> None:
    """What is on a message can be stored by a checkpointer or a log."""
    answer = chat().invoke("Which port?")

    assert json.loads(json.dumps(answer.response_metadata)) == answer.response_metadata
