"""The sandbox's own endpoints."""

from __future__ import annotations

from typing import Any

import pytest

from globalapi_core.sandbox import Sandbox

from .client import chat, send


def test_faults_are_scripted_over_http(sandbox: Sandbox) -> None:
    """What a test does with `script`, a command line does with a POST."""
    body = {"model": "flash", "faults": [{"kind": "status", "status": 429, "retry_after": 1}]}
    got = send(sandbox.port, "POST", "/_sandbox/script", body)

    assert got.json == {"model": "flash", "waiting": 1}
    assert chat(sandbox.port).headers["retry-after"] == "1"
    assert chat(sandbox.port).status == 200


def test_models_are_taken_down_and_up_over_http(sandbox: Sandbox) -> None:
    """Down and up have their endpoints too."""
    send(sandbox.port, "POST", "/_sandbox/down", {"model": "flash"})
    down = chat(sandbox.port).status
    send(sandbox.port, "POST", "/_sandbox/up", {"model": "flash"})

    assert (down, chat(sandbox.port).status) == (503, 200)


def test_bill_and_requests_are_shown_over_http(sandbox: Sandbox) -> None:
    """The bill as decimal text, the requests with their bodies; to look at them is no request."""
    chat(sandbox.port, "Hello")
    bill = send(sandbox.port, "GET", "/_sandbox/bill").json
    requests = send(sandbox.port, "GET", "/_sandbox/requests").json["requests"]

    assert bill["total"]["usd"] == f"{sandbox.bill.total.usd:f}"
    assert bill["rows"][0]["model"] == "flash"
    assert [each["body"]["messages"][0]["content"] for each in requests] == ["Hello"]


def test_reset_works_over_http(sandbox: Sandbox) -> None:
    """All is forgotten."""
    chat(sandbox.port)
    send(sandbox.port, "POST", "/_sandbox/reset")

    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("script", {"model": "flash", "faults": [{"kind": "explode"}]}, 400, "explode"),
        ("script", {"model": "flash"}, 400, "faults must be a list"),
        ("script", {"faults": []}, 400, "model must be the name"),
        ("script", {"model": "flsh", "faults": []}, 400, "did you mean 'flash'"),
        ("script", b"{", 400, ""),
        ("script", [], 400, "JSON object"),
        ("explode", {}, 404, "GET /_sandbox/bill"),
    ],
)
def test_mistakes_are_answered_with_what_would_do(
    sandbox: Sandbox, path: str, body: Any, status: int, said: str
) -> None:
    """A wrong call is refused with the reason and changes nothing."""
    got = send(sandbox.port, "POST", f"/_sandbox/{path}", body)

    assert got.status == status
    assert said in got.error["message"]
    assert chat(sandbox.port).status == 200


def test_foreign_host_name_is_refused(sandbox: Sandbox) -> None:
    """A web page that points its own name at the loopback address cannot read the prompts."""
    chat(sandbox.port, "a private prompt")
    got = send(sandbox.port, "GET", "/_sandbox/requests", headers={"Host": "evil.example:80"})

    assert got.status == 403
    assert b"private" not in got.raw
