"""What the server refuses, and what we make of its way to say so."""

from __future__ import annotations

import pytest

from globalapi_core.errors import (
    AuthenticationError,
    ConnectionLostError,
    ContextOverflowError,
    GatewayConnectionError,
    IncompleteResponseError,
    InvalidRequestError,
    ModelNotFoundError,
    NoCandidateError,
)
from tests.real_model.asking import CLASSES, Asker, Way, routes
from tests.real_model.server import WINDOW, RealServer

LONG = "word " * (WINDOW + 200)
MISSTATED = 16 * WINDOW
"""Tokens of a window that a config file may claim by mistake."""


@pytest.mark.parametrize("way", ["whole", "awhole"])
async def test_overflow_is_an_overflow(asker: Asker, way: Way) -> None:
    """Its 400 has the code of OpenAI's, and is our error: not tried again."""
    before = asker.server.calls()
    model = asker.model(config=routes(MISSTATED))

    with pytest.raises(ContextOverflowError, match=f"maximum context length is {WINDOW}"):
        await asker.ask(way, LONG, made=model, max_tokens=4)

    assert asker.server.calls() == before + 1


@pytest.mark.parametrize("streamed", ["stream", "astream"])
async def test_overflow_of_a_stream_is_a_lost_connection(asker: Asker, streamed: Way) -> None:
    """It is found after the head of a 200 is sent: all the server does is hang up."""
    model = asker.model(config=routes(MISSTATED))

    with pytest.raises((ConnectionLostError, IncompleteResponseError)) as raised:
        await asker.ask(streamed, LONG, made=model, max_tokens=4)

    assert raised.value.partial_text == ""


@pytest.mark.parametrize("name", ["RouterRunnable", "GlobalAPIRouter"])
async def test_router_that_knows_the_window_asks_nobody(
    server: RealServer, name: str, way: Way
) -> None:
    """With the window stated as it is, a router turns the prompt down before it is sent."""
    before = server.calls()

    with pytest.raises(NoCandidateError, match="1,024 of context"):
        await Asker(*CLASSES[name], server).ask(way, LONG, max_tokens=4)

    assert server.calls() == before


async def test_wrong_key_is_told(asker: Asker, way: Way) -> None:
    """401 with FastAPI's body: an authentication error that does not show the key."""
    with pytest.raises(AuthenticationError, match="Invalid API key") as raised:
        await asker.ask(way, "Hello.", made=asker.model(api_key="sk-of-nobody"), max_tokens=2)

    assert "sk-of-nobody" not in str(raised.value)


async def test_schema_mode_it_does_not_know_is_told(asker: Asker, way: Way) -> None:
    """With `json_schema: true` misstated it says so, under 500, and is asked no second time."""
    before = asker.server.calls()
    model = asker.model(config=routes(json_schema=True))
    asked = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}

    with pytest.raises(InvalidRequestError, match=r"body\.response_format\S*: .*json_object"):
        await asker.ask(way, "Hello.", made=model, response_format=asked, max_tokens=2)

    assert asker.server.calls() == before + 1


async def test_request_it_does_not_take_is_not_quoted(asker: Asker, way: Way) -> None:
    """Its validation error is told without what was sent."""
    with pytest.raises(InvalidRequestError, match="1 validation error: body") as raised:
        await asker.ask(way, "Hello.", max_tokens=2, logit_bias="canary")

    assert "canary" not in str(raised.value)


async def test_wrong_path_is_told(asker: Asker) -> None:
    """A base URL without its /v1 is met with FastAPI's 404, and neither retried nor answered."""
    url = asker.server.base_url.removesuffix("/v1")
    model = asker.model(**{"base_url" if asker.is_langchain else "api_base": url})

    with pytest.raises(ModelNotFoundError, match=r"Not Found .*/v1\?"):
        await asker.ask("whole", "Hello.", made=model, max_tokens=2)


async def test_server_that_is_not_there_is_told(asker: Asker, way: Way) -> None:
    """A port on which nobody listens is a connection error."""
    nobody = asker.at(RealServer(1, asker.server.log))

    with pytest.raises(GatewayConnectionError, match=r"127\.0\.0\.1:1"):
        await asker.ask(way, "Hello.", made=nobody.model(), max_tokens=2)
