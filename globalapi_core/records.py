"""What was decided, what was tried and what came of it: frozen values.

A `CallRecord` tells the whole story of one call. It travels on the answer
(`response_metadata["globalapi"]` in LangChain, `additional_kwargs["globalapi"]` in
LlamaIndex) and on the errors, and holds no prompt and no key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from globalapi_core.catalog import ModelInfo
from globalapi_core.errors import GatewayError, RejectedAnswerError
from globalapi_core.pricing import Cost, Usage, cost, total
from globalapi_core.signals import Signals

if TYPE_CHECKING:
    from rich.text import Text

    from globalapi_core.router import Router


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model considered for one call."""

    model: ModelInfo
    params: Mapping[str, Any] = field(default_factory=dict)
    """Parameters the route sets for this call, by their names on the wire."""
    estimate: Cost | None = None
    """What the call is expected to cost; `None` before it was estimated."""
    quality: float | None = None
    """Expected share of right answers to such a prompt, 0 to 1; `None`: nobody asked, or
    nobody measured the model."""

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model.name


@dataclass(frozen=True, slots=True)
class Rejection:
    """A model turned down for one call, and why."""

    name: str
    reason: str
    policy: str | None = None
    """The policy that does not allow it; `None`: it cannot take the call."""

    def __str__(self) -> str:
        by = f" (policy {self.policy!r})" if self.policy else ""
        return f"{self.name}: {self.reason}{by}"


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
    moved: bool = False
    """Whether something else changed that order; `reason` tells what."""
    forced: bool = False
    """Whether the caller named the route or the model."""
    passed: tuple[tuple[str, str], ...] = ()
    """The routes asked before, each with the condition that did not hold."""
    policies: tuple[str, ...] = ()
    """The policies that hold for the call, by name."""
    max_cost: Decimal | None = None
    """USD that the whole call may come to by those policies; `None`: they set no limit."""
    escalate: tuple[str, ...] = ()
    """The checks whose failing answers go up one candidate."""
    shadow: Candidate | None = None
    """Who may be asked too after the answer, unseen by the user; `None`: nobody."""

    def _repr_html_(self) -> str:
        from globalapi_core import reprs

        return reprs.decision(self)

    def __rich__(self) -> Text:
        from rich.text import Text

        return Text(self.explain())

    def explain(self, router: Router | None = None) -> str:
        """Tell the decision as a person would, in sentences.

        Args:
            router: the router that decided, to say also which single change of the request
                would take it elsewhere; `None`: nothing is said of that.
        """
        from globalapi_core import explain

        return explain.text(self, router)

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
            "policies": list(self.policies),
            "max_cost": None if self.max_cost is None else f"{self.max_cost:f}",
            "escalate": list(self.escalate),
            "shadow": self.shadow and self.shadow.name,
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
    estimate: Usage | None = None
    """What it may be billed for and the gateway did not say, in estimated tokens: never part
    of `usage`. `None` where `usage` says all, and where nothing is billed."""
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

    @property
    def billed(self) -> bool:
        """Whether it may have been billed; a rejection of the request is not."""
        error = self.error
        return error is None or self.usage is not None or error.billed or error.begun

    def estimated(self, signals: Signals, family: str | None = None) -> Outcome:
        """With an estimate of what it may be billed for and the gateway did not say.

        The input is what was estimated of the prompt, the output what had come of the answer;
        what nobody knows stays `None` in it.
        """
        said = self.usage or Usage()
        if not self.billed or said.total_tokens is not None:
            return self
        written = self.estimate.output_tokens if self.estimate else None
        if self.error is not None:
            written = self.error.partial_tokens
        estimate = Usage(
            input_tokens=signals.tokens(family) if said.input_tokens is None else 0,
            output_tokens=written if said.output_tokens is None else 0,
        )
        return replace(self, estimate=estimate)


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call of the user's: its decision and all its attempts, in order."""

    decision: Decision
    attempts: tuple[tuple[Attempt, Outcome], ...]
    seconds: float = 0.0
    """From the decision to the end, waits included."""
    passed_over: tuple[Rejection, ...] = ()
    """The candidates not tried because of what they may cost, each with the reason."""
    handed_over: int | None = None
    """The number of the attempt whose answer failed a check and was handed over all the same,
    for no other was to be had; `None`: the last attempt's answer passed, or there is none."""

    def _repr_html_(self) -> str:
        from globalapi_core import reprs

        return reprs.call(self)

    @property
    def model(self) -> str | None:
        """The name of the model that answered; `None` when none did."""
        attempt, outcome = self._last or (None, None)
        if attempt is None or outcome is None or (outcome.error and self.handed_over is None):
            return None
        return attempt.candidate.name

    @property
    def _last(self) -> tuple[Attempt, Outcome] | None:
        """The attempt whose answer was handed over, else the last."""
        number = self.handed_over or len(self.attempts)
        return self.attempts[number - 1] if self.attempts else None

    @property
    def rejected(self) -> tuple[tuple[Attempt, Outcome], ...]:
        """The attempts whose answers failed a check and were not handed over."""
        return tuple(
            (attempt, outcome)
            for attempt, outcome in self.attempts
            if isinstance(outcome.error, RejectedAnswerError) and attempt.number != self.handed_over
        )

    @property
    def escalated(self) -> int:
        """How many attempts were left for the next candidate because of a check."""
        return sum(
            isinstance(outcome.error, RejectedAnswerError)
            and attempt.candidate.name != following.candidate.name
            for (attempt, outcome), (following, _) in pairwise(self.attempts)
        )

    @property
    def fell_back(self) -> bool:
        """Whether the answer came from another model than the first choice."""
        model = self.model
        return model is not None and model != self.decision.primary.name

    @property
    def cost(self) -> Cost:
        """What all attempts came to: unknown if one may have been billed and did not say."""
        return _sum(known_cost(*each) for each in self.attempts)

    @property
    def estimated_cost(self) -> Cost:
        """What is estimated to come on top of `cost.at_least`; nothing if all is known."""
        return _sum(estimated_cost(*each) for each in self.attempts)

    @property
    def usage(self) -> Usage | None:
        """Tokens of the attempt that answered."""
        last = self._last
        return last[1].usage if last else None

    def as_dict(self) -> dict[str, Any]:
        """For JSON, logs and message metadata."""
        known = [known_cost(*each) for each in self.attempts]
        estimated = [estimated_cost(*each) for each in self.attempts]
        usage = self.usage
        return {
            "model": self.model,
            "route": self.decision.route,
            "reason": self.decision.reason,
            "usage": usage and usage.as_dict(),
            "cost": _sum(known).as_dict(),
            "estimated_cost": _sum(estimated).as_dict(),
            "fell_back": self.fell_back,
            "escalated": self.escalated,
            "handed_over": self.handed_over,
            "passed_over": {each.name: each.reason for each in self.passed_over},
            "seconds": round(self.seconds, 6),
            "attempts": [
                _attempt(*each, *costs)
                for each, *costs in zip(self.attempts, known, estimated, strict=True)
            ],
            "decision": self.decision.as_dict(),
        }


def last_outcome(record: Mapping[str, Any]) -> Outcome | None:
    """What a record, `as_dict`, says of the attempt that answered; `None` if it has none."""
    if not record.get("attempts"):
        return None
    last = record["attempts"][(record.get("handed_over") or 0) - 1]
    return Outcome(
        usage=Usage(**last["usage"]) if last["usage"] else None,
        estimate=Usage(**last["estimate"]) if last["estimate"] else None,
        response_model=last["response_model"],
        finish_reason=last["finish_reason"],
        request_id=last["request_id"],
        adaptations=tuple(last["adaptations"]),
    )


def _sum(costs: Iterable[Cost | None]) -> Cost:
    return total([each for each in costs if each is not None])


def known_cost(attempt: Attempt, outcome: Outcome) -> Cost | None:
    """What an attempt came to by what the gateway said; `None` if it was surely not billed."""
    return cost(outcome.usage, attempt.candidate.model.price) if outcome.billed else None


def estimated_cost(attempt: Attempt, outcome: Outcome) -> Cost | None:
    """What is estimated to come on top of that; `None` if nothing is."""
    if outcome.estimate is None:
        return None
    return cost(outcome.estimate, attempt.candidate.model.price)


def _attempt(
    attempt: Attempt, outcome: Outcome, known: Cost | None, estimated: Cost | None
) -> dict[str, Any]:
    error = outcome.error
    return {
        "number": attempt.number,
        "model": attempt.candidate.name,
        "outcome": "ok" if error is None else type(error).__name__,
        "error": None if error is None else str(error),
        "rejected": isinstance(error, RejectedAnswerError),
        "status": None if error is None else error.status,
        "wait": round(attempt.wait, 3),
        "seconds": round(outcome.seconds, 6),
        "first_delta": outcome.first_delta and round(outcome.first_delta, 6),
        "usage": outcome.usage and outcome.usage.as_dict(),
        "estimate": outcome.estimate and outcome.estimate.as_dict(),
        "cost": known and known.as_dict(),
        "estimated_cost": estimated and estimated.as_dict(),
        "response_model": outcome.response_model,
        "finish_reason": outcome.finish_reason,
        "request_id": outcome.request_id,
        "adaptations": list(outcome.adaptations),
    }
