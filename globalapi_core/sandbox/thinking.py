"""Whether a model thinks about a request, and what it says of it.

A model that always thinks does. One that can think does when it is switched on, by
either spelling in use. Unswitched, DeepSeek's models that can think are in thinking mode
too (api-docs.deepseek.com/guides/thinking_mode), and its rules hold; the others are not:
where the gateway prices thinking apart, the plain id is the plain mode.

An unswitched model in thinking mode finds nothing to think about: its reasoning is there
and empty, so that a plain question costs what it costs without.
"""

from __future__ import annotations

from globalapi_core.catalog import ModelInfo
from globalapi_core.sandbox.chat import ChatRequest

REASONING = "The sandbox does not think; it looks for the sentences nearest to the question."
"""What a thinking model says it thought."""

_ON_BY_DEFAULT = frozenset({"deepseek"})


def reasoning(request: ChatRequest, model: ModelInfo) -> str | None:
    """The reasoning *model* gives with its answer; `None`: it is not in thinking mode."""
    if model.thinking == "never":
        return None
    if model.thinking == "always" or request.thinking:
        return REASONING
    by_default = model.thinking == "optional" and model.family in _ON_BY_DEFAULT
    return "" if by_default and request.thinking is None else None


def is_on(request: ChatRequest, model: ModelInfo) -> bool:
    """Whether *model* is in thinking mode for *request*."""
    return reasoning(request, model) is not None
