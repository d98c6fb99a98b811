"""Scripted failures, as a client meets them."""

from __future__ import annotations

import http.client
import time
from typing import Any

import pytest

from globalapi_core.errors import UnknownModelError
from globalapi_core.sandbox import Sandbox, faults

from .client import chat


def test_faults_are_met_in_order_and_then_all_is_well(sandbox: Sandbox) -> None:
    """Each call meets the next fault; after the last one the model answers."""
    sandbox.script("flash", [faults.rate_limited(), faults.status(503)])

    assert [chat(sandbox.port).status for _ in range(4)] == [429, 503, 200, 200]


def test_faults_of_one_model_leave_the_others_alone(sandbox: Sandbox) -> None:
    """A script is for its model, in any spelling of it."""
    sandbox.script("Vendor/flash-chat", [faults.server_error()])

    assert chat(sandbox.port, model="eyes").status == 200
    assert chat(sandbox.port, model="flash").status == 500


def test_faults_of_any_model_come_after_those_of_its_own(sandbox: Sandbox) -> None:
    """`*` meets whichever model is called next, once its own faults are used up."""
    sandbox.script("*", [faults.status(500), faults.status(501)])
    sandbox.script("flash", [faults.status(429)])

    assert chat(sandbox.port).status == 429
    assert chat(sandbox.port, model="eyes").status == 500
    assert chat(sandbox.port).status == 501


def test_fault_of_a_model_meets_its_thinking_mode(sandbox: Sandbox) -> None:
    """Two modes of one model are one deployment."""
    sandbox.down("switch")

    assert chat(sandbox.port, model="switch", enable_thinking=True).status == 503
    assert chat(sandbox.port, model="switch-thinking").status == 503


def test_unknown_model_cannot_be_scripted(sandbox: Sandbox) -> None:
    """A misspelled script would silently never fire."""
    with pytest.raises(UnknownModelError, match="'flash'"):
        sandbox.script("flsh", [faults.dead()])


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (faults.rate_limited(), 429, "rate_limit_exceeded"),
        (faults.overloaded(), 503, "overloaded"),
        (faults.server_error(), 500, None),
        (faults.forbidden_rate_limit(), 403, None),
        (faults.unauthorized(), 401, "invalid_api_key"),
        (faults.quota_exhausted(), 402, "insufficient_quota"),
        (faults.context_overflow(), 400, "context_length_exceeded"),
        (faults.status(418, message="short and stout", error_code="teapot"), 418, "teapot"),
    ],
)
def test_error_faults_answer_in_the_shape_of_errors(
    sandbox: Sandbox, fault: faults.Fault, status: int, code: str | None
) -> None:
    """Each named fault has its status, its code and a message."""
    sandbox.script("flash", [fault])

    got = chat(sandbox.port, stream=True)
    assert got.status == status
    assert got.error["code"] == code
    assert got.error["message"]


def test_forbidden_rate_limit_says_what_this_gateway_says(sandbox: Sandbox) -> None:
    """The gateway's 403 is told from a real one by its text alone."""
    sandbox.script("flash", [faults.forbidden_rate_limit()])

    assert chat(sandbox.port).error["message"] == "Rate limit exceeded"


@pytest.mark.parametrize(
    ("given", "sent"), [(None, None), (1, "1"), (0.5, "0.5"), ("soon", "soon"), (-5, "-5")]
)
def test_retry_after_is_sent_as_given(
    sandbox: Sandbox, given: float | str | None, sent: str | None
) -> None:
    """Seconds, dates and nonsense alike: clients have to cope with all of them."""
    sandbox.script("flash", [faults.rate_limited(given)])

    assert chat(sandbox.port).headers.get("retry-after") == sent


@pytest.mark.parametrize("value", ["1\r\nX-Injected: 1", "\x00"])
def test_retry_after_that_is_no_header_is_refused(value: str) -> None:
    """A line break in a header would break the connection, not test the client."""
    with pytest.raises(ValueError, match="Retry-After"):
        faults.rate_limited(value)


def test_status_that_is_no_error_is_refused() -> None:
    """A fault with a good status would be no fault."""
    with pytest.raises(ValueError, match="200"):
        faults.status(200)


def test_delay_comes_before_a_normal_answer(sandbox: Sandbox) -> None:
    """The answer is late, and otherwise as it should be."""
    sandbox.script("flash", [faults.delay(0.3)])
    started = time.monotonic()
    got = chat(sandbox.port)

    assert got.status == 200
    assert time.monotonic() - started >= 0.3


def test_dead_closes_the_connection_without_a_byte(sandbox: Sandbox) -> None:
    """Nothing at all arrives, and nothing is billed."""
    sandbox.script("flash", [faults.dead()])

    with pytest.raises(http.client.RemoteDisconnected):
        chat(sandbox.port)
    assert sandbox.bill.rows == ()


@pytest.mark.parametrize("chunks", [0, 1, 3])
def test_cut_stream_ends_as_a_whole_one_does_but_unfinished(sandbox: Sandbox, chunks: int) -> None:
    """So many content chunks arrive and a clean end, without finish reason, usage or [DONE]."""
    sandbox.script("flash", [faults.cut(chunks)])
    got = chat(sandbox.port, stream=True, stream_options={"include_usage": True})

    deltas = [each["choices"][0]["delta"] for each in got.events]
    assert len(deltas) == chunks + 1
    assert all(each["choices"][0]["finish_reason"] is None for each in got.events)
    assert b"[DONE]" not in got.raw


def test_cut_after_more_than_there_is_still_has_no_finish(sandbox: Sandbox) -> None:
    """The whole text arrives, and yet the stream does not say that it is whole."""
    whole = chat(sandbox.port).text
    sandbox.script("flash", [faults.cut(10_000)])
    got = chat(sandbox.port, stream=True)

    assert got.streamed() == whole
    assert all(each["choices"][0]["finish_reason"] is None for each in got.events)


def test_abrupt_cut_breaks_off_the_body(sandbox: Sandbox) -> None:
    """The connection closes inside the body, which HTTP itself shows."""
    sandbox.script("flash", [faults.cut(2, abrupt=True)])

    with pytest.raises(http.client.IncompleteRead):
        chat(sandbox.port, stream=True)


def test_cut_without_streaming_sends_half_of_the_announced_body(sandbox: Sandbox) -> None:
    """The length is announced in full and half of it arrives."""
    sandbox.script("flash", [faults.cut()])

    with pytest.raises(http.client.IncompleteRead) as caught:
        chat(sandbox.port)
    assert 0 <= (caught.value.expected or 0) - len(caught.value.partial) <= 1


def test_empty_answers_without_choices(sandbox: Sandbox) -> None:
    """200 and a well-formed body, with nothing in it."""
    sandbox.script("flash", [faults.empty(), faults.empty()])

    assert chat(sandbox.port).json["choices"] == []
    streamed = chat(sandbox.port, stream=True)
    assert [each["choices"] for each in streamed.events] == [[]]


def test_down_lasts_until_up(sandbox: Sandbox) -> None:
    """A model that is down fails every call, and says so; others are not touched."""
    sandbox.down("flash")
    down = [chat(sandbox.port) for _ in range(3)]
    other = chat(sandbox.port, model="eyes")
    sandbox.up("flash")

    assert [each.status for each in down] == [503] * 3
    assert "'flash' is down" in down[0].error["message"]
    assert other.status == chat(sandbox.port).status == 200


def test_down_can_fail_in_another_way(sandbox: Sandbox) -> None:
    """What a dead model does can be chosen."""
    sandbox.down("flash", faults.dead())

    for _ in range(2):
        with pytest.raises(http.client.RemoteDisconnected):
            chat(sandbox.port)


def test_reset_forgets_scripts_requests_and_bill(sandbox: Sandbox) -> None:
    """After a reset the sandbox is as it was at first."""
    chat(sandbox.port)
    sandbox.script("flash", [faults.dead()])
    sandbox.down("eyes")
    sandbox.reset()

    assert sandbox.requests == []
    assert sandbox.bill.rows == ()
    assert chat(sandbox.port).status == chat(sandbox.port, model="eyes").status == 200


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (
            {"kind": "status", "status": 429, "retry_after": 1},
            faults.status(429, retry_after=1),
        ),
        ({"kind": "rate_limited", "retry_after": "soon"}, faults.rate_limited("soon")),
        ({"kind": "delay", "seconds": 2}, faults.delay(2)),
        ({"kind": "cut"}, faults.cut(3)),
        ({"kind": "dead"}, faults.dead()),
    ],
)
def test_fault_is_read_from_json(data: dict[str, Any], fault: faults.Fault) -> None:
    """The JSON form names the function and its arguments."""
    assert faults.from_json(data) == fault


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"kind": "explode"}, "'explode'; expected kind to be one of status, rate_limited"),
        ("dead", "unknown fault 'dead'"),
        ({"kind": "delay"}, "seconds"),
        ({"kind": "delay", "seconds": "long"}, "long"),
        ({"kind": "dead", "why": 1}, "why"),
        ({"kind": "status", "status": "503"}, "503"),
        ({"kind": "delay", "seconds": -1}, "-1"),
    ],
)
def test_json_that_is_no_fault_says_what_would_be(data: Any, said: str) -> None:
    """The error names the part that does not fit."""
    with pytest.raises(ValueError, match=said):
        faults.from_json(data)
