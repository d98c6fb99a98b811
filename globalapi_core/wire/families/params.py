"""Sampling, and the length of the answer."""

from __future__ import annotations

from globalapi_core.catalog import ModelInfo
from globalapi_core.wire.families.body import Body

_SAMPLING = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "n")
_PENALTIES = ("presence_penalty", "frequency_penalty")
CLAUDE_MAX_TOKENS = 4_096
"""Tokens of answer asked of Claude where the caller sets no limit. It needs one, and
gateways that put one in take this (LiteLLM does), without a word."""


def kimi_sampling(body: Body, model: ModelInfo) -> str | None:
    """Kimi's reasoning models take only their own sampling values.

    "invalid temperature: only 1 is allowed for this model" (platform.kimi.ai).
    """
    if model.family != "kimi" or model.thinking not in ("optional", "always"):
        return None
    removed = [name for name in _SAMPLING if body.pop(name, None) is not None]
    return f"left out {', '.join(removed)}: {model.name} takes only its own" if removed else None


def glm_penalties(body: Body, model: ModelInfo) -> str | None:
    """GLM has no penalties (AgentScope's GLM formatter)."""
    if model.family != "glm":
        return None
    removed = [name for name in _PENALTIES if body.pop(name, None) is not None]
    return f"left out {', '.join(removed)}: GLM has none" if removed else None


def glm_max_tokens(body: Body, model: ModelInfo) -> str | None:
    """GLM knows the limit by its older name only (AgentScope's GLM formatter)."""
    if model.family != "glm" or body.get("max_completion_tokens") is None:
        return None
    limit = body.pop("max_completion_tokens")
    body.setdefault("max_tokens", limit)
    return "max_completion_tokens sent as max_tokens: GLM knows no other name"


def claude_max_tokens(body: Body, model: ModelInfo) -> str | None:
    """Claude needs a limit: without one the gateway sets its own, and says nothing."""
    limits = (body.get("max_tokens"), body.get("max_completion_tokens"))
    if model.family != "claude" or limits != (None, None):
        return None
    body["max_tokens"] = min(CLAUDE_MAX_TOKENS, model.output_limit)
    return f"max_tokens {body['max_tokens']}: Claude needs a limit and none was set"
