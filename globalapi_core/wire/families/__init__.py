"""What each model family wants otherwise than OpenAI: one small rule each.

A rule changes the body of a request and says what it changed; what is said ends up on
the answer. It never changes what the caller holds: messages and tools are replaced, not
edited. Adapting twice changes nothing more. A model whose `adapt` is false is sent the
request as it is. Sources: the vendors' API pages, named at each rule.
"""

from __future__ import annotations

from typing import Any

from globalapi_core.catalog import ModelInfo
from globalapi_core.wire.families import formats, messages, params, thinking, tools
from globalapi_core.wire.families.body import Body, Rule

__all__ = ["Body", "adapt", "answer_tool"]


def adapt(body: Body, model: ModelInfo) -> tuple[str, ...]:
    """Change *body* to suit *model*; what was changed, in words.

    Raises:
        InvalidInputError: `thinking` is none of what it may be.
    """
    if not model.adapt:
        return ()
    return tuple([text for rule in _RULES if (text := rule(body, model))])


def answer_tool(body: Body, model: ModelInfo) -> dict[str, Any] | None:
    """The tool that `adapt` will have *model* give its JSON by; `None`: it needs none."""
    return formats.answer_tool(body, model) if model.adapt else None


_RULES: tuple[Rule, ...] = (
    params.kimi_sampling,
    params.glm_penalties,
    params.glm_max_tokens,
    params.claude_max_tokens,
    # A tool of ours is one like the caller's.
    formats.by_tool,
    tools.strict,
    # A forced choice may rule thinking out, whoever asked for it.
    tools.glm_choice,
    tools.kimi_required,
    tools.forced_choice,
    thinking.asked,
    thinking.qwen_whole,
    # A schema becomes JSON mode, which wants its word, or is not there at all.
    formats.schema_in_prompt,
    formats.word_json,
    formats.no_json_mode,
    # What was put into the prompt is a message like the others.
    messages.developer_role,
    messages.text_parts,
    messages.tool_results,
    messages.name,
    messages.null_content,
    messages.a_question,
    # Whether the model thinks is settled by now.
    messages.reasoning,
)
"""In this order."""
