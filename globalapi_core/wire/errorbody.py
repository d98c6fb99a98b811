"""What an error body says, in whatever shape: its message and its codes.

A message may quote the request, and with it the prompt: of a validation error only where
it is and what is wrong are kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_DEPTH = 8
"""Levels of an error body that are looked at: hostile ones have more than Python can follow."""
_VALIDATION = re.compile(r"\d+ validation errors?\b[^\n:]*|(?=\[\{'type': ')")
# FastAPI prints each problem as a dict on a line of its own, vLLM all of them as one list.
# What is quoted follows: in a list, only the first problem is surely no part of it.
_PROBLEM = re.compile(
    r"^[ \t]*\[?\{'type': '\w+', 'loc': \(([^()\n]*)\), "
    r"'msg': ('(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\")",
    re.MULTILINE,
)
# pydantic's own text ends each problem with what was sent, and a link.
_QUOTED = re.compile(r"[ \t]*\[type=.*|\n[ \t]*For further information visit.*")


@dataclass(frozen=True, slots=True)
class Said:
    """What an error body says."""

    message: str = ""
    codes: tuple[str, ...] = ()
    """Its code, error code and type, those it has."""

    @property
    def code(self) -> str | None:
        """The first of them, which tells most."""
        return self.codes[0] if self.codes else None


def read(data: object, depth: int = _DEPTH) -> Said:
    """Message and codes of an error body, whatever its shape, *depth* levels down."""
    if not depth:
        return Said()
    if isinstance(data, str):
        return Said(unquoted(data))
    if isinstance(data, list):
        return read(data[0], depth - 1) if data else Said()
    if not isinstance(data, Mapping):
        return Said()
    for name in ("error", "response", "header"):
        if data.get(name) and (inner := read(data[name], depth - 1)) != Said():
            return inner
    names = ("message", "msg", "detail", "error_msg", "err", "errors")
    message = next((data[name] for name in names if data.get(name)), "")
    codes = (data.get(name) for name in ("code", "error_code", "type"))
    told = tuple(str(each) for each in codes if each not in (None, ""))
    return Said(_words(message, depth - 1), told)


def _words(message: object, depth: int) -> str:
    """A message as text. A list of problems may quote the prompt: only what they say is kept."""
    if isinstance(message, list):
        words = (_words(each, depth - 1) for each in message if depth)
        return "; ".join(filter(None, words))
    if isinstance(message, Mapping):
        return read(message, depth).message
    return unquoted(str(message))


def unquoted(message: str) -> str:
    """*message*; of a validation error as FastAPI or pydantic print it, without what it quotes."""
    found = _VALIDATION.search(message)
    if found is None:
        return message
    head = message[: found.end()].strip()
    problems = "; ".join(f"{_place(loc)}: {what[1:-1]}" for loc, what in _PROBLEM.findall(message))
    if problems:
        return f"{head}: {problems}" if head else problems
    if "'input': " in message:
        return head or "validation error"
    return " ".join(_QUOTED.sub("", message).split())


def _place(loc: str) -> str:
    """`body.messages.0.role` of `'body', 'messages', 0, 'role'`."""
    return ".".join(part.strip(" '\"") for part in loc.split(",") if part.strip())
