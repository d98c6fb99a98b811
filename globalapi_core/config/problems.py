"""What is wrong with a config file: where, what was expected, what to do."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from globalapi_core.catalog import Catalog
from globalapi_core.config import keys
from globalapi_core.config.mending import Mended
from globalapi_core.config.schema import (
    Attempts,
    Budget,
    Case,
    Config,
    Expect,
    Gateway,
    Model,
    Route,
    Section,
    When,
)
from globalapi_core.errors import ConfigError, UnknownModelError, UnknownRouteError

_MAX_PROBLEMS = 20
_EACH_CALL = frozenset(
    {"messages", "model", "response_format", "stream", "stream_options", "tools"}
)
"""What a call says itself, so that no route may."""
_KEYS_OF_KEYS = ("api_key", "key")
KEEP_OUT = "keep keys out of the file: set GLOBAL_API_KEY in the environment"

Location = tuple[str | int, ...]
Problem = tuple[Location, str]


def of(mended: Mended) -> Iterator[Problem]:
    """What the schema cannot say, at its place in the file."""
    for location, text in _of(mended.config, whole=mended.whole):
        yield mended.place(location), text


def _of(config: Config, *, whole: bool) -> Iterator[Problem]:
    names = [route.name for route in config.routes]
    for number, name in enumerate(names):
        if name in names[:number]:
            yield ("routes", number, "name"), f"another route is named {name!r} too"
    # Of a route whose `when` could not be read, nobody knows whether it always fires.
    if whole:
        yield from _of_order(config.routes)
    try:
        catalog = config.catalog
    except UnknownModelError as error:
        spelling = next(key for key, name in config.aliases.items() if name == error.name)
        yield ("aliases", spelling), str(error)
        return
    for number, route in enumerate(config.routes):
        for where, text in _of_route(route, catalog):
            yield ("routes", number, *where), text
    for number, case in enumerate(config.tests):
        for where, text in _of_case(case.expect, catalog, names if whole else None):
            yield ("tests", number, "expect", *where), text


def _of_order(routes: Sequence[Route]) -> Iterator[Problem]:
    for number, route in enumerate(routes):
        always = not (route.when and route.when.conditions)
        last = number == len(routes) - 1
        if always and not last:
            yield ("routes", number), f"route {route.name!r} always fires: no later route can"
        if last and not always:
            text = "the last route takes what is left and must have no 'when'; add such a route"
            yield ("routes", number, "when"), text


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


def _of_case(expect: Expect, catalog: Catalog, routes: Sequence[str] | None) -> Iterator[Problem]:
    """*routes* is `None` when some of them could not be read."""
    if expect.empty:
        yield (), f"nothing is expected; give one of {', '.join(Expect.model_fields)}"
    for key in ("model", "not_model"):
        for name in getattr(expect, key) or ():
            if name not in catalog:
                yield (key,), f"{UnknownModelError(name, close=catalog.near(name))}"
    for name in expect.route or ():
        if routes is not None and name not in routes:
            near = difflib.get_close_matches(name, routes)
            yield ("route",), f"{UnknownRouteError(name, close=near, known=routes)}"


def explained(error: Mapping[str, Any]) -> Problem:
    """What pydantic found, in our words."""
    location: Location = error["loc"]
    if error["type"] == "extra_forbidden":
        return unknown(location)
    said = error["msg"].removeprefix("Value error, ")
    text = f"{said[0].lower()}{said[1:]}"
    if error["type"] == "missing":
        return location, text
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
        "routes": Route, "when": When, "tests": Case, "expect": Expect,
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
