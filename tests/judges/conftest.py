"""llmock, a fault-injecting server by Julien Rabault (MIT), as a process of its own."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest


@dataclass(frozen=True)
class Judge:
    """A running llmock: scripted before a test, asked after it."""

    port: int

    @property
    def base_url(self) -> str:
        """Where its chat completions are."""
        return f"http://127.0.0.1:{self.port}/v1"

    def reset(self) -> None:
        """Forget everything."""
        self._ask("/_llmock/reset", {})

    def script(self, *behaviors: dict[str, Any]) -> None:
        """Forget everything, and meet the next calls with *behaviors*."""
        self.reset()
        self._ask("/_llmock/scenario", {"behaviors": list(behaviors)})

    def findings(self) -> set[str]:
        """What it holds against the client."""
        verdict = self._ask("/_llmock/verdict?format=json")
        return {each["code"] for each in verdict.get("findings", [])}

    def models(self) -> list[str]:
        """The models that were asked, in order."""
        journal = self._ask("/_llmock/requests")
        entries = journal["requests"] if isinstance(journal, dict) else journal
        return [entry["model"] for entry in entries]

    def _ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return json.loads(answer.read() or b"null")


@pytest.fixture(scope="session")
def judge() -> Iterator[Judge]:
    """Llmock on a free port, for the whole run."""
    pytest.importorskip("llmock", reason="llmock is not installed")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    run = "from llmock.cli import app; app()"
    command = [sys.executable, "-c", run, "serve", "--host", "127.0.0.1"]
    process = subprocess.Popen(
        [*command, "--port", str(port), "--log-level", "warning"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    running = Judge(port)
    try:
        _wait_for(running, process)
        yield running
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(judge: Judge, process: subprocess.Popen[bytes]) -> None:
    for _ in range(150):
        assert process.poll() is None, "llmock ended before it began"
        try:
            judge.reset()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("llmock did not start within 15 s")
