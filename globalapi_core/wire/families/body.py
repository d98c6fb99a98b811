"""The body of a request, and what rules do to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from globalapi_core.catalog import ModelInfo

Body = dict[str, Any]
Rule = Callable[[Body, ModelInfo], str | None]
"""Changes the body to suit the model; says what it changed, or `None`."""


def instruct(body: Body, text: str) -> None:
    """Add *text* to the system message, or put one first."""
    first, *rest = body["messages"] or [{}]
    if first.get("role") == "system" and isinstance(first.get("content"), str):
        body["messages"] = [{**first, "content": f"{first['content']}\n\n{text}"}, *rest]
    else:
        body["messages"] = [{"role": "system", "content": text}, *body["messages"]]


def change_messages(
    body: Body, change: Callable[[Mapping[str, Any]], Mapping[str, Any] | None]
) -> bool:
    """Put what *change* makes of each message in its place, if it makes anything of it.

    Returns:
        Whether any was changed.
    """
    changed = [change(message) for message in body["messages"]]
    if not any(changed):
        return False
    pairs = zip(changed, body["messages"], strict=True)
    body["messages"] = [old if new is None else new for new, old in pairs]
    return True


def without(mapping: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A copy of *mapping* that lacks *name*."""
    return {key: value for key, value in mapping.items() if key != name}
