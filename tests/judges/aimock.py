"""aimock, a server of canned answers by CopilotKit (MIT), from npm: a process of its own.

`make test-judges` installs it and says by `AIMOCK_CLI` where it is.
"""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.promise import KEY

_NEVER = {"match": {"userMessage": "what nobody asks"}, "response": {"content": "."}}


@dataclass(frozen=True)
class Entry:
    """One request, as its journal has it."""

    model: str
    status: int
    interrupted: bool
    """Whether the answer was broken off: by what was scripted, or by the client's leaving."""
    chaos: str | None


@dataclass(frozen=True)
class Aimock:
    """A running aimock: scripted before a test, asked after it."""

    port: int

    @property
    def base_url(self) -> str:
        """Where its chat completions are."""
        return f"http://127.0.0.1:{self.port}/v1"

    def script(self, *fixtures: dict[str, Any]) -> None:
        """Forget everything; answer the next calls by the first of *fixtures* that fits."""
        self.reset()
        self._ask("fixtures", {"fixtures": list(fixtures)})

    def reset(self) -> None:
        """Forget everything."""
        self._ask("reset", {})

    def journal(self) -> list[Entry]:
        """What was asked, in order, and how it was answered."""
        return [
            Entry(
                each["body"]["model"],
                each["response"]["status"],
                each["response"].get("interrupted", False),
                each["response"].get("chaosAction"),
            )
            for each in self._ask("journal")
        ]

    def models(self) -> list[str]:
        """The models that were asked, in order."""
        return [each.model for each in self.journal()]

    def _ask(self, what: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/__aimock/{what}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"content-type": "application/json", "authorization": f"Bearer {KEY}"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.loads(answer.read())


def start(port: int, folder: Path) -> subprocess.Popen[bytes]:
    """Start it on *port*; it takes one key only. *folder* is for its own use."""
    cli = os.environ.get("AIMOCK_CLI")
    assert cli, "where is aimock? `make test-judges` installs it and says so"
    (folder / "fixtures.json").write_text(json.dumps({"fixtures": [_NEVER]}))
    options = ["--port", str(port), "--host", "127.0.0.1", "--log-level", "silent"]
    return subprocess.Popen(
        ["node", cli, *options, "--fixtures", str(folder / "fixtures.json")],  # noqa: S607
        env={"PATH": os.environ["PATH"], "AIMOCK_API_KEYS": KEY},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
