"""The judges: llmock, a fault-injecting server by Julien Rabault (MIT), and aimock."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.judges.aimock import Aimock, start
from tests.ports import free_port

_START = 100.0
"""Seconds it may take until a judge answers."""


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
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.loads(answer.read() or b"null")


@pytest.fixture(scope="session")
def judge() -> Iterator[Judge]:
    """Llmock on a free port, for the whole run."""
    running = Judge(free_port())
    run = "from llmock.cli import app; app()"
    command = [sys.executable, "-c", run, "serve", "--host", "127.0.0.1"]
    process = subprocess.Popen(
        [*command, "--port", str(running.port), "--log-level", "warning"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with _ended(process):
        _wait_for(running.reset, process)
        yield running


@pytest.fixture(scope="session")
def aimock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aimock]:
    """Aimock on a free port, for the whole run."""
    running = Aimock(free_port())
    process = start(running.port, tmp_path_factory.mktemp("aimock"))
    with _ended(process):
        _wait_for(running.reset, process)
        yield running


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


def _wait_for(answers: Callable[[], None], process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + _START
    while time.monotonic() < ends:
        assert process.poll() is None, "the judge ended before it began"
        try:
            answers()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"the judge did not start within {_START:.0f} s")
