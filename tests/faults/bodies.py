"""Faults of answers that are not streamed: rows 78 to 91."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.core.wire.server import Peer, body, head
from tests.faults.case import HANGS, WHOLE, Case, said, whole
from tests.faults.promise import AGAIN, ALL, Promise, answers, fails

RETRIED: dict[str, Any] = {"requests": (ALL, ALL), "fallback": True}
ONCE: dict[str, Any] = {"fallback": False}
HTML = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
_PAGE = {"Content-Type": "text/html"}
_JSON = json.dumps(whole(said("hello"))).encode()


def _case(row: int, name: str, content: Any, promise: Promise, **more: Any) -> Case:
    facts = {name: more.pop(name) for name in ("status", "headers") if name in more}
    answer = content if callable(content) else body(content, **facts)
    return Case(row, name, (answer,), promise, **{"ways": WHOLE} | more)


_NO_ANSWER = fails(
    "A body that is no answer is tried again, then elsewhere.", "ResponseError", **RETRIED
)
_FAILED = fails("A gateway's page is a failure of the server.", "ServerError", **RETRIED)


def _without(name: str) -> dict[str, Any]:
    return {key: value for key, value in whole(said("hello")).items() if key != name}


def _choice(**choice: Any) -> dict[str, Any]:
    return {**whole(said("hello")), "choices": [{"index": 0, "finish_reason": "stop", **choice}]}


def _blanks(peer: Peer) -> None:
    """Blank lines before an answer that never comes."""
    peer.send(head(headers={"Content-Type": "application/json", "Content-Length": "10000"}))
    for _ in range(int(HANGS / 0.05)):
        peer.send(b"\n")
        time.sleep(0.05)


CASES = (
    _case(78, "html", HTML, _NO_ANSWER, headers=_PAGE),
    _case(79, "html-502", HTML, _FAILED, status=502, headers=_PAGE),
    _case(79, "html-503", HTML, _FAILED, status=503, headers=_PAGE),
    _case(
        79,
        "html-504",
        HTML,
        fails(
            "A gateway's page is what its status says.",
            "GatewayTimeoutError",
            **RETRIED | {"requests": AGAIN},
        ),
        status=504,
        headers=_PAGE,
    ),
    _case(80, "empty", b"", _NO_ANSWER),
    _case(80, "truncated", _JSON[:-20], _NO_ANSWER),
    _case(81, "choices-empty", {**_without("choices"), "choices": []}, _NO_ANSWER),
    _case(82, "choices-null", {**_without("choices"), "choices": None}, _NO_ANSWER),
    _case(82, "choices-missing", _without("choices"), _NO_ANSWER),
    _case(83, "message-null", _choice(message=None), _NO_ANSWER),
    _case(83, "message-missing", _choice(), _NO_ANSWER),
    _case(
        84,
        "error-object",
        {"error": {"message": "slow down", "type": "rate_limit_error", "code": 429}},
        fails(
            "An error under 200 is what its code says.",
            "RateLimitError",
            message="slow down",
            **RETRIED,
        ),
    ),
    _case(
        84,
        "error-object-auth",
        {"error": {"message": "invalid api key", "code": "401"}},
        fails("An error under 200 is what its code says.", "AuthenticationError", **ONCE),
    ),
    _case(
        85,
        "siliconflow-overload",
        {"code": 50505, "message": "Model service overloaded", "data": None},
        fails("SiliconFlow's error is one.", "ServerError", message="overloaded", **RETRIED),
    ),
    _case(
        85,
        "siliconflow-model",
        {"code": 20012, "message": "Model does not exist", "data": None},
        fails("SiliconFlow's error is one.", "ModelNotFoundError", **ONCE | {"fallback": True}),
        status=400,
    ),
    _case(86, "string", b'"hello"', _NO_ANSWER),
    _case(86, "list", b"[1, 2]", _NO_ANSWER),
    _case(87, "content-empty", whole(said("")), answers("An empty answer that ended is one.", "")),
    _case(87, "content-null", whole(said(None)), answers("An empty answer that ended is one.", "")),
    _case(
        87,
        "content-empty-where-json-was-asked",
        whole(said("")),
        fails(
            "An empty answer is none where JSON was asked for: it is tried again, then elsewhere.",
            "ResponseError",
            **RETRIED,
        ),
        given={"response_format": {"type": "json_object"}},
    ),
    _case(
        88,
        "content-in-parts",
        whole(said([{"type": "text", "text": "hel"}, {"type": "text", "text": "lo"}])),
        answers("Parts of a text are joined."),
    ),
    _case(89, "content-type", _JSON, answers("The content type is not asked."), headers=_PAGE),
    _case(
        89,
        "byte-order-mark",
        b"\xef\xbb\xbf" + _JSON,
        answers("A byte order mark is passed over."),
    ),
    _case(89, "blank-lines", b"\n\n\n\r\n" + _JSON, answers("Blank lines are passed over.")),
    _case(
        89,
        "blank-lines-for-ever",
        _blanks,
        fails(
            "Blank lines do not keep a call alive.",
            "GatewayTimeoutError",
            requests=(1, 2),
            within=3.0,
        ),
        timeout=1.0,
    ),
    _case(
        90,
        "finish-null",
        whole(said("hel"), None),
        fails(
            "An answer without a finish reason is half an answer.",
            "IncompleteResponseError",
            partial="hel",
            **RETRIED,
        ),
    ),
    _case(
        91,
        "half-a-surrogate-pair",
        _JSON.replace(b"hello", b"hel\\ud83dlo"),
        answers("Half a character does not break an answer.", "hel\ufffdlo"),
    ),
    _case(
        91,
        "control-characters-escaped",
        _JSON.replace(b"hello", b"hel\\u0001lo"),
        answers("Control characters do not break an answer.", "hel\x01lo"),
    ),
    _case(
        91,
        "control-characters-raw",
        _JSON.replace(b"hello", b"hel\x01lo"),
        answers("Control characters do not break an answer.", "hel\x01lo"),
    ),
)
