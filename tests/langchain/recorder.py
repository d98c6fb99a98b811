# ruff: noqa: D102 -- the base class says what its methods are for
"""A callback handler that remembers the shape of what was traced."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler


@dataclass
class Run:
    """One traced run."""

    kind: str
    """chain or llm."""
    id: UUID
    parent: UUID | None
    name: str
    tokens: list[str] = field(default_factory=list)
    end: str | None = None
    """ok, or the name of the error; `None` while it runs."""
    output: Any = None


class Recorder(BaseCallbackHandler):
    """Keeps each run, and everything any callback was told, as text."""

    run_inline = True

    def __init__(self) -> None:
        self.runs: dict[UUID, Run] = {}
        self.payloads: list[str] = []

    def of(self, kind: str) -> list[Run]:
        """The runs of one kind, in the order they began."""
        return [run for run in self.runs.values() if run.kind == kind]

    def _begin(self, kind: str, said: Any, given: dict[str, Any]) -> None:
        self.payloads.append(f"{said!r} {given!r}")
        run = Run(kind, given["run_id"], given.get("parent_run_id"), given.get("name") or "")
        self.runs[run.id] = run

    def _finish(self, end: str, output: Any, given: dict[str, Any]) -> None:
        self.payloads.append(f"{output!r} {given!r}")
        run = self.runs[given["run_id"]]
        assert run.end is None, f"{run} ended twice"
        run.end, run.output = end, output

    def on_chat_model_start(self, serialized: Any, messages: Any, **given: Any) -> None:
        self._begin("llm", (serialized, messages), given)

    def on_chain_start(self, serialized: Any, inputs: Any, **given: Any) -> None:
        self._begin("chain", (serialized, inputs), given)

    def on_llm_new_token(self, token: Any, **given: Any) -> None:
        self.runs[given["run_id"]].tokens.append(token)

    def on_llm_end(self, response: Any, **given: Any) -> None:
        self._finish("ok", response, given)

    def on_chain_end(self, outputs: Any, **given: Any) -> None:
        self._finish("ok", outputs, given)

    def on_llm_error(self, error: BaseException, **given: Any) -> None:
        self._finish(type(error).__name__, error, given)

    def on_chain_error(self, error: BaseException, **given: Any) -> None:
        self._finish(type(error).__name__, error, given)
