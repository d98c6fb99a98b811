"""The server's own ways, as `docs/real-model.md` has them: when one changes, the page must.

It is asked without any of our classes.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.real_model.server import WINDOW, RealServer
from tests.real_model.test_tools_and_json import NAMED, TOOLS

ASKED: Any = [{"role": "user", "content": "Say hello."}]


def deltas(events: list[Any]) -> list[Any]:
    """The deltas of a stream."""
    return [event["choices"][0]["delta"] for event in events]


def test_stream_begins_with_a_role_and_ends_without_usage(server: RealServer) -> None:
    """Role first, the finish reason with an empty delta, no usage though asked for, [DONE]."""
    options = {"include_usage": True}
    answer = server.post(messages=ASKED, max_tokens=3, stream=True, stream_options=options)

    first, *_, last = answer.events
    assert deltas([first, last]) == [{"role": "assistant"}, {}]
    assert last["choices"][0]["finish_reason"] == "length"
    assert not any("usage" in event for event in answer.events)
    assert answer.body.rstrip().endswith(b"data: [DONE]")


def test_limit_goes_by_one_name_only(server: RealServer) -> None:
    """`max_completion_tokens` is not known and does nothing."""
    asked = {"messages": ASKED, "stop": ["a"], "temperature": 0}
    limited = server.post(**asked, max_tokens=1).json
    unlimited = server.post(**asked, max_completion_tokens=1).json

    assert limited["usage"]["completion_tokens"] == 1
    assert unlimited["usage"]["completion_tokens"] > 1


def test_any_model_is_served(server: RealServer) -> None:
    """A name that nobody has is echoed."""
    answer = server.post(model="no-such-model", messages=ASKED, max_tokens=1)

    assert answer.status == 200
    assert answer.json["model"] == "no-such-model"


@pytest.mark.parametrize("choice", [None, "auto", "required"])
def test_only_a_named_tool_is_called(server: RealServer, choice: str | None) -> None:
    """Tools are not shown to this model, and `required` requires nothing."""
    chosen = {"tool_choice": choice} if choice else {}
    answer = server.post(messages=ASKED, tools=TOOLS, max_tokens=4, **chosen)

    assert "tool_calls" not in answer.json["choices"][0]["message"]


def test_cut_call_ends_like_a_whole_one(server: RealServer) -> None:
    """The finish reason is tool_calls, and not length, where the limit cut the arguments."""
    asked = {"messages": ASKED, "tools": TOOLS, "tool_choice": NAMED}
    choice = server.post(**asked, max_tokens=2).json["choices"][0]

    assert choice["finish_reason"] == "tool_calls"
    assert not choice["message"]["tool_calls"][0]["function"]["arguments"].endswith("}")


def test_streamed_call_repeats_its_name(server: RealServer) -> None:
    """Name and id come with every piece of the arguments; `function_call` says it all again."""
    asked = {"messages": ASKED, "tools": TOOLS, "tool_choice": NAMED}
    _, *pieces, last = deltas(server.post(**asked, max_tokens=60, stream=True).events)

    names = [each["tool_calls"][0]["function"]["name"] for each in pieces]
    assert len(names) > 3
    assert set(names) == {"get_weather"}
    assert len({each["tool_calls"][0]["id"] for each in pieces}) == 1
    assert all(each["function_call"]["name"] == "get_weather" for each in pieces)
    assert last["tool_calls"] is None


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"temperature": "hot"}, "validation error"),
        ({"response_format": {"type": "json_schema"}}, "'text' or 'json_object'"),
        ({"messages": [{"role": "developer", "content": "Hi."}]}, "'input': 'developer'"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi."}]}]}, "str"),
    ],
)
def test_request_it_does_not_take_is_a_500(
    server: RealServer, asked: dict[str, Any], says: str
) -> None:
    """Validation errors come as an internal server error, with what was sent quoted."""
    answer = server.post(**{"messages": ASKED, "max_tokens": 1, **asked})

    assert answer.status == 500
    assert answer.json["error"]["type"] == "internal_server_error"
    assert says in answer.json["error"]["message"]


@pytest.mark.parametrize(("content", "status"), [(None, 500), ("", 200)])
def test_calls_are_taken_back_with_a_text_only(
    server: RealServer, content: str | None, status: int
) -> None:
    """An assistant's message with calls needs a text, were it empty: null is refused."""
    function = {"name": "get_weather", "arguments": '{"city": "Rome"}'}
    calls = [{"id": "c1", "type": "function", "function": function}]
    loop = [
        *ASKED,
        {"role": "assistant", "content": content, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
    ]

    assert server.post(messages=loop, max_tokens=1).status == status


def test_overflow_is_told_unless_streamed(server: RealServer) -> None:
    """Whole: 400 as OpenAI has it. Streamed: a 200 that breaks off before its first byte."""
    long = [{"role": "user", "content": "word " * (WINDOW + 200)}]

    whole = server.post(messages=long, max_tokens=4)
    streamed = server.post(messages=long, max_tokens=4, stream=True)

    assert (whole.status, whole.json["error"]["code"]) == (400, "context_length_exceeded")
    assert (streamed.status, streamed.body) == (200, b"")
