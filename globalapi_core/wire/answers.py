"""JSON that a model gave by calling a tool, because it has no JSON mode.

`families` asked for it so; to the caller it is the text of the answer, and no call.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from globalapi_core.wire.toolcalls import InvalidToolCall, ToolCall


@dataclass(frozen=True, slots=True)
class Answered:
    """What an answer came to, once the call that gives it was taken out."""

    text: str | None
    """The object as JSON; `None`: it was not given by a call."""
    calls: tuple[ToolCall, ...]
    """Calls of the caller's tools."""
    invalid: tuple[InvalidToolCall, ...]
    problem: str | None = None
    """Why the object cannot be used; `None`: it can, or there is none."""


def by_tool(name: str, calls: Sequence[ToolCall], invalid: Sequence[InvalidToolCall]) -> Answered:
    """Tell the call of the tool *name*, which gives the answer, from those of others.

    Of several the first that is whole counts. A broken one is a problem only where nothing
    else can be done with the answer.
    """
    given = [each for each in calls if each.name == name]
    others = tuple(each for each in calls if each.name != name)
    broken = [each for each in invalid if each.name == name]
    if given:
        text = json.dumps(dict(given[0].arguments), ensure_ascii=False)
        return Answered(text, others, tuple(each for each in invalid if each.name != name))
    problem = broken[0].error if broken and not others else None
    return Answered(None, others, tuple(invalid), problem)
