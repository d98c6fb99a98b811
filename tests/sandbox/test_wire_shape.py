"""The shape of what goes over the wire, read with the standard library."""

from __future__ import annotations

import http.client
import json
from typing import Any

import pytest

from globalapi_core.catalog import Catalog
from globalapi_core.sandbox import Sandbox

from .client import chat, send


def test_completion_has_the_shape_of_openais(sandbox: Sandbox) -> None:
    """A plain call gets one choice, its usage, the asked model and the sandbox's fingerprint."""
    got = chat(sandbox.port, "Hello", model="vendor/Flash-Chat")

    body = got.json
    assert got.status == 200
    assert body["object"] == "chat.completion"
    assert body["model"] == "vendor/Flash-Chat"
    assert body["system_fingerprint"] == "sandbox"
    assert body["choices"][0]["finish_reason"] == "stop"
    assert got.text.startswith("[sandbox] ")
    assert body["usage"]["total_tokens"] == (
        body["usage"]["prompt_tokens"] + body["usage"]["completion_tokens"]
    )


def test_same_request_gets_the_same_text_under_another_id(sandbox: Sandbox) -> None:
    """Answers are deterministic; ids are not shared, for clients tell messages apart by them."""
    first, second = chat(sandbox.port, "Hello"), chat(sandbox.port, "Hello")

    assert first.text == second.text
    assert first.json["id"] != second.json["id"]


def test_every_answer_has_a_request_id(sandbox: Sandbox) -> None:
    """Good answers and refusals alike carry an x-request-id of their own."""
    answers = [
        chat(sandbox.port),
        chat(sandbox.port, model="nope"),
        send(sandbox.port, "GET", "/v1/models"),
        send(sandbox.port, "GET", "/nowhere"),
    ]

    ids = [each.headers["x-request-id"] for each in answers]
    assert len(set(ids)) == 4
    assert ids == [each.request_id for each in sandbox.requests]


def test_stream_is_role_content_finish_and_done(sandbox: Sandbox) -> None:
    """A stream begins with the role, ends with a finish reason and [DONE], and has no usage."""
    whole = chat(sandbox.port, "Hello").text
    got = chat(sandbox.port, "Hello", stream=True)

    assert got.headers["content-type"].startswith("text/event-stream")
    assert got.events[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert got.events[-1]["choices"][0] == {
        "index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop",
    }  # fmt: skip
    assert got.raw.endswith(b"data: [DONE]\n\n")
    assert got.streamed() == whole
    assert len(got.events) > 5
    assert all("usage" not in each for each in got.events)


def test_stream_usage_is_in_its_own_last_chunk_when_asked_for(sandbox: Sandbox) -> None:
    """include_usage adds one chunk without choices, and null to those before it."""
    whole = chat(sandbox.port, "Hello").json["usage"]
    got = chat(sandbox.port, "Hello", stream=True, stream_options={"include_usage": True})

    *chunks, last = got.events
    assert last["choices"] == []
    assert last["usage"] == whole
    assert all(each["usage"] is None for each in chunks)


@pytest.mark.parametrize("stream", [False, True])
def test_max_tokens_cuts_the_answer(sandbox: Sandbox, stream: bool) -> None:
    """An answer of the allowed length says that the length ended it."""
    options: dict[str, Any] = {"stream_options": {"include_usage": True}} if stream else {}
    got = chat(sandbox.port, "Hello", max_tokens=7, stream=stream, **options)

    text = got.streamed() if stream else got.text
    finish = got.events[-2] if stream else got.json
    used = (got.events[-1] if stream else got.json)["usage"]
    assert finish["choices"][0]["finish_reason"] == "length"
    assert used["completion_tokens"] == 7
    assert text.startswith("[sandbox] ")


def test_stop_sequence_ends_the_answer_before_it(sandbox: Sandbox) -> None:
    """The first of the stop sequences ends the text and is not part of it."""
    got = chat(sandbox.port, "Hello", stop=["no such words", "knowledge"])

    assert got.text == "[sandbox] The sandbox has no "
    assert got.json["choices"][0]["finish_reason"] == "stop"


def test_reasoning_comes_before_the_content(sandbox: Sandbox) -> None:
    """A model that always thinks says so first, in the stream as in the usage."""
    whole = chat(sandbox.port, model="thinker")
    got = chat(sandbox.port, model="thinker", stream=True)

    keys = [key for each in got.events for key in each["choices"][0]["delta"]]
    assert whole.message["reasoning_content"] == got.streamed("reasoning_content") != ""
    assert keys.index("reasoning_content") < len(keys) - 1 - keys[::-1].index("content")
    assert "reasoning_content" not in keys[keys.index("content", 2) :]
    assert whole.json["usage"]["completion_tokens_details"]["reasoning_tokens"] > 0


@pytest.mark.parametrize("switch", [{"thinking": {"type": "enabled"}}, {"enable_thinking": True}])
def test_thinking_is_switched_on_by_either_spelling(
    sandbox: Sandbox, switch: dict[str, Any]
) -> None:
    """A model that may think does when asked to, and one that cannot does not."""
    assert "reasoning_content" not in chat(sandbox.port).message
    assert "reasoning_content" in chat(sandbox.port, **switch).message
    assert "reasoning_content" not in chat(sandbox.port, model="plain", **switch).message


def test_models_are_listed_in_openais_shape(sandbox: Sandbox) -> None:
    """Each id that can be sent is listed once; two modes of a model share theirs."""
    body = send(sandbox.port, "GET", "/v1/models").json

    assert body["object"] == "list"
    assert [each["id"] for each in body["data"]] == ["flash", "eyes", "thinker", "plain", "switch"]
    assert body["data"][0].keys() == {"id", "object", "created", "owned_by"}
    assert {each["object"] for each in body["data"]} == {"model"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/chat/completions", 404),
        ("POST", "/v1/embeddings", 404),
        ("GET", "/v1/chat/completions", 405),
        ("POST", "/v1/models", 405),
    ],
)
def test_other_paths_and_methods_get_a_json_error(
    sandbox: Sandbox, method: str, path: str, status: int
) -> None:
    """What is not served is refused in the error shape of what is."""
    got = send(sandbox.port, method, path, {})

    assert got.status == status
    assert got.error.keys() == {"message", "type", "param", "code"}


def test_path_without_v1_gets_a_hint(sandbox: Sandbox) -> None:
    """The commonest wrong base URL is named."""
    assert (
        "the base URL ends in /v1"
        in send(sandbox.port, "POST", "/chat/completions").error["message"]
    )


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b'{"a": NaN}', b"[" * 100_000])
def test_body_that_is_no_json_object_gets_400(sandbox: Sandbox, body: bytes) -> None:
    """A broken body is the client's mistake, never a 500."""
    got = send(sandbox.port, "POST", "/v1/chat/completions", body)

    assert got.status == 400


def test_other_content_type_gets_415(sandbox: Sandbox) -> None:
    """JSON that does not say it is JSON is not read."""
    assert chat(sandbox.port, headers={"Content-Type": "text/plain"}).status == 415


def test_bytes_that_are_not_http_get_400(sandbox: Sandbox) -> None:
    """A client of another protocol is told so, and the next one is served."""
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=60)
    connection.connect()
    connection.sock.sendall(b"\x16\x03\x01 hello\r\n\r\n")
    response = connection.sock.recv(1000)
    connection.close()

    assert response.startswith(b"HTTP/1.1 400 ")
    assert chat(sandbox.port).status == 200


def test_connection_is_kept_alive(sandbox: Sandbox) -> None:
    """Whole answers, streams and refusals follow each other on one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=60)
    statuses, sockets = [], set()
    for fields in ({}, {"stream": True}, {"temperature": 9}, {}):
        body = {"model": "flash", "messages": [{"role": "user", "content": "Hello"}], **fields}
        connection.request(
            "POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"}
        )
        response = connection.getresponse()
        response.read()
        statuses.append(response.status)
        sockets.add(connection.sock)
    connection.close()

    assert statuses == [200, 200, 400, 200]
    assert len(sockets) == 1


def test_client_that_waits_for_100_continue_is_told_to_go_on(sandbox: Sandbox) -> None:
    """A client that asks before it sends its body, as curl does, is answered first."""
    body = json.dumps({"model": "flash", "messages": [{"role": "user", "content": "Hello"}]})
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=60)
    connection.putrequest("POST", "/v1/chat/completions")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(len(body)))
    connection.putheader("Expect", "100-continue")
    connection.endheaders()
    first = connection.sock.recv(100)
    connection.send(body.encode())
    response = connection.getresponse()
    status = response.status
    connection.close()

    assert first.startswith(b"HTTP/1.1 100 ")
    assert status == 200


def test_half_a_surrogate_pair_does_not_break_the_answer(sandbox: Sandbox) -> None:
    """JSON can say what UTF-8 cannot; the answer replaces it."""
    got = chat(sandbox.port, b"Hi \xed".decode("utf-8", "surrogateescape"))

    assert got.text.endswith("Hi ?")


def test_unscripted_sandbox_accepts_any_key_and_none(sandbox: Sandbox) -> None:
    """Without a key of its own the sandbox answers everyone."""
    assert chat(sandbox.port).status == 200
    assert chat(sandbox.port, headers={"Authorization": "Bearer x"}).status == 200
    assert [each.authorized for each in sandbox.requests] == [False, True]


def test_sandbox_with_a_key_accepts_no_other(catalog: Catalog) -> None:
    """Any other key, and none, gets 401."""
    with Sandbox(catalog, key="right") as sandbox:
        statuses = [
            chat(sandbox.port, headers={"Authorization": value} if value else {}).status
            for value in ("", "Bearer wrong", "right", "Bearer right")
        ]
        authorized = [each.authorized for each in sandbox.requests]

    assert statuses == [401, 401, 401, 200]
    assert authorized == [False, False, False, True]


def test_received_requests_keep_no_key(sandbox: Sandbox) -> None:
    """Headers and bodies can be looked at; the key cannot, and a repr shows neither."""
    chat(sandbox.port, "a private prompt", headers={"Authorization": "Bearer very-secret"})

    received = sandbox.requests[0]
    assert received.headers["authorization"] == "***"
    assert received.headers["content-type"] == "application/json"
    assert received.body["messages"][0]["content"] == "a private prompt"
    assert "private" not in repr(received)
    assert "very-secret" not in repr((received, received.headers, received.body))
