"""The attempt loop: which model to call next, and what each outcome means.

`attempts` does no I/O. It yields attempts and is sent outcomes, after `Auth.auth_flow`
in httpx; four short drivers serve sync and async, whole and streamed answers of both
frameworks. Nothing below it retries, so attempts never exceed the number declared.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Generic, TypeVar

from globalapi_core.config import Attempts
from globalapi_core.errors import (
    AllModelsFailedError,
    ContextOverflowError,
    DeadlineExceededError,
    GatewayError,
)
from globalapi_core.health import Health
from globalapi_core.records import Attempt, CallRecord, Decision, Outcome

T = TypeVar("T")

FIRST_WAIT = 0.5
"""Seconds before the first retry; doubled for each further one."""
LONGEST_WAIT = 8.0
"""Seconds."""

Flow = Generator[Attempt, Outcome, CallRecord]


def attempts(
    decision: Decision,
    limits: Attempts,
    health: Health | None = None,
    *,
    clock: Callable[[], float] = time.monotonic,
    jitter: Callable[[], float] = random.random,
) -> Flow:
    """Yield attempts until one succeeds: a model's retries, then the next candidate.

    Args:
        decision: the candidates, in order.
        limits: how often and how long to try.
        health: says who just failed, and is told what comes of each; `None`: all are well.
        clock: seconds, monotonic.
        jitter: 0 to 1, spreads the waits of many callers.

    Returns:
        The record of the call, once an attempt has succeeded.

    Raises:
        AllModelsFailedError: several models were tried and all failed.
        GatewayError: the one model that was tried failed, or the failure is one that no
            other model would mend. `record` has the attempts: none if every model has
            failed so often that it was not called, and `retry_after` then says until when.
    """
    started = clock()
    tried: list[tuple[Attempt, Outcome]] = []

    def record() -> CallRecord:
        return CallRecord(decision, tuple(tried), seconds=clock() - started)

    wait = 0.0
    smallest_window = 0
    for candidate, turn in (health or Health()).turns(decision):
        with turn:
            if smallest_window and candidate.model.window <= smallest_window:
                continue
            for retry in range(1 if turn.once else 1 + limits.max_retries):
                left = limits.timeout - (clock() - started)
                if left - wait <= 0:
                    raise _out_of_time(limits.timeout, record())
                attempt = Attempt(len(tried) + 1, candidate, wait=wait, timeout=left - wait)
                outcome = yield attempt
                tried.append((attempt, outcome))
                error = outcome.error
                if error is None:
                    turn.answered()
                    return record()
                if error.shown or not (error.retryable or error.fallback):
                    turn.failed(error)
                    raise _recorded(error, record())
                wait = _wait(error, retry, jitter())
                exhausted = len(tried) >= limits.max_attempts
                left = limits.timeout - (clock() - started)
                if exhausted or not error.retryable or (error.billed and retry >= 1):
                    break
                if wait > _longest(error) or wait >= left:
                    break
            if error is not None:
                turn.failed(error)
            if exhausted or (error is not None and not error.fallback):
                break
            if isinstance(error, ContextOverflowError):
                smallest_window = candidate.model.window
            wait = 0.0
    raise _failed(record())


def _wait(error: GatewayError, retry: int, jitter: float) -> float:
    """Seconds before trying the same model again: what it asked for, else doubling."""
    if error.retry_after is not None:
        return error.retry_after
    return float(min(FIRST_WAIT * 2**retry, LONGEST_WAIT) * (0.5 + jitter / 2))


def _longest(error: GatewayError) -> float:
    """A model that asks for more than this is left for the next candidate instead."""
    return LONGEST_WAIT if error.fallback else 60.0


def _failed(record: CallRecord) -> Exception:
    """What to raise when nothing is left to try."""
    errors = [outcome.error for _, outcome in record.attempts if outcome.error is not None]
    models = list(dict.fromkeys(attempt.candidate.name for attempt, _ in record.attempts))
    if len(models) == 1:
        return _recorded(errors[-1], record)
    group = AllModelsFailedError(f"all {len(models)} models failed: {', '.join(models)}", errors)
    group.record = record
    return group


def _recorded(error: GatewayError, record: CallRecord) -> GatewayError:
    error.record = record
    return error


def _out_of_time(timeout: float, record: CallRecord) -> GatewayError:
    last = record.attempts[-1][1].error if record.attempts else None
    text = f"no answer within {timeout:g} s, after {len(record.attempts)} attempts"
    error = DeadlineExceededError(text + (f"; the last failed: {last}" if last else ""))
    return _recorded(error, record)


class Call(Generic[T]):
    """One call of the user's: drives the attempts of one decision.

    Each driver takes what makes one attempt and gives what the caller gets.
    """

    def __init__(
        self,
        flow: Flow,
        facts: Callable[[T], Outcome | None],
        mark: Callable[[T, CallRecord], T] = lambda answer, record: answer,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Drive *flow*.

        Args:
            flow: the attempts.
            facts: reads the outcome off an answer, or off the item of a stream that
                carries it; `None` for the other items.
            mark: puts the record of the call on that answer or item. A stream holds the
                item back until its end, when there is a record.
            clock: seconds, monotonic.
        """
        self._flow = flow
        self._facts = facts
        self._mark = mark
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
                started = self._clock()
                try:
                    answer = make(attempt)
                except GatewayError as error:
                    attempt = self._next(error, started)
                    continue
                self._succeeded(self._facts(answer), started)
                return self._mark(answer, self.record)

    async def arun(self, make: Callable[[Attempt], Awaitable[T]]) -> T:
        """`run`, asynchronously."""
        with closing(self._flow):
            attempt = next(self._flow)
            while True:
                await asyncio.sleep(attempt.wait)
                started = self._clock()
                try:
                    answer = await make(attempt)
                except GatewayError as error:
                    attempt = self._next(error, started)
                    continue
                self._succeeded(self._facts(answer), started)
                return self._mark(answer, self.record)

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
                progress = _Progress(self._clock, self._facts, visible)
                items = make(attempt)
                try:
                    for item in items:
                        yield from progress.pass_on(item)
                except GatewayError as error:
                    attempt = self._next(progress.told(error), progress.started, progress)
                    continue
                finally:
                    _close(items)
                self._succeeded(progress.outcome, progress.started, progress)
                yield from (self._mark(item, self.record) for item in progress.held)
                return

    async def astream(
        self, make: Callable[[Attempt], AsyncIterator[T]], visible: Callable[[T], bool]
    ) -> AsyncGenerator[T, None]:
        """`stream`, asynchronously."""
        with closing(self._flow):
            attempt = next(self._flow)
            while True:
                await asyncio.sleep(attempt.wait)
                progress = _Progress(self._clock, self._facts, visible)
                items = make(attempt)
                try:
                    async for item in items:
                        for passed in progress.pass_on(item):
                            yield passed
                except GatewayError as error:
                    attempt = self._next(progress.told(error), progress.started, progress)
                    continue
                finally:
                    await _aclose(items)
                self._succeeded(progress.outcome, progress.started, progress)
                for item in progress.held:
                    yield self._mark(item, self.record)
                return

    def _next(
        self, error: GatewayError, started: float, progress: _Progress[T] | None = None
    ) -> Attempt:
        """Tell the flow of a failure; the attempt it makes of it, or what it raises."""
        outcome = self._timed(Outcome(error=error, usage=error.usage), started, progress)
        return self._flow.send(replace(outcome, request_id=error.request_id))

    def _succeeded(
        self, outcome: Outcome | None, started: float, progress: _Progress[T] | None = None
    ) -> None:
        try:
            self._flow.send(self._timed(outcome or Outcome(), started, progress))
        except StopIteration as done:
            self._record = done.value

    def _timed(self, outcome: Outcome, started: float, progress: _Progress[T] | None) -> Outcome:
        first = progress.first if progress else None
        return replace(outcome, seconds=self._clock() - started, first_delta=first)


class _Progress(Generic[T]):
    """How far one streamed attempt has come."""

    def __init__(
        self,
        clock: Callable[[], float],
        facts: Callable[[T], Outcome | None],
        visible: Callable[[T], bool],
    ) -> None:
        self._clock = clock
        self._facts = facts
        self._visible = visible
        self.started = clock()
        self.first: float | None = None
        """Seconds until something could be shown; `None` before that."""
        self.held: list[T] = []
        """Items held back: those before the first visible one, and what carries the outcome."""
        self.outcome: Outcome | None = None

    def pass_on(self, item: T) -> Iterator[T]:
        """Yield what may be shown now that *item* has come."""
        outcome = self._facts(item)
        if outcome is not None:
            self.outcome = outcome
            self.held.append(item)
        elif self.first is not None:
            yield item
        elif self._visible(item):
            self.first = self._clock() - self.started
            yield from self.held
            self.held = []
            yield item
        else:
            self.held.append(item)

    def told(self, error: GatewayError) -> GatewayError:
        """*error*, saying whether the caller has seen any of the answer."""
        error.shown = self.first is not None
        return error


def _close(items: object) -> None:
    close = getattr(items, "close", None)
    if close:
        close()


async def _aclose(items: object) -> None:
    close = getattr(items, "aclose", None)
    if close:
        await close()
