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

COMMANDS = {
    "calibrate": ("calibrate", "Find need_above for a target_share from a sample of prompts."),
    "chat": ("chat", "Ask one question and stream the answer."),
    "check": ("check", "Find what is wrong with a config file, or unwise in it."),
    "demo": ("demo", "Run one RAG pipeline in LangChain and LlamaIndex, with costs."),
    "explain": ("explain", "Tell in words where a prompt goes, why, and what changes it."),
    "init": ("init", "Write a config file from a template, with its tests."),
    "models": ("models", "What models there are, what they can do and what they charge."),
    "route": ("route", "Show as tables which model a prompt goes to, and why."),
    "sandbox": ("sandbox", "Serve a gateway on this machine: no key, no network."),
    "test": ("test", "Run the tests in a config file; calls nothing."),
}
"""Name of a command: the module it is in, and the line `globalapi --help` shows."""


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

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        """Read what stands before the command; without a word, show the help."""
        if not args:
            return super().make_context(info_name, args, parent, **extra)
        with _errors.reported(as_json=_wants_json(args)):
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: Any) -> Any:
        """Run a command; what it raises on purpose becomes a message and an exit code."""
        with _errors.reported(as_json=_wants_json(ctx.args)):
            return super().invoke(ctx)


def load(name: str) -> Any:
    """Import the command *name*."""
    module, _ = COMMANDS[name]
    return get_command(import_module(f"globalapi_core.cli.{module}").app)


def _stub() -> None:
    """Stand in for a command until it is run."""


def _wants_json(args: list[str]) -> bool:
    options = args[: args.index("--")] if "--" in args else args
    return "--json" in options
