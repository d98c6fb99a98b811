"""What each failure means: the vendors' own texts and codes, row by row."""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

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
from globalapi_core.wire import failures


def classified(
    status: int,
    body: object = b"",
    headers: Mapping[str, str] | None = None,
    secret: str | None = None,
) -> GatewayError:
    """What an answer with this status and body means."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return failures.classify(status, headers or {}, data, secret=secret)


def said(message: str, **more: Any) -> dict[str, Any]:
    """An error body of OpenAI's shape."""
    return {"error": {"message": message, **more}}


@pytest.mark.parametrize(
    ("status", "kind", "retryable", "fallback", "scope"),
    [
        # The gateway's own published table.
        (401, AuthenticationError, False, False, "key"),
        (403, RateLimitError, True, True, "model"),
        (429, RateLimitError, True, True, "model"),
        (500, ServerError, True, True, "model"),
        (503, ServerError, True, True, "model"),
        # The rest of HTTP.
        (400, InvalidRequestError, False, False, "request"),
        (402, QuotaExceededError, False, False, "key"),
        (404, ModelNotFoundError, False, True, "model"),
        (405, InvalidRequestError, False, False, "request"),
        (408, GatewayTimeoutError, True, True, "model"),
        (409, ServerError, True, True, "model"),
        (413, InvalidRequestError, False, False, "request"),
        (415, InvalidRequestError, False, False, "request"),
        (422, InvalidRequestError, False, False, "request"),
        (425, ServerError, True, True, "model"),
        (431, InvalidRequestError, False, False, "request"),
        (434, InvalidRequestError, False, False, "request"),
        (451, AuthenticationError, False, False, "key"),
        (501, InvalidRequestError, False, False, "request"),
        (502, ServerError, True, True, "model"),
        (504, GatewayTimeoutError, True, True, "model"),
        (505, InvalidRequestError, False, False, "request"),
        (520, ServerError, True, True, "model"),
        (524, GatewayTimeoutError, True, True, "model"),
        (529, ServerError, True, True, "model"),
        (204, ResponseError, True, True, "model"),
        (302, InvalidRequestError, False, False, "request"),
        (307, InvalidRequestError, False, False, "request"),
    ],
)
def test_status_alone(
    status: int, kind: type[GatewayError], retryable: bool, fallback: bool, scope: str
) -> None:
    """A status without a telling body means what the gateway's table and HTTP say."""
    error = classified(status, said("no"))

    assert type(error) is kind
    assert (error.retryable, error.fallback, error.scope) == (retryable, fallback, scope)
    assert error.status == status


@pytest.mark.parametrize("status", [400, 403, 413, 422, 429, 500])
@pytest.mark.parametrize(
    "body",
    [
        said("This model's maximum context length is 128000 tokens"),
        said("no", code="context_length_exceeded"),
        said("Your input exceeds the context window of this model"),
        said("prompt is too long: 210000 tokens > 200000 maximum"),
        said("input length and `max_tokens` exceed context limit: 190000 + 20000"),
        said(
            "Invalid request: Your request exceeded model token limit: 131072 (requested: 140000)"
        ),
        said("Input token length too long"),
        said(
            "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 30720]"
        ),
        {"error": {"code": "1261", "message": "Prompt 超长"}},
        {"error": {"code": 1261, "message": "too long"}},
        {
            "object": "error",
            "message": "maximum context length is 4096 tokens, however you requested 5000",
            "code": 400,
        },
    ],
)
def test_context_overflow(status: int, body: object) -> None:
    """Each vendor's words for a prompt that is too long, whatever the status."""
    error = classified(status, body)

    assert type(error) is ContextOverflowError
    assert (error.retryable, error.fallback, error.scope) == (False, True, "request")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (402, said("Insufficient Balance")),  # DeepSeek
        (400, {"code": "Arrearage", "message": "Access denied, your account is in arrears."}),
        (403, {"code": "Arrearage", "message": "Access denied."}),
        (403, said("Your account is suspended due to insufficient balance")),  # Kimi
        (429, said("check your plan", type="exceeded_current_quota_error")),  # Kimi
        (429, {"error": {"code": "1113", "message": "您的账户已欠费，请充值后重试"}}),  # GLM
        (403, {"code": 30001, "message": "Sorry, your account balance is insufficient"}),
        (402, {"error": {"code": 402, "message": "Insufficient credits"}}),  # OpenRouter
        (403, said("no", code="insufficient_user_quota")),  # new-api
        (403, said("预扣费额度失败, 用户余额不足", code="pre_consume_token_quota_failed")),
        (429, {"code": "Throttling.AllocationQuota", "message": "Allocated quota exceeded"}),
        (429, said("You exceeded your current quota", type="insufficient_quota", code=429)),
        (403, said("You have reached your usage limit for this billing cycle.")),  # Kimi
        (429, {"error": {"code": "1304", "message": "limit"}}),
        (429, {"error": {"code": "1308", "message": "limit, resets at 2026-11-22 10:00"}}),
        (429, {"error": {"code": "1310", "message": "limit"}}),
        (429, said("no", code="entitlement_daily_limit_exceeded")),
    ],
)
def test_money_in_disguise(status: int, body: object) -> None:
    """An empty account is no rate limit: waiting and other models do not help."""
    error = classified(status, body)

    assert type(error) is QuotaExceededError
    assert (error.retryable, error.fallback, error.scope) == (False, False, "key")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, said("Requests rate limit exceeded", code="rate_limit_exceeded")),
        (429, {"code": "Throttling.RateQuota", "message": "Requests rate limit exceeded"}),
        (429, {"error": {"code": "1302", "message": "您的账户已达到速率限制"}}),
        (429, {"error": {"code": "1303", "message": "频率过高"}}),
        (429, said("当前分组上游负载已饱和，请稍后再试")),
        (403, said("Rate limit exceeded")),
        (503, said("rate_limit_error", type="rate_limit_error")),
    ],
)
def test_rate_limit(status: int, body: object) -> None:
    """Each vendor's words for too many requests."""
    assert type(classified(status, body)) is RateLimitError


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (503, said("The model is overloaded")),
        (429, said("The engine is currently overloaded", type="engine_overloaded_error")),
        (429, {"error": {"code": "1305", "message": "当前API请求过多"}}),
        (429, {"error": {"code": "1312", "message": "该模型当前访问量过大"}}),
        (503, {"code": 50505, "message": "Model service overloaded. Please try again later."}),
        (529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
    ],
)
def test_overload(status: int, body: object) -> None:
    """An overloaded model is a server's failure, whatever the status."""
    error = classified(status, body)

    assert type(error) is ServerError
    assert error.retryable


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, said("Output data may contain inappropriate content", code="data_inspection_failed")),
        (400, said("rejected because it was considered high risk", type="content_filter")),
        (400, {"error": {"code": "1301", "message": "系统检测到输入可能包含敏感内容"}}),
        (403, said("no", code="sensitive_words_detected")),
        (403, said("no", code="prompt_blocked")),
        (400, said("no", type="content_filter", code=400)),
    ],
)
def test_content_filter(status: int, body: object) -> None:
    """A content policy ends the call: no other model is asked."""
    error = classified(status, body)

    assert type(error) is ContentFilteredError
    assert not error.fallback


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, {"code": "ModelNotFound", "message": "Model can not be found."}),
        (404, said("The model `x` does not exist or you do not have access to it.")),
        (400, said("Model Not Exist")),
        (400, {"error": {"code": "1211", "message": "模型不存在，请检查模型代码"}}),
        (400, {"code": 20012, "message": "Model does not exist. Please check it carefully."}),
        (503, said("当前分组 default 下对于模型 x 无可用渠道")),
        (503, said("No available channel for model x under group default")),
        (503, said("no", code="model_not_found")),
    ],
)
def test_model_unknown(status: int, body: object) -> None:
    """A model the gateway does not serve is left at once for the next one."""
    error = classified(status, body)

    assert type(error) is ModelNotFoundError
    assert (error.retryable, error.fallback) == (False, True)


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (400, "max_tokens must be at most 1261"),
        (400, "messages[1113] has no role"),
        (400, "at least 1301 tokens of output are needed"),
        (400, "messages[2]: the tool_call_id call_1 does not exist"),
        (400, "the parameter rate_limit is unknown"),
        (422, "too many requests in one batch"),
    ],
)
def test_words_that_only_look_so(status: int, text: str) -> None:
    """Numbers and words inside another message do not change what it means."""
    assert type(classified(status, said(text))) is InvalidRequestError


@pytest.mark.parametrize(
    ("body", "message", "code"),
    [
        ({"error": {"message": "m", "type": "t", "param": None, "code": "c"}}, "m", "c"),
        ({"error": {"message": "m", "type": "t", "code": None}}, "m", "t"),
        ({"error": {"code": 400, "message": "m", "metadata": {"x": 1}}}, "m", "400"),
        ({"error": "m"}, "m", None),
        ({"code": 20015, "message": "m", "data": None}, "m", "20015"),
        ({"error": {"code": "c", "message": "m"}, "id": "x", "request_id": "r"}, "m", "c"),
        ({"type": "error", "error": {"type": "t", "message": "m"}}, "m", "t"),
        ({"object": "error", "message": "m", "type": "t", "code": 400}, "m", "400"),
        ({"message": "m"}, "m", None),
        ({"msg": "m"}, "m", None),
        ({"err": "m"}, "m", None),
        ({"error_msg": "m", "error_code": 17}, "m", "17"),
        ({"header": {"message": "m", "code": 7}}, "m", "7"),
        ({"response": {"error": {"message": "m"}}}, "m", None),
        ({"detail": "m"}, "m", None),
        ({"detail": [{"loc": ["body"], "msg": "m", "input": {"messages": "secret"}}]}, "m", None),
        ({"errors": ["m", {"message": "n"}]}, "m; n", None),
        ([{"error": {"message": "m", "code": 400}}], "m", "400"),
        ("m", "m", None),
        (b"<html>  <b>m</b>\n</html>", "<html> <b>m</b> </html>", None),
        (b"", "no body", None),
    ],
)
def test_shapes_of_a_body(body: object, message: str, code: str | None) -> None:
    """Message and code are found in every shape that servers send; nothing else is shown."""
    error = classified(418, body)

    assert str(error) == f"{message} (HTTP 418)"
    assert error.code == code


@pytest.mark.parametrize("body", [b"<html>Not Found</html>", b"", {"detail": "Not Found"}])
def test_wrong_path_hints_at_it(body: object) -> None:
    """A 404 that no API wrote, or FastAPI's own, says what is the usual reason."""
    assert "/v1" in str(classified(404, body))


@pytest.mark.parametrize("body", [said("no such model"), {"detail": "Model not found"}])
def test_model_that_is_not_there_hints_at_no_path(body: object) -> None:
    """A 404 that says what is missing needs no guess."""
    assert "/v1" not in str(classified(404, body))


HOT = {
    "type": "float_parsing",
    "loc": ("body", "temperature"),
    "msg": "Input should be a valid number",
    "input": "canary",
}
TOLD = {
    "type": "literal_error",
    "loc": ("body", "messages", 0, "role"),
    "msg": "Input should be 'system' or 'user'",
    "input": "canary, 'loc': ('body', 'x'), 'msg': 'canary'}\n  {'type': 'x'",
}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            f"1 validation error:\n  {HOT}",
            "1 validation error: body.temperature: Input should be a valid number",
        ),
        (
            f"2 validation errors:\n  {TOLD}\n  {HOT}\n",
            "2 validation errors: body.messages.0.role: Input should be 'system' or 'user'; "
            "body.temperature: Input should be a valid number",
        ),
        (f"[{TOLD}, {HOT}]", "body.messages.0.role: Input should be 'system' or 'user'"),
        ("1 validation error:\n  {'kind': 'new', 'input': 'canary'}", "1 validation error"),
        (
            "1 validation error for ChatRequest\ntemperature\n  Input should be a valid number "
            "[type=float_parsing, input_value='canary', input_type=str]\n"
            "    For further information visit https://errors.pydantic.dev/2/v/float_parsing",
            "1 validation error for ChatRequest temperature Input should be a valid number",
        ),
    ],
)
@pytest.mark.parametrize("status", [400, 422, 500])
def test_validation_error_quotes_nothing(status: int, text: str, shown: str) -> None:
    """It is told where the error is and what, without what was sent there."""
    error = classified(status, said(text, type="internal_server_error"))

    assert str(error) == f"{shown} (HTTP {status})"


@pytest.mark.parametrize(
    "text",
    [
        f"1 validation error:\n  {HOT}",
        f"2 validation errors:\n  {TOLD}\n  {HOT}\n",
        "1 validation error for ChatRequest\ntemperature\n  Input should be a valid number",
    ],
)
def test_validation_error_sent_as_500_is_the_requests(text: str) -> None:
    """llama-cpp-python's server answers so what it does not take: asking again does not help."""
    error = classified(500, said(text, type="internal_server_error"))

    assert type(error) is InvalidRequestError
    assert (error.retryable, error.fallback, error.scope) == (False, False, "request")


def test_validation_error_in_plain_text_quotes_nothing() -> None:
    """The same text outside of JSON."""
    assert "canary" not in str(classified(500, f"1 validation error:\n  {HOT}".encode()))


def test_servers_own_invalid_answer_is_its_failure() -> None:
    """FastAPI words what is wrong with its server's answer in the same way: that may pass."""
    problem = {**HOT, "loc": ("response", "choices")}

    error = classified(500, said(f"1 validation error:\n  {problem}"))

    assert type(error) is ServerError
    assert error.retryable


def test_long_message_is_cut() -> None:
    """A message without an end, which may quote the prompt, is cut."""
    assert len(str(classified(400, said("x" * 100_000)))) < 600


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 7 "}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "7"}, 7.0),
        ({"retry-after": "999999"}, failures.MAX_RETRY_AFTER),
        ({"retry-after": "1e400"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "0"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, None),
        ({"retry-after": "Wed, 99 Foo 99999 07:28:00 GMT"}, None),
        ({}, None),
    ],
)
def test_retry_after(headers: Mapping[str, str], seconds: float | None) -> None:
    """Seconds and milliseconds are read and bounded; what makes no sense is not said."""
    assert classified(429, b"", headers).retry_after == seconds


def test_retry_after_a_date() -> None:
    """A date is the seconds until then."""
    date = email.utils.formatdate(time.time() + 100, usegmt=True)

    seconds = classified(429, b"", {"retry-after": date}).retry_after

    assert seconds is not None
    assert 50 < seconds <= 100


@given(st.text(max_size=40))
@example("Mon, 01 Jan 0000 00:00:00 -0000")
@example("1 2 3 4 5 6")
def test_any_retry_after(text: str) -> None:
    """Any text at all is a bounded wait or none."""
    seconds = failures.retry_after({"retry-after": text})

    assert seconds is None or 0 < seconds <= failures.MAX_RETRY_AFTER


@pytest.mark.parametrize(
    ("headers", "body", "name"),
    [
        ({"x-request-id": "a", "request-id": "b"}, {}, "a"),
        ({"request-id": "b"}, {}, "b"),
        ({"x-generation-id": "c"}, {}, "c"),
        ({}, {"error": {"message": "m"}, "request_id": "d"}, "d"),
        ({}, {"request_id": 7}, None),
        ({}, [], None),
    ],
)
def test_request_id(headers: Mapping[str, str], body: object, name: str | None) -> None:
    """The server's name for the request is kept, from the headers or the body."""
    assert classified(500, body, headers).request_id == name


@pytest.mark.parametrize("place", [0, 150, 190, 199, 498, 3_990])
def test_secret_is_masked(place: int) -> None:
    """A key that a server echoes is masked, wherever it stands and is cut."""
    text = "x" * place + " ga_canary_key"

    shown = [
        str(classified(401, body, secret="ga_canary_key")) for body in (said(text), text.encode())
    ]

    assert not [each for each in shown if "ga_c" in each]


@pytest.mark.parametrize("status", [100, 200, 299, 304, 400, 499, 500, 599, 999])
@given(body=st.binary(max_size=60))
def test_any_body_is_an_error(status: int, body: bytes) -> None:
    """Any bytes under any status are some error with a text."""
    error = failures.classify(status, {}, body)

    assert isinstance(error, GatewayError)
    assert str(error)
