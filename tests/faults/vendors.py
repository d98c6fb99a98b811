"""How vendors and gateways word the same few troubles, from their own error pages."""

from __future__ import annotations

from typing import Any


def error(message: str, **facts: Any) -> dict[str, Any]:
    """An error body as OpenAI writes it, with these facts in place of null."""
    return {"error": {"message": message, "type": None, "param": None, "code": None, **facts}}


OVERFLOWS: tuple[tuple[str, int, Any], ...] = (
    (
        "openai",
        400,
        error(
            "This model's maximum context length is 8192 tokens. However, your messages resulted "
            "in 9001 tokens.",
            type="invalid_request_error",
            code="context_length_exceeded",
        ),
    ),
    (
        "openai-newer",
        400,
        error(
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
    (
        "anthropic-limit",
        400,
        error("input length and `max_tokens` exceed context limit: 1 + 2 > 2"),
    ),
    ("kimi", 400, error("Your request exceeded model token limit: 8192 (requested: 9001)")),
    ("kimi-input", 400, error("Input token length too long")),
    (
        "qwen",
        400,
        error("Range of input length should be [1, 30720]", code="invalid_parameter_error"),
    ),
    ("glm", 400, error("Prompt 超长", code="1261")),
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
    ("together", 403, error("Input exceeds the maximum context length of the model")),
)
BROKE: tuple[tuple[str, int, Any], ...] = (
    ("402", 402, error("Payment required")),
    (
        "deepseek",
        402,
        error("Insufficient Balance", type="unknown_error", code="invalid_request_error"),
    ),
    ("qwen", 400, error("Access denied, account in arrears.", code="Arrearage")),
    ("glm", 429, error("您的账户已欠费，请充值后重试。", code="1113")),
    (
        "kimi",
        403,
        error("You've reached your usage limit for this billing cycle.", type="access_terminated"),
    ),
    (
        "siliconflow",
        403,
        {"code": 30001, "message": "Sorry, your account balance is insufficient", "data": None},
    ),
    (
        "new-api",
        403,
        error(
            "用户额度不足, 剩余额度: ＄0.00", type="new_api_error", code="insufficient_user_quota"
        ),
    ),
    (
        "one-api",
        403,
        error("预扣费额度失败", type="new_api_error", code="pre_consume_token_quota_failed"),
    ),
)
SPENT: tuple[tuple[str, Any], ...] = (
    (
        "openai",
        error(
            "You exceeded your current quota", type="insufficient_quota", code="insufficient_quota"
        ),
    ),
    ("qwen", error("Allocated quota exceeded", code="Throttling.AllocationQuota")),
    ("glm-1304", error("当日调用次数已达上限", code="1304")),
    ("glm-1308", error("已达到使用上限，将在 2026-12-01 重置", code="1308")),
    ("glm-1310", error("已达到每周使用上限", code="1310")),
)
FILTERED: tuple[tuple[str, int, Any], ...] = (
    (
        "kimi",
        400,
        error(
            "The request was rejected because it was considered high risk", type="content_filter"
        ),
    ),
    (
        "qwen",
        400,
        error("Input data may contain inappropriate content.", code="data_inspection_failed"),
    ),
    ("glm", 400, error("系统检测到输入或生成内容可能包含不安全或敏感内容", code="1301")),
    ("new-api", 400, error("user sensitive words detected", code="sensitive_words_detected")),
    ("403", 403, error("blocked", code="content_policy_violation")),
)
