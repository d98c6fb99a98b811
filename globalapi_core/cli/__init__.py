"""The `globalapi` command: one file per command, imported when that command is run.

Results go to stdout and everything else to stderr; `EXIT_CODES` says how a command ends.
"""

from __future__ import annotations

import io
import os
import sys
from typing import Annotated, NoReturn

import typer

from globalapi_core.cli import _errors
from globalapi_core.cli._lazy import Commands, plain

__all__ = ["app", "main"]

EXIT_CODES = {
    0: "done",
    1: "the input was right but the work failed",
    2: "wrong input",
    130: "Ctrl-C",
}
"""How every command ends; docs/command-line.md has examples."""

app = plain(
    cls=Commands,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=f"Exit codes: {'; '.join(f'{code} {text}' for code, text in EXIT_CODES.items())}.",
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
    _prepare()
    try:
        app(prog_name="globalapi")
    except OSError as error:
        # Such as a full disk under stdout; what a command reads and writes, it answers for.
        _errors.report(error, as_json=False)
        sys.exit(1)
    finally:
        _flush()
    sys.exit(0)


def _prepare() -> None:
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # whoever started us has closed it
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that has no Chinese shows question marks, not a traceback.
            stream.reconfigure(errors="replace")


def _flush() -> None:
    try:
        sys.stdout.flush()
    except OSError:
        # The interpreter flushes once more as it exits, and would complain aloud.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
