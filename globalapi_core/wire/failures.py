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
from collections.abc import Mapping
from typing import Any

from globalapi_core.errors import (
    AuthenticationError,
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
from globalapi_core.wire import errorbody

MAX_RETRY_AFTER = 3_600.0
"""Seconds; a longer wait is taken for this one."""
_EXCERPT = 200
_LOOKED_AT = 4_000
_LONGEST = 500
"""Characters of a server's message that are kept."""
_STATUS = re.compile(r"[45][0-9]{2}")

# The words of an error body (code, type, message) are searched in this order.
_MEANINGS: tuple[tuple[type[GatewayError], re.Pattern[str]], ...] = tuple(
    (error, re.compile(pattern, re.IGNORECASE))
    for error, pattern in (
        (
            ContextOverflowError,
            r"context_length_exceeded|maximum context length|context window|prompt is too long"
            r"|exceed context limit|exceeded model token limit|input token length too long"
            r"|range of input length should be|prompt 超长",
        ),
        (
            QuotaExceededError,
            r"insufficient_user_quota|pre_consume_token_quota|insufficient_quota|arrearage"
            r"|insufficient balance|balance is insufficient|exceeded_current_quota"
            r"|exceeded your current quota|allocationquota|余额不足|欠费"
            r"|usage limit for this billing cycle|entitlement_\w*limit_exceeded",
        ),
        (
            ContentFilteredError,
            r"content_filter|data_inspection_failed|considered high risk|sensitive_words_detected"
            r"|prompt_blocked|content_policy",
        ),
        (
            ModelNotFoundError,
            r"model_not_found|modelnotfound|no available channel|无可用渠道"
            r"|model\b.{0,80}\bdoes not exist|model not exist",
        ),
        (
            ModelNotFoundError,
            r"(?:no|not have) access to (?:the )?model|model_not_allowed|模型无权",
        ),
        (RateLimitError, r"rate.?limit|ratequota|too many requests|负载已饱和"),
        (
            AuthenticationError,
            r"unsupported_country|permission_(?:error|denied)|do(?:es)? not have permission|无权",
        ),
        (ServerError, r"overloaded"),
        (AuthenticationError, r"invalid.{0,12}api.?key|incorrect api key|unauthorized"),
        # Of the request; what is wrong with a `response` is the server's own failure.
        (
            InvalidRequestError,
            r"\b\d+ validation errors?(?:: (?:body|path|query|header)\b| for \w*Request\b)",
        ),
    )
)
# GLM's codes and SiliconFlow's (docs.bigmodel.cn/cn/api/api-code, docs.siliconflow.cn/faqs).
# As codes only: in a text, 1261 may be a number of tokens.
_CODES: Mapping[str, type[GatewayError]] = {
    "1113": QuotaExceededError,
    "1211": ModelNotFoundError,
    "1261": ContextOverflowError,
    "1301": ContentFilteredError,
    "1302": RateLimitError,
    "1303": RateLimitError,
    "1304": QuotaExceededError,
    "1305": ServerError,
    "1308": QuotaExceededError,
    "1310": QuotaExceededError,
    "1312": ServerError,
    "20012": ModelNotFoundError,
    "50505": ServerError,
}
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
    524: GatewayTimeoutError,
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
    said = errorbody.read(data)
    message = _text(said.message, secret) or excerpt(body, secret) or "no body"
    request = request_id(headers, secret, data)
    if 300 <= status < 400:
        text = f"the server answers {status}, a redirect, which is not followed: check base_url"
        return InvalidRequestError(text, status=status, request_id=request)
    kind = _meaning(said, message) or _STATUSES.get(status) or _by_hundreds(status)
    # Words of a rate limit inside a plain 4xx of another sort stay what the status says.
    if kind is RateLimitError and status in (400, 401, 404, 422):
        kind = _STATUSES.get(status, InvalidRequestError)
    wait = retry_after(headers)
    # OpenRouter's budget of calls in flight: an empty balance names no time to come back.
    if status == 402 and wait is not None:
        kind = RateLimitError
    error = kind(
        f"{message} (HTTP {status}{_hint(status, data)})",
        status=status,
        code=said.code and _masked(said.code, secret),
        request_id=request,
        retry_after=wait,
    )
    # Cloudflare's 524 is its own timer: the server behind it may well have finished.
    error.billed = status == 524
    # "true" is not obeyed: nobody else can know that a refused key is worth another try.
    if headers.get("x-should-retry", "").lower() == "false":
        error.retryable = False
    return error


def in_body(
    data: Mapping[str, Any], headers: Mapping[str, str], *, secret: str | None = None
) -> GatewayError | None:
    """The error that the *data* of a 200 holds, or `None` if it holds none."""
    coded = not data.get("choices") and _is_coded(data)
    if not (data.get("error") or data.get("object") == "error" or coded):
        return None
    said = errorbody.read(data)
    text = _text(said.message, secret) or "the server sent an error without a text"
    status = int(said.code) if said.code and _STATUS.fullmatch(said.code) else None
    kind = _meaning(said, text) or (
        (_STATUSES.get(status) or _by_hundreds(status)) if status else ServerError
    )
    return kind(
        f"{text} (sent with HTTP 200)",
        status=status or 200,
        code=said.code and _masked(said.code, secret),
        request_id=request_id(headers, secret, data),
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


def request_id(headers: Mapping[str, str], secret: str | None, data: object = None) -> str | None:
    """The server's name for the request, if it gave one; *secret* is masked in it."""
    names = ("x-request-id", "request-id", "x-generation-id")
    own = data.get("request_id") if isinstance(data, Mapping) else None
    found = next((headers[name] for name in names if headers.get(name)), own)
    return _masked(found, secret) if isinstance(found, str) else None


def excerpt(body: bytes, secret: str | None) -> str:
    """The start of a body that is not what was expected, on one line."""
    # Masked before it is cut: half a key is a secret too.
    text = _masked(body[:_LOOKED_AT].decode("utf-8", "replace"), secret)
    text = " ".join(errorbody.unquoted(text).split())
    return text[:_EXCERPT] + ("…" if len(text) > _EXCERPT else "")


def seal(error: BaseException) -> None:
    """Cut what the HTTP library raised off *error* and its causes: it may hold the key."""
    cause: BaseException | None = error
    while isinstance(cause, GatewayError):
        cause.__traceback__ = None
        cause.__context__ = cause.__cause__
        cause = cause.__cause__


class naming:
    """Puts the name of *model* on an error that passes, and takes from it what holds the key.

    The frames below this one have the request in their variables, which some tools print.
    """

    def __init__(self, model: str | None) -> None:
        self._model = model

    def __enter__(self) -> None:
        """Nothing to do yet."""

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        """Name and seal a `GatewayError`."""
        if isinstance(error, GatewayError):
            error.model = error.model or self._model
            seal(error)


def _text(message: str, secret: str | None) -> str:
    text = _masked(message, secret)
    return text[:_LONGEST] + ("…" if len(text) > _LONGEST else "")


def _is_coded(data: Mapping[str, Any]) -> bool:
    """SiliconFlow's shape: `{"code": 50505, "message": "...", "data": null}`."""
    return data.get("code") not in (None, 0, 200, "0", "200") and "message" in data


def _meaning(said: errorbody.Said, text: str) -> type[GatewayError] | None:
    by_code = next((_CODES[code] for code in said.codes if code in _CODES), None)
    words = " ".join((*said.codes, text))
    return by_code or next((error for error, pattern in _MEANINGS if pattern.search(words)), None)


def _by_hundreds(status: int) -> type[GatewayError]:
    if status >= 500:
        return ServerError
    return InvalidRequestError if status >= 400 else ResponseError


def _hint(status: int, data: object) -> str:
    # FastAPI's answer where it serves nothing; of a model that is not there, more is said.
    if status == 404 and (not isinstance(data, Mapping) or data == {"detail": "Not Found"}):
        return "; does the base URL lack its /v1?"
    return ""


def _masked(text: str, secret: str | None) -> str:
    text = text.replace(secret, "***") if secret else text
    return text if text.isascii() else _paired(text)


def _paired(text: str) -> str:
    """Half of a surrogate pair can be neither printed nor written: it is replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _until(date: str) -> float:
    try:
        return email.utils.parsedate_to_datetime(date).timestamp() - time.time()
    except (ValueError, OverflowError):
        return math.nan
