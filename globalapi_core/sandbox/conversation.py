"""What a list of messages must look like: roles, parts, and tool calls with their results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from globalapi_core.sandbox import media

_KEYS = {
    "system": {"role", "content", "name"},
    "developer": {"role", "content", "name"},
    "user": {"role", "content", "name"},
    "assistant": {
        *("role", "content", "name", "tool_calls", "refusal", "audio", "function_call"),
        # What vendors add: reasoning sent back, and an answer to be continued.
        *("reasoning_content", "partial", "prefix"),
    },
    "tool": {"role", "content", "name", "tool_call_id"},
}
_PARTS = {
    "system": {"text"},
    "developer": {"text"},
    "user": {"text", *media.MODALITIES},
    "assistant": {"text", "refusal"},
    "tool": {"text", *media.MODALITIES},
}

Problem = tuple[str, str]
"""What is wrong, and where: a path such as `messages[2].role`."""


def problems(messages: Sequence[Any]) -> Iterator[Problem]:
    """What is wrong with *messages*, one at a time; sound as far as none was found before."""
    for i, message in enumerate(messages):
        yield from _message(message, f"messages[{i}]")
    yield from _unmatched(messages)


def _message(message: Any, at: str) -> Iterator[Problem]:
    if not isinstance(message, dict):
        yield f"{at} must be an object, not {type(message).__name__}", at
        return
    role = message.get("role")
    if role not in _KEYS:
        yield f"{at}.role is {role!r}; expected one of {', '.join(_KEYS)}", f"{at}.role"
        return
    for key in sorted(message.keys() - _KEYS[role]):
        yield f"unknown field {key!r} in a {role} message", f"{at}.{key}"
    if "name" in message and not isinstance(message["name"], str | None):
        yield f"{at}.name must be a string", f"{at}.name"
    yield from _content(message, role, f"{at}.content")
    if role == "tool" and not isinstance(message.get("tool_call_id"), str):
        yield f"{at}: a tool message needs a tool_call_id", f"{at}.tool_call_id"
    if role == "assistant" and message.get("tool_calls") is not None:
        yield from _calls(message["tool_calls"], f"{at}.tool_calls")


def _content(message: Mapping[str, Any], role: str, at: str) -> Iterator[Problem]:
    content = message.get("content")
    if isinstance(content, str) or (content is None and role == "assistant" and _says(message)):
        return
    if not isinstance(content, list) or not content:
        yield f"{at} must be a string or a list of at least one part, not {content!r}", at
        return
    for i, part in enumerate(content):
        yield from _part(part, role, f"{at}[{i}]")


def _says(message: Mapping[str, Any]) -> bool:
    return any(message.get(key) for key in ("tool_calls", "refusal", "function_call", "audio"))


def _part(part: Any, role: str, at: str) -> Iterator[Problem]:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind not in _PARTS[role]:
        expected = ", ".join(sorted(_PARTS[role]))
        yield f"{at}.type is {kind!r}; a {role} message takes {expected}", f"{at}.type"
    elif kind in ("text", "refusal"):
        if not isinstance(part.get(kind), str):
            yield f"{at}.{kind} must be a string", f"{at}.{kind}"
    else:
        try:
            media.read(part)
        except media.MediaError as error:
            yield str(error), at


def _calls(calls: Any, at: str) -> Iterator[Problem]:
    if not isinstance(calls, list) or not calls:
        yield f"{at} must be a list of at least one call; leave it out if there is none", at
        return
    for i, call in enumerate(calls):
        yield from _call(call, f"{at}[{i}]")


def _call(call: Any, at: str) -> Iterator[Problem]:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or call.get("type") != "function":
        yield f"{at} must be an object with id, type 'function' and function", at
        return
    for key in sorted(call.keys() - {"id", "type", "function"}):
        yield f"unknown field {key!r} in a tool call", f"{at}.{key}"
    if not isinstance(call.get("id"), str) or not call["id"]:
        yield f"{at}.id must be a string that is not empty", f"{at}.id"
    for key in ("name", "arguments"):
        if not isinstance(function.get(key), str):
            yield f"{at}.function.{key} must be a string", f"{at}.function.{key}"


def _unmatched(messages: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    """Tool results without their call before them, and calls without their result after."""
    called_at, open_ids, asked = 0, set[str](), set[str]()
    for i, message in enumerate(messages):
        if message["role"] == "tool":
            name = message["tool_call_id"]
            if name not in asked:
                said = "follows no assistant message with a tool call of that id"
                yield f"the tool message for {name!r} {said}", f"messages[{i}]"
            open_ids.discard(name)
            continue
        yield from _unanswered(open_ids, called_at)
        asked = {call["id"] for call in message.get("tool_calls") or ()}
        open_ids, called_at = set(asked), i
    yield from _unanswered(open_ids, called_at)


def _unanswered(open_ids: set[str], at: int) -> Iterator[Problem]:
    if open_ids:
        names = ", ".join(sorted(open_ids))
        said = "an assistant message with tool_calls must be followed by a tool message for each"
        yield f"{said}; missing: {names}", f"messages[{at}].tool_calls"
