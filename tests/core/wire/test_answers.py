"""JSON from a model that has tools and no JSON mode: the call of a tool becomes the text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from globalapi_core.catalog import Catalog
from globalapi_core.errors import ResponseError
from globalapi_core.sandbox import Sandbox
from globalapi_core.settings import Endpoint
from globalapi_core.wire import ChatRequest, Delta, Reply, Wire
from globalapi_core.wire.request import Payload, build
from globalapi_core.wire.response import parse
from globalapi_core.wire.stream import StreamReader

CLAUDE = Catalog.default().resolve("claude-3-5-sonnet")
ENDPOINT = Endpoint("http://127.0.0.1:1/v1", None)
HI = [{"role": "user", "content": 'The topic is "invoice" and urgent is true.'}]
SCHEMA: Mapping[str, Any] = {
    "title": "Ticket",
    "type": "object",
    "properties": {"topic": {"type": "string"}, "urgent": {"type": "boolean"}},
    "required": ["topic", "urgent"],
}
WHOLE = '{"topic": "invoice", "urgent": true}'
LOOK = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}


@dataclass(frozen=True)
class Head:
    """Status and headers of an answer."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def formatted(schema: Mapping[str, Any], name: str = "Ticket") -> dict[str, Any]:
    """The `response_format` for *schema*."""
    return {"type": "json_schema", "json_schema": {"name": name, "schema": schema}}


REQUEST = ChatRequest(HI, response_format=formatted(SCHEMA))


def payload(request: ChatRequest = REQUEST) -> Payload:
    """*request* for Claude."""
    return build(request, CLAUDE, ENDPOINT, stream=False)


def calls(*named: tuple[str, str]) -> list[dict[str, Any]]:
    """Tool calls by name and arguments."""
    return [
        {"index": i, "id": f"c{i}", "function": {"name": name, "arguments": arguments}}
        for i, (name, arguments) in enumerate(named)
    ]


def read(
    *named: tuple[str, str],
    text: str | None = None,
    finish: str = "tool_calls",
    tools: Sequence[Mapping[str, Any]] = (),
) -> Reply:
    """What an answer with these calls is read as."""
    message = {"role": "assistant", "content": text, "tool_calls": calls(*named)}
    body = {"choices": [{"index": 0, "message": message, "finish_reason": finish}]}
    sent = payload(replace(REQUEST, tools=tools))
    return parse(json.dumps(body).encode(), sent, Head(), secret=None)


def streamed(*deltas: Mapping[str, Any], finish: str = "tool_calls") -> list[Delta | Reply]:
    """What is shown of a stream of *deltas*, and last the answer."""
    reader = StreamReader(payload(), Head(), secret=None)
    items: list[Delta | Reply] = []
    for delta, reason in [*((each, None) for each in deltas), ({}, finish)]:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        items += reader.feed(b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n")
    return [*items, *reader.close()]


@pytest.mark.parametrize("finish", ["tool_calls", "stop", "tool_use"])
@pytest.mark.parametrize("text", [None, "I will sort it."])
def test_call_becomes_the_text(text: str | None, finish: str) -> None:
    """The arguments are the answer in JSON; no call is left, and what was said before is not."""
    reply = read(("Ticket", WHOLE), text=text, finish=finish)

    assert json.loads(reply.text) == json.loads(WHOLE)
    assert (reply.tool_calls, reply.invalid_tool_calls) == ((), ())
    assert reply.finish_reason == "stop"
    assert reply.adaptations[-1] == (
        "JSON asked for by the tool 'Ticket': claude-3-5-sonnet has no JSON mode"
    )


def test_text_without_a_call_stays() -> None:
    """A model that could not be forced may write the JSON."""
    assert read(text=WHOLE, finish="stop").text == WHOLE


@pytest.mark.parametrize("arguments", ['{"topic": "inv', "[1]", "", "null"])
def test_broken_call_is_no_answer(arguments: str) -> None:
    """Half an object, or none, is an error that has what came."""
    with pytest.raises(ResponseError, match="object that was asked for") as caught:
        read(("Ticket", arguments))

    assert caught.value.partial_text == arguments
    assert caught.value.retryable


def test_call_cut_at_the_limit_is_no_answer() -> None:
    """What parses may still be cut; the same model would be cut again, another need not be."""
    with pytest.raises(ResponseError, match="hit its length limit") as caught:
        read(("Ticket", WHOLE), finish="length")

    assert not caught.value.retryable
    assert caught.value.fallback


def test_calls_of_other_tools_stay_calls() -> None:
    """Only the tool of the answer becomes text."""
    reply = read(("look", "{}"), tools=[LOOK])

    assert [each.name for each in reply.tool_calls] == ["look"]
    assert (reply.text, reply.finish_reason) == ("", "tool_calls")


def test_object_beside_other_calls() -> None:
    """A model may do both: the object is the text, the others are to be run."""
    reply = read(("look", "{}"), ("Ticket", WHOLE), tools=[LOOK])

    assert json.loads(reply.text) == json.loads(WHOLE)
    assert [each.name for each in reply.tool_calls] == ["look"]
    assert reply.finish_reason == "tool_calls"


def test_broken_object_beside_other_calls() -> None:
    """The others can still be run, after which the object is asked for again."""
    reply = read(("look", "{}"), ("Ticket", "{"), tools=[LOOK])

    assert [each.name for each in reply.tool_calls] == ["look"]
    assert [each.name for each in reply.invalid_tool_calls] == ["Ticket"]


def test_stream_shows_the_object_last_and_whole() -> None:
    """Reasoning comes as it comes; text waits, because a call may take its place."""
    (call,) = calls(("Ticket", WHOLE))
    first = {**call, "function": {"name": "Ticket", "arguments": WHOLE[:9]}}
    second = {"index": 0, "function": {"arguments": WHOLE[9:]}}

    *deltas, reply = streamed(
        {"reasoning_content": "Hm."},
        {"content": "I will sort it."},
        {"tool_calls": [first]},
        {"tool_calls": [second]},
    )

    assert isinstance(reply, Reply)
    assert deltas == [Delta(reasoning="Hm."), Delta(text=reply.text)]
    assert json.loads(reply.text) == json.loads(WHOLE)


def test_stream_without_a_call_shows_its_text() -> None:
    """Text that is the answer after all is shown at the end."""
    *deltas, reply = streamed({"content": WHOLE[:9]}, {"content": WHOLE[9:]}, finish="stop")

    assert isinstance(reply, Reply)
    assert deltas == [Delta(text=WHOLE)]
    assert reply.text == WHOLE


def test_stream_shows_nothing_of_a_broken_call() -> None:
    """So that another model can still be asked."""
    with pytest.raises(ResponseError):
        streamed({"tool_calls": calls(("Ticket", WHOLE[:9]))})


def test_name_that_a_tool_has_already() -> None:
    """The caller's tool keeps its name, and its calls."""
    request = replace(REQUEST, tools=[LOOK], response_format=formatted(SCHEMA, "look"))

    sent = payload(request)

    assert sent.answer_tool == "look_"
    assert [each["function"]["name"] for each in json.loads(sent.body)["tools"]] == [
        "look", "look_",
    ]  # fmt: skip


def test_class_that_holds_itself() -> None:
    """Its schema is a pointer; a tool's parameters are the object it points at."""
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}
    request = replace(
        REQUEST, response_format=formatted({"$defs": {"Node": node}, "$ref": "#/$defs/Node"})
    )

    (tool,) = json.loads(payload(request).body)["tools"]

    assert tool["function"]["parameters"] == {**node, "$defs": {"Node": node}}


def test_schema_of_no_object() -> None:
    """A tool takes objects only: other JSON is asked for in the prompt."""
    sent = payload(replace(REQUEST, response_format=formatted({"type": "array"})))

    body = json.loads(sent.body)
    assert sent.answer_tool is None
    assert "tools" not in body
    assert '{"type":"array"}' in body["messages"][0]["content"]


@pytest.mark.parametrize("model", ["claude-3-5-sonnet", "minimax-m2.5"])
@pytest.mark.parametrize("tools", [(), (LOOK,)], ids=["alone", "with a tool"])
def test_sandbox_serves_it(model: str, tools: Sequence[Mapping[str, Any]]) -> None:
    """Whole and streamed, a strict server takes the request and its answer is JSON or a call."""
    info = Catalog.default().resolve(model)
    with Sandbox() as sandbox:
        wire = Wire(Endpoint(sandbox.base_url, None))
        request = replace(REQUEST, tools=tools)
        whole = wire.complete(request, info)
        *_, last = wire.stream(request, info)

    assert isinstance(last, Reply)
    for reply in (whole, last):
        assert tools or json.loads(reply.text)["urgent"] is True
        assert reply.text or [each.name for each in reply.tool_calls] == ["look"]
