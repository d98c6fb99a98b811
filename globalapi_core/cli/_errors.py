"""How an error is shown, and the exit code it ends in."""

from __future__ import annotations

import json
from typing import Any

import typer

from globalapi_core.errors import (
    ConfigError,
    GlobalAPIError,
    InsecureURLError,
    InvalidInputError,
    MissingKeyError,
    UnknownModelError,
    UnknownRouteError,
)

_MISUSE = (
    ConfigError,
    InsecureURLError,
    InvalidInputError,
    MissingKeyError,
    UnknownModelError,
    UnknownRouteError,
)
_FACTS = (
    "file", "line", "key", "name", "close", "route", "model", "status", "code", "request_id",
    "retry_after", "partial_text",
)  # fmt: skip


def exit_code(error: GlobalAPIError) -> int:
    """2 when what the user gave was wrong, 1 when it was right but failed."""
    return 2 if isinstance(error, _MISUSE) else 1


def report(error: Exception, *, as_json: bool) -> None:
    """Write *error* to stderr."""
    if as_json:
        typer.echo(json.dumps({"error": facts(error)}, ensure_ascii=False), err=True)
    else:
        typer.echo(f"error: {error}", err=True)


def facts(error: Exception) -> dict[str, Any]:
    """What *error* says, for JSON: type, message and the facts it carries."""
    told: dict[str, Any] = {"type": type(error).__name__, "message": message(error)}
    for name in _FACTS:
        value = getattr(error, name, None)
        if value:
            told[name] = list(value) if isinstance(value, tuple) else value
    if rejected := getattr(error, "rejected", None):
        told["rejected"] = {each.name: each.reason for each in rejected}
    if record := getattr(error, "record", None):
        told["attempts"] = record.as_dict()["attempts"]
    return told


def message(error: BaseException) -> str:
    """The text of *error*; of an error of usage, with the option it is about."""
    described = getattr(error, "format_message", None)
    return described() if described else str(error)
