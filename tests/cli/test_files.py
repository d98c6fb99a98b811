"""Files that commands are given: by which argument, and what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from globalapi_core.cli import _files

from .conftest import Run

SOUND = """
routes: [{name: all, candidates: [deepseek-v4-flash]}]
tests: [{input: hello, expect: {route: all}}]
"""


@pytest.mark.parametrize("command", ["check", "test"])
def test_config_is_an_argument_or_an_option(
    run: Run, config: Callable[[str], str], command: str
) -> None:
    """Commands about the file itself take it either way, and do the same."""
    file = config(SOUND)

    ways = [run(command, file), run(command, "--config", file), run(command, "-c", file)]

    assert [each.exit_code for each in ways] == [0, 0, 0]
    assert len({each.stdout for each in ways}) == 1
    assert f"({file})" in ways[0].stdout


@pytest.mark.parametrize("command", ["check", "test"])
def test_two_configs_are_misuse(run: Run, config: Callable[[str], str], command: str) -> None:
    """Who names two is told both, and neither is read."""
    result = run(command, config(SOUND), "--config", "absent.yaml")

    assert (result.exit_code, result.stdout) == (2, "")
    assert f"FILE is {config(SOUND)!r}, --config is 'absent.yaml'; give one" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", ""),
        ("test", "--config", ""),
        ("route", "hi", "--config", ""),
        ("route", "--file", ""),
        ("chat", "hi", "--image", ""),
        ("explain", "hi", "--tools", " "),
        ("calibrate", ""),
        ("models", "list", "-c", ""),
    ],
)
def test_empty_name_is_not_the_working_directory(run: Run, arguments: tuple[str, ...]) -> None:
    """A variable that is unset in a script is told as such."""
    result = run(*arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert "expected the name of a file, got nothing" in result.stderr


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no endless file")
@pytest.mark.parametrize(
    "arguments",
    [("--file", "/dev/zero"), ("hi", "--image", "/dev/zero"), ("hi", "--tools", "/dev/zero")],
)
def test_endless_file_is_not_read_to_its_end(
    run: Run, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """No more than a limit is read of any file."""
    monkeypatch.setattr(_files, "LARGEST", 1_000)

    result = run("route", *arguments)

    assert result.exit_code == 2
    assert "/dev/zero is larger than 1,000 bytes" in result.stderr


def test_endless_stdin_is_not_read_to_its_end(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stdin has the same limit, and what is just as large is read."""
    monkeypatch.setattr(_files, "LARGEST", 1_000)

    whole, more = run("route", "-", stdin="a" * 1_000), run("route", "-", stdin="a" * 1_001)

    assert (whole.exit_code, more.exit_code) == (0, 2)
    assert "stdin is larger than 1,000 bytes" in more.stderr


def test_empty_picture_is_misuse(run: Run, tmp_path: Path) -> None:
    """A file without a byte is no picture, whatever its name."""
    picture = tmp_path / "empty.png"
    picture.touch()

    result = run("route", "what is it?", "--image", str(picture))

    assert result.exit_code == 2
    assert "empty.png: expected a picture" in result.stderr


def test_windows_text_is_text(run: Run, tmp_path: Path) -> None:
    """A byte order mark and CRLF change no decision, in config, prompt and tools."""
    plain, marked = tmp_path / "plain", tmp_path / "marked"
    for folder, begin, end in ((plain, "", "\n"), (marked, "\ufeff", "\r\n")):
        folder.mkdir()
        for name, text in (
            ("config.yaml", "version: 1\nroutes: [{name: all, candidates: [gpt-4o]}]\n"),
            ("prompt.txt", "证明根号二是无理数\n"),
            ("tools.json", '[\n{"name": "search"}\n]\n'),
        ):
            content = begin + text.replace("\n", end)
            (folder / name).write_bytes(content.encode())

    told = [
        run(
            "route", "--file", str(folder / "prompt.txt"), "--tools", str(folder / "tools.json"),
            "--config", str(folder / "config.yaml"), "--json",
        )
        for folder in (plain, marked)
    ]  # fmt: skip

    first, second = (json.loads(each.stdout) for each in told)
    for name in ("route", "reason", "candidates", "rejected"):
        assert first[name] == second[name]
    assert first["signals"]["tools"] == second["signals"]["tools"] == 1
