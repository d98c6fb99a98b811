"""Texts that a test or a notebook scripts, what is kept of each answer, and the environment."""

from __future__ import annotations

import http.client
from typing import Any

import pytest

from globalapi_core.catalog import Catalog
from globalapi_core.errors import SandboxError, UnknownModelError
from globalapi_core.sandbox import Sandbox, faults
from globalapi_core.settings import resolve

from .client import chat, send, tool


def test_scripted_texts_are_said_in_order_and_then_its_own(sandbox: Sandbox) -> None:
    """One for each answer, without a mark; the requests tell which were scripted."""
    sandbox.say("flash", ["first", "第二"])

    assert [chat(sandbox.port).text for _ in range(2)] == ["first", "第二"]
    assert chat(sandbox.port).text.startswith("[sandbox] ")
    assert [each.scripted for each in sandbox.requests] == [True, True, False]


def test_scripted_text_is_counted_cut_and_billed(sandbox: Sandbox) -> None:
    """Like any other answer: `max_tokens`, `stop`, usage and the bill hold."""
    sandbox.say("flash", ["one two three four", "one two. three four"])
    cut = chat(sandbox.port, max_tokens=2)
    stopped = chat(sandbox.port, stop=".", stream=True, stream_options={"include_usage": True})

    assert cut.json["choices"][0]["finish_reason"] == "length"
    assert cut.json["usage"]["completion_tokens"] == 2
    assert "one two three four".startswith(cut.text)
    assert stopped.streamed() == "one two"
    assert (
        sandbox.bill.rows[0].output_tokens == 2 + (stopped.events[-1]["usage"]["completion_tokens"])
    )


def test_scripted_text_goes_before_calls_and_json(sandbox: Sandbox) -> None:
    """It is the answer, whatever was asked for."""
    sandbox.say("*", ["no call", "no JSON"])
    offered: Any = {"tools": [tool("add")], "tool_choice": "required"}

    assert chat(sandbox.port, **offered).text == "no call"
    assert chat(sandbox.port, "JSON", response_format={"type": "json_object"}).text == "no JSON"


def test_call_that_fails_uses_no_text_up(sandbox: Sandbox) -> None:
    """Neither a scripted fault nor a refusal is an answer."""
    sandbox.say("flash", ["kept"])
    sandbox.script("flash", [faults.server_error(), faults.blank(), faults.empty()])
    failed = [chat(sandbox.port) for _ in range(3)]
    refused = chat(sandbox.port, temperature=9)

    assert [each.status for each in (*failed, refused)] == [500, 200, 200, 400]
    assert chat(sandbox.port).text == "kept"


def test_texts_of_a_model_come_before_those_of_any(sandbox: Sandbox) -> None:
    """As faults do, in any spelling of its name."""
    sandbox.say("*", ["anyone's"])
    sandbox.say("Vendor/flash-chat", ["its own"])

    assert [chat(sandbox.port).text for _ in range(2)] == ["its own", "anyone's"]


def test_reset_forgets_texts(sandbox: Sandbox) -> None:
    """What was not said is not said any more."""
    sandbox.say("flash", ["gone"])
    sandbox.reset()

    assert chat(sandbox.port).text.startswith("[sandbox] ")


def test_text_of_nobody_is_refused(sandbox: Sandbox) -> None:
    """A misspelled model would never say it, and one string would be said letter by letter."""
    with pytest.raises(UnknownModelError, match="'flash'"):
        sandbox.say("flsh", ["x"])
    with pytest.raises(TypeError, match="expected a list"):
        sandbox.say("flash", "hello")


def test_texts_are_scripted_over_http(sandbox: Sandbox) -> None:
    """For who runs it from a command line."""
    body = {"model": "flash", "texts": ["hello"]}
    got = send(sandbox.port, "POST", "/_sandbox/say", body)
    wrong = send(sandbox.port, "POST", "/_sandbox/say", {"model": "flash", "texts": "hello"})

    assert got.json == {"model": "flash", "waiting": 1}
    assert chat(sandbox.port).text == "hello"
    assert wrong.status == 400
    assert "list of strings" in wrong.error["message"]


def test_requests_tell_how_they_were_answered(sandbox: Sandbox) -> None:
    """Status and fault of each; none of either where the connection was closed without a byte."""
    sandbox.script("flash", [faults.rate_limited(1), faults.dead(), faults.cut(1)])
    chat(sandbox.port)
    with pytest.raises(http.client.RemoteDisconnected):
        chat(sandbox.port)
    chat(sandbox.port, stream=True)
    chat(sandbox.port)
    chat(sandbox.port, temperature=9)
    send(sandbox.port, "GET", "/v1/nothing")

    assert [(each.status, each.fault) for each in sandbox.requests] == [
        (429, faults.rate_limited(1)),
        (None, faults.dead()),
        (200, faults.cut(1)),
        (200, None),
        (400, None),
        (404, None),
    ]


def test_answers_are_told_over_http(sandbox: Sandbox) -> None:
    """The fault in the form that scripts it."""
    sandbox.script("flash", [faults.rate_limited(1)])
    chat(sandbox.port)

    (shown,) = send(sandbox.port, "GET", "/_sandbox/requests").json["requests"]
    assert (shown["status"], shown["scripted"]) == (429, False)
    assert faults.from_json(shown["fault"]) == faults.rate_limited(1)


@pytest.mark.parametrize(
    "fault",
    [
        faults.status(418, message="short and stout", error_code="teapot", retry_after="soon"),
        faults.overloaded(),
        faults.delay(0.5),
        faults.dead(),
        faults.cut(2, abrupt=True),
        faults.cut(2, done=True),
        faults.empty(),
        faults.blank(),
        faults.half_call(),
        faults.repeated_call(),
        faults.pings(2, every=0.1),
        faults.uncounted(),
    ],
)
def test_fault_is_written_as_it_is_read(fault: faults.Fault) -> None:
    """There and back, nothing is lost."""
    assert faults.from_json(faults.as_json(fault)) == fault


@pytest.mark.parametrize("given", [{}, {"key": "sk-own"}])
def test_environment_points_a_client_here(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any]
) -> None:
    """With its variables set, the address and a key that it takes need not be said again."""
    with Sandbox(catalog, **given) as sandbox:
        for name, value in sandbox.environment().items():
            monkeypatch.setenv(name, value)
        endpoint, wanted = resolve(), sandbox.base_url
        status = chat(sandbox.port, headers={"Authorization": f"Bearer {endpoint.api_key}"}).status

    assert endpoint.base_url == wanted
    assert status == 200


def test_environment_of_a_sandbox_that_is_not_started(catalog: Catalog) -> None:
    """There is no address yet."""
    with pytest.raises(SandboxError, match="start"):
        Sandbox(catalog).environment()
