"""Reading a streamed answer: any split, any end, any bytes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from globalapi_core.errors import (
    ContentFilteredError,
    GatewayError,
    IncompleteResponseError,
    RateLimitError,
    ResponseError,
    ServerError,
)
from globalapi_core.wire.request import Payload
from globalapi_core.wire.response import Delta, Reply
from globalapi_core.wire.stream import EventDecoder, StreamReader

from .server import DONE, HELLO, HELLO_EVENTS, event


@dataclass(frozen=True)
class Head:
    """Status and headers of an answer."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


SSE = {"content-type": "text/event-stream"}
JSON = {"content-type": "application/json"}


def read(chunks: Iterable[bytes], headers: Mapping[str, str] = SSE) -> tuple[list[Delta], Reply]:
    """Feed *chunks*; the deltas and the answer."""
    reader = StreamReader(Payload(b"", "m", ()), Head(headers=headers), secret="ga_canary")
    items: list[Delta | Reply] = []
    for chunk in chunks:
        items += reader.feed(chunk)
        if reader.done:
            break
    items += reader.close()
    *deltas, reply = items
    assert isinstance(reply, Reply)
    return [each for each in deltas if isinstance(each, Delta)], reply


def split(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    """*data* cut at each of *cuts*."""
    places = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


TEXT = "héllo 你好 🙂 a\u2028b\u0085c"
RICH = b"".join(
    [
        b": comment\n\n",
        event({"role": "assistant", "content": ""}, model="served"),
        event({"reasoning_content": "思考"}),
        event({"content": TEXT}),
        b'event: message\nid: 7\nretry: 10\ndata: {"choices": [{"delta":\n'
        b'data: {"content": "two lines"}}]}\n\n',
        event({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f"}}]}),
        event({"tool_calls": [{"index": 0, "function": {"arguments": '{"x": "'}}]}),
        event({"tool_calls": [{"index": 0, "function": {"arguments": '你"}'}}]}),
        event({}, "tool_calls"),
        b'data: {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}\n\n',
        DONE,
    ]
)
FINISH_AT = RICH.index(event({}, "tool_calls")) + len(event({}, "tool_calls")) - 2
"""Bytes up to the finish event's own line, without the line's end."""


@given(st.lists(st.integers(0, len(RICH)), max_size=12))
@example(list(range(len(RICH))))
def test_any_split_gives_the_same_answer(cuts: list[int]) -> None:
    """However the bytes of a stream are cut, the answer is the same."""
    deltas, reply = read(split(RICH, cuts))

    assert reply.text == TEXT + "two lines"
    assert "".join(each.text for each in deltas) == reply.text
    assert reply.reasoning == "思考"
    assert [(each.id, each.name, each.arguments) for each in reply.tool_calls] == [
        ("a", "f", {"x": "你"})
    ]
    assert reply.usage is not None
    assert reply.usage.as_dict() == {"input_tokens": 3, "output_tokens": 2}
    assert reply.model == "served"


@given(
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
    st.booleans(),
    st.lists(st.integers(0, 3_000), max_size=12),
)
@example(b"\r\n", True, list(range(3_000)))
@example(b"\r", False, list(range(3_000)))
def test_any_line_end_gives_the_same_answer(end: bytes, bom: bool, cuts: list[int]) -> None:
    """LF, CRLF and CR end a line, after a byte order mark or not, however it is cut."""
    data = (b"\xef\xbb\xbf" if bom else b"") + RICH.replace(b"\n", end)

    _, reply = read(split(data, cuts))

    assert reply.text == TEXT + "two lines"
    assert reply.tool_calls


@given(st.integers(0, FINISH_AT - 1))
def test_no_prefix_is_an_answer(length: int) -> None:
    """No part of a stream before its finish reason is an answer or yields a tool call."""
    with pytest.raises(IncompleteResponseError) as caught:
        read([RICH[:length]])

    assert (TEXT + "two lines").startswith(caught.value.partial_text)


@given(st.integers(0, FINISH_AT - 1))
def test_no_prefix_with_done_is_an_answer(length: int) -> None:
    """`[DONE]` after a broken answer proves nothing: gateways write it after every end."""
    with pytest.raises(GatewayError) as caught:
        read([RICH[:length], b"\n\n", DONE])

    assert isinstance(caught.value, ResponseError)


@given(st.binary(max_size=200))
@example(b"data: " + b"[" * 3_000)
@example(b"data: {" + b'"a":{' * 3_000)
@example(b'data: {"error": {"code": "\xc2\xb2"}}\n\n')
@example(b'data: {"error": {"code": "' + b"9" * 5_000 + b'"}}\n\n')
@example(b"\xef\xbb")
def test_any_bytes_are_an_answer_or_a_typed_error(data: bytes) -> None:
    """Whatever a server sends, nothing but a `GatewayError` comes of it."""
    try:
        read([data])
    except GatewayError:
        pass
    else:
        pytest.fail("random bytes are no answer")


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices", "delta", "message", "content", "reasoning_content", "tool_calls",
                    "index", "id", "function", "name", "arguments", "finish_reason", "usage",
                    "prompt_tokens", "prompt_tokens_details", "error", "code", "object", "model",
                    "type", "detail", "text", "refusal", "request_id", "response", "header",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)  # fmt: skip


@given(st.lists(JSON_VALUES, max_size=4), st.booleans())
def test_any_json_is_an_answer_or_a_typed_error(values: list[Any], whole: bool) -> None:
    """Whatever shape the JSON of a server has, nothing but a `GatewayError` comes of it."""
    events = [b"data: " + json.dumps(each).encode() + b"\n\n" for each in values]
    body = [json.dumps(values[0]).encode()] if whole and values else events

    try:
        _, reply = read(body)
    except GatewayError:
        return

    assert reply.finish_reason
    assert all(isinstance(each.name, str) and each.name for each in reply.tool_calls)
    assert all(isinstance(each.arguments, dict) for each in reply.tool_calls)


@given(st.lists(JSON_VALUES, max_size=3))
def test_any_delta_is_an_answer_or_a_typed_error(values: list[Any]) -> None:
    """A finished stream with deltas of any shape is an answer whose calls are sound."""
    events = [
        b"data: " + json.dumps({"choices": [{"delta": each}]}).encode() + b"\n\n" for each in values
    ]

    _, reply = read([*events, event({}, "tool_calls")])

    assert all(isinstance(each.name, str) and each.name for each in reply.tool_calls)
    assert all(isinstance(each.id, str) and each.id for each in reply.tool_calls)


def test_last_event_without_its_blank_line() -> None:
    """A last event that lacks its blank line, or its line end, counts."""
    _, reply = read([event({"content": "a"}), event({}, "stop").rstrip(b"\n")])

    assert reply.text == "a"


def test_data_without_a_space() -> None:
    """The space after `data:` is optional."""
    _, reply = read([event({"content": "a"}, "stop").replace(b"data: ", b"data:")])

    assert reply.text == "a"


@pytest.mark.parametrize("headers", [SSE, JSON, {}])
def test_stream_under_any_content_type(headers: Mapping[str, str]) -> None:
    """A stream is read as one whatever its content type says."""
    _, reply = read(HELLO_EVENTS, headers)

    assert reply.text == "hello"


@pytest.mark.parametrize("headers", [SSE, JSON, {}])
def test_body_in_place_of_a_stream(headers: Mapping[str, str]) -> None:
    """One JSON answer in place of a stream is accepted as one delta and the answer."""
    deltas, reply = read([b"\n\n" + json.dumps(HELLO, indent=1).encode()], headers)

    assert [each.text for each in deltas] == ["hello"]
    assert reply.finish_reason == "stop"


def test_whole_message_in_one_event() -> None:
    """An event that carries a message in place of a delta is not an empty answer."""
    deltas, reply = read([b"data: " + json.dumps(HELLO).encode() + b"\n\n"])

    assert [each.text for each in deltas] == ["hello"]
    assert reply.text == "hello"


def test_message_beside_the_deltas() -> None:
    """A message that repeats what the deltas said is not added to them."""
    last = {"choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}]}

    _, reply = read([event({"content": "hello"}), b"data: " + json.dumps(last).encode()])

    assert reply.text == "hello"


@pytest.mark.parametrize(
    "data",
    [
        b"<html><body>502 Bad Gateway</body></html>",
        b'"text"',
        b"[1, 2]",
        b"{",
        b"upstream connect error or disconnect",
        b'{"choices": []}',
        b'{"choices": null}',
        b'{"choices": [{"finish_reason": "stop"}]}',
        b'{"choices": [{"message": null, "finish_reason": "stop"}]}',
        b'{"object": "list"}',
    ],
)
@pytest.mark.parametrize("headers", [SSE, JSON])
def test_body_that_is_no_answer(data: bytes, headers: Mapping[str, str]) -> None:
    """A body that is no answer is an error that shows its beginning."""
    with pytest.raises(ResponseError) as caught:
        read([data], headers)

    assert data.decode()[:10] in str(caught.value)
    assert caught.value.retryable
    assert caught.value.fallback


@pytest.mark.parametrize("data", [b"", b"\n\n", b": keep-alive\n\n", b"\xef\xbb\xbf", DONE])
def test_empty_stream(data: bytes) -> None:
    """A stream without an answer is incomplete, with `[DONE]` and without."""
    with pytest.raises(IncompleteResponseError) as caught:
        read([data])

    assert caught.value.partial_text == ""


def test_done_without_finish_reason() -> None:
    """Text and `[DONE]`, but no finish reason: incomplete, with what had come."""
    with pytest.raises(IncompleteResponseError, match="after 5 characters") as caught:
        read([*HELLO_EVENTS[:3], DONE])

    assert caught.value.partial_text == "hello"


@pytest.mark.parametrize("finish", ["", None, 7, [], False])
def test_finish_reason_that_is_none(finish: object) -> None:
    """An empty finish reason, or one that is no text, is none."""
    piece = {"choices": [{"delta": {"content": "a"}, "finish_reason": finish}]}

    with pytest.raises(IncompleteResponseError):
        read([b"data: " + json.dumps(piece).encode() + b"\n\n", DONE])


def test_finish_reason_twice() -> None:
    """A finish reason that is repeated stays one value."""
    _, reply = read([event({"content": "a"}, "stop"), event({}, "stop")])

    assert reply.finish_reason == "stop"


@pytest.mark.parametrize("delta", [None, "absent"])
def test_last_event_without_a_delta(delta: object) -> None:
    """The finish reason counts in an event without a delta."""
    choice = {"index": 0, "finish_reason": "stop"} | ({} if delta else {"delta": None})
    last = b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"

    _, reply = read([event({"content": "a"}), last])

    assert (reply.text, reply.finish_reason) == ("a", "stop")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("end_turn", "stop"),
        ("eos", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("a_new_word", "a_new_word"),
    ],
)
def test_finish_reason_of_a_vendor(said: str, meant: str) -> None:
    """A vendor's word for an end is put in the common one; an unknown one is kept."""
    _, reply = read([event({"content": "a"}, said)])

    assert reply.finish_reason == meant


@pytest.mark.parametrize("reason", ["content_filter", "sensitive", "refusal"])
def test_finish_reason_of_a_filter(reason: str) -> None:
    """An answer that a content policy ended is an error with what had come."""
    with pytest.raises(ContentFilteredError, match=reason) as caught:
        read([event({"content": "a"}), event({}, reason)])

    assert caught.value.partial_text == "a"
    assert not caught.value.fallback


@pytest.mark.parametrize(
    "reason", ["error", "network_error", "insufficient_system_resource", "aborted"]
)
def test_finish_reason_of_a_break(reason: str) -> None:
    """An answer the server says it broke off may be asked for again."""
    with pytest.raises(ServerError, match=reason) as caught:
        read([event({"content": "a"}), event({}, reason)])

    assert caught.value.retryable
    assert caught.value.partial_text == "a"


ERRORS: Mapping[str, tuple[Mapping[str, Any], type[GatewayError], str]] = {
    "OpenAI": ({"error": {"message": "no", "type": "server_error"}}, ServerError, "no"),
    "OpenRouter": ({"error": {"code": 429, "message": "slow down"}}, RateLimitError, "slow down"),
    "text": ({"error": "broken"}, ServerError, "broken"),
    "SiliconFlow": ({"code": 50505, "message": "busy", "data": None}, ServerError, "busy"),
    "Anthropic": (
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
        ServerError,
        "Overloaded",
    ),
    "vLLM": ({"object": "error", "message": "bad", "code": 500}, ServerError, "bad"),
    "beside a choice": (
        {
            "error": {"code": 429, "message": "slow down"},
            "choices": [{"delta": {"content": ""}, "finish_reason": "error"}],
        },
        RateLimitError,
        "slow down",
    ),
    "one-api": ({"error": {"response": {"error": {"message": "deep"}}}}, ServerError, "deep"),
    "a list": ({"error": [{"message": "first"}]}, ServerError, "first"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("after", [0, 3])
def test_error_in_a_stream(name: str, after: int) -> None:
    """An error in a stream is an error of its own kind, with its text and what had come."""
    data, kind, text = ERRORS[name]

    with pytest.raises(kind, match=text) as caught:
        read([*HELLO_EVENTS[:after], b"data: " + json.dumps(data).encode() + b"\n\n", DONE])

    assert caught.value.partial_text == ("hello" if after else "")


@pytest.mark.parametrize("name", ERRORS)
def test_error_in_a_body(name: str) -> None:
    """An error body under 200 is an error of its own kind, in place of a stream too."""
    data, kind, text = ERRORS[name]

    with pytest.raises(kind, match=text):
        read([json.dumps(data).encode()], JSON)


def test_error_event_of_anthropic() -> None:
    """`event: error` is no other than an error in the data."""
    with pytest.raises(ServerError, match="Overloaded"):
        read([b'event: error\ndata: {"type":"error","error":{"message":"Overloaded"}}\n\n'])


@pytest.mark.parametrize("nothing", [None, "", {}, False])
def test_error_that_is_none(nothing: object) -> None:
    """`error: null` beside an answer is no error."""
    usage = {"error": nothing, "choices": [], "usage": {"prompt_tokens": 3}}

    _, reply = read(
        [
            event({"content": "a"}, error=nothing),
            event({}, "stop", error=nothing),
            b"data: " + json.dumps(usage).encode() + b"\n\n",
        ]
    )

    assert reply.text == "a"


def test_event_that_is_not_json() -> None:
    """A broken event is an error, not a gap in the text."""
    with pytest.raises(ResponseError, match="not JSON") as caught:
        read([*HELLO_EVENTS[:2], b'data: {"choices": [{"del\n\n', *HELLO_EVENTS[2:]])

    assert caught.value.partial_text == "hel"


def test_plain_line_between_events() -> None:
    """A line of plain text between events is left out."""
    _, reply = read([HELLO_EVENTS[1], b"data: upstream says hi\n\n", *HELLO_EVENTS[2:]])

    assert reply.text == "hello"


@pytest.mark.parametrize("choices", [[], None])
def test_event_without_choices(choices: object) -> None:
    """Events without choices in the middle of a stream change nothing."""
    empty = b"data: " + json.dumps({"choices": choices}).encode() + b"\n\n"

    _, reply = read([HELLO_EVENTS[1], empty, *HELLO_EVENTS[2:]])

    assert reply.text == "hello"


def test_second_choice() -> None:
    """A second choice is not spliced into the first."""
    other = b'data: {"choices": [{"index": 1, "delta": {"content": "XX"}}]}\n\n'
    ended = b'data: {"choices": [{"index": 1, "delta": {}, "finish_reason": "length"}]}\n\n'

    _, reply = read([HELLO_EVENTS[1], other, HELLO_EVENTS[2], ended, *HELLO_EVENTS[3:]])

    assert (reply.text, reply.finish_reason) == ("hello", "stop")


def test_usage_cumulative() -> None:
    """Usage that grows with each event is the last count, not the sum."""
    counts = ({"prompt_tokens": 10, "completion_tokens": n} for n in (1, 2, 3))
    events = [event({"content": "a"}, usage=each) for each in counts]

    _, reply = read([*events, event({}, "stop", usage=None)])

    assert reply.usage is not None
    assert reply.usage.as_dict() == {"input_tokens": 10, "output_tokens": 3}


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": None}, [], "none", {"x": 1}])
def test_usage_unknown(usage: object) -> None:
    """Usage that counts nothing is unknown, not zero."""
    _, reply = read([event({"content": "a"}, "stop", usage=usage)])

    assert reply.usage is None


def test_usage_inside_the_choice() -> None:
    """Kimi's count, inside the last choice, is read."""
    last = {"choices": [{"delta": {}, "finish_reason": "stop", "usage": {"prompt_tokens": 7}}]}

    _, reply = read([event({"content": "a"}), b"data: " + json.dumps(last).encode() + b"\n\n"])

    assert reply.usage is not None
    assert reply.usage.input_tokens == 7


def test_usage_after_the_finish_reason() -> None:
    """Usage in an event of its own, after the finish reason, is read."""
    _, reply = read(HELLO_EVENTS)

    assert reply.usage is not None
    assert reply.usage.total_tokens == 5


def test_half_a_character() -> None:
    """Half of a surrogate pair in a text is replaced, not crashed on."""
    half = b'data: {"choices": [{"delta": {"content": "a\\ud83d"}, "finish_reason": "stop"}]}\n\n'

    deltas, reply = read([half])

    assert reply.text == "a\ufffd"
    assert deltas[0].text.encode()


def test_refusal() -> None:
    """A refusal is shown as the answer that it is."""
    deltas, reply = read([event({"refusal": "I cannot."}), event({}, "stop")])

    assert reply.text == "I cannot."
    assert deltas


def test_content_in_parts() -> None:
    """Content that comes as a list of parts is their text."""
    _, reply = read([event({"content": [{"type": "text", "text": "a"}, {"text": "b"}]}, "stop")])

    assert reply.text == "ab"


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning(name: str) -> None:
    """Reasoning is shown as it comes, and kept apart from the text."""
    deltas, reply = read([event({name: "hm"}), event({"content": "a"}, "stop")])

    assert deltas == [Delta("", "hm"), Delta("a", "")]
    assert (reply.text, reply.reasoning) == ("a", "hm")


def test_secret_in_a_broken_event() -> None:
    """A key that a server sends back is masked, also where the excerpt is cut."""
    filler = b"x" * 190

    with pytest.raises(ResponseError) as caught:
        read([b'data: {"' + filler + b"ga_canary\n\n"])

    assert "ga_c" not in str(caught.value)


def test_long_event_costs_its_length() -> None:
    """An event in many pieces costs in proportion to its length, not to its square."""

    def seconds(pieces: int) -> float:
        decoder = EventDecoder()
        started = time.thread_time()
        for _ in range(pieces):
            list(decoder.feed(b"x" * 16_384))
        list(decoder.close())
        return time.thread_time() - started

    seconds(100)
    short, long = (min(seconds(pieces) for _ in range(3)) for pieces in (100, 1_600))

    assert long < 100 * short


def test_error_says_what_was_used() -> None:
    """An error after usage was stated has it, with the text so far and what that comes to."""
    used = {"prompt_tokens": 3, "completion_tokens": 2}
    events = [event({"content": "hel"}, usage=used), event({"content": "lo" * 10})]

    with pytest.raises(IncompleteResponseError) as caught:
        read(events)

    assert caught.value.usage is not None
    assert caught.value.usage.total_tokens == 5
    assert caught.value.partial_tokens == 5


def test_error_event_after_text_may_be_billed() -> None:
    """What a stream says before its error is an answer that had begun."""
    error = b'data: {"error": {"message": "rate limit reached"}}\n\n'

    with pytest.raises(RateLimitError) as at_once:
        read([error])
    with pytest.raises(RateLimitError) as later:
        read([event({"reasoning_content": "b" * 10}), error])

    assert (at_once.value.begun, at_once.value.partial_tokens) == (False, 0)
    assert (later.value.begun, later.value.partial_tokens) == (True, 2)


def test_unstreamed_error_keeps_what_it_says() -> None:
    """A body in place of a stream has its own text and usage on its error."""
    body = {
        "choices": [{"message": {"content": "half"}, "finish_reason": "content_filter"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2},
    }

    with pytest.raises(ContentFilteredError) as caught:
        read([json.dumps(body).encode()], JSON)

    assert caught.value.partial_text == "half"
    assert caught.value.usage is not None
    assert caught.value.usage.total_tokens == 5
