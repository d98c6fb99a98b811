"""What README and docs show is run: Python, config files and commands."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from globalapi_core.config import parse_config
from globalapi_core.sandbox import Sandbox

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(language: str) -> list[Any]:
    """The fenced blocks of one language, each named after its page and place."""
    found_blocks = []
    for page in PAGES:
        for found in _BLOCK.finditer(page.read_text("utf-8")):
            if found[1] == language:
                line = page.read_text("utf-8")[: found.start()].count("\n") + 1
                found_blocks.append(pytest.param(found[2], id=f"{page.name}:{line}"))
    return found_blocks


@pytest.fixture
def environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Path]:
    """A directory with the examples and README's own config file, and the sandbox as the server.

    One page goes by the shipped default and says so.
    """
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    if "decisions.md" not in request.node.name:
        (tmp_path / "globalapi.yaml").write_text(blocks("yaml")[0].values[0], "utf-8")
    with Sandbox() as sandbox:
        monkeypatch.setenv("GLOBAL_API_BASE_URL", sandbox.base_url)
        monkeypatch.chdir(tmp_path)
        yield tmp_path


@pytest.mark.parametrize("program", blocks("python"))
def test_programs_run(environment: Path, program: str) -> None:
    """A program that a page shows runs to its end, as a program of its own."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, encoding="utf-8"
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("text", blocks("yaml"))
def test_config_files_are_valid(text: str) -> None:
    """A config file that a page shows can be used."""
    assert parse_config(text, file="the page").routes


@pytest.mark.parametrize("session", blocks("console"))
def test_commands_print_what_the_page_shows(environment: Path, session: str) -> None:
    """A command that a page shows prints, line by line, what the page says."""
    commands = re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]

    for command in commands:
        line, _, expected = command.partition("\n")
        words = shlex.split(line)
        assert words[0] == "globalapi"
        done = subprocess.run(
            [sys.executable, "-m", "globalapi_core", *words[1:]],
            capture_output=True,
            text=True,
            encoding="utf-8",
        )
        assert done.returncode == 0, done.stderr
        shown = [each.rstrip() for each in expected.strip().splitlines()]
        printed = [each.rstrip() for each in done.stdout.splitlines()]
        assert [each for each in shown if each and each not in printed] == []
