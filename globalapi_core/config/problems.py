"""What is wrong with a config file: where, what was expected, what to do."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterator, Mapping
from typing import Any

from globalapi_core.config import keys
from globalapi_core.config.fields import Section
from globalapi_core.config.schema import (
    Alerts,
    Attempts,
    Budget,
    Case,
    Config,
    Expect,
    Gateway,
    Model,
    Policy,
    Route,
    Shadow,
    Split,
    When,
)
from globalapi_core.errors import ConfigError

_MAX_PROBLEMS = 20
_KEYS_OF_KEYS = ("api_key", "key")
KEEP_OUT = "keep keys out of the file: set GLOBAL_API_KEY in the environment"

Location = tuple[str | int, ...]
Problem = tuple[Location, str]


def explained(error: Mapping[str, Any]) -> Problem:
    """What pydantic found, in our words."""
    location: Location = error["loc"]
    if error["type"] == "extra_forbidden":
        return unknown(location)
    said = error["msg"].removeprefix("Value error, ")
    text = f"{said[0].lower()}{said[1:]}"
    if error["type"] == "missing":
        if location[0] == "routes" and location[-1] == "candidates":
            text = "give candidates, or a tier that 'tiers' has"
        return location, text
    if error["type"] == "too_short":
        counts = error["ctx"]
        return location, f"expected at least {counts['min_length']}, not {counts['actual_length']}"
    if error["type"] == "model_type":
        allowed = ", ".join(_keys(location))
        return location, f"expected a mapping, not {_brief(error['input'])}; allowed: {allowed}"
    return location, f"{text}, not {_brief(error['input'])}"


def unknown(location: Location) -> Problem:
    """A key that means nothing at its place."""
    key = str(location[-1])
    if key in _KEYS_OF_KEYS:
        return location, KEEP_OUT
    allowed = _keys(location[:-1])
    near = difflib.get_close_matches(key, allowed, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return location, f"unknown key; {hint}allowed: {', '.join(allowed)}"


def _keys(location: Location) -> list[str]:
    """The keys allowed at *location*."""
    sections: dict[str, type[Section]] = {
        "gateway": Gateway, "attempts": Attempts, "budget": Budget, "models": Model,
        "routes": Route, "when": When, "unless": When, "split": Split, "shadow": Shadow,
        "policies": Policy, "alerts": Alerts, "tests": Case, "expect": Expect,
    }  # fmt: skip
    section = next((sections[each] for each in reversed(location) if each in sections), Config)
    named = section.model_fields.items()
    return sorted(field.alias or name for name, field in named if name != "file")


def secrets(document: Any) -> Iterator[Problem]:
    """What looks like a key outside the tests, whose prompts may hold one that is made up."""
    for location in keys.located(document):
        if location and location[0] != "tests" and location[-1] not in _KEYS_OF_KEYS:
            yield location, f"this looks like a key; {KEEP_OUT}"


def as_error(problems: list[Problem], document: Any, file: str | None) -> ConfigError:
    """One error that says all of *problems*, the first by its attributes too."""
    lines = [
        ConfigError(keys.masked(text), file=file, line=line_of(document, where), key=path_of(where))
        for where, text in problems[:_MAX_PROBLEMS]
    ]
    first = lines[0]
    more = len(problems) - _MAX_PROBLEMS
    message = keys.masked(problems[0][1]) + "".join(f"\n{each}" for each in lines[1:])
    message += f"\nand {more} more" if more > 0 else ""
    return ConfigError(message, file=first.file, line=first.line, key=first.key)


def shortened(text: str) -> str:
    """The first line of what a library says, which may quote the whole file."""
    return keys.masked((text.splitlines() or [""])[0][:200])


def _brief(value: object) -> str:
    # What is inside is not shown: with anchors, a small file may hold a huge list.
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    return reprlib.repr(value)


def path_of(location: Location) -> str:
    """`routes[0].when.language`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return keys.masked(text.removeprefix("."))


def line_of(document: Any, location: Location) -> int | None:
    """The line of the deepest part of *location* that is in the file, counted from 1."""
    line = None
    for part in location:
        marks: Any = getattr(document, "lc", None)
        try:
            line = (marks.item if isinstance(part, int) else marks.key)(part)[0] + 1
            document = document[part]
        except (AttributeError, KeyError, IndexError, TypeError):
            break
    return line
