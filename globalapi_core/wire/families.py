"""What each model family wants otherwise than OpenAI: one small rule each.

A rule changes the body of a request in place and says what it changed; what is said
ends up on the answer. Sources: the vendors' API pages, named at each rule.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from globalapi_core.catalog import ModelInfo

Body = dict[str, Any]

_SAMPLING = ("temperature", "top_p", "presence_penalty", "frequency_penalty")


def adapt(body: Body, model: ModelInfo) -> tuple[str, ...]:
    """Change *body* to suit *model*; what was changed, in words."""
    said = (rule(body, model) for rule in _RULES)
    return tuple(text for text in said if text)


def _thinking_mode(body: Body, model: ModelInfo) -> str | None:
    """A thinking mode that is priced apart is the same id with thinking switched on."""
    if model.variant_of is None or "thinking" in body:
        return None
    body["thinking"] = {"type": "enabled"}
    return "thinking switched on"


def _kimi_sampling(body: Body, model: ModelInfo) -> str | None:
    """Kimi's reasoning models take only their own sampling values.

    "invalid temperature: only 1 is allowed for this model" (platform.kimi.ai).
    """
    if model.family != "kimi" or model.thinking not in ("optional", "always"):
        return None
    removed = [name for name in _SAMPLING if body.pop(name, None) is not None]
    return f"left out {', '.join(removed)}: {model.name} takes only its own" if removed else None


def _glm_tool_choice(body: Body, model: ModelInfo) -> str | None:
    """GLM knows no tool choice but auto; none means no tools (docs.bigmodel.cn)."""
    choice = body.get("tool_choice")
    if model.family != "glm" or choice in (None, "auto"):
        return None
    if choice == "none":
        del body["tool_choice"]
        body.pop("tools", None)
        return "left out the tools: GLM knows no tool_choice 'none'"
    body["tool_choice"] = "auto"
    return "tool_choice auto: GLM knows no other"


def _schema_in_prompt(body: Body, model: ModelInfo) -> str | None:
    """Without a schema mode, the schema goes into the prompt and JSON mode does the rest."""
    response_format = body.get("response_format") or {}
    if response_format.get("type") != "json_schema" or model.json_schema:
        return None
    schema = (response_format.get("json_schema") or {}).get("schema", {})
    _instruct(body, f"Answer with JSON only, following this JSON schema: {_compact(schema)}")
    body["response_format"] = {"type": "json_object"}
    return "JSON schema put into the prompt"


def _word_json(body: Body, model: ModelInfo) -> str | None:
    """JSON mode wants the word in the prompt (DeepSeek and Qwen refuse without it)."""
    if (body.get("response_format") or {}).get("type") != "json_object":
        return None
    if any("json" in str(message.get("content")).casefold() for message in body["messages"]):
        return None
    _instruct(body, "Answer with a JSON object only.")
    return "asked for JSON in the prompt"


def _no_json_mode(body: Body, model: ModelInfo) -> str | None:
    """A model without a JSON mode is asked in the prompt alone."""
    kind = (body.get("response_format") or {}).get("type")
    if kind != "json_object" or model.json_mode is not False:
        return None
    del body["response_format"]
    return f"left out response_format: {model.name} has no JSON mode"


def _instruct(body: Body, text: str) -> None:
    """Add *text* to the system message, or put one first."""
    messages: list[dict[str, Any]] = body["messages"]
    first = messages[0] if messages else {}
    if first.get("role") == "system" and isinstance(first.get("content"), str):
        messages[0] = {**first, "content": f"{first['content']}\n\n{text}"}
    else:
        messages.insert(0, {"role": "system", "content": text})


def _compact(schema: object) -> str:
    return json.dumps(schema, ensure_ascii=False, separators=(",", ":"))


# In this order: a schema becomes JSON mode, which wants its word, or is not there at all.
_RULES: tuple[Callable[[Body, ModelInfo], str | None], ...] = (
    _thinking_mode,
    _kimi_sampling,
    _glm_tool_choice,
    _schema_in_prompt,
    _word_json,
    _no_json_mode,
)
