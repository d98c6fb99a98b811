"""The command, run within the test's process and as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from globalapi_core.cli import app
from globalapi_core.sandbox import Sandbox

Run = Callable[..., Result]
Process = Callable[..., "subprocess.CompletedProcess[str]"]

# Who runs the tests in the background lets children ignore Ctrl-C; a terminal does not.
_MAIN = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from globalapi_core.cli import main
main()
"""
COMMAND = [sys.executable, "-c", _MAIN]
"""Starts the command; its arguments follow."""


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of the machine decides: no key, no server, no file, no terminal."""
    for name in list(os.environ):
        if name.startswith("GLOBAL_API_") or name in ("FORCE_COLOR", "NO_COLOR", "COLUMNS"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run() -> Run:
    """Runs the command within this process."""

    def invoke(*arguments: str, stdin: str | bytes | None = None) -> Result:
        return CliRunner().invoke(app, list(arguments), input=stdin, prog_name="globalapi")

    return invoke


@pytest.fixture
def process() -> Process:
    """Runs the command as a process of its own."""

    def start(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=100,
            check=False,
        )

    return start


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A sandbox that is not the embedded one."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def config(tmp_path: Path) -> Callable[[str], str]:
    """Writes a config file; returns its path."""

    def write(text: str) -> str:
        file = tmp_path / "config.yaml"
        file.write_text(text, "utf-8")
        return str(file)

    return write


@pytest.fixture
def picture() -> str:
    """The path of a picture."""
    return str(resources.files("globalapi_core").joinpath("data/demo/picture.png"))
