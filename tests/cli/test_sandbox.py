"""`globalapi sandbox`, as a process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from globalapi_core.catalog import Catalog
from globalapi_core.errors import AuthenticationError
from globalapi_core.settings import Endpoint
from globalapi_core.wire import ChatRequest, Wire

from .conftest import COMMAND, Run

ASK = ChatRequest([{"role": "user", "content": "hello"}])


@contextmanager
def _serving(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    server = subprocess.Popen(
        [*COMMAND, "sandbox", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
    )
    try:
        yield server
    finally:
        server.kill()
        server.communicate()


def _first_line(server: subprocess.Popen[str]) -> str:
    assert server.stdout is not None
    return server.stdout.readline()


def test_base_url_is_served() -> None:
    """The first line of `--json` is the address of a server that answers."""
    with _serving("--json") as server:
        base_url = json.loads(_first_line(server))["base_url"]
        reply = Wire(Endpoint(base_url)).complete(ASK, Catalog.default().resolve("gpt-4o"))

    assert reply.text.startswith("[sandbox]")


def test_ctrl_c_is_quiet() -> None:
    """Ctrl-C ends it in 130 without a word."""
    with _serving("--json") as server:
        _first_line(server)
        server.send_signal(signal.SIGINT)
        _, stderr = server.communicate(timeout=60)

    assert (server.returncode, stderr) == (130, "")


def test_lines_to_export_are_printed() -> None:
    """What points a client at it is there to be copied, the key quoted for a shell."""
    with _serving("--key", "it's") as server:
        lines = [_first_line(server) for _ in range(3)]

    base_url = lines[0].split(" at ")[1].partition(";")[0]
    assert lines[1] == f"export GLOBAL_API_BASE_URL={base_url}\n"
    assert lines[2] == "export GLOBAL_API_KEY='it'\"'\"'s'\n"


def test_key_is_asked_for() -> None:
    """With `--key` any other key is refused."""
    with _serving("--key", "right", "--json") as server:
        base_url = json.loads(_first_line(server))["base_url"]
        model = Catalog.default().resolve("gpt-4o")
        with pytest.raises(AuthenticationError):
            Wire(Endpoint(base_url, "wrong")).complete(ASK, model)
        reply = Wire(Endpoint(base_url, "right")).complete(ASK, model)

    assert reply.text


def test_port_in_use_fails(run: Run) -> None:
    """A port that is taken ends in 1 with one line that says what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = run("sandbox", "--port", port)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"error: port {port} is in use; choose another one")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--host", "0.0.0.0"), "expected 127.0.0.1, ::1 or localhost"),  # noqa: S104 - refused
        (("--host", "example.com"), "expected 127.0.0.1, ::1 or localhost"),
        (("--port", "99999"), "--port"),
        (("--speed", "-1"), "--speed"),
        (("--config", "absent.yaml"), "absent.yaml"),
    ],
)
def test_wrong_input_is_misuse(run: Run, arguments: tuple[str, ...], said: str) -> None:
    """Another machine's address and impossible numbers end in 2."""
    result = run("sandbox", *arguments)

    assert result.exit_code == 2
    assert said in result.stderr
