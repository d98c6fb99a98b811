"""What is wrong with a config file: where, what was expected, what to do."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterator, Mapping
from typing import Any

from globalapi_core.catalog import Catalog
from globalapi_core.config.schema import (
    Attempts,
    Budget,
    Config,
    Gateway,
    Model,
    Route,
    Section,
    When,
)
from globalapi_core.errors import ConfigError, UnknownModelError

_MAX_PROBLEMS = 20
_EACH_CALL = frozenset(
    {"messages", "model", "response_format", "stream", "stream_options", "tools"}
)
"""What a call says itself, so that no route may."""

Location = tuple[str | int, ...]
Problem = tuple[Location, str]


def of(config: Config) -> Iterator[Problem]:
    """What the schema cannot say."""
    names = [route.name for route in config.routes]
    for number, route in enumerate(config.routes):
        if route.name in names[:number]:
            yield ("routes", number, "name"), f"another route is named {route.name!r} too"
        last = number == len(config.routes) - 1
        if not last and not (route.when and route.when.conditions):
            yield ("routes", number), f"route {route.name!r} always fires: no later route can"
        if last and route.when and route.when.conditions:
            text = "the last route takes what is left and must have no 'when'; add such a route"
            yield ("routes", number, "when"), text
    try:
        catalog = config.catalog
    except UnknownModelError as error:
        spelling = next(key for key, name in config.aliases.items() if name == error.name)
        yield ("aliases", spelling), str(error)
        return
    for number, route in enumerate(config.routes):
        for where, text in _of_route(route, catalog):
            yield ("routes", number, *where), text


def _of_route(route: Route, catalog: Catalog) -> Iterator[Problem]:
    listed: set[str] = set()
    for place, name in enumerate(route.candidates):
        if name not in catalog:
            hint = f"{UnknownModelError(name, close=catalog.near(name))}"
            text = f"{hint} A model the catalog does not have goes under 'models' first"
            yield ("candidates", place), text
        elif (model := catalog.resolve(name).name) in listed:
            yield ("candidates", place), f"{model!r} is listed already"
        else:
            listed.add(model)
    for name in _EACH_CALL.intersection(route.params):
        yield ("params", name), f"each call sets its own {name}; a route cannot"


def explained(error: Mapping[str, Any]) -> Problem:
    """What pydantic found, in our words."""
    location: Location = error["loc"]
    if error["type"] == "extra_forbidden":
        return unknown(location)
    text = f"{error['msg'][0].lower()}{error['msg'][1:]}"
    if error["type"] == "missing":
        return location, text
    return location, f"{text}, not {_brief(error['input'])}"


def unknown(location: Location) -> Problem:
    """A key that means nothing at its place."""
    key = str(location[-1])
    if key in ("api_key", "key"):
        return location, "keep keys out of the file: set GLOBAL_API_KEY in the environment"
    allowed = _keys(location[:-1])
    near = difflib.get_close_matches(key, allowed, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return location, f"unknown key; {hint}allowed: {', '.join(allowed)}"


def _keys(location: Location) -> list[str]:
    """The keys allowed at *location*."""
    sections: dict[str, type[Section]] = {
        "gateway": Gateway, "attempts": Attempts, "budget": Budget, "models": Model,
        "routes": Route, "when": When,
    }  # fmt: skip
    section = next((sections[each] for each in reversed(location) if each in sections), Config)
    return sorted(name for name in section.model_fields if name != "file")


def as_error(problems: list[Problem], document: Any, file: str | None) -> ConfigError:
    """One error that says all of *problems*, the first by its attributes too."""
    lines = [
        ConfigError(text, file=file, line=_line(document, where), key=_path(where))
        for where, text in problems
    ]
    first = lines[0]
    more = len(lines) - _MAX_PROBLEMS
    message = problems[0][1] + "".join(f"\n{each}" for each in lines[1:_MAX_PROBLEMS])
    message += f"\nand {more} more" if more > 0 else ""
    return ConfigError(message, file=first.file, line=first.line, key=first.key)


def shortened(text: str) -> str:
    """The first line of what a library says, which may quote the whole file."""
    return (text.splitlines() or [""])[0][:200]


def _brief(value: object) -> str:
    # What is inside is not shown: with anchors, a small file may hold a huge list.
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    return reprlib.repr(value)


def _path(location: Location) -> str:
    """`routes[0].when.language`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.removeprefix(".")


def _line(document: Any, location: Location) -> int | None:
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
