"""What a config file is made of: sections, words, money, seconds, shares, conversations."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema


class Section(BaseModel):
    """A mapping of the file: no other key, and nothing changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def __copy__(self) -> Self:
        """A copy without what was worked out of the fields: `model_copy` may change them."""
        copied = super().__copy__()
        for name in copied.__dict__.keys() - type(self).model_fields:
            del copied.__dict__[name]
        return copied


Choose = Literal["priority", "cheapest", "fastest", "balanced", "quality"]
Language = Literal["en", "zh", "zh-Hans", "zh-Hant", "ja", "ko", "mixed", "other"]
Task = Literal[
    "chat", "code", "knowledge", "math", "reasoning", "translation", "summarising", "extraction"
]
Pii = Literal["any", "email", "phone", "card", "cn_id", "iban", "key"]
Origin = Literal["cn", "us"]
Check = Literal["refusal", "empty", "json"]
Tokenizer = Literal["deepseek", "gpt", "qwen"]


def listed(value: object) -> object:
    """Let a single value stand for a list of one."""
    return value if isinstance(value, list | type(None)) else [value]


def _plain(value: Any) -> Any:
    """*value* without what the reader of YAML knows besides."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _conversation(value: object) -> object:
    """Let a text stand for the user message that says it."""
    if isinstance(value, str):
        return [{"role": "user", "content": value}]
    if not (isinstance(value, list) and value and all(map(_is_message, value))):
        raise ValueError("expected text, or a list of messages with role and content")
    return _plain(value)


def _is_message(value: object) -> bool:
    if not (isinstance(value, dict) and isinstance(value.get("role"), str)):
        return False
    content, calls = value.get("content"), value.get("tool_calls")
    if isinstance(content, str | None):
        content = []
    return all(
        isinstance(each, list) and all(isinstance(part, dict) for part in each)
        for each in (content, calls or [])
    )


def _money(value: object) -> object:
    # A YAML number is binary: through its text, 0.1 stays 0.1.
    return str(value) if isinstance(value, int | float) else value


Money = Annotated[Decimal, Field(ge=0, le=10_000, allow_inf_nan=False), BeforeValidator(_money)]
Limit = Annotated[
    Decimal, Field(ge=0, le=1_000_000_000, allow_inf_nan=False), BeforeValidator(_money)
]
Words = Annotated[list[Annotated[str, Field(min_length=1)]], BeforeValidator(listed)]
Conversation = Annotated[
    list[dict[str, Any]],
    BeforeValidator(_conversation),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "array",
                    "minItems": 1,
                    "items": {"type": "object", "required": ["role"]},
                },
            ]
        }
    ),
]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Weight = Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)]
