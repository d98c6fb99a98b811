"""A chat client on the gateway, free of any framework: attempts, then an answer.

The single-model classes of both frameworks and the command line stand on it. The
routers decide by the same `Router` and drive the same flow over single-model members.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import aclosing, closing
from dataclasses import dataclass, field
from typing import Any

from globalapi_core.budget import Budget
from globalapi_core.catalog import ModelInfo
from globalapi_core.checks import Checks, asked_of
from globalapi_core.config import Attempts
from globalapi_core.errors import RejectedAnswerError
from globalapi_core.flow import Call, attempts, once
from globalapi_core.health import Health
from globalapi_core.hooks import Hook, tell
from globalapi_core.pricing import Usage
from globalapi_core.records import Attempt, CallRecord, Decision, Outcome
from globalapi_core.wire import ChatRequest, Delta, Reply, Wire


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer and how it came about."""

    reply: Reply
    record: CallRecord


@dataclass(frozen=True, slots=True)
class Client:
    """Calls the candidates of a decision until one answers.

    Every method raises `AllModelsFailedError` when several candidates failed, the
    `GatewayError` itself when there was one or no other could have mended it, and
    `BudgetExceededError` when no candidate is sure to stay within `limits.max_cost` and the
    budget.
    """

    wire: Wire
    limits: Attempts = field(default_factory=Attempts)
    health: Health | None = None
    budget: Budget | None = None
    """What this client may spend with all others of its config: `Budget.of(config)`."""
    hook: Hook = tell
    """Is told the record of every call as it ends."""
    member_for: float | None = None
    """Seconds for each call, if it is one attempt of a router's call, which does all the rest;
    `None`: it is a whole call."""

    def complete(self, request: ChatRequest, decision: Decision) -> Answer:
        """Wait for the whole answer."""
        call = self._call(decision)
        reply = call.run(lambda attempt: self.wire.complete(*_asked(request, attempt)))
        return Answer(reply, call.record)

    async def acomplete(self, request: ChatRequest, decision: Decision) -> Answer:
        """`complete`, asynchronously."""
        call = self._call(decision)
        reply = await call.arun(lambda attempt: self.wire.acomplete(*_asked(request, attempt)))
        return Answer(reply, call.record)

    def stream(
        self, request: ChatRequest, decision: Decision
    ) -> Generator[Delta | Answer, None, None]:
        """Yield deltas as they come, then the answer."""
        call = self._call(decision)
        items = call.stream(lambda each: self.wire.stream(*_asked(request, each)), _visible)
        with closing(items):
            for item in items:
                yield item if isinstance(item, Delta) else Answer(item, call.record)

    async def astream(
        self, request: ChatRequest, decision: Decision
    ) -> AsyncGenerator[Delta | Answer, None]:
        """`stream`, asynchronously."""
        call = self._call(decision)
        items = call.astream(lambda each: self.wire.astream(*_asked(request, each)), _visible)
        async with aclosing(items):
            async for item in items:
                yield item if isinstance(item, Delta) else Answer(item, call.record)

    def _call(self, decision: Decision) -> Call[Any]:
        if self.member_for is not None:
            flow = once(decision, self.member_for)
        else:
            flow = attempts(decision, self.limits, self.health, self.budget, hook=self.hook)
        checks = asked_of(decision)
        judge = _Judge(checks) if checks else None
        return Call(flow, _facts, text=_text, judge=judge, handed=_handed)


@dataclass(frozen=True, slots=True)
class _Judge:
    """What an answer on the wire is held to; one that calls tools, to nothing."""

    checks: Checks

    def may_show(self, items: Sequence[Delta | Reply]) -> bool:
        """Whether a stream so far may be shown."""
        # A piece of reasoning tells nothing, and there may be thousands of them.
        if self.checks.needs_all or not items[-1].text:
            return False
        return self.checks.may_show("".join(item.text for item in items))

    def rejected(self, answer: Delta | Reply) -> RejectedAnswerError | None:
        """Why a whole answer will not do; `None` if it will."""
        if isinstance(answer, Delta) or answer.tool_calls or answer.invalid_tool_calls:
            return None
        return self.checks.rejected(answer.text)


def rejected(error: RejectedAnswerError) -> list[Delta | Answer]:
    """The answer that a router's member rejected with *error*, as a stream of it comes."""
    reply, record = error.answer, error.record
    if not isinstance(reply, Reply) or record is None:
        return []
    return [*_shown(reply), Answer(reply, record)]


def _handed(error: RejectedAnswerError) -> list[Delta | Reply]:
    reply = error.answer
    return [*_shown(reply), reply] if isinstance(reply, Reply) else []


def _shown(reply: Reply) -> list[Delta]:
    """What there is to show of *reply*."""
    return [Delta(reply.text, reply.reasoning)] if reply.text or reply.reasoning else []


def _asked(request: ChatRequest, attempt: Attempt) -> tuple[ChatRequest, ModelInfo, float | None]:
    candidate = attempt.candidate
    return request.with_defaults(candidate.params), candidate.model, attempt.timeout


def _visible(item: Delta | Reply) -> bool:
    return isinstance(item, Delta)


def _text(item: Delta | Reply) -> str:
    return item.reasoning + item.text


def _facts(item: Delta | Reply) -> Outcome | None:
    if isinstance(item, Delta):
        return None
    return Outcome(
        usage=item.usage,
        estimate=None if item.usage else Usage(output_tokens=item.tokens),
        response_model=item.model,
        finish_reason=item.finish_reason,
        request_id=item.request_id,
        adaptations=item.adaptations,
    )
