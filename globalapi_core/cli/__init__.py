"""The `globalapi` command: one file per command, imported when that command is run.

Results go to stdout and everything else to stderr. Exit codes: 0 done; 1 the input was
right but the work failed (gateway, no candidate); 2 the input was wrong (arguments,
file, name).
"""

from __future__ import annotations

import io
import os
import sys
from typing import Annotated, NoReturn

import typer

from globalapi_core.cli._lazy import Commands, plain

__all__ = ["app", "main"]

app = plain(
    cls=Commands,
    no_args_is_help=True,
    epilog="Exit codes: 0 done, 1 failed (gateway, no candidate), 2 wrong input.",
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"globalapi-llm {version('globalapi-llm')}")
        raise typer.Exit


@app.callback()
def globalapi(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Send each prompt to the right model, and say why and what it costs."""


def main() -> NoReturn:
    """Run the command line and exit."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that has no Chinese shows question marks, not a traceback.
            stream.reconfigure(errors="replace")
    try:
        app(prog_name="globalapi")
    finally:
        _flush()
    sys.exit(0)


def _flush() -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes once more as it exits, and would complain aloud.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
