"""How far a long command has come, on stderr."""

from __future__ import annotations

import time
from typing import Any

import typer

from globalapi_core.cli import _output


class Progress:
    """A bar on a terminal's stderr; elsewhere a line every few seconds."""

    EVERY = 3.0
    """Seconds between two lines."""

    def __init__(self, total: int, *, quiet: bool = False) -> None:
        self._total = total
        self._quiet = quiet
        self._done = 0
        self._told = time.monotonic()
        self._bar: Any = None

    def __enter__(self) -> Progress:
        console = _output.console(stderr=True)
        if console.is_terminal and not self._quiet:
            from rich.progress import Progress as Bar

            self._bar = Bar(console=console, transient=True)
            self._bar.start()
            self._task = self._bar.add_task("", total=self._total)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def step(self, label: str) -> None:
        """Note that one more question is done."""
        self._done += 1
        late = self._done == self._total or time.monotonic() - self._told >= self.EVERY
        if self._bar:
            self._bar.update(self._task, advance=1, description=label)
        elif late and not self._quiet:
            self._told = time.monotonic()
            typer.echo(f"{self._done} of {self._total} calls ({label})", err=True)
