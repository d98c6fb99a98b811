"""What a check of the conformance suite stands on: an LLM of some class, and a server.

Checks know neither whose class it is nor pytest, so that a script can ask another
library's class the same in an environment of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from llama_index.core import Settings

from globalapi_core.sandbox import Sandbox
from tests.core.wire.server import DONE, USAGE, Answer, Peer, Server, body, event, stream

MODEL = "gpt-4o"
"""The model that is asked where a check names none: it can do what engines ask of one."""

THINKING = {"thinking": {"type": "enabled"}}
"""What turns on the thinking of a model that leaves it to the caller."""

Make = Callable[..., Any]
"""Makes an LLM of one class: `make(base_url, model, **settings)`."""


@dataclass(frozen=True, slots=True)
class Check:
    """One promise, asked of every class."""

    section: str
    group: str
    """What is checked."""
    case: str
    """In which of several cases; empty if there is one."""
    promise: str
    """One sentence."""
    ask: Callable[[Bench], object]
    module: str
    """Where it is defined."""

    @property
    def name(self) -> str:
        """Group and case."""
        return f"{self.group}: {self.case}" if self.case else self.group

    def run(self, bench: Bench) -> str:
        """What was measured, if the check measures something.

        Raises:
            Exception: the promise is not kept; an `AssertionError` says what came instead.
        """
        found = self.ask(bench)
        return "" if found is None else str(found)


CHECKS: list[Check] = []
"""All checks, in the order they are defined."""


def checks(section: str) -> Callable[..., Any]:
    """A decorator that makes checks of *section*: one, or one for each case it is given.

    A function's name is the check's, its docstring the promise; a case follows the bench.
    """

    def check(*cases: Any) -> Callable[[Callable[..., object]], Callable[..., object]]:
        def add(function: Callable[..., object]) -> Callable[..., object]:
            name = function.__name__.replace("_", " ")
            promise = " ".join((function.__doc__ or "").split())
            for case in cases or ((),):
                given = case if isinstance(case, tuple) else (case,)
                shown = str(given[0]) if given else ""
                ask = _asking(function, given)
                CHECKS.append(Check(section, name, shown, promise, ask, function.__module__))
            return function

        return add

    return check


def _asking(function: Callable[..., object], given: tuple[Any, ...]) -> Callable[[Bench], object]:
    return lambda bench: function(bench, *given)


@dataclass(frozen=True, slots=True)
class Told:
    """An LLM whose model says what the check tells it to."""

    llm: Any
    server: Server

    @property
    def calls(self) -> int:
        """How many requests came."""
        return len(self.server.requests)


@dataclass(frozen=True, slots=True)
class Bench:
    """One class, and the sandbox its LLMs call."""

    make: Make
    sandbox: Sandbox

    def llm(self, model: str = MODEL, **settings: Any) -> Any:
        """An LLM on the sandbox."""
        return self.make(self.sandbox.base_url, model, **settings)

    @property
    def calls(self) -> int:
        """How many requests the sandbox got, refused ones too."""
        return len(self.sandbox.requests)

    @property
    def bodies(self) -> list[Mapping[str, Any]]:
        """What they said."""
        return [request.body for request in self.sandbox.requests]

    @contextmanager
    def as_default(self, **settings: Any) -> Iterator[Any]:
        """An LLM on the sandbox that is `Settings.llm` meanwhile."""
        before = Settings._llm, Settings._callback_manager
        Settings.llm = self.llm(**settings)
        try:
            yield Settings.llm
        finally:
            Settings._llm, Settings._callback_manager = before

    @contextmanager
    def told(self, *texts: str | Answer, model: str = MODEL) -> Iterator[Told]:
        """An LLM whose model answers with *texts*, one after the other, the last one again.

        For what the sandbox cannot say: it answers with the prompt's own sentences, while
        some engines read verdicts, rankings or plans in a form of their own.
        """
        answers = [say(text) if isinstance(text, str) else text for text in texts]
        with Server(*answers) as server:
            yield Told(self.make(server.url, model), server)


def say(text: str, calls: tuple[tuple[str, str], ...] = ()) -> Answer:
    """An answer of *text* and tool *calls*, whole or streamed as the request asks."""
    made = [
        {"index": number, "id": f"call_{number}", "type": "function",
         "function": {"name": name, "arguments": arguments}}
        for number, (name, arguments) in enumerate(calls)
    ]  # fmt: skip
    finish = "tool_calls" if made else "stop"
    extra = {"tool_calls": made} if made else {}

    def answer(peer: Peer) -> None:
        # Requests that come at once are all streamed, or none is.
        if json.loads(peer._server.requests[-1].partition(b"\r\n\r\n")[2]).get("stream"):
            half = len(text) // 2
            pieces = [event({"role": "assistant", "content": text[:half]})]
            pieces.append(event({"content": text[half:]}))
            pieces += [event(extra)] if made else []
            usage = b"data: " + json.dumps({"id": "c1", "choices": [], "usage": USAGE}).encode()
            stream(*pieces, event({}, finish), usage + b"\n\n", DONE)(peer)
        else:
            message = {"role": "assistant", "content": text, **extra}
            choice = {"index": 0, "message": message, "finish_reason": finish}
            body({"id": "c1", "model": "served", "choices": [choice], "usage": USAGE})(peer)

    return answer


def joined(parts: list[Any]) -> str:
    """The deltas of a stream, put together."""
    return "".join(part.delta or "" for part in parts)


def text_of(response: Any) -> str:
    """The text of a chat's response, or of a completion's."""
    return (response.message.content if hasattr(response, "message") else response.text) or ""
