"""Four short drivers of the attempt loop: sync and async, whole and streamed.

They do what the loop says, for both frameworks, and tell it what came of each attempt: also
that a caller left in the middle of one, which may be billed all the same.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterable,
    Iterator,
)
from contextlib import closing, suppress
from dataclasses import replace
from typing import Generic, TypeVar

from globalapi_core.errors import (
    AbandonedError,
    GatewayError,
    GlobalAPIError,
    RejectedAnswerError,
)
from globalapi_core.records import Attempt, CallRecord, Outcome
from globalapi_core.trials import Judge, Trial

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
        judge: Judge[T] | None = None,
        handed: Callable[[RejectedAnswerError], Iterable[T]] = lambda error: (),
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
            judge: what answers are held to: one that fails is a failed attempt, and a stream
                is held back until it may be shown. `None`: any answer will do.
            handed: the items, or the one answer, by which a rejected answer is handed over
                where there is no other.
            clock: seconds, monotonic.
        """
        self._flow = flow
        self._facts = facts
        self._mark = mark
        self._text = text
        self._judge = judge
        self._handed = handed
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
                    trial.take(answer)
                if trial.error is None:
                    self._succeeded(trial)
                    return self._mark(answer, self.record)
                following = self._next(trial.error, trial)
                if following is None:
                    return self._rest()[-1]
                attempt = following

    async def arun(self, make: Callable[[Attempt], Awaitable[T]]) -> T:
        """`run`, asynchronously."""
        with closing(self._flow):
            attempt = next(self._flow)
            while True:
                if attempt.wait:
                    await asyncio.sleep(attempt.wait)
                with self._trial(attempt) as trial:
                    answer = await make(attempt)
                    trial.take(answer)
                if trial.error is None:
                    self._succeeded(trial)
                    return self._mark(answer, self.record)
                following = self._next(trial.error, trial)
                if following is None:
                    return self._rest()[-1]
                attempt = following

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
                following = self._next(trial.error, trial)
                if following is None:
                    yield from self._rest()
                    return
                attempt = following

    async def astream(
        self, make: Callable[[Attempt], AsyncIterator[T]], visible: Callable[[T], bool]
    ) -> AsyncGenerator[T, None]:
        """`stream`, asynchronously."""
        with closing(self._flow):
            attempt = next(self._flow)
            while True:
                if attempt.wait:
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
                following = self._next(trial.error, trial)
                if following is None:
                    for item in self._rest():
                        yield item
                    return
                attempt = following

    def _trial(
        self, attempt: Attempt, visible: Callable[[T], bool] = lambda item: False
    ) -> Trial[T]:
        return Trial(
            attempt, self._clock, self._facts, visible, self._text, self._left, self._judge
        )

    def _next(self, error: GatewayError, trial: Trial[T]) -> Attempt | None:
        """Tell the flow of a failure; the attempt it makes of it, or what it raises.

        `None`: nobody is left, and an answer that was rejected is handed over.
        """
        known = trial.outcome or _told(error)
        outcome = replace(known, error=error, usage=error.usage, request_id=error.request_id)
        try:
            return self._flow.send(trial.timed(outcome))
        except StopIteration as done:
            self._record = done.value
            return None

    def _rest(self) -> list[T]:
        """The rejected answer that is handed over, carrying the record."""
        attempts, number = self.record.attempts, self.record.handed_over
        errors = (outcome.error for attempt, outcome in attempts if attempt.number == number)
        *items, last = [
            item
            for error in errors
            if isinstance(error, RejectedAnswerError)
            for item in self._handed(error)
        ]
        return [*items, self._mark(last, self.record)]

    def _left(self, trial: Trial[T]) -> None:
        """Tell the flow that the caller has left: nobody is there for what it raises."""
        error = AbandonedError("the caller left before the answer was whole")
        error.model = trial.attempt.candidate.name
        error.partial_tokens = trial.written
        error.usage = trial.outcome.usage if trial.outcome else None
        with suppress(GlobalAPIError):
            self._next(error, trial)

    def _succeeded(self, trial: Trial[T]) -> None:
        try:
            self._flow.send(trial.timed(trial.outcome or Outcome()))
        except StopIteration as done:
            self._record = done.value


def _told(error: GatewayError) -> Outcome:
    """What a router's member knew of the answer it rejected with *error*."""
    record = error.record if isinstance(error, RejectedAnswerError) else None
    return record.attempts[-1][1] if record and record.attempts else Outcome()


def _close(items: object) -> None:
    close = getattr(items, "close", None)
    if close:
        close()


async def _aclose(items: object) -> None:
    close = getattr(items, "aclose", None)
    if close:
        await close()
