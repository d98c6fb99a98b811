"""The attempt loop: which model to call next, and what each outcome means.

`attempts` does no I/O. It yields attempts and is sent outcomes, after `Auth.auth_flow`
in httpx; `Call` drives it. Nothing below it retries, so attempts never exceed the number
declared.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator, Iterable

from globalapi_core.budget import Budget
from globalapi_core.config import Attempts
from globalapi_core.drivers import Call, Flow
from globalapi_core.errors import (
    AbandonedError,
    AllModelsFailedError,
    BrokenCheckError,
    ContextOverflowError,
    DeadlineExceededError,
    GatewayError,
    GlobalAPIError,
    RejectedAnswerError,
)
from globalapi_core.health import Health, Turn
from globalapi_core.hooks import Hook, tell
from globalapi_core.records import Attempt, CallRecord, Candidate, Decision, Outcome, Rejection
from globalapi_core.signals import Signals
from globalapi_core.spending import Shortage, Spending, exceeded

__all__ = ["FIRST_WAIT", "LONGEST_WAIT", "Call", "Flow", "attempts", "limited", "once"]

FIRST_WAIT = 0.5
"""Seconds before the first retry; doubled for each further one."""
LONGEST_WAIT = 8.0
"""Seconds."""


def attempts(
    decision: Decision,
    limits: Attempts,
    health: Health | None = None,
    budget: Budget | None = None,
    *,
    hook: Hook = tell,
    clock: Callable[[], float] = time.monotonic,
    jitter: Callable[[], float] = random.random,
) -> Flow:
    """Yield attempts until one succeeds: a model's retries, then the next candidate.

    An attempt that may cost more than is left, by `limits.max_cost`, by the decision's policies
    or by *budget*, is not begun: its model is passed over for the next, and
    `CallRecord.passed_over` says so.

    Args:
        decision: the candidates, in order.
        limits: how often, how long and how dearly to try.
        health: says who just failed, and is told what comes of each; `None`: all are well.
        budget: what all calls may come to; `None`: no limit.
        hook: is told the record at the end, whatever came of the call.
        clock: seconds, monotonic.
        jitter: 0 to 1, spreads the waits of many callers.

    Returns:
        The record of the call, once an attempt has succeeded; or once none is left and an
        answer that was rejected has to do, `CallRecord.handed_over`.

    Raises:
        Exception: what the caller's own check raised.
        AllModelsFailedError: several models were tried and all failed.
        BudgetExceededError: no attempt that is left is sure to stay within the money.
        GatewayError: the one model that was tried failed, or the failure is one that no
            other model would mend. `record` has the attempts: none if every model has
            failed so often that it was not called, and `retry_after` then says until when.
    """
    spending = Spending.of(decision, limits, budget)
    course = _Course(decision, limits, spending, clock, jitter)
    try:
        return (yield from _turns(course, (health or Health()).turns(decision)))
    except BrokenCheckError as error:
        raise error.raised or error from None
    except GlobalAPIError as error:
        if not course.hand_over(error):
            raise
        return course.record()
    finally:
        hook(course.record())


def limited(
    limits: Attempts, timeout: float | None, max_retries: int | None, *, one_model: bool = False
) -> Attempts:
    """*limits*, and what one call sets besides.

    Args:
        limits: the config file's.
        timeout: seconds for the whole call; `None`: as they say.
        max_retries: further tries of the same model; `None`: as they say.
        one_model: whether there is no other model to try: all retries are then for this one.
    """
    retries = limits.max_retries if max_retries is None else max_retries
    asked = {"timeout": timeout, "max_retries": max_retries}
    if one_model and limits.max_attempts <= retries:
        asked["max_attempts"] = 1 + retries
    update = {name: value for name, value in asked.items() if value is not None}
    return limits.model_copy(update=update) if update else limits


def once(decision: Decision, timeout: float) -> Flow:
    """Yield one attempt: a router's member makes it, and the router answers for the call.

    Retries, money, circuits and hooks are the router's; the record says what came of this
    attempt.

    Args:
        decision: its one candidate.
        timeout: seconds it may take.

    Raises:
        GatewayError: it failed.
    """
    started = time.monotonic()
    attempt = Attempt(1, decision.primary, timeout=timeout)
    family = decision.primary.model.family
    outcome = (yield attempt).estimated(decision.signals, family)
    record = CallRecord(decision, ((attempt, outcome),), seconds=time.monotonic() - started)
    if outcome.error is not None:
        raise _recorded(outcome.error, record)
    return record


def _turns(course: _Course, turns: Iterable[tuple[Candidate, Turn]]) -> Flow:
    """One model after the other; the record once one has answered."""
    smallest_window = 0
    for candidate, turn in turns:
        with turn:
            if smallest_window and candidate.model.window <= smallest_window:
                continue
            outcome = yield from course.tries(candidate, once=turn.once)
            if outcome is None:
                continue
            error = outcome.error
            if error is None:
                turn.answered()
                turn.counted(candidate.model.family, course.signals, outcome.usage)
                return course.record()
            if isinstance(error, RejectedAnswerError):
                turn.answered()  # The model works, whatever its answer is worth.
            else:
                turn.failed(error, cooldown=course.cooldown)
            if error.shown or not (error.retryable or error.fallback):
                raise _recorded(error, course.record())
            if course.exhausted or not error.fallback:
                break
            if isinstance(error, ContextOverflowError):
                smallest_window = candidate.model.window
    raise course.failed()


class _Course:
    """How far one call has come."""

    def __init__(
        self,
        decision: Decision,
        limits: Attempts,
        spending: Spending,
        clock: Callable[[], float],
        jitter: Callable[[], float],
    ) -> None:
        self._decision = decision
        self._limits = limits
        self._spending = spending
        self._clock = clock
        self._jitter = jitter
        self._started = clock()
        self._seconds = 0.0
        self._tried: list[tuple[Attempt, Outcome]] = []
        self._short: list[Shortage] = []
        """The attempts that were not begun because of what they may cost."""
        self._is_short = False
        """Whether the last attempt considered is one of those."""
        self._handed_over: int | None = None

    @property
    def signals(self) -> Signals:
        """What is known of the request."""
        return self._decision.signals

    @property
    def cooldown(self) -> float:
        """Seconds that others go before a model that failed."""
        return self._limits.cooldown

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return self._limits.timeout - (self._clock() - self._started)

    @property
    def exhausted(self) -> bool:
        """Whether there were as many attempts as are allowed."""
        return len(self._tried) >= self._limits.max_attempts

    def record(self) -> CallRecord:
        """The call so far."""
        return CallRecord(
            self._decision,
            tuple(self._tried),
            seconds=self._seconds,
            passed_over=tuple(Rejection(each.model, str(each)) for each in self._short),
            handed_over=self._handed_over,
        )

    def hand_over(self, error: GlobalAPIError) -> bool:
        """Whether an answer that was rejected has to do, now that the call ends with *error*."""
        last = self._tried[-1][1].error if self._tried else None
        if getattr(error, "shown", False) or isinstance(last, AbandonedError):
            return False
        answers = (
            attempt.number
            for attempt, outcome in reversed(self._tried)
            if isinstance(outcome.error, RejectedAnswerError) and outcome.error.is_answer
        )
        self._handed_over = next(answers, None)
        return self._handed_over is not None

    def tries(
        self, candidate: Candidate, *, once: bool
    ) -> Generator[Attempt, Outcome, Outcome | None]:
        """One model's attempts; the outcome of its last, `None` if there was no money for any."""
        outcome: Outcome | None = None
        wait, billed = 0.0, 0
        for retry in range(1 if once else 1 + self._limits.max_retries):
            left = self.left
            if left - wait <= 0:
                raise _out_of_time(self._limits.timeout, self.record())
            hold = self._spending.hold(candidate)
            self._is_short = isinstance(hold, Shortage)
            if isinstance(hold, Shortage):
                self._short.append(hold)
                break
            attempt = Attempt(len(self._tried) + 1, candidate, wait=wait, timeout=left - wait)
            with hold:
                outcome = (yield attempt).estimated(self.signals, candidate.model.family)
                hold.settle(attempt, outcome)
            self._tried.append((attempt, outcome))
            self._seconds = self._clock() - self._started
            error = outcome.error
            if error is None or error.shown:
                break
            wait = _wait(error, retry, self._jitter())
            billed += error.billed
            if billed > 1 or not self._again(error, wait):
                break
        return outcome

    def _again(self, error: GatewayError, wait: float) -> bool:
        """Whether the same model may be tried once more after *error*."""
        if self.exhausted or not error.retryable:
            return False
        return wait <= _longest(error) and wait < self.left

    def failed(self) -> Exception:
        """What to raise when nothing is left to try."""
        record = self.record()
        if not self._is_short:
            return _failed(record)
        error = exceeded(self._short, _last(record))
        error.record = record
        return error


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


def _last(record: CallRecord) -> GatewayError | None:
    """The error of the last attempt."""
    return record.attempts[-1][1].error if record.attempts else None


def _out_of_time(timeout: float, record: CallRecord) -> GatewayError:
    last = _last(record)
    text = f"no answer within {timeout:g} s, after {len(record.attempts)} attempts"
    error = DeadlineExceededError(text + (f"; the last failed: {last}" if last else ""))
    return _recorded(error, record)
