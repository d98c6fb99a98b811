"""What a failure means: one table, asked for every answer that is not a completion.

`classify` is a pure function of status, headers and body. The body goes first: this
gateway documents 403 as a rate limit, GLM sends 429 for an empty balance, one-api 403
for one, and many send errors under 200 (vendors' error pages).
"""

from __future__ import annotations

import email.utils
import math
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from globalapi_core.errors import (
    AuthenticationError,
    ConnectionLostError,
    ContentFilteredError,
    ContextOverflowError,
    GatewayError,
    GatewayTimeoutError,
    InvalidRequestError,
    ModelNotFoundError,
    QuotaExceededError,
    RateLimitError,
    ResponseError,
    ServerError,
)

LOST = (ConnectionLostError, GatewayTimeoutError)
TIMED_OUT = GatewayTimeoutError

MAX_RETRY_AFTER = 3_600.0
"""Seconds; a longer wait is taken for this one."""
_EXCERPT = 200

# Code, type and message of an error body, joined, are searched in this order.
_MEANINGS: tuple[tuple[type[GatewayError], re.Pattern[str]], ...] = tuple(
    (error, re.compile(pattern, re.IGNORECASE))
    for error, pattern in (
        (
            ContextOverflowError,
            r"context_length_exceeded|maximum context length|context window|prompt is too long"
            r"|exceed context limit|exceeded model token limit|input token length too long"
            r"|range of input length should be|prompt 超长|\b1261\b",
        ),
        (
            QuotaExceededError,
            r"insufficient_user_quota|pre_consume_token_quota|insufficient_quota|arrearage"
            r"|insufficient balance|exceeded_current_quota|allocationquota|余额不足|欠费"
            r"|\b1113\b|usage limit for this billing cycle",
        ),
        (
            ContentFilteredError,
            r"content_filter|data_inspection_failed|considered high risk|sensitive_words_detected"
            r"|prompt_blocked|content_policy|\b1301\b",
        ),
        (
            ModelNotFoundError,
            r"model_not_found|modelnotfound|no available channel|无可用渠道|does not exist"
            r"|model not exist|\b1211\b|\b20012\b",
        ),
        (RateLimitError, r"rate.?limit|ratequota|too many requests|负载已饱和|\b130[23]\b"),
        (ServerError, r"overloaded|\b1305\b|\b1312\b|\b50505\b"),
        (AuthenticationError, r"invalid.{0,12}api.?key|incorrect api key|unauthorized"),
    )
)
_STATUSES: Mapping[int, type[GatewayError]] = {
    401: AuthenticationError,
    402: QuotaExceededError,
    403: RateLimitError,
    404: ModelNotFoundError,
    408: GatewayTimeoutError,
    409: ServerError,
    425: ServerError,
    429: RateLimitError,
    451: AuthenticationError,
    501: InvalidRequestError,
    504: GatewayTimeoutError,
    505: InvalidRequestError,
}


def classify(
    status: int, headers: Mapping[str, str], body: bytes, *, secret: str | None = None
) -> GatewayError:
    """The error that an answer with *status* other than 200 is.

    *secret* is masked wherever the server echoes it.
    """
    from globalapi_core.wire.response import load

    data = load(body)
    message, code = _said(data)
    message = _masked(message, secret) or excerpt(body, secret) or "no body"
    if 300 <= status < 400:
        text = f"the server answers {status}, a redirect, which is not followed: check base_url"
        return InvalidRequestError(text, status=status, request_id=request_id(headers))
    kind = _meaning(f"{code or ''} {message}") or _STATUSES.get(status) or _by_hundreds(status)
    # Words of a rate limit inside a plain 4xx of another sort stay what the status says.
    if kind is RateLimitError and status in (400, 401, 404, 422):
        kind = _STATUSES.get(status, InvalidRequestError)
    error = kind(
        f"{message} (HTTP {status}{_hint(status, data)})",
        status=status,
        code=code,
        request_id=request_id(headers),
        retry_after=retry_after(headers),
    )
    return error


def in_body(
    data: Mapping[str, Any], headers: Mapping[str, str], *, secret: str | None = None
) -> GatewayError | None:
    """The error that the *data* of a 200 holds, or `None` if it holds none."""
    if not ("error" in data or data.get("object") == "error" or _is_coded(data)):
        return None
    message, code = _said(data)
    text = _masked(message, secret) or "the server sent an error without a text"
    status = int(code) if code and code.isdigit() and 400 <= int(code) < 600 else None
    kind = _meaning(f"{code or ''} {text}") or (
        (_STATUSES.get(status) or _by_hundreds(status)) if status else ServerError
    )
    return kind(
        f"{text} (sent with HTTP 200)",
        status=status or 200,
        code=code,
        request_id=request_id(headers),
        retry_after=retry_after(headers),
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds the server asks to wait: `retry-after-ms`, or `retry-after` as seconds or date.

    Nonsense (not a number, negative, in the past) counts as not said; `MAX_RETRY_AFTER`
    is the most.
    """
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = headers.get(name)
        if text is None:
            continue
        try:
            seconds = float(text) * scale
        except ValueError:
            seconds = _until(text)
        if math.isfinite(seconds) and seconds > 0:
            return min(seconds, MAX_RETRY_AFTER)
    return None


def request_id(headers: Mapping[str, str]) -> str | None:
    """The server's name for the request, if it gave one."""
    names = ("x-request-id", "request-id", "x-generation-id")
    return next((headers[name] for name in names if headers.get(name)), None)


def excerpt(body: bytes, secret: str | None) -> str:
    """The start of a body that is not what was expected, on one line."""
    text = " ".join(body[: 4 * _EXCERPT].decode("utf-8", "replace").split())
    return _masked(text[:_EXCERPT] + ("…" if len(text) > _EXCERPT else ""), secret)


@contextmanager
def naming(model: str) -> Iterator[None]:
    """Put the name of *model* on an error that passes."""
    try:
        yield
    except GatewayError as error:
        error.model = error.model or model
        raise


def _said(data: object) -> tuple[str, str | None]:
    """Message and code of an error body, whatever its shape."""
    if isinstance(data, str):
        return data, None
    if not isinstance(data, Mapping):
        return "", None
    inner = data.get("error")
    if isinstance(inner, Mapping):
        message, code = _said({**inner, "error": None})
        return message, code
    names = ("message", "msg", "detail", "error_msg", "err")
    message = inner if isinstance(inner, str) else next((data[n] for n in names if data.get(n)), "")
    parts = [data.get("code"), data.get("error_code"), data.get("type")]
    code = next((str(part) for part in parts if part not in (None, "")), None)
    return (message if isinstance(message, str) else str(message)), code


def _is_coded(data: Mapping[str, Any]) -> bool:
    """SiliconFlow's shape: `{"code": 50505, "message": "...", "data": null}`."""
    return data.get("code") not in (None, 0, 200, "0", "200") and "message" in data


def _meaning(text: str) -> type[GatewayError] | None:
    return next((error for error, pattern in _MEANINGS if pattern.search(text)), None)


def _by_hundreds(status: int) -> type[GatewayError]:
    if status >= 500:
        return ServerError
    return InvalidRequestError if status >= 400 else ResponseError


def _hint(status: int, data: object) -> str:
    if status == 404 and not isinstance(data, Mapping):
        return "; does the base URL lack its /v1?"
    return ""


def _masked(text: str, secret: str | None) -> str:
    return text.replace(secret, "***") if secret else text


def _until(date: str) -> float:
    try:
        return email.utils.parsedate_to_datetime(date).timestamp() - time.time()
    except (ValueError, OverflowError):
        return math.nan
