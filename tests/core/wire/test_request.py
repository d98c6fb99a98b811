"""One request, and the bytes it becomes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from globalapi_core.catalog import Catalog, ModelInfo
from globalapi_core.config import parse_config
from globalapi_core.errors import InvalidInputError
from globalapi_core.settings import GATEWAY_URL, Endpoint
from globalapi_core.wire.request import ChatRequest, build, sent_id

GATEWAY = Endpoint(GATEWAY_URL, "k")
OWN = Endpoint("http://127.0.0.1:11434/v1")
HI = [{"role": "user", "content": "hi"}]
MODEL = ModelInfo(name="m", id="m")


def body(request: ChatRequest, *, stream: bool = False) -> dict[str, Any]:
    """The JSON that is sent."""
    data: dict[str, Any] = json.loads(build(request, MODEL, OWN, stream=stream).body)
    return data


def test_plain_request() -> None:
    """A request says no more than it was given."""
    assert body(ChatRequest(HI)) == {"model": "m", "messages": HI}


def test_streamed_request_asks_for_usage() -> None:
    """A stream is asked for its usage too."""
    sent = body(ChatRequest(HI), stream=True)

    assert sent["stream"] is True
    assert sent["stream_options"] == {"include_usage": True}


def test_params() -> None:
    """Parameters are sent by their names; one that is `None` is left out."""
    sent = body(ChatRequest(HI, params={"temperature": 0, "stop": None, "seed": 7}))

    assert sent == {"model": "m", "messages": HI, "temperature": 0, "seed": 7}


@pytest.mark.parametrize("params", [{"model": "other"}, {"messages": []}])
def test_params_that_would_change_the_call(params: dict[str, Any]) -> None:
    """No parameter replaces the model or the messages: the record would be wrong."""
    assert body(ChatRequest(HI, params=params)) == {"model": "m", "messages": HI}


def test_tool_choice_without_tools() -> None:
    """A tool choice is sent with tools only."""
    tools = [{"type": "function", "function": {"name": "f"}}]

    assert "tool_choice" not in body(ChatRequest(HI, tool_choice="auto"))
    assert body(ChatRequest(HI, tools=tools, tool_choice="auto"))["tool_choice"] == "auto"


def test_defaults_of_a_route() -> None:
    """A route's parameters hold where the caller set none; a caller's `None` sets none."""
    request = ChatRequest(HI, params={"temperature": 0.9, "max_tokens": None})

    merged = request.with_defaults({"temperature": 0.1, "max_tokens": 50})

    assert merged.params == {"temperature": 0.9, "max_tokens": 50}
    assert request.params == {"temperature": 0.9, "max_tokens": None}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1, 2}, b"x"])
def test_value_that_json_cannot_hold(value: object) -> None:
    """A value that JSON cannot hold is a typed error before anything is sent."""
    with pytest.raises(InvalidInputError, match="JSON"):
        body(ChatRequest(HI, params={"x": value}))


def test_endless_nesting() -> None:
    """A structure nested without end is a typed error too."""
    loop: list[Any] = []
    loop.append(loop)
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]

    for value in (loop, deep):
        with pytest.raises(InvalidInputError):
            body(ChatRequest(HI, params={"x": value}))
    while deep:  # taken apart by hand: freeing it is recursive as well
        deep = deep.pop()


def test_text_is_sent_as_it_is() -> None:
    """Chinese and emoji are sent in UTF-8, not as escapes."""
    sent = build(ChatRequest([{"role": "user", "content": "你好🙂"}]), MODEL, OWN, stream=False)

    assert "你好🙂".encode() in sent.body


@pytest.mark.parametrize(
    ("endpoint", "asked", "sent"),
    [
        (GATEWAY, "Qwen/Qwen3-8B", "Qwen/Qwen3-8B"),
        (GATEWAY, "qwen3_8b", "Qwen/Qwen3-8B"),
        (GATEWAY, "moonshot-k2.5", "kimi-k2.5"),
        (GATEWAY, "never-heard-of", "never-heard-of"),
        (OWN, "qwen3_8b", "qwen3_8b"),
        (OWN, "moonshot-k2.5", "moonshot-k2.5"),
        (OWN, "qwen3:8b", "qwen3:8b"),
    ],
)
def test_id_sent(endpoint: Endpoint, asked: str, sent: str) -> None:
    """The gateway gets the catalog's id, any other server the name as it was written."""
    assert sent_id(Catalog.default().get(asked), endpoint) == sent


@pytest.mark.parametrize("endpoint", [GATEWAY, OWN])
def test_id_of_the_file(endpoint: Endpoint) -> None:
    """An id from the config file is sent to every server."""
    config = parse_config(
        "models: {kimi-k2.5: {id: my-kimi}}\nroutes: [{name: d, candidates: kimi-k2.5}]"
    )

    assert sent_id(config.catalog.resolve("moonshot-k2.5"), endpoint) == "my-kimi"


@pytest.mark.parametrize(("endpoint", "sent"), [(GATEWAY, "Qwen/Qwen3-8B"), (OWN, "qwen3_8b")])
def test_alias_is_sent_as_what_it_stands_for(endpoint: Endpoint, sent: str) -> None:
    """No server knows the spellings of a user's own."""
    config = parse_config("aliases: {cheap: qwen3_8b}\nroutes: [{name: d, candidates: cheap}]")

    assert sent_id(config.catalog.resolve("cheap"), endpoint) == sent
