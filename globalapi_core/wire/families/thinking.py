"""Thinking: asked for in one way, switched in each family's own.

`thinking` may be True, False, or an effort: "low", "medium" or "high". A family's own
switch (`thinking: {type: ...}`, `enable_thinking`) may be given in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from globalapi_core.catalog import ModelInfo
from globalapi_core.errors import InvalidInputError
from globalapi_core.wire.families.body import Body

_BUDGETS = {"low": 1_024, "medium": 2_048, "high": 4_096}
"""Tokens of thinking for each effort, as LiteLLM has them."""
_OF_DEEPSEEK = {"low": "low", "medium": "high", "high": "high"}
"""DeepSeek's efforts are low, high and max (api-docs.deepseek.com/guides/thinking_mode)."""
_TYPES = {"enabled": True, "disabled": False}

_Wish = bool | str
"""Whether to think, or how hard."""


def asked(body: Body, model: ModelInfo) -> str | None:
    """Switch thinking as it was asked for, by the family's own switch.

    A thinking mode that is priced apart is the same id with thinking switched on.
    """
    wish = _wish(body, model)
    if wish is None:
        return None
    body.pop("thinking", None)
    if model.variant_of is not None:
        body["thinking"] = {"type": "enabled"}
        return _stays_on(model) if wish is False else _without_effort(model, wish)
    if model.thinking == "never":
        return f"left out thinking: {model.name} cannot think" if wish else None
    if model.thinking == "always" and wish in (True, False):
        return None if wish else _stays_on(model)
    switch = _SWITCHES.get(model.family)
    if switch is None:
        return f"left out thinking: no switch of {model.name} is known"
    return switch(body, model, wish)


def qwen_whole(body: Body, model: ModelInfo) -> str | None:
    """Qwen thinks only in streams.

    "enable_thinking must be set to false for non-streaming calls" (Alibaba Cloud Model
    Studio, error codes). Whoever switches it on by Qwen's own switch is taken at his word.
    """
    if model.family != "qwen" or model.thinking != "optional" or body.get("stream"):
        return None
    if body.get("enable_thinking") is not None:
        return None
    body["enable_thinking"] = False
    return "thinking switched off: Qwen thinks only in streams"


def may_be_on(body: Body, model: ModelInfo) -> bool:
    """Whether *model* may think about *body*: switched on, or not off and able to."""
    switch = body.get("thinking")
    if switch is None and model.family == "qwen":
        switch = body.get("enable_thinking")
    if isinstance(switch, Mapping):
        switch = _TYPES.get(str(switch.get("type")))
    if always_on(model) or model.thinking == "never":
        return always_on(model)
    return model.thinking == "optional" if switch is None else bool(switch)


def always_on(model: ModelInfo) -> bool:
    """Whether *model* cannot answer without thinking, as a mode that is priced apart cannot."""
    return model.thinking == "always" or model.variant_of is not None


def switch_off(body: Body, model: ModelInfo) -> None:
    """Switch thinking off, and take back how hard to think."""
    for name in ("thinking", "enable_thinking", "thinking_budget", "reasoning_effort"):
        body.pop(name, None)
    _SWITCHES[model.family](body, model, False)


def _wish(body: Body, model: ModelInfo) -> _Wish | None:
    """What is asked in our own way, or in another family's; `None`: nothing is."""
    value = body.get("thinking")
    if value is None:
        return True if model.variant_of is not None else None
    if isinstance(value, Mapping):
        # The form of most families, which may hold more than we know.
        foreign = model.family in ("qwen", "gpt")
        return _TYPES.get(str(value.get("type"))) if foreign else None
    if isinstance(value, bool) or (isinstance(value, str) and value in _BUDGETS):
        return value
    raise InvalidInputError(
        f"thinking is {value!r}; expected True, False, 'low', 'medium' or 'high'"
    )


def _stays_on(model: ModelInfo) -> str:
    return f"thinking stays on: {model.name} cannot answer without"


def _by_object(body: Body, model: ModelInfo, wish: _Wish) -> str:
    """Kimi and GLM (platform.kimi.ai, docs.z.ai)."""
    if model.thinking == "always":
        return _no_effort(model)
    body["thinking"] = {"type": "enabled" if wish else "disabled"}
    return _without_effort(model, wish)


def _deepseek(body: Body, model: ModelInfo, wish: _Wish) -> str:
    if model.thinking == "always":
        return _no_effort(model)
    body["thinking"] = {"type": "enabled" if wish else "disabled"}
    if not isinstance(wish, str):
        return _said(wish)
    effort = body.setdefault("reasoning_effort", _OF_DEEPSEEK[wish])
    return f"thinking switched on, reasoning_effort {effort}"


def _qwen(body: Body, model: ModelInfo, wish: _Wish) -> str:
    """A flag and a budget (help.aliyun.com/en/model-studio/deep-thinking)."""
    if wish and not body.get("stream"):
        body["enable_thinking"] = False
        return "thinking left off: Qwen thinks only in streams"
    body["enable_thinking"] = bool(wish)
    if not isinstance(wish, str):
        return _said(wish)
    budget = body.setdefault("thinking_budget", _BUDGETS[wish])
    return f"thinking switched on, thinking_budget {budget}"


def _claude(body: Body, model: ModelInfo, wish: _Wish) -> str:
    """Claude wants a budget that leaves room for the answer, and shows no reasoning.

    platform.claude.com/docs/en/cli-sdks-libraries/libraries/openai-sdk
    """
    if not wish:
        body["thinking"] = {"type": "disabled"}
        return _said(wish)
    budget = _BUDGETS[wish if isinstance(wish, str) else "low"]
    limit = body.get("max_tokens") or body.get("max_completion_tokens")
    if isinstance(limit, int) and limit <= budget:
        return f"left out thinking: it wants {budget} tokens of the {limit} for the answer"
    body["thinking"] = {"type": "enabled", "budget_tokens": budget}
    return f"thinking switched on, budget_tokens {budget}"


def _gpt(body: Body, model: ModelInfo, wish: _Wish) -> str:
    """OpenAI's reasoning models take an effort (platform.openai.com/docs/guides/reasoning)."""
    word = wish if isinstance(wish, str) else "medium" if wish else "none"
    effort = body.setdefault("reasoning_effort", word)
    return f"thinking sent as reasoning_effort {effort}"


def _said(wish: _Wish) -> str:
    return f"thinking switched {'on' if wish else 'off'}"


def _without_effort(model: ModelInfo, wish: _Wish) -> str:
    return f"{_said(wish)}; {_no_effort(model)}" if isinstance(wish, str) else _said(wish)


def _no_effort(model: ModelInfo) -> str:
    return f"left out its effort: {model.name} has none"


_SWITCHES: Mapping[str, Callable[[Body, ModelInfo, _Wish], str]] = {
    "deepseek": _deepseek,
    "qwen": _qwen,
    "kimi": _by_object,
    "glm": _by_object,
    "claude": _claude,
    "gpt": _gpt,
}
