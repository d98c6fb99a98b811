"""The fields of a request beside its messages and tools, and what each may hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Field:
    """What one field may hold; `null` always counts as left out."""

    expected: str
    """In words, for the refusal."""
    fits: Callable[[Any], bool]


def _number(low: float, high: float) -> Field:
    def fits(value: Any) -> bool:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and low <= value <= high

    return Field(f"a number from {low:g} to {high:g}", fits)


def _integer(low: int | None = None) -> Field:
    def fits(value: Any) -> bool:
        is_integer = isinstance(value, int) and not isinstance(value, bool)
        return is_integer and (low is None or value >= low)

    return Field("an integer" if low is None else f"an integer of at least {low}", fits)


def _one_of(*values: Any) -> Field:
    expected = " or ".join(repr(value) for value in values)
    # True == 1 in Python, not in JSON.
    return Field(expected, lambda value: any(value is each or (
        type(value) is type(each) and value == each) for each in values))  # fmt: skip


def _a(kind: type, expected: str) -> Field:
    return Field(expected, lambda value: isinstance(value, kind))


def _stop(value: Any) -> bool:
    stops = [value] if isinstance(value, str) else value
    return (
        isinstance(stops, list)
        and len(stops) <= MOST_STOPS
        and all(isinstance(each, str) and each for each in stops)
    )


def _switch(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("type") in ("enabled", "disabled", "auto")


MOST_STOPS = 16
"""Stop sequences in one request; DeepSeek's limit, the largest of those published."""
_TEXT = _a(str, "a string")
_FLAG = _a(bool, "true or false")
_OBJECT = _a(dict, "an object")

OPENAI: Mapping[str, Field] = {
    "model": _TEXT,
    "messages": _a(list, "a list of messages"),
    "tools": _a(list, "a list of tools"),
    "tool_choice": Field("a string or an object", lambda value: isinstance(value, str | dict)),
    "response_format": _OBJECT,
    "max_tokens": _integer(1),
    "max_completion_tokens": _integer(1),
    "temperature": _number(0, 2),
    "top_p": _number(0, 1),
    "frequency_penalty": _number(-2, 2),
    "presence_penalty": _number(-2, 2),
    "seed": _integer(),
    "stop": Field(f"a string, or a list of up to {MOST_STOPS} strings, none empty", _stop),
    "stream": _FLAG,
    "stream_options": _OBJECT,
    "parallel_tool_calls": _FLAG,
    # Asked for more than once, a deterministic server would say the same again.
    "n": _one_of(1),
    "logprobs": _one_of(False),
    "top_logprobs": _one_of(0),
    "logit_bias": _OBJECT,
    "modalities": Field("['text']", lambda value: value == ["text"]),
    "reasoning_effort": _one_of("none", "minimal", "low", "medium", "high", "xhigh", "max"),
    "verbosity": _one_of("low", "medium", "high"),
    "metadata": _OBJECT,
    "prediction": _OBJECT,
    "prompt_cache_key": _TEXT,
    "prompt_cache_retention": _TEXT,
    "safety_identifier": _TEXT,
    "service_tier": _TEXT,
    "store": _FLAG,
    "user": _TEXT,
}
"""Fields of OpenAI's chat completions (platform.openai.com/docs/api-reference/chat/create)."""

VENDORS: Mapping[str, Field] = {
    # DeepSeek, Kimi and GLM switch thinking by an object, Qwen by a flag and a budget.
    "thinking": Field("an object with type 'enabled', 'disabled' or 'auto'", _switch),
    "enable_thinking": _FLAG,
    "thinking_budget": _integer(1),
    "preserve_thinking": _FLAG,
    "tool_stream": _FLAG,
    "top_k": _integer(0),
    "repetition_penalty": _number(0, 2),
    "min_p": _number(0, 1),
}
"""Fields that vendors behind the gateway add: their documentation, as read in November 2026."""

KNOWN: Mapping[str, Field] = {**OPENAI, **VENDORS}
