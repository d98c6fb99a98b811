"""The command as a process: what it imports, how it ends, where it writes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from globalapi_core.cli import EXIT_CODES
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
        ("init",),
        ("init", "--list"),
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
        (("check", ""), 2),
        (("check", "a.yaml", "--config", "b.yaml"), 2),
        (("models", "list", "--family", "nope"), 2),
        (("models", "list", "--origin", "nope"), 2),
        (("calibrate", ""), 2),
        (("route", "hi", "--config"), 2),
        (("sandbox", "--key", "two words"), 2),
    ],
)
def test_mistake_is_no_traceback(process: Process, arguments: tuple[str, ...], code: int) -> None:
    """A user's mistake ends in a message and an exit code."""
    result = process(*arguments)

    assert result.returncode == code
    assert "rror: " in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("nope",),
        ("--nope",),
        ("route", "--nope"),
        ("models", "list", "--can", "nope"),
        ("models", "show", "nope"),
        ("test", "absent.yaml"),
        ("init", "--template", "nope"),
    ],
)
def test_every_mistake_is_said_in_one_form(run: Run, arguments: tuple[str, ...]) -> None:
    """Whoever found it, it is one line that begins alike; at most one more, where to look."""
    said, *hint = run(*arguments).stderr.splitlines()

    assert said.startswith("error: ")
    assert said[7:8].islower()
    assert hint in ([], [f"try `globalapi {arguments[0]} --help`"], ["try `globalapi --help`"]) or (
        arguments[0] == "models" and hint == ["try `globalapi models list --help`"]
    )


def test_help_cuts_no_line(process: Process) -> None:
    """What each command is for is read whole in a terminal of 80 columns."""
    lists = [process(*each, "-h", COLUMNS="80").stdout for each in ((), ("models",))]

    assert [each for each in lists if "..." in each.replace("[ARGS]...", "")] == []


def test_exit_codes_are_those_of_the_page(run: Run) -> None:
    """`--help` and the page give the same codes."""
    page = Path(__file__).parents[2] / "docs" / "command-line.md"
    rows = re.findall(r"^\| (\d+) \|", page.read_text("utf-8"), re.MULTILINE)
    said = " ".join(run("--help").stdout.split()).partition("Exit codes: ")[2]

    assert list(map(int, rows)) == list(EXIT_CODES)
    assert said == "; ".join(f"{code} {text}" for code, text in EXIT_CODES.items()) + "."


def _shell(script: str) -> subprocess.CompletedProcess[str]:
    """Run *script*, in which "$@" is the command."""
    return subprocess.run(
        ["/bin/sh", "-c", script, "sh", *COMMAND], capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("streams", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("command", ["models list", "check", "route hi", "--help"])
def test_closed_stream_is_no_mistake(command: str, streams: str) -> None:
    """Who starts it without a stdin, stdout or stderr does not want that one."""
    result = _shell(f'"$@" {command} {streams}')

    assert result.returncode == 0
    assert "Traceback" not in result.stderr


def test_closed_stdin_is_an_empty_one() -> None:
    """`-` without a stdin is a prompt of nothing."""
    result = _shell('"$@" route - <&-')

    assert (result.returncode, result.stderr) == (2, "error: the prompt is empty\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
@pytest.mark.parametrize("command", ["models list", "check --schema", "explain hi", "--help"])
def test_full_disk_is_an_error(command: str) -> None:
    """What cannot be written ends in 1, with the reason."""
    result = _shell(f'"$@" {command} >/dev/full')

    assert (result.returncode, result.stderr) == (1, "error: No space left on device\n")


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
    command.wait(timeout=100)

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


def test_narrow_terminal_cuts_no_name(process: Process) -> None:
    """In 40 columns the terminal folds a table's lines: no name, price or number is lost."""
    wide = process("models", "list").stdout
    narrow = process("models", "list", FORCE_COLOR="1", COLUMNS="40").stdout

    wanted = {word for line in wide.splitlines()[2:] for word in line.split()}
    assert wanted <= set(narrow.split())
    assert "…" not in narrow


def test_answer_does_not_steer_a_terminal() -> None:
    """In a terminal, escape sequences of an answer are text; a pipe gets it as it came."""
    pty = pytest.importorskip("pty")
    command = [*COMMAND, "chat", "--quiet", "say \x1b]0;title\x07\x1b[31mred"]
    master, slave = pty.openpty()
    shown = subprocess.run(command, stdout=slave, timeout=60, check=True)
    os.close(slave)
    told = os.read(master, 4096).decode()
    os.close(master)
    piped = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)

    assert shown.returncode == 0
    assert "]0;title[31mred" in told
    assert "\x1b" not in told
    assert "\x1b]0;title\x07\x1b[31mred" in piped.stdout


def test_error_does_not_steer_a_terminal(run: Run) -> None:
    """What an error quotes of a name or a server is text."""
    assert "error: [31mred.yaml: cannot read" in run("check", "\x1b[31mred.yaml").stderr


def test_output_that_is_no_terminal_is_plain(process: Process) -> None:
    """A file or a pipe gets no colour, and no line is folded."""
    result = process("models", "show", "gpt-4o")

    assert "\x1b" not in result.stdout
    assert not any(line.startswith(" ") for line in result.stdout.splitlines())
