"""Putting `need_above` into a config file: nothing else in it changes, comments included."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from globalapi_core.config import parse_config
from globalapi_core.config.file import Reading, read_config
from globalapi_core.errors import ConfigError, InvalidInputError

_KEY = "need_above"


def placed(reading: Reading, values: Mapping[int, float]) -> str:
    """The text of *reading* with *values* as the `need_above` of the routes at these places.

    Raises:
        ConfigError: there is no place for one of them, such as in a route that an anchor
            shares with others.
    """
    from ruamel.yaml import YAML

    text = reading.text
    routes = _keys(YAML(typ="rt").compose(text))["routes"][1]
    # From the end on: what is put in moves all that comes after it.
    for number, value in sorted(values.items(), reverse=True):
        edit = _edit(routes.value[number], text, value)
        if edit is None:
            raise _no_place(reading)
        begin, end, written = edit
        text = f"{text[:begin]}{written}{text[end:]}"
    _check(text, reading, values)
    return text


def write(file: str, text: str, *, before: str) -> None:
    """Put *text* in the place of *before* in *file*, all of it or nothing.

    Raises:
        InvalidInputError: the file says something else by now, or cannot be written.
    """
    if read_config(file) != before:
        raise InvalidInputError(f"{file} was edited meanwhile and is as it was; calibrate again")
    # Where it is a link, what it leads to is written.
    real = os.path.realpath(file)
    try:
        _replace(real, text)
    except OSError as error:
        raise InvalidInputError(f"cannot write {file}: {error.strerror or error}") from None


def _replace(real: str, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=os.path.dirname(real), prefix=".globalapi-")
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(text.encode())
            opened.flush()
            os.fsync(opened.fileno())
        shutil.copymode(real, name)
        os.replace(name, real)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def _edit(route: Any, text: str, value: float) -> tuple[int, int, str] | None:
    """From where to where in *text* to write what; `None`: the route has it all from another."""
    keys = _keys(route)
    if _KEY in keys:
        old = keys[_KEY][1]
        return old.start_mark.index, old.end_mark.index, f"{value!r}"
    if "target_share" not in keys:
        return None
    key, share = keys["target_share"]
    if route.flow_style:
        end = share.end_mark.index
        return end, end, f", {_KEY}: {value!r}"
    # A block ends where something else begins: what it says ends with its last value.
    last = share if share.flow_style else share.value[-1][1]
    end = text.find("\n", last.end_mark.index)
    end = len(text) if end < 0 else end
    if text[end - 1 : end] == "\r":
        return end - 1, end - 1, f"\r\n{' ' * key.start_mark.column}{_KEY}: {value!r}"
    return end, end, f"\n{' ' * key.start_mark.column}{_KEY}: {value!r}"


def _keys(node: Any) -> dict[str, tuple[Any, Any]]:
    """The nodes of each key of a mapping and of its value."""
    return {key.value: (key, value) for key, value in node.value}


def _check(text: str, reading: Reading, values: Mapping[int, float]) -> None:
    """Hold *text* to what it must say: the same file with these values, and nothing else."""
    wanted = reading.config
    routes = [
        each.model_copy(update={_KEY: values.get(number, each.need_above)})
        for number, each in enumerate(wanted.routes)
    ]
    try:
        said = parse_config(text, file=reading.file)
    except ConfigError:
        said = None
    if said != wanted.model_copy(update={"routes": routes}):
        raise _no_place(reading)


def _no_place(reading: Reading) -> ConfigError:
    text = f"there is no one place for {_KEY} in it: write it beside target_share yourself"
    return ConfigError(text, file=reading.file)
