"""Secrets that do not belong in a config file: known by their looks, and never shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

HIDDEN = "***"
"""Stands for a secret wherever a text is shown."""

_SECRET = re.compile(
    r"(?<![A-Za-z0-9_-])(?:"
    r"(?:sk|pk|rk|xai|gsk)-[\w-]{12,}"  # most vendors of models
    r"|(?:ga|hf|gsk|gh[pousr])_(?=\w*[\dx])\w{12,}|glpat-[\w-]{12,}"  # the gateway, hubs
    r"|AKIA[0-9A-Z]{16}|AIza[\w-]{30,}|xox[abp]-[\w-]{12,}"  # clouds, Slack
    r"|[0-9a-f]{32}\.\w{16}"  # Zhipu
    r"|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*"  # JSON web tokens
    r")"
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)",  # a password in an address
    re.ASCII,
)

Location = tuple[str | int, ...]


def masked(text: str) -> str:
    """*text* with `***` in place of whatever looks like a secret."""
    return _SECRET.sub(HIDDEN, text)


def lines(text: str) -> Iterator[int]:
    """The lines of *text*, counted from 1, with something that looks like a secret."""
    for number, line in enumerate(text.splitlines(), 1):
        if _SECRET.search(line):
            yield number


def located(document: Any) -> Iterator[Location]:
    """Where in *document*, as read from YAML, a key or a value looks like a secret."""
    yield from _within(document, (), set())


def _within(value: Any, location: Location, seen: set[int]) -> Iterator[Location]:
    if isinstance(value, str):
        if _SECRET.search(value):
            yield location
        return
    # With anchors, a small file may hold a value a billion times, or hold itself.
    if not isinstance(value, dict | list) or id(value) in seen:
        return
    seen.add(id(value))
    for part, each in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(part, str) and _SECRET.search(part):
            yield (*location, part)
        yield from _within(each, (*location, part), seen)
