"""Shadows: a second model is asked the same after the answer, to be compared with it later.

A route's `shadow` names it. It is asked in threads of its own and paid from a budget of its
own; what comes of it is told to the hooks of `on_shadow`. The user's answer, its record and
its cost know nothing of it, and nothing waits for it.
"""

from __future__ import annotations

import json
import logging
import random
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Sequence,
)
from contextlib import aclosing, closing
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from globalapi_core.background import Background
from globalapi_core.budget import Budget
from globalapi_core.client import Client
from globalapi_core.config import Attempts
from globalapi_core.drivers import Call
from globalapi_core.errors import GlobalAPIError
from globalapi_core.health import Health
from globalapi_core.hooks import Shadowed, tell_shadow
from globalapi_core.records import Attempt, CallRecord, Decision
from globalapi_core.reloading import InForce
from globalapi_core.settings import Endpoint
from globalapi_core.wire import ChatRequest, Timeouts, Wire

T = TypeVar("T")

MOST_THREADS = 4
"""Shadows of a process that are asked at once."""
LONGEST_QUEUE = 100
"""Shadows that wait to be asked; one more is dropped."""

_LOG = logging.getLogger(__name__)

_beside = Background("globalapi-shadow", most_threads=MOST_THREADS, longest_queue=LONGEST_QUEUE)
_health = Health()
"""The shadows' own circuits: theirs do not push a model out of the routes."""


def flush(timeout: float) -> bool:
    """Wait until every shadow of this process has ended, *timeout* seconds at most.

    A script that ends gives up those that have not. From async code, call it by
    `asyncio.to_thread`.

    Returns:
        Whether all have.
    """
    return _beside.flush(timeout)


def dropped() -> int:
    """How many shadows of this process were not asked because too many waited."""
    return _beside.dropped


@dataclass(frozen=True, slots=True)
class Shadowing(Generic[T]):
    """What is asked after one call, should it be answered."""

    decision: Decision
    """For the shadow alone."""
    budget: Budget
    limits: Attempts
    endpoint: Endpoint
    ask: Callable[[Attempt], ChatRequest] = field(repr=False)
    """Makes the request; called in the shadow's thread."""
    said: Callable[[Sequence[T]], str | None] = field(repr=False)
    """The text of an answer, whole or the items of a stream; `None`: nobody was asked for it."""
    last_only: bool = False
    """Whether the last item of a stream has all of it."""

    def cast(self, call: CallRecord, items: Sequence[T]) -> None:
        """Let the shadow of *call*, which was answered by *items*, begin; waits for nothing."""
        # Comparing a model with itself tells nothing.
        if call.model == self.decision.primary.name:
            return
        answer = self.said(items)
        if answer is None:
            return
        if not _beside.put(_Cast(self, call, answer).run) and _beside.dropped == 1:
            _LOG.warning(
                "shadows come faster than they are answered: %s wait already, and further ones "
                "are dropped (globalapi_core.shadow.dropped() counts them); set a lower share",
                LONGEST_QUEUE,
            )


@dataclass(frozen=True, slots=True)
class _Cast:
    """The shadow of one call that was answered."""

    shadow: Shadowing[Any]
    call: CallRecord
    answer: str = field(repr=False)

    def run(self) -> None:
        """Ask, once, and tell what came of it."""
        records: list[CallRecord] = []
        answer, failed = None, None
        try:
            answer = self._asked(records)
        # Whatever it is, the hooks are told of it, and nobody else is there.
        except Exception as error:
            failed = error.with_traceback(None)  # its frames hold the prompt
            # Others' errors may quote the prompt.
            why = error if isinstance(error, GlobalAPIError) else type(error).__name__
            _LOG.debug("the shadow of %s failed: %s", self.call.model, why)
        record = records[-1] if records else None
        tell_shadow(Shadowed(self.call, record, failed, self.answer, answer))

    def _asked(self, records: list[CallRecord]) -> str:
        shadow = self.shadow
        limits = shadow.limits.model_copy(update={"max_retries": 0, "max_attempts": 1})
        client = Client(
            Wire(shadow.endpoint, Timeouts.of(limits)),
            limits,
            _health.at(shadow.endpoint),
            shadow.budget,
            hook=records.append,
        )
        request = shadow.ask(Attempt(1, shadow.decision.primary))
        reply = client.complete(request, shadow.decision).reply
        calls: list[tuple[str, object]] = []
        calls += [(each.name, each.arguments) for each in reply.tool_calls]
        calls += [(each.name or "", each.arguments) for each in reply.invalid_tool_calls]
        return spoken(reply.text, calls)


def draw(
    now: InForce,
    decision: Decision,
    endpoint: Endpoint,
    limits: Attempts,
    *,
    ask: Callable[[Attempt], ChatRequest],
    said: Callable[[Sequence[T]], str | None],
    last_only: bool = False,
    chance: Callable[[], float] = random.random,
) -> Shadowing[T] | None:
    """Draw by lot whether a call has a shadow.

    Args:
        now: the config the call goes by.
        decision: of the call.
        endpoint: where it is made.
        limits: of the call; its shadow is not retried.
        ask: makes the shadow's request.
        said: the text of the call's answer, see `spoken`.
        last_only: whether the last item of a stream has all of its text.
        chance: 0 to 1, below 1.
    """
    if decision.shadow is None or decision.route is None:
        return None
    route, budget = now.config.route(decision.route), now.shadows.get(decision.route)
    if route is None or route.shadow is None or budget is None or chance() >= route.shadow.share:
        return None
    own = replace(
        decision,
        reason=f"shadow of route {decision.route!r}",
        candidates=(decision.shadow,),
        rejected=(),
        passed=(),
        escalate=(),
        shadow=None,
    )
    return Shadowing(own, budget, limits, endpoint, ask, said, last_only)


def spoken(text: str, calls: Iterable[tuple[str, object]]) -> str:
    """An answer as one text: what it says, then a line for each of its tool calls.

    Args:
        text: of the answer, without reasoning.
        calls: names and arguments; arguments that are no mapping are those of an invalid call.
    """
    lines = [text] if text else []
    for name, given in calls:
        if not isinstance(given, str):
            given = json.dumps(given, ensure_ascii=False, sort_keys=True, default=str)
        lines.append(f"{name}({given})")
    return "\n".join(lines)


class ShadowedCall(Call[T]):
    """A call of the user's that may have a shadow, which begins when the call has ended well.

    A stream has ended when it was read to its end.
    """

    shadow: Shadowing[T] | None = None
    """`None`: it has none."""

    def run(self, make: Callable[[Attempt], T]) -> T:
        """Make attempts until one returns an answer; return that."""
        answer = super().run(make)
        self._cast([answer])
        return answer

    async def arun(self, make: Callable[[Attempt], Awaitable[T]]) -> T:
        """`run`, asynchronously."""
        answer = await super().arun(make)
        self._cast([answer])
        return answer

    def stream(
        self, make: Callable[[Attempt], Iterator[T]], visible: Callable[[T], bool]
    ) -> Generator[T, None, None]:
        """Make attempts until one's first visible item; yield its items and no other's."""
        items = super().stream(make, visible)
        return items if self.shadow is None else self._noted(items, self.shadow)

    def astream(
        self, make: Callable[[Attempt], AsyncIterator[T]], visible: Callable[[T], bool]
    ) -> AsyncGenerator[T, None]:
        """`stream`, asynchronously."""
        items = super().astream(make, visible)
        return items if self.shadow is None else self._anoted(items, self.shadow)

    def _noted(
        self, items: Generator[T, None, None], shadow: Shadowing[T]
    ) -> Generator[T, None, None]:
        noted: deque[T] = deque(maxlen=1 if shadow.last_only else None)
        with closing(items):
            for item in items:
                noted.append(item)
                yield item
        self._cast(noted)

    async def _anoted(
        self, items: AsyncGenerator[T, None], shadow: Shadowing[T]
    ) -> AsyncGenerator[T, None]:
        noted: deque[T] = deque(maxlen=1 if shadow.last_only else None)
        async with aclosing(items):
            async for item in items:
                noted.append(item)
                yield item
        self._cast(noted)

    def _cast(self, items: Sequence[T]) -> None:
        if self.shadow is None:
            return
        try:
            self.shadow.cast(self.record, items)
        # The answer is there: no shadow is worth losing it.
        except Exception as error:
            _LOG.debug("a shadow could not begin: %s", type(error).__name__)
