"""Four short drivers of the attempt loop: sync and async, whole and streamed.

They do what the loop says, for both frameworks, and tell it what came of each attempt: also
that a caller left in the middle of one, which may be billed all the same.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from types import TracebackType
from typing import Generic, Self, TypeVar

from globalapi_core.errors import AbandonedError, GatewayError, GlobalAPIError
from globalapi_core.records import Attempt, CallRecord, Outcome
from globalapi_core.signals import size

T = TypeVar("T")

Flow = Generator[Attempt, Outcome, CallRecord]
"""The attempt loop: yields attempts, is sent their outcomes, returns the record."""


class Call(Generic[T]):
    """One call of the user's: drives the attempts of one decision.

    Each driver takes what makes one attempt and gives what the caller gets. A caller who
    leaves in the middle of an attempt ends the call: no other attempt follows.
    """

    def __init__(
        self,
        flow: Flow,
        facts: Callable[[T], Outcome | None],
        mark: Callable[[T, CallRecord], T] = lambda answer, record: answer,
        *,
        text: Callable[[T], str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Drive *flow*.

        Args:
            flow: the attempts.
            facts: reads the outcome off an answer, or off the item of a stream that
                carries it; `None` for the other items.
            mark: puts the record of the call on that answer or item. A stream holds the
                item back until its end, when there is a record.
            text: what an item of a stream brings of the answer, reasoning included: it says
                what a stream that is left may be billed for. `None`: nobody knows, and it
                counts as the most it may cost.
            clock: seconds, monotonic.
        """
        self._flow = flow
        self._facts = facts
        self._mark = mark
        self._text = text
        self._clock = clock
        self._record: CallRecord | None = None

    @property
    def record(self) -> CallRecord:
        """The record of the call, once it has succeeded."""
        if self._record is None:
            raise RuntimeError("the call has not ended: read its stream to the end first")
        return self._record

    def run(self, make: Callable[[Attempt], T]) -> T:
        """Make attempts until one returns an answer; return that."""
        with closing(self._flow):
            attempt = next(self._flow)
            while True:
                if attempt.wait:
                    time.sleep(attempt.wait)
                with self._trial(attempt) as trial:
                    answer = make(attempt)
                    trial.outcome = self._facts(answer)
                if trial.error is None:
                    self._succeeded(trial)
                    return self._mark(answer, self.record)
                attempt = self._next(trial.error, trial)

    async def arun(self, make: Callable[[Attempt], Awaitable[T]]) -> T:
        """`run`, asynchronously."""
        with closing(self._flow):
            attempt = next(self._flow)
            while True:
                await asyncio.sleep(attempt.wait)
                with self._trial(attempt) as trial:
                    answer = await make(attempt)
                    trial.outcome = self._facts(answer)
                if trial.error is None:
                    self._succeeded(trial)
                    return self._mark(answer, self.record)
                attempt = self._next(trial.error, trial)

    def stream(
        self, make: Callable[[Attempt], Iterator[T]], visible: Callable[[T], bool]
    ) -> Generator[T, None, None]:
        """Make attempts until one's first visible item; yield its items and no other's.

        The first visible item commits: later errors reach the caller, with `shown` true.
        """
        with closing(self._flow):
            attempt = next(self._flow)
            while True:
                if attempt.wait:
                    time.sleep(attempt.wait)
                with self._trial(attempt, visible) as trial:
                    items = make(attempt)
                    try:
                        for item in items:
                            yield from trial.pass_on(item)
                    finally:
                        _close(items)
                if trial.error is None:
                    self._succeeded(trial)
                    yield from (self._mark(item, self.record) for item in trial.held)
                    return
                attempt = self._next(trial.error, trial)

    async def astream(
        self, make: Callable[[Attempt], AsyncIterator[T]], visible: Callable[[T], bool]
    ) -> AsyncGenerator[T, None]:
        """`stream`, asynchronously."""
        with closing(self._flow):
            attempt = next(self._flow)
            while True:
                await asyncio.sleep(attempt.wait)
                with self._trial(attempt, visible) as trial:
                    items = make(attempt)
                    try:
                        async for item in items:
                            for passed in trial.pass_on(item):
                                yield passed
                    finally:
                        await _aclose(items)
                if trial.error is None:
                    self._succeeded(trial)
                    for item in trial.held:
                        yield self._mark(item, self.record)
                    return
                attempt = self._next(trial.error, trial)

    def _trial(
        self, attempt: Attempt, visible: Callable[[T], bool] = lambda item: False
    ) -> _Trial[T]:
        return _Trial(attempt, self._clock, self._facts, visible, self._text, self._left)

    def _next(self, error: GatewayError, trial: _Trial[T]) -> Attempt:
        """Tell the flow of a failure; the attempt it makes of it, or what it raises."""
        outcome = Outcome(error=error, usage=error.usage, request_id=error.request_id)
        return self._flow.send(trial.timed(outcome))

    def _left(self, trial: _Trial[T]) -> None:
        """Tell the flow that the caller has left: nobody is there for what it raises."""
        error = AbandonedError("the caller left before the answer was whole")
        error.model = trial.attempt.candidate.name
        error.partial_tokens = trial.written
        with suppress(GlobalAPIError):
            self._next(error, trial)

    def _succeeded(self, trial: _Trial[T]) -> None:
        try:
            self._flow.send(trial.timed(trial.outcome or Outcome()))
        except StopIteration as done:
            self._record = done.value


class _Trial(Generic[T]):
    """One attempt under way: how far it has come. It takes in the gateway's errors."""

    def __init__(
        self,
        attempt: Attempt,
        clock: Callable[[], float],
        facts: Callable[[T], Outcome | None],
        visible: Callable[[T], bool],
        text: Callable[[T], str] | None,
        left: Callable[[_Trial[T]], None],
    ) -> None:
        self.attempt = attempt
        self._clock = clock
        self._facts = facts
        self._visible = visible
        self._text = text
        self._left = left
        self._started = clock()
        self._streamed = False
        self._tokens = 0.0
        self.first: float | None = None
        """Seconds until something could be shown; `None` before that."""
        self.held: list[T] = []
        """Items held back: those before the first visible one, and what carries the outcome."""
        self.outcome: Outcome | None = None
        self.error: GatewayError | None = None
        """Why it failed, saying whether the caller has seen any of the answer."""

    @property
    def written(self) -> int | None:
        """Estimated tokens of the answer so far; `None`: not known."""
        return None if self._streamed and self._text is None else round(self._tokens)

    def timed(self, outcome: Outcome) -> Outcome:
        """*outcome*, with how long it took."""
        seconds = self._clock() - self._started
        return replace(outcome, seconds=seconds, first_delta=self.first)

    def pass_on(self, item: T) -> Iterator[T]:
        """Yield what may be shown now that *item* has come."""
        self._streamed = True
        outcome = self._facts(item)
        if outcome is not None:
            self.outcome = outcome
            self.held.append(item)
            return
        if self._text is not None:
            self._tokens += size.of_text(self._text(item))
        if self.first is not None:
            yield item
        elif self._visible(item):
            self.first = self._clock() - self._started
            yield from self.held
            self.held = []
            yield item
        else:
            self.held.append(item)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if isinstance(error, GatewayError):
            error.shown = self.first is not None
            self.error = error
            return True
        # What we raise ourselves, such as for a request that is no JSON, was not sent.
        if error is not None and not isinstance(error, GlobalAPIError):
            self._left(self)
        return False


def _close(items: object) -> None:
    close = getattr(items, "close", None)
    if close:
        close()


async def _aclose(items: object) -> None:
    close = getattr(items, "aclose", None)
    if close:
        await close()
