"""Commands that are listed by name and imported when they are run.

`globalapi --help` then costs what typer costs: no table, no file format, no framework.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from globalapi_core.cli import _errors
from globalapi_core.errors import GlobalAPIError

COMMANDS = {
    "calibrate": (
        "calibrate",
        "Find the need_above for a target_share, from a sample of prompts; calls nothing.",
    ),
    "chat": ("chat", "Ask one question and stream the answer."),
    "check": ("check", "Find what is wrong with a config file, and what is unwise in it."),
    "demo": (
        "demo",
        "Run one RAG pipeline in LangChain and in LlamaIndex, with reasons and costs.",
    ),
    "explain": ("explain", "Tell in words where a prompt goes, why, and what would change it."),
    "init": ("init", "Write a config file from a template, with its tests."),
    "models": ("models", "What models there are, what they can do and what they charge."),
    "route": ("route", "Show which model a prompt goes to, and why, as tables; calls nothing."),
    "sandbox": ("sandbox", "Serve a gateway on this machine until Ctrl-C: no key, no network."),
    "test": ("test", "Run the tests in a config file; calls nothing."),
}
"""Name of a command: the module it is in, and the line `globalapi --help` shows."""

# typer exports no UsageError, which this is one of.
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]


def plain(**settings: Any) -> typer.Typer:
    """A typer app without colour, panels and shell completion of its own."""
    return typer.Typer(
        add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, **settings
    )


class Commands(TyperGroup):
    """The commands of `COMMANDS`; also where their errors end."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        stubs = plain()
        for name, (_, text) in COMMANDS.items():
            stubs.command(name, help=text)(_stub)
        self.commands = getattr(get_command(stubs), "commands", {})

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find a command by its name, and import it."""
        name, stub, rest = super().resolve_command(ctx, args)
        return name, stub if name is None else load(name), rest

    def invoke(self, ctx: Any) -> Any:
        """Run a command; what it raises on purpose becomes a message and an exit code."""
        as_json = _wants_json(ctx.args)
        try:
            return super().invoke(ctx)
        except GlobalAPIError as error:
            _errors.report(error, as_json=as_json)
            raise typer.Exit(_errors.exit_code(error)) from None
        except _UsageError as error:
            if not as_json:
                raise
            _errors.report(error, as_json=True)
            raise typer.Exit(2) from None


def load(name: str) -> Any:
    """Import the command *name*."""
    module, _ = COMMANDS[name]
    return get_command(import_module(f"globalapi_core.cli.{module}").app)


def _stub() -> None:
    """Stand in for a command until it is run."""


def _wants_json(args: list[str]) -> bool:
    options = args[: args.index("--")] if "--" in args else args
    return "--json" in options
