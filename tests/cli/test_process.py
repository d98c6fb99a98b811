"""The command as a process: what it imports, how it ends, where it writes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from globalapi_core.cli._lazy import COMMANDS, load

from .conftest import COMMAND, Process, Run

HEAVY = (
    "rich", "pydantic", "ruamel", "aiohttp", "urllib3", "h11", "openai", "langchain_core",
    "llama_index", "bm25s", "globalapi_core.catalog", "globalapi_core.sandbox",
    "globalapi_core.wire",
)  # fmt: skip
_IMPORTED = """
import sys
from globalapi_core.cli import main
try:
    main()
finally:
    print(*sorted(set(sys.argv[2].split(",")) & set(sys.modules)), file=sys.stderr)
"""


def test_help_imports_nothing_heavy() -> None:
    """`--help` lists the commands without importing what they need."""
    result = subprocess.run(
        [sys.executable, "-c", _IMPORTED, "--help", ",".join(HEAVY)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert result.stderr.split() == []
    assert all(name in result.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_has_an_example(run: Run, name: str) -> None:
    """Each command says what it does, first what the list says, and shows one example."""
    result = run(name, "--help")

    _, line = COMMANDS[name]
    said = " ".join(result.stdout.split())
    assert result.exit_code == 0
    assert "Example: globalapi " in said
    assert load(name).help.startswith(line.rstrip("."))


def test_command_without_arguments_shows_help(run: Run) -> None:
    """Who types only the name sees what there is."""
    assert "Commands:" in run().output


def test_version_is_the_distribution_s(run: Run) -> None:
    """`--version` prints one line."""
    from importlib.metadata import version

    assert run("--version").stdout == f"globalapi-llm {version('globalapi-llm')}\n"


def test_unknown_command_is_suggested(run: Run) -> None:
    """A mistyped command ends in 2 with the one that was meant."""
    result = run("modles")

    assert result.exit_code == 2
    assert "Did you mean 'models'?" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("models", "list"),
        ("models", "show", "glm-5"),
        ("route", "hello"),
        ("explain", "hello"),
        ("check",),
        ("check", "--schema"),
        ("chat", "hello"),
    ],
)
def test_json_is_all_there_is_on_stdout(process: Process, arguments: tuple[str, ...]) -> None:
    """`--json` writes one document, and nothing to stderr."""
    result = process(*arguments, "--json")

    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("models", "show", "nope"), 2),
        (("route", ""), 2),
        (("route", "hi", "--route", "nope"), 2),
        (("check", "absent.yaml"), 2),
        (("test",), 2),
        (("test", "absent.yaml"), 2),
        (("init", "--template", "nope"), 2),
        (("explain", ""), 2),
        (("chat", "hi", "--model", "nope"), 1),
        (("sandbox", "--host", "8.8.8.8"), 2),
        (("demo", "--framework", "nope"), 2),
    ],
)
def test_mistake_is_no_traceback(process: Process, arguments: tuple[str, ...], code: int) -> None:
    """A user's mistake ends in a message and an exit code."""
    result = process(*arguments)

    assert result.returncode == code
    assert "rror: " in result.stderr
    assert "Traceback" not in result.stderr


def test_closed_pipe_is_quiet() -> None:
    """A reader that leaves early, as `head` does, gets no complaint."""
    command = subprocess.Popen(
        [*COMMAND, "models", "list", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert command.stdout is not None
    assert command.stderr is not None
    command.stdout.close()
    stderr = command.stderr.read()
    command.stderr.close()
    command.wait(timeout=30)

    assert stderr == b""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "gbk", "utf-8"])
@pytest.mark.parametrize("arguments", [("route",), ("route", "--json"), ("chat",)])
def test_terminal_without_chinese_does_not_crash(
    process: Process, encoding: str, arguments: tuple[str, ...]
) -> None:
    """What a terminal cannot show is replaced."""
    result = process(*arguments, "多个进程之间会共享内存吗？", PYTHONIOENCODING=encoding)

    assert result.returncode == 0
    assert "Traceback" not in result.stderr


def test_output_that_is_no_terminal_is_plain(process: Process) -> None:
    """A file or a pipe gets no colour, and no line is folded."""
    result = process("models", "show", "gpt-4o")

    assert "\x1b" not in result.stdout
    assert not any(line.startswith(" ") for line in result.stdout.splitlines())
