"""Whole bodies: an answer, or a typed error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globalapi_core.errors import (
    ConnectionLostError,
    ContentFilteredError,
    GatewayError,
    IncompleteResponseError,
    RateLimitError,
    ResponseError,
)
from globalapi_core.pricing import Usage
from globalapi_core.signals import size
from globalapi_core.wire.request import Payload
from globalapi_core.wire.response import Reply, load, losses, parse, usage


@dataclass(frozen=True)
class Head:
    """Status and headers of an answer."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def parsed(body: object, **headers: str) -> Reply:
    """The answer in *body*: bytes, or what JSON is made of."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return parse(data, Payload(b"", "m", ("adapted",)), Head(headers=headers), secret=None)


def answer(message: object, finish: object = "stop", **extra: Any) -> dict[str, Any]:
    """A body with one choice."""
    return {"choices": [{"index": 0, "message": message, "finish_reason": finish}], **extra}


def test_answer_with_everything() -> None:
    """Every fact of an answer is read."""
    reply = parsed(
        answer(
            {"content": "a", "reasoning_content": "r"},
            id="c1",
            model="served",
            system_fingerprint="fp",
            usage={"prompt_tokens": 3, "completion_tokens": 2},
        ),
        **{"x-request-id": "req-1"},
    )

    assert reply == Reply(
        text="a",
        finish_reason="stop",
        reasoning="r",
        usage=Usage(3, 2),
        model="served",
        id="c1",
        request_id="req-1",
        fingerprint="fp",
        adaptations=("adapted",),
    )


@pytest.mark.parametrize("prefix", [b"\xef\xbb\xbf", b"\n\n\n  ", b"\xef\xbb\xbf\r\n"])
def test_blanks_before_the_answer(prefix: bytes) -> None:
    """Blank lines and a byte order mark before a body are skipped: servers send them to wait."""
    assert parsed(prefix + json.dumps(answer({"content": "a"})).encode()).text == "a"


@pytest.mark.parametrize(
    "body",
    [
        {"choices": []},
        {"choices": None},
        {"choices": {}},
        {"choices": "x"},
        {"choices": [None]},
        {"choices": [{}]},
        answer(None),
        answer([]),
        {},
        [],
        "text",
        None,
        b"<html>portal</html>",
        b'{"choices": [{"mess',
        b"",
        b"\xff\xfe",
    ],
)
def test_body_without_a_message(body: object) -> None:
    """A body without a message may be asked for again, and elsewhere."""
    with pytest.raises(ResponseError) as caught:
        parsed(body)

    assert caught.value.retryable
    assert caught.value.fallback


@pytest.mark.parametrize("finish", [None, "", 0])
def test_no_finish_reason(finish: object) -> None:
    """Without a finish reason a body is half an answer."""
    with pytest.raises(IncompleteResponseError) as caught:
        parsed(answer({"content": "half"}, finish))

    assert caught.value.partial_text == "half"


def test_error_under_200() -> None:
    """An error under 200 is what its body says, also beside a message."""
    with pytest.raises(RateLimitError):
        parsed(answer({"content": ""}, error={"code": 429, "message": "slow down"}))


def test_content_filter() -> None:
    """An answer that was filtered is an error, not an empty answer."""
    with pytest.raises(ContentFilteredError):
        parsed(answer({"content": None}, "content_filter"))


@pytest.mark.parametrize("content", [None, "", []])
def test_empty_answer(content: object) -> None:
    """An empty text with a finish reason is an empty answer."""
    assert parsed(answer({"content": content})).text == ""


def test_length_limit_makes_calls_unrunnable() -> None:
    """Of an answer that hit its limit no tool call may run."""
    call = {"id": "a", "function": {"name": "f", "arguments": "{}"}}

    reply = parsed(answer({"content": "", "tool_calls": [call]}, "length"))

    assert not reply.tool_calls
    assert "length limit" in reply.invalid_tool_calls[0].error


def test_stop_keeps_calls() -> None:
    """Calls count under `stop` too: not every server says `tool_calls`."""
    call = {"id": "a", "function": {"name": "f", "arguments": '{"x": 1}'}}

    assert parsed(answer({"tool_calls": [call]})).tool_calls[0].arguments == {"x": 1}


@pytest.mark.parametrize(
    ("data", "counts"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 0}, Usage(3, 0)),
        ({"prompt_tokens": 3, "completion_tokens": None}, Usage(3)),
        ({"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 4}}, Usage(9, None, 4)),
        ({"prompt_tokens": 9, "prompt_cache_hit_tokens": 4}, Usage(9, None, 4)),
        (
            {"completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 4}},
            Usage(None, 9, None, 4),
        ),
        ({"prompt_tokens": -1, "completion_tokens": True}, None),
        ({"prompt_tokens": "3"}, None),
        ({"prompt_tokens_details": "x", "prompt_tokens": 1}, Usage(1)),
        ({}, None),
        (None, None),
        ([], None),
    ],
)
def test_usage(data: object, counts: Usage | None) -> None:
    """Each count is what the server claims; one it does not make is unknown."""
    assert usage(data) == counts


def test_load_what_is_no_json() -> None:
    """What is no JSON is `None`, however deep or odd it is."""
    assert [load(each) for each in (b"{", b"[" * 9_999, b"\xff", b'"\\ud83d', b"")] == [None] * 5


def test_half_a_character_survives_in_json() -> None:
    """Half of a surrogate pair does not make a body unreadable."""
    assert parsed(json.dumps(answer({"content": "a\ud83d"})).encode()).text == "a\ufffd"


# --- what an error says of the answer -----------------------------------------------------------

USAGE = {"prompt_tokens": 3, "completion_tokens": 2}


@pytest.mark.parametrize(
    "body",
    [
        answer({"content": "half"}, "content_filter", usage=USAGE),
        answer({"content": "half"}, "network_error", usage=USAGE),
        answer({"content": "half"}, None, usage=USAGE),
        {"choices": [], "usage": USAGE},
        {"error": {"message": "overloaded"}, "usage": USAGE},
    ],
)
def test_error_says_what_was_used(body: dict[str, Any]) -> None:
    """Whatever is wrong with an answer, usage that it states is on the error, and its text."""
    with pytest.raises(GatewayError) as caught:
        parsed(body)

    assert caught.value.usage == Usage(3, 2)
    assert caught.value.partial_text == ("half" if body.get("choices") else "")


def test_empty_json_says_what_was_used() -> None:
    """An answer without the JSON that was asked for was paid for all the same."""
    body = json.dumps(answer({"content": " "}, usage=USAGE)).encode()

    with pytest.raises(ResponseError) as caught:
        parse(body, Payload(b"", "m", (), wants_json=True), Head(), secret=None)

    assert caught.value.usage == Usage(3, 2)


def test_error_estimates_what_had_come() -> None:
    """Text, reasoning and tool calls all count."""
    call = {"id": "c", "function": {"name": "look", "arguments": '{"at":'}}
    message = {"content": "a" * 10, "reasoning_content": "b" * 10, "tool_calls": [call]}

    with pytest.raises(IncompleteResponseError) as caught:
        parsed(answer(message, None))

    assert caught.value.partial_tokens == 8
    assert caught.value.begun


@pytest.mark.parametrize(
    ("body", "begun"),
    [
        (answer({"content": "half"}, "content_filter"), True),
        (answer({"content": "half"}, "network_error"), True),
        (answer(None), True),
        (b"<html>", True),
        ({"error": {"message": "rate limit reached"}}, False),
    ],
)
def test_error_says_whether_an_answer_had_begun(body: object, begun: bool) -> None:
    """Only what is an error from its first word is sure not to be billed."""
    with pytest.raises(GatewayError) as caught:
        parsed(body)

    assert caught.value.begun is begun
    assert caught.value.usage is None


def test_answer_without_usage_is_estimated() -> None:
    """Where the server does not say, an answer knows about how long it is."""
    assert parsed(answer({"content": "a" * 10})).tokens == 2
    assert parsed(answer({"content": "a" * 10}, usage=USAGE)).tokens is None


BODY = json.dumps(answer({"content": "héllo 你好", "role": "assistant"}, usage=USAGE)).encode()


@given(st.integers(0, len(BODY)))
def test_lost_body(end: int) -> None:
    """A body that breaks off anywhere gives what had come of it, and is still the same error."""
    lost = ConnectionLostError("lost")

    with pytest.raises(ConnectionLostError) as caught, losses(bytearray(BODY[:end])):
        raise lost

    assert caught.value is lost
    assert "héllo 你好".startswith(lost.partial_text)
    assert lost.partial_tokens == round(size.of_text(lost.partial_text))
    assert lost.usage is None


def test_lost_body_shows_its_text() -> None:
    """Half a text of a lost body is on the error."""
    half = BODY[: BODY.index(b'"finish_reason"')]

    with pytest.raises(ConnectionLostError) as caught, losses(bytearray(half)):
        raise ConnectionLostError("lost")

    assert caught.value.partial_text == "héllo 你好"


@given(st.binary(max_size=60))
def test_any_lost_body(body: bytes) -> None:
    """Whatever bytes had come, the error is the one that was raised."""
    with pytest.raises(ConnectionLostError), losses(bytearray(body)):
        raise ConnectionLostError("lost")
