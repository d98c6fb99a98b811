"""A router's call whose answer must be an object: one that is none fails a check.

So the next candidate is asked. What is known too late to ask another model, because some of
the answer was shown, is an error that says so. Checks of text alone are the core's.
"""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterator,
)
from contextlib import aclosing, closing
from dataclasses import dataclass
from typing import Any

from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import BaseOutputParser
from langchain_core.outputs import ChatGeneration
from pydantic import ValidationError

from globalapi_core.drivers import Call
from globalapi_core.records import Attempt, Outcome
from langchain_globalapi import _bridge
from langchain_globalapi._errors import UnusableAnswerError
from langchain_globalapi._kinds import Kind


@dataclass(frozen=True, slots=True)
class Check:
    """What a message must be."""

    parser: BaseOutputParser[Any]
    name: str
    """Of the schema."""
    required: tuple[str, ...] = ()
    """Keys that an answer must have where the parser makes a dict of it."""
    keeps_raw: bool = False
    """Whether an answer that is unusable is handed over, where no other is to be had."""

    def judge(self, message: AIMessage, answer: Any) -> None:
        """Let *message* pass.

        Raises:
            UnusableAnswerError: it is not what was asked for.
        """
        wrong = self._wrong(message)
        if wrong is None:
            return
        outcome = _bridge.outcome(message) or Outcome()
        error = UnusableAnswerError(
            f"the answer is not a valid {self.name}: {wrong}",
            request_id=outcome.request_id,
            partial_text=str(message.text),
            # Cut once, it would be cut again; another model writes less.
            retryable=False if outcome.finish_reason == "length" else None,
        )
        error.usage = outcome.usage
        error.partial_tokens = outcome.estimate.output_tokens if outcome.estimate else 0
        error.answer = answer
        error.is_answer = self.keeps_raw
        raise error

    def _wrong(self, message: AIMessage) -> str | None:
        try:
            found = self.parser.parse_result([ChatGeneration(message=message)])
        except ValueError as error:
            return _said(error)
        if isinstance(found, dict):
            missing = [key for key in self.required if key not in found]
            return f"it lacks {', '.join(missing)}" if missing else None
        if found is None and not (getattr(self.parser, "may_call", False) and message.tool_calls):
            return "it has no object"
        return f"it is a {type(found).__name__}" if isinstance(found, list | str | int) else None


def _said(error: ValueError) -> str:
    """What is wrong, without the values: they are the model's text."""
    cause = error if isinstance(error, ValidationError) else error.__cause__
    if isinstance(cause, ValidationError):
        problems = cause.errors(include_url=False, include_context=False, include_input=False)
        return "; ".join(
            ": ".join(filter(None, (".".join(map(str, each["loc"])), each["msg"])))
            for each in problems
        )
    if isinstance(error, OutputParserException) and cause is None:
        return str(error.args[0])
    return "it is no JSON"


@dataclass(frozen=True, slots=True)
class CheckedCall:
    """A call, and what its answer must be."""

    call: Call[Any]
    kind: Kind
    check: Check | None
    """`None`: anything will do."""

    def run(self, make: Callable[[Attempt], Any]) -> Any:
        """Make attempts until one gives an answer that will do."""
        return self.call.run(lambda attempt: self._judged(make(attempt)))

    async def arun(self, make: Callable[[Attempt], Awaitable[Any]]) -> Any:
        """`run`, asynchronously."""

        async def judged(attempt: Attempt) -> Any:
            return self._judged(await make(attempt))

        return await self.call.arun(judged)

    def stream(self, make: Callable[[Attempt], Iterator[Any]]) -> Generator[Any, None, None]:
        """Make attempts until one shows something; yield its items, the last one judged."""
        if self.check is None:
            yield from self.call.stream(make, self.kind.visible)
        else:
            yield from self.call.stream(lambda each: self._watched(make(each)), self.kind.has_text)

    async def astream(
        self, make: Callable[[Attempt], AsyncIterator[Any]]
    ) -> AsyncGenerator[Any, None]:
        """`stream`, asynchronously."""
        if self.check is None:
            items = self.call.astream(make, self.kind.visible)
        else:
            items = self.call.astream(lambda each: self._awatched(make(each)), self.kind.has_text)
        async with aclosing(items):
            async for item in items:
                yield item

    def _judged(self, item: Any) -> Any:
        if self.check is not None:
            self.check.judge(self.kind.message(item), item)
        return item

    def _watched(self, items: Any) -> Generator[Any, None, None]:
        watch = _Watch(self.kind, self.check)
        with closing(items):
            for item in items:
                yield from watch.passed(item)
        yield from watch.rest()

    async def _awatched(self, items: Any) -> AsyncGenerator[Any, None]:
        watch = _Watch(self.kind, self.check)
        async with aclosing(items):
            async for item in items:
                for passed in watch.passed(item):
                    yield passed
        for passed in watch.rest():
            yield passed


class _Watch:
    """A stream of which the first piece of text waits for a second one.

    An object that comes in one piece, as by a tool, can then be judged before it is shown.
    """

    def __init__(self, kind: Kind, check: Check | None) -> None:
        self._kind = kind
        self._check = check
        self._all: list[Any] = []
        self._held: list[Any] = []
        self._shown = False

    def passed(self, item: Any) -> Iterator[Any]:
        """What may be shown now that *item* has come."""
        self._all.append(item)
        if self._kind.outcome(item) is not None:
            self._judge()
        elif not self._shown and not self._held and self._kind.has_text(item):
            self._held.append(item)
            return
        yield from self.rest()
        yield item

    def rest(self) -> Iterator[Any]:
        """What was held back until now."""
        for item in self._held:
            self._shown = True
            yield item
        self._held.clear()

    def _judge(self) -> None:
        whole = self._all[0]
        for item in self._all[1:]:
            whole = whole + item
        # Shown, it can only be handed over, and whoever asked for that is told beside it.
        if self._check is not None and not (self._shown and self._check.keeps_raw):
            self._check.judge(self._kind.message(whole), whole)
