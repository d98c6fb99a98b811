"""How an error is shown, and the exit code it ends in: one form, whoever found it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
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
# typer exports no UsageError, which this is one of.
UsageError: type[Exception] = typer.BadParameter.__bases__[0]
"""What typer says of arguments and options, and the commands of their values."""
_FACTS = (
    "file", "line", "key", "name", "close", "route", "model", "status", "code", "request_id",
    "retry_after", "partial_text",
)  # fmt: skip


@contextmanager
def reported(*, as_json: bool) -> Iterator[None]:
    """Make what is raised on purpose a message on stderr and an exit code."""
    try:
        yield
    except (GlobalAPIError, UsageError) as error:
        report(error, as_json=as_json)
        raise typer.Exit(exit_code(error)) from None


def exit_code(error: Exception) -> int:
    """2 when what the user gave was wrong, 1 when it was right but failed."""
    return 2 if isinstance(error, (*_MISUSE, UsageError)) else 1


def report(error: Exception, *, as_json: bool) -> None:
    """Write *error* to stderr."""
    if as_json:
        typer.echo(json.dumps({"error": facts(error)}, ensure_ascii=False), err=True)
        return
    from globalapi_core.cli import _output

    typer.echo(f"error: {_output.harmless(message(error))}", err=True)
    if context := getattr(error, "ctx", None):
        typer.echo(f"try `{context.command_path} --help`", err=True)


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
    if isinstance(error, UsageError):
        described: str = getattr(error, "format_message", error.__str__)()
        return described[:1].lower() + described[1:]
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}"
    return str(error)
