"""What the sandbox refuses, and what it must not."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from globalapi_core.catalog import ModelInfo
from globalapi_core.sandbox import Sandbox, rules
from globalapi_core.sandbox.chat import ChatRequest

from .client import chat, tool

USER = {"role": "user", "content": "Hello"}
CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "3"}
ADD = tool("add", "Adds", a={"type": "integer"})
PICTURE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
SCHEMA = {"name": "x", "schema": {"type": "object"}}


def _called(*calls: Any) -> list[Any]:
    return [USER, {"role": "assistant", "content": None, "tool_calls": list(calls)}]


def _function(**function: Any) -> dict[str, Any]:
    return {"type": "function", "function": function}


REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("an unknown field", {"best_of": 2}, "best_of", "best_of"),
    ("two answers", {"n": 2}, "n", "expected 1"),
    ("n as a float that is 1", {"n": 1.0}, "n", "expected 1"),
    ("log-probabilities", {"logprobs": True}, "logprobs", "expected False"),
    ("a temperature above 2", {"temperature": 2.1}, "temperature", "from 0 to 2"),
    ("a temperature below 0", {"temperature": -0.1}, "temperature", "from 0 to 2"),
    ("a temperature in words", {"temperature": "hot"}, "temperature", "from 0 to 2"),
    ("a top_p above 1", {"top_p": 1.1}, "top_p", "from 0 to 1"),
    ("no tokens of answer", {"max_tokens": 0}, "max_tokens", "at least 1"),
    ("a flag as a length", {"max_tokens": True}, "max_tokens", "at least 1"),
    ("more than it writes", {"max_tokens": 501}, "max_tokens", "at most 500"),
    ("more, in the newer name", {"max_completion_tokens": 501}, "max_completion_tokens", "500"),
    ("both lengths", {"max_tokens": 1, "max_completion_tokens": 1}, "max_tokens", "not both"),
    ("stream in words", {"stream": "yes"}, "stream", "true or false"),
    ("options of no stream", {"stream_options": {"include_usage": True}}, "stream_options", "only"),
    (
        "an unknown stream option",
        {"stream": True, "stream_options": {"usage": True}},
        "stream_options.usage",
        "unknown",
    ),
    ("17 stop sequences", {"stop": ["x"] * 17}, "stop", "up to 16"),
    ("an empty stop sequence", {"stop": ""}, "stop", "none empty"),
    ("an unknown effort", {"reasoning_effort": "most"}, "reasoning_effort", "'high'"),
    ("an unknown thinking type", {"thinking": {"type": "on"}}, "thinking", "'enabled'"),
    ("no messages", {"messages": []}, "messages", "at least one"),
    ("messages that are null", {"messages": None}, "messages", "at least one"),
    ("messages as text", {"messages": "Hello"}, "messages", "a list"),
    ("a message as text", {"messages": ["Hello"]}, "messages[0]", "object"),
    ("an unknown role", {"messages": [{"role": "bot", "content": "x"}]}, "messages[0].role", "bot"),
    ("no content", {"messages": [{"role": "user"}]}, "messages[0].content", "None"),
    ("no parts", {"messages": [{"role": "user", "content": []}]}, "messages[0].content", "[]"),
    (
        "an unknown part",
        {"messages": [{"role": "user", "content": [{"type": "tool_use"}]}]},
        "messages[0].content[0].type",
        "takes audio_url, file",
    ),
    (
        "a picture from the assistant",
        {"messages": [{"role": "assistant", "content": [PICTURE]}]},
        "messages[0].content[0].type",
        "refusal, text",
    ),
    (
        "an unknown field of a message",
        {"messages": [{**USER, "tool_call_id": "c1"}]},
        "messages[0].tool_call_id",
        "unknown",
    ),
    ("a picture to a blind model", {"messages": [{**USER, "content": [PICTURE]}]},
     "messages[0].content", "flash takes text"),
    ("no tools in the list", {"tools": []}, "tools", "expected 1 to 128"),
    ("129 tools", {"tools": [tool(f"t{i}") for i in range(129)]}, "tools", "129"),
    ("the same tool twice", {"tools": [ADD, ADD]}, "tools", "'add' twice"),
    ("a tool without wrapping", {"tools": [{"name": "add"}]}, "tools[0]", "type 'function'"),
    ("a tool with a blank name", {"tools": [tool("get weather")]}, "tools[0]", "A-Z"),
    (
        "an Anthropic tool",
        {"tools": [{**ADD, "cache_control": {"type": "ephemeral"}}]},
        "tools[0]",
        "'cache_control'",
    ),
    (
        "parameters of no object",
        {"tools": [_function(name="f", parameters={"type": "string"})]},
        "tools[0]",
        "'object'",
    ),
    ("a type that is none", {"tools": [tool("f", x={"type": "text"})]},
     "tools[0].function.parameters", "properties.x.type is 'text'"),
    ("a reference to nothing", {"tools": [tool("f", x={"$ref": "#/$defs/X"})]},
     "tools[0].function.parameters", "leads nowhere"),
    ("a reference in a circle", {"tools": [tool("f", x={"$ref": "#/properties/x"})]},
     "tools[0].function.parameters", "circle"),
    ("a choice without tools", {"tool_choice": "auto"}, "tool_choice", "only allowed with tools"),
    ("LangChain's any", {"tools": [ADD], "tool_choice": "any"}, "tool_choice", "'required'"),
    (
        "a choice of a tool not offered",
        {"tools": [ADD], "tool_choice": {"type": "function", "function": {"name": "mul"}}},
        "tool_choice",
        "offered are add",
    ),
    ("a choice without a name", {"tools": [ADD], "tool_choice": {"type": "auto"}},
     "tool_choice", "'auto'"),
    ("parallel calls of no tools", {"parallel_tool_calls": False}, "parallel_tool_calls", "tools"),
    ("a result without its call", {"messages": [USER, RESULT]}, "messages[1]", "'c1'"),
    (
        "a result after another message",
        {"messages": [USER, CALLING, RESULT, USER, RESULT]},
        "messages[4]",
        "'c1'",
    ),
    ("a call without its result", {"messages": [USER, CALLING]}, "messages[1].tool_calls", "c1"),
    (
        "a call whose result comes too late",
        {"messages": [USER, CALLING, USER, RESULT]},
        "messages[1].tool_calls",
        "missing: c1",
    ),
    (
        "one result for two calls",
        {"messages": [*_called(CALL, {**CALL, "id": "c2"}), RESULT]},
        "messages[1].tool_calls",
        "missing: c2",
    ),
    (
        "no calls in the list",
        {"messages": [USER, {"role": "assistant", "content": "Hi", "tool_calls": []}]},
        "messages[1].tool_calls",
        "leave it out",
    ),
    (
        "arguments as an object",
        {"messages": _called({**CALL, "function": {"name": "add", "arguments": {}}})},
        "messages[1].tool_calls[0].function.arguments",
        "string",
    ),
    (
        "a call with an index",
        {"messages": [*_called({**CALL, "index": 0}), RESULT]},
        "messages[1].tool_calls[0].index",
        "'index'",
    ),
    ("a format that is none", {"response_format": {"type": "xml"}}, "response_format.type", "xml"),
    ("a schema without schema", {"response_format": {"type": "json_schema"}},
     "response_format.json_schema", "name and schema"),
    ("a schema without name",
     {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}},
     "response_format.json_schema.name", "string"),
    ("JSON without the word", {"response_format": {"type": "json_object"}}, "messages", "'json'"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "param", "said"),
    [case[1:] for case in REFUSED],
    ids=[case[0] for case in REFUSED],
)
def test_request_is_refused_with_where_and_why(
    sandbox: Sandbox, fields: dict[str, Any], param: str, said: str
) -> None:
    """What a real server would not accept gets 400, the field and what was expected."""
    got = chat(sandbox.port, **fields)

    assert got.status == 400
    assert got.error["type"] == "invalid_request_error"
    assert got.error["param"] == param
    assert said in got.error["message"]


ACCEPTED: list[tuple[str, dict[str, Any]]] = [
    ("null in place of nothing", {"temperature": None, "tools": None, "stop": None, "n": None}),
    ("the bounds", {"temperature": 2, "top_p": 0, "max_tokens": 500, "seed": -1, "n": 1}),
    ("every vendor's switch", {"enable_thinking": False, "thinking_budget": 10, "top_k": 3}),
    ("roles in any order", {"messages": [USER, USER, {"role": "system", "content": "Be brief"}]}),
    ("a name", {"messages": [{**USER, "name": "example_user"}]}),
    ("parts of text", {"messages": [{**USER, "content": [{"type": "text", "text": "Hello"}]}]}),
    ("a tool loop", {"messages": [USER, CALLING, RESULT], "tools": [ADD]}),
    ("a tool loop without its tools", {"messages": [USER, CALLING, RESULT]}),
    ("reasoning sent back", {"messages": [USER, {**CALLING, "reasoning_content": "Hm"}, RESULT]}),
    ("results in another order",
     {"messages": [*_called({**CALL, "id": "0"}, CALL), RESULT, {**RESULT, "tool_call_id": "0"}]}),
    ("a tool without parameters", {"tools": [_function(name="now")]}),
    ("a named choice",
     {"tools": [ADD], "tool_choice": {"type": "function", "function": {"name": "add"}}}),
    ("the word in a system message",
     {"messages": [{"role": "system", "content": "Answer in JSON"}, USER],
      "response_format": {"type": "json_object"}}),
    ("a schema", {"response_format": {"type": "json_schema", "json_schema": SCHEMA}}),
]  # fmt: skip


@pytest.mark.parametrize(
    "fields", [case[1] for case in ACCEPTED], ids=[case[0] for case in ACCEPTED]
)
def test_request_is_accepted(sandbox: Sandbox, fields: dict[str, Any]) -> None:
    """What the real servers take is answered."""
    got = chat(sandbox.port, **fields)

    assert got.status == 200, got.error


def test_unknown_model_gets_404_and_a_near_name(sandbox: Sandbox) -> None:
    """A typing error is told from a missing model."""
    got = chat(sandbox.port, model="flsh")

    assert got.status == 404
    assert got.error["code"] == "model_not_found"
    assert "did you mean 'flash'?" in got.error["message"]


@pytest.mark.parametrize("model", [None, "", 5])
def test_request_without_a_model_gets_400(sandbox: Sandbox, model: Any) -> None:
    """No model is not an unknown model."""
    got = chat(sandbox.port, model=model)

    assert got.status == 400
    assert got.error["param"] == "model"


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [ADD]},
        {"response_format": {"type": "json_schema", "json_schema": SCHEMA}},
    ],
    ids=["tools", "JSON"],
)
def test_what_a_model_cannot_do_is_refused(sandbox: Sandbox, fields: dict[str, Any]) -> None:
    """The catalog's capabilities are those of the sandbox."""
    got = chat(sandbox.port, "json", model="plain", **fields)

    assert got.status == 400
    assert got.error["message"].startswith("plain ")


def test_prompt_beyond_the_context_window_is_refused_with_the_numbers(sandbox: Sandbox) -> None:
    """Prompt and answer together must fit; the message counts both."""
    got = chat(sandbox.port, "word" + " word" * 9_599, max_tokens=500)

    assert got.status == 400
    assert got.error["code"] == "context_length_exceeded"
    assert "10000 tokens" in got.error["message"]
    assert "10104 were asked for (9604 in the messages, 500 for the answer)" in got.error["message"]
    assert chat(sandbox.port, "word" + " word" * 9_599).status == 200


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,????"}}, "base64"),
        (
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
            "does not begin like one",
        ),
        ({"type": "image_url", "image_url": {"url": "data:image/bmp;base64,AAAA"}}, "image/bmp"),
        ({"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}, "'file:///etc/pass"),
        ({"type": "image_url", "image_url": "https://example.com/a.png"}, "object with a url"),
        ({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}, "audio/wav"),
        ({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "ogg"}}, "'ogg'"),
        ({"type": "file", "file": {"file_id": "f1"}}, "file_data"),
        ({"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA"}}, "pdf"),
        ({"type": "file", "file": {"file_data": "https://example.com/a.pdf"}}, "data:<media type>"),
    ],
)
def test_attachment_that_cannot_be_decoded_is_refused(
    sandbox: Sandbox, part: dict[str, Any], said: str
) -> None:
    """Attachments are really decoded: a wrong one gets 400 and the reason."""
    got = chat(sandbox.port, [part], model="eyes")

    assert got.status == 400
    assert said in got.error["message"]


def test_rule_of_a_family_binds_its_models_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule in `FAMILIES` is asked for the models of that family."""

    def only_one(request: ChatRequest, model: ModelInfo) -> rules.Refusal | None:
        refused = request.body.get("temperature", 1) != 1
        return rules.Refusal("only 1 is allowed", "temperature") if refused else None

    monkeypatch.setattr(rules, "FAMILIES", {"kimi": (only_one,)})
    request = ChatRequest({"model": "m", "messages": [USER], "temperature": 0})
    refused = rules.check(request, ModelInfo(name="m", id="m", family="kimi"))

    assert refused == rules.Refusal("only 1 is allowed", "temperature")
    assert rules.check(request, ModelInfo(name="m", id="m", family="glm")) is None


def test_pdf_and_sound_reach_a_model_that_takes_them(sandbox: Sandbox) -> None:
    """What was sent is named, with its size."""
    pdf = base64.b64encode(b"%PDF-1.7\n%%EOF").decode()
    wav = base64.b64encode(b"RIFF\x24\x00\x00\x00WAVEfmt ").decode()
    got = chat(
        sandbox.port,
        [
            {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{pdf}"}},
            {"type": "input_audio", "input_audio": {"data": wav, "format": "wav"}},
        ],
        model="eyes",
    )

    assert got.text == "[sandbox] Received application/pdf, 14 bytes; audio/wav, 16 bytes."
