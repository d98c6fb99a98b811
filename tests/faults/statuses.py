"""Faults that a status tells of: rows 92 to 116."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Mapping
from typing import Any

from tests.core.wire.server import Peer, body
from tests.faults.case import Case, sound
from tests.faults.promise import AGAIN, ALL, Promise, answers, fails

RETRIED: dict[str, Any] = {"requests": (ALL, ALL), "fallback": True}
MOVED: dict[str, Any] = {"fallback": True}
ONCE: dict[str, Any] = {"fallback": False}


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
    return Case(row, name, (body(content, status, headers),), promise, **more)


def _error(message: str, **facts: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": None, "param": None, "code": None, **facts}}


def _plain(status: int) -> dict[str, Any]:
    return _error(f"said with {status}")


# The vendors' own words (their error pages; docs/faults.md names none of them).
_OVERFLOWS: tuple[tuple[str, int, Any], ...] = (
    (
        "openai",
        400,
        _error(
            "This model's maximum context length is 8192 tokens. However, your messages resulted "
            "in 9001 tokens.",
            type="invalid_request_error",
            code="context_length_exceeded",
        ),
    ),
    (
        "openai-newer",
        400,
        _error(
            "Your input exceeds the context window of this model.",
            type="invalid_request_error",
            code="context_length_exceeded",
        ),
    ),
    (
        "anthropic",
        400,
        {
            "type": "error",
            "error": {
                "type": "invalid_request_error",
                "message": "prompt is too long: 210000 tokens > 200000 maximum",
            },
        },
    ),
    ("anthropic-limit", 400, _error("input length and `max_tokens` exceed context limit: 1 + 2 > 2")),
    ("kimi", 400, _error("Your request exceeded model token limit: 8192 (requested: 9001)")),
    ("kimi-input", 400, _error("Input token length too long")),
    (
        "qwen",
        400,
        _error("Range of input length should be [1, 30720]", code="invalid_parameter_error"),
    ),
    ("glm", 400, _error("Prompt 超长", code="1261")),
    (
        "vllm",
        400,
        {
            "object": "error",
            "message": "This model's maximum context length is 8192 tokens. However, you requested "
            "9001 tokens",
            "type": "BadRequestError",
            "code": 400,
        },
    ),
    ("together", 403, _error("Input exceeds the maximum context length of the model")),
)
_BROKE: tuple[tuple[str, int, Any], ...] = (
    ("402", 402, _error("Payment required")),
    ("deepseek", 402, _error("Insufficient Balance", type="unknown_error", code="invalid_request_error")),
    ("qwen", 400, _error("Access denied, account in arrears.", code="Arrearage")),
    ("glm", 429, _error("您的账户已欠费，请充值后重试。", code="1113")),
    (
        "kimi",
        403,
        _error("You've reached your usage limit for this billing cycle.", type="access_terminated"),
    ),
    ("siliconflow", 403, {"code": 30001, "message": "Sorry, your account balance is insufficient", "data": None}),
    (
        "new-api",
        403,
        _error("用户额度不足, 剩余额度: ＄0.00", type="new_api_error", code="insufficient_user_quota"),
    ),
    ("one-api", 403, _error("预扣费额度失败", type="new_api_error", code="pre_consume_token_quota_failed")),
)
_SPENT: tuple[tuple[str, Any], ...] = (
    ("openai", _error("You exceeded your current quota", type="insufficient_quota", code="insufficient_quota")),
    ("qwen", _error("Allocated quota exceeded", code="Throttling.AllocationQuota")),
    ("glm-1304", _error("当日调用次数已达上限", code="1304")),
    ("glm-1308", _error("已达到使用上限，将在 2026-12-01 重置", code="1308")),
    ("glm-1310", _error("已达到每周使用上限", code="1310")),
)
_FILTERED: tuple[tuple[str, int, Any], ...] = (
    ("kimi", 400, _error("The request was rejected because it was considered high risk", type="content_filter")),
    ("qwen", 400, _error("Input data may contain inappropriate content.", code="data_inspection_failed")),
    ("glm", 400, _error("系统检测到输入或生成内容可能包含不安全或敏感内容", code="1301")),
    ("new-api", 400, _error("user sensitive words detected", code="sensitive_words_detected")),
    ("403", 403, _error("blocked", code="content_policy_violation")),
)

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
        for name, status, content in _OVERFLOWS
    ),
    _case(
        93,
        "bad-parameter",
        400,
        _error("temperature must be between 0 and 2", type="invalid_request_error"),
        fails("A request that is wrong is tried nowhere else.", "InvalidRequestError", status=400, **ONCE),
    ),
    *(
        _case(
            94,
            name,
            status,
            content,
            fails("What a policy stopped is not tried elsewhere.", "ContentFilteredError", **ONCE),
        )
        for name, status, content in _FILTERED
    ),
)
_ACCOUNT = (
    _case(
        95,
        "401",
        401,
        _error("Incorrect API key provided", code="invalid_api_key"),
        fails("A key that is refused is not tried again.", "AuthenticationError", status=401, **ONCE),
    ),
    *(
        _case(
            96,
            name,
            status,
            content,
            fails("An empty balance is one, whatever its status.", "QuotaExceededError", **ONCE),
        )
        for name, status, content in _BROKE
    ),
    Case(
        96,
        "in-flight-budget",
        (
            body(
                _error("Insufficient credits for requests in flight", code=402)
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
        _error(
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
        _error("You do not have permission to perform this action", type="permission_error"),
        fails("A permission that lacks is refused once.", "AuthenticationError", **ONCE),
    ),
    _case(
        97,
        "permission-for-a-model",
        403,
        _error("This token has no access to model model-a", type="new_api_error", code="access_denied"),
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
        _error("The model `model-a` does not exist", code="model_not_found"),
        fails("A model that is gone is left for the next.", "ModelNotFoundError", status=404, **MOVED),
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
        _error("当前分组 default 下对于模型 model-a 无可用渠道", type="new_api_error"),
        fails("A model without a channel is left at once.", "ModelNotFoundError", status=503, **MOVED),
    ),
)


def _refused(row: int, status: int, kind: str = "InvalidRequestError", **more: Any) -> Case:
    promise = fails("It is the request's fault: tried once.", kind, status=status, **ONCE)
    return _case(row, str(status), status, _plain(status), promise, **more)


def _failed(row: int, status: int, kind: str = "ServerError", **facts: Any) -> Case:
    promise = fails("It may pass: tried again, then elsewhere.", kind, status=status, **RETRIED | facts)
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
    return Case(106, name, (body(_plain(429), 429, {name: value}), sound), promise)


def _absurd(value: str, name: str) -> Case:
    promise = fails(
        "An absurd wait counts as not said.",
        "RateLimitError",
        within=4.0,
        **RETRIED,
    )
    return _case(107, name, 429, _plain(429), promise, headers={"Retry-After": value})


_WAITS = (
    _waited("Retry-After", "0.3", 0.3),
    _waited("Retry-After-Ms", "300", 0.3),
    Case(
        106,
        "Retry-After-date",
        (_date, sound),
        answers("A call waits until the date it is told.", requests=(2, 2), after=0.3, within=4.0),
        ways=("invoke", "astream"),
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
        for name, content in _SPENT
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
