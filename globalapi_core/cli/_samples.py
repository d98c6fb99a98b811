"""Prompts from a file of them: JSONL, or text with one prompt a line. None is ever shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from globalapi_core.cli import _files
from globalapi_core.errors import InvalidInputError
from globalapi_core.signals import Message

_JSONL = (".jsonl", ".ndjson")
_KEYS = ("prompt", "input", "messages")
_EXPECTED = 'expected {"prompt": "..."}, {"input": "..."}, {"messages": [...]} or a string'


def read(file: Path) -> list[list[Message]]:
    """The prompts in *file*, `-` for stdin, as conversations; blank ones are left out.

    Raises:
        BadParameter: the file cannot be read, or is no UTF-8.
        InvalidInputError: a line of it is no prompt, or there is none.
    """
    # Not `splitlines`: JSON may hold other characters that end a line.
    lines = _files.text(file, "PROMPTS").split("\n")
    parsed = _is_jsonl(file, lines)
    found = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            messages = _messages(json.loads(line)) if parsed else _said(line)
        # Of deeply nested brackets.
        except (ValueError, RecursionError):
            raise InvalidInputError(f"{file}:{number}: no prompt: {_EXPECTED}") from None
        if any(each.get("content") for each in messages):
            found.append(messages)
    if not found:
        raise InvalidInputError(f"there are no prompts in {file}")
    return found


def _is_jsonl(file: Path, lines: list[str]) -> bool:
    """By its name, or by its first line."""
    if file.suffix.lower() in _JSONL:
        return True
    first = next((line for line in lines if line.strip()), "")
    try:
        entry = json.loads(first)
    except (ValueError, RecursionError):
        return False
    return isinstance(entry, str) or (isinstance(entry, dict) and any(k in entry for k in _KEYS))


def _messages(entry: Any) -> list[Message]:
    """The conversation of one line of JSONL.

    Raises:
        ValueError: it is something else.
    """
    if isinstance(entry, dict):
        entry = next((entry[key] for key in _KEYS if entry.get(key) is not None), None)
    if isinstance(entry, str):
        return _said(entry)
    if not (isinstance(entry, list) and all(map(_is_message, entry))):
        raise ValueError
    return entry


def _is_message(entry: Any) -> bool:
    if not (isinstance(entry, dict) and isinstance(entry.get("role"), str)):
        return False
    content = entry.get("content")
    return isinstance(content, str | None) or (
        isinstance(content, list) and all(isinstance(part, dict) for part in content)
    )


def _said(text: str) -> list[Message]:
    return [{"role": "user", "content": text}] if text.strip() else []
