"""What was decided, what was tried and what came of it: frozen values.

A `CallRecord` tells the whole story of one call. It travels on the answer
(`response_metadata["globalapi"]` in LangChain, `additional_kwargs["globalapi"]` in
LlamaIndex) and on the errors, and holds no prompt and no key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from globalapi_core.catalog import ModelInfo
from globalapi_core.errors import GatewayError
from globalapi_core.pricing import Cost, Usage, cost, total
from globalapi_core.signals import Signals


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model considered for one call."""

    model: ModelInfo
    params: Mapping[str, Any] = field(default_factory=dict)
    """Parameters the route sets for this call, by their names on the wire."""
    estimate: Cost | None = None
    """What the call is expected to cost; `None` before it was estimated."""

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model.name


@dataclass(frozen=True, slots=True)
class Rejection:
    """A model turned down for one call, and why."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Decision:
    """Which models to try for one call, in order, and why."""

    route: str | None
    """The route that fired; `None` when a model was named outright."""
    reason: str
    """Why, in words."""
    candidates: tuple[Candidate, ...]
    signals: Signals
    rejected: tuple[Rejection, ...] = ()
    choose: str = "priority"
    """How the candidates were ordered."""
    forced: bool = False
    """Whether the caller named the route or the model."""
    passed: tuple[tuple[str, str], ...] = ()
    """The routes asked before, each with the condition that did not hold."""

    @property
    def primary(self) -> Candidate:
        """The model to try first."""
        return self.candidates[0]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "route": self.route,
            "reason": self.reason,
            "choose": self.choose,
            "forced": self.forced,
            "candidates": [each.name for each in self.candidates],
            "rejected": {each.name: each.reason for each in self.rejected},
            "passed": dict(self.passed),
            "estimate": self.primary.estimate and self.primary.estimate.as_dict(),
            "signals": self.signals.as_dict(),
        }


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call to one model, about to be made."""

    number: int
    """1 for the first attempt of the call."""
    candidate: Candidate
    wait: float = 0.0
    """Seconds to wait before it."""
    timeout: float | None = None
    """Seconds it may take, what is left of the deadline; `None` without a deadline."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt."""

    error: GatewayError | None = None
    usage: Usage | None = None
    """As claimed by the gateway; `None` if it claimed nothing."""
    response_model: str | None = None
    """The model the gateway says answered."""
    finish_reason: str | None = None
    request_id: str | None = None
    adaptations: tuple[str, ...] = ()
    """How the request was changed to suit the model's family."""
    seconds: float = 0.0
    """From sending to the last byte."""
    first_delta: float | None = None
    """Seconds from sending to the first visible delta of a stream; `None` if not streamed."""


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call of the user's: its decision and all its attempts, in order."""

    decision: Decision
    attempts: tuple[tuple[Attempt, Outcome], ...]
    seconds: float = 0.0
    """From the decision to the end, waits included."""

    @property
    def model(self) -> str | None:
        """The name of the model that answered; `None` when none did."""
        attempt, outcome = self.attempts[-1] if self.attempts else (None, None)
        return attempt.candidate.name if attempt and outcome and not outcome.error else None

    @property
    def fell_back(self) -> bool:
        """Whether the answer came from another model than the first choice."""
        return self.model is not None and self.model != self.decision.primary.name

    @property
    def cost(self) -> Cost:
        """What all attempts came to; a failed attempt without usage counts as not billed."""
        billed = [
            cost(outcome.usage, attempt.candidate.model.price)
            for attempt, outcome in self.attempts
            if outcome.error is None or outcome.usage is not None
        ]
        return total(billed)

    @property
    def usage(self) -> Usage | None:
        """Tokens of the attempt that answered."""
        return self.attempts[-1][1].usage if self.attempts else None

    def as_dict(self) -> dict[str, Any]:
        """For JSON, logs and message metadata."""
        return {
            "model": self.model,
            "route": self.decision.route,
            "reason": self.decision.reason,
            "cost": self.cost.as_dict(),
            "fell_back": self.fell_back,
            "seconds": round(self.seconds, 6),
            "attempts": [_attempt(attempt, outcome) for attempt, outcome in self.attempts],
            "decision": self.decision.as_dict(),
        }


def _attempt(attempt: Attempt, outcome: Outcome) -> dict[str, Any]:
    error = outcome.error
    return {
        "number": attempt.number,
        "model": attempt.candidate.name,
        "outcome": "ok" if error is None else type(error).__name__,
        "error": None if error is None else str(error),
        "status": None if error is None else error.status,
        "wait": round(attempt.wait, 3),
        "seconds": round(outcome.seconds, 6),
        "first_delta": outcome.first_delta and round(outcome.first_delta, 6),
        "usage": outcome.usage and outcome.usage.as_dict(),
        "response_model": outcome.response_model,
        "finish_reason": outcome.finish_reason,
        "request_id": outcome.request_id,
        "adaptations": list(outcome.adaptations),
    }
