"""Faults that a status tells of: rows 92 to 116."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Mapping
from typing import Any

from tests.core.wire.server import Peer, body
from tests.faults import vendors
from tests.faults.case import EACH_ONCE, WAYS, Case, sound
from tests.faults.promise import AGAIN, ALL, Promise, answers, fails

RETRIED: dict[str, Any] = {"requests": (ALL, ALL), "fallback": True}
MOVED: dict[str, Any] = {"fallback": True}
ONCE: dict[str, Any] = {"fallback": False}


# One of each sort is asked in all four ways: a status is read before the ways part.
_ALL_WAYS = ("openai", "bad-parameter", "401", "402", "glm", "model-gone", "429", "500", "503")


def _case(
    row: int,
    name: str,
    status: int,
    content: Any,
    promise: Promise,
    *,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Case:
    ways = WAYS if name in _ALL_WAYS else EACH_ONCE
    return Case(row, name, (body(content, status, headers),), promise, ways, **more)


def _plain(status: int) -> dict[str, Any]:
    return vendors.error(f"said with {status}")


_REQUESTS = (
    *(
        _case(
            92,
            name,
            status,
            content,
            fails(
                "A prompt that is too long goes to a model with a larger window only.",
                "ContextOverflowError",
                status=status,
                **MOVED,
            ),
        )
        for name, status, content in vendors.OVERFLOWS
    ),
    _case(
        93,
        "bad-parameter",
        400,
        vendors.error("temperature must be between 0 and 2", type="invalid_request_error"),
        fails(
            "A request that is wrong is tried nowhere else.",
            "InvalidRequestError",
            status=400,
            **ONCE,
        ),
    ),
    *(
        _case(
            94,
            name,
            status,
            content,
            fails("What a policy stopped is not tried elsewhere.", "ContentFilteredError", **ONCE),
        )
        for name, status, content in vendors.FILTERED
    ),
)
_ACCOUNT = (
    _case(
        95,
        "401",
        401,
        vendors.error("Incorrect API key provided", code="invalid_api_key"),
        fails(
            "A key that is refused is not tried again.", "AuthenticationError", status=401, **ONCE
        ),
    ),
    *(
        _case(
            96,
            name,
            status,
            content,
            fails("An empty balance is one, whatever its status.", "QuotaExceededError", **ONCE),
        )
        for name, status, content in vendors.BROKE
    ),
    Case(
        96,
        "in-flight-budget",
        (
            body(
                vendors.error("Insufficient credits for requests in flight", code=402)
                | {"metadata": {"limit_source": "openrouter_in_flight_budget"}},
                402,
                {"Retry-After-Ms": "20", "Retry-After": "1"},
            ),
            sound,
        ),
        answers("A 402 that says when to come back is waited for.", requests=(2, 2)),
    ),
    _case(
        97,
        "nothing-said",
        403,
        b"",
        fails("A bare 403 is this gateway's rate limit.", "RateLimitError", status=403, **RETRIED),
    ),
    _case(
        97,
        "region",
        403,
        vendors.error(
            "Country, region, or territory not supported",
            type="request_forbidden",
            code="unsupported_country_region_territory",
        ),
        fails("A region that is refused is refused once.", "AuthenticationError", **ONCE),
    ),
    _case(
        97,
        "permission",
        403,
        vendors.error("You do not have permission to perform this action", type="permission_error"),
        fails("A permission that lacks is refused once.", "AuthenticationError", **ONCE),
    ),
    _case(
        97,
        "permission-for-a-model",
        403,
        vendors.error(
            "This token has no access to model model-a", type="new_api_error", code="access_denied"
        ),
        fails(
            "A model that the key may not use is left for the next.",
            "ModelNotFoundError",
            "AuthenticationError",
            **MOVED,
        ),
    ),
)
_PLACES = (
    _case(
        98,
        "model-gone",
        404,
        vendors.error("The model `model-a` does not exist", code="model_not_found"),
        fails(
            "A model that is gone is left for the next.", "ModelNotFoundError", status=404, **MOVED
        ),
    ),
    _case(
        98,
        "wrong-path",
        404,
        b"<html><title>404 Not Found</title></html>",
        fails("A wrong path is said to be one.", "ModelNotFoundError", message="/v1"),
        headers={"Content-Type": "text/html"},
    ),
    _case(
        114,
        "no-channel",
        503,
        vendors.error("当前分组 default 下对于模型 model-a 无可用渠道", type="new_api_error"),
        fails(
            "A model without a channel is left at once.", "ModelNotFoundError", status=503, **MOVED
        ),
    ),
)


def _refused(row: int, status: int, kind: str = "InvalidRequestError", **more: Any) -> Case:
    promise = fails("It is the request's fault: tried once.", kind, status=status, **ONCE)
    return _case(row, str(status), status, _plain(status), promise, **more)


def _failed(row: int, status: int, kind: str = "ServerError", **facts: Any) -> Case:
    promise = fails(
        "It may pass: tried again, then elsewhere.", kind, status=status, **RETRIED | facts
    )
    return _case(row, str(status), status, _plain(status), promise)


_HTML = b"<html><head><title>413 Request Entity Too Large</title></head></html>"
_STATUSES = (
    *(_refused(99, status) for status in (405, 415, 431)),
    _failed(100, 408, "GatewayTimeoutError", requests=AGAIN),
    _failed(101, 409),
    _refused(102, 413),
    _case(
        102,
        "413-html",
        413,
        _HTML,
        fails("It is the request's fault: tried once.", "InvalidRequestError", status=413, **ONCE),
        headers={"Content-Type": "text/html"},
    ),
    _refused(103, 422),
    _failed(104, 425),
    _failed(105, 429, "RateLimitError"),
    _refused(109, 451, "AuthenticationError"),
    *(_failed(110, status) for status in (500, 502, 503)),
    _failed(110, 504, "GatewayTimeoutError", requests=AGAIN),
    *(_refused(111, status) for status in (501, 505)),
    *(_failed(112, status) for status in (520, 521, 522, 523, 525, 526)),
    _failed(112, 524, "GatewayTimeoutError", requests=(1, 2)),
    _failed(113, 529),
    _case(
        113,
        "overloaded",
        400,
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
        fails("An overload is one, whatever its status.", "ServerError", **RETRIED),
    ),
    *(_refused(116, status) for status in (434, 435, 446)),
    _failed(116, 599),
)


def _date(peer: Peer) -> None:
    """A rate limit until a date, a second or two from now."""
    until = email.utils.formatdate(time.time() + 1.5, usegmt=True)
    body(_plain(429), 429, {"Retry-After": until})(peer)


def _waited(name: str, value: str, after: float) -> Case:
    promise = answers(
        "A call waits as long as it is asked to.", requests=(2, 2), after=after, within=after + 2
    )
    script = (body(_plain(429), 429, {name: value}), sound)
    return Case(106, name, script, promise, ways=EACH_ONCE)


def _absurd(value: str, name: str) -> Case:
    promise = fails(
        "An absurd wait counts as not said.",
        "RateLimitError",
        within=4.0,
        **RETRIED,
    )
    return _case(107, name, 429, _plain(429), promise, headers={"Retry-After": value})


_WAITS = (
    _waited("Retry-After", "0.2", 0.2),
    _waited("Retry-After-Ms", "200", 0.2),
    Case(
        106,
        "Retry-After-date",
        (_date, sound),
        answers("A call waits until the date it is told.", requests=(2, 2), after=0.3, within=4.0),
        ways=EACH_ONCE,
    ),
    _case(
        107,
        "an-hour",
        429,
        _plain(429),
        fails(
            "A wait of an hour is not waited: the next model is asked at once.",
            "RateLimitError",
            within=1.5,
            **MOVED,
        ),
        headers={"Retry-After": "3600"},
    ),
    *(
        _absurd(value, name)
        for value, name in (
            ("inf", "infinite"),
            ("nan", "not-a-number"),
            ("-5", "negative"),
            ("Wed, 21 Oct 2015 07:28:00 GMT", "past"),
            ("soon", "a-word"),
            ("1e400", "too-large-for-a-float"),
        )
    ),
    *(
        _case(
            108,
            name,
            429,
            content,
            fails("A quota that is used up is not tried again.", "QuotaExceededError", **ONCE),
        )
        for name, content in vendors.SPENT
    ),
    _case(
        115,
        "false",
        500,
        _plain(500),
        fails("A server that says not to try again is not asked again.", "ServerError", **MOVED),
        headers={"x-should-retry": "false"},
    ),
    _case(
        115,
        "true-on-400",
        400,
        _plain(400),
        fails("A wrong request stays wrong.", "InvalidRequestError", **ONCE),
        headers={"x-should-retry": "true"},
    ),
)
CASES = (*_REQUESTS, *_ACCOUNT, *_PLACES, *_STATUSES, *_WAITS)
