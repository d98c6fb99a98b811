"""When a circuit opens, for how long, and what is said of it: values and pure functions.

The times in them are seconds of one monotonic clock; `health` keeps them and has that clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from globalapi_core.errors import GatewayError, RateLimitError, Scope

STREAK = 5
"""Failures in a row, retries exhausted, after which a call with nowhere else to go fails at
once. Of a model that fails one call in ten, five in a row are one in a hundred thousand."""
FIRST_REFUSAL = 1.0
"""Seconds of the first such refusal."""
LONGEST_PAUSE = 600.0
"""Seconds: neither doubling nor a server's wish makes a pause longer; a longer
`attempts.cooldown` does. A probe that has not reported by then counts as lost."""
SPREAD = 0.2
"""A pause is longer or shorter by up to this share; never shorter than the server asked."""

_WHOSE: Mapping[Scope, str] = {"key": "its key ", "endpoint": "its endpoint "}


@dataclass(frozen=True, slots=True)
class Cooling:
    """Why others go before a model, and for how long."""

    scope: Scope
    """Whose circuit is open."""
    error: str
    """The kind of the last failure."""
    seconds: float
    """Until it is tried again; 0: the next call may, if none is trying it already."""
    probed: bool = False
    """Whether a call is trying it."""

    @property
    def on_trial(self) -> bool:
        """Whether the pause is over, so that one call may try it."""
        return not (self.seconds or self.probed)

    def __str__(self) -> str:
        again = f"tried again in {_s(self.seconds)}" if self.seconds else "tried again now"
        if self.probed:
            again = "another call is trying it"
        return f"{_WHOSE.get(self.scope, '')}failed lately with {self.error}, {again}"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Who is cooling down at one moment."""

    models: Mapping[str, Cooling] = field(default_factory=dict)
    shared: Cooling | None = None
    """Of the key or the endpoint, which all models share."""

    def of(self, model: str) -> Cooling | None:
        """Why others go before *model*; `None` if it is well."""
        return longest(self.models.get(model), self.shared)


@dataclass(frozen=True, slots=True)
class Circuit:
    """What is known of a model, a key or an endpoint that has not answered since it failed."""

    error: GatewayError
    """The last failure's kind and message, without its call."""
    failures: int
    """In a row. Those of calls that ran side by side count once: they say the same."""
    since: float
    """When the first of them was."""
    last: float
    """When the last of them was."""
    avoided: float
    """Until then others go first."""
    refused: float
    """Until then a call with nowhere else to go fails at once."""
    probe: object | None = None
    """The turn that is trying it."""
    probe_ends: float = 0.0
    """When the probe counts as lost."""

    @property
    def is_out(self) -> bool:
        """Whether it failed so often that only a probe may try it."""
        return self.failures >= STREAK

    def probed(self, now: float) -> bool:
        """Whether a probe is out."""
        return self.probe is not None and now < self.probe_ends

    def bars(self, now: float, *, last_resort: bool) -> bool:
        """Whether a call must leave it alone; as a *last_resort* it may do more."""
        if last_resort and not self.is_out:
            return False
        return self.probed(now) or now < (self.refused if last_resort else self.avoided)

    def entered(self, turn: object, now: float) -> Circuit:
        """With *turn* as its probe, if a call that may enter now is one."""
        if self.probed(now) or not (self.is_out or now >= self.avoided):
            return self
        return replace(self, probe=turn, probe_ends=now + LONGEST_PAUSE)

    def left(self, turn: object) -> Circuit:
        """Without *turn* as its probe."""
        return replace(self, probe=None) if self.probe is turn else self

    def cooling(self, scope: Scope, now: float) -> Cooling:
        """What a decision is told of it."""
        seconds = max(self.avoided - now, 0.0)
        return Cooling(scope, type(self.error).__name__, seconds, self.probed(now))

    def refusal(self, model: str, scope: Scope, now: float) -> GatewayError:
        """What a call is told that must not be made: an error of the last failure's kind."""
        seconds = self.refused - now
        again = f"in {_s(seconds)}" if seconds > 0 else "when the call that is trying it has ended"
        return type(self.error)(
            f"not tried: {_WHOSE.get(scope, '')}failed {self.failures} times in a row, first "
            f"{_s(now - self.since)} ago; tried again {again}. The last failure: {self.error}",
            model=model,
            retry_after=seconds if seconds > 0 else FIRST_REFUSAL,
            scope=scope,
            retryable=self.error.retryable,
            fallback=self.error.fallback,
        )


def opened(
    before: Circuit | None, error: GatewayError, now: float, cooldown: float, jitter: float
) -> Circuit:
    """The circuit after one more failure.

    Args:
        before: the circuit until now, whose probe stays out; `None`: it was closed.
        error: the failure. Its message is kept; its call and its traceback are not.
        now: seconds.
        cooldown: seconds, `attempts.cooldown`.
        jitter: 0 to 1.
    """
    # A stream that broke off had been answering: others go first, but it adds to no streak.
    failures = (before.failures if before else 0) + (0 if error.shown else 1)
    spread = 1 + SPREAD * (2 * jitter - 1)
    asked = min(error.retry_after or 0.0, LONGEST_PAUSE) * (1 + SPREAD * jitter)
    refused = 0.0
    if failures >= STREAK:
        refused = max(_doubled(FIRST_REFUSAL, failures - STREAK, cooldown) * spread, asked)
    avoided = _doubled(cooldown, max(failures - 1, 0), max(cooldown, LONGEST_PAUSE)) * spread
    if isinstance(error, RateLimitError) and asked:
        avoided = 0.0  # It said itself how long.
    return Circuit(
        error=type(error)(
            str(error), scope=error.scope, retryable=error.retryable, fallback=error.fallback
        ),
        failures=failures,
        since=before.since if before else now,
        last=now,
        avoided=now + max(avoided, asked),
        refused=now + refused,
        probe=before.probe if before else None,
        probe_ends=before.probe_ends if before else now,
    )


def shown_well(scope: Scope, error: GatewayError | None) -> bool:
    """Whether the end of a call shows that what it depends on works.

    An answer (*error* is `None`) shows it of the model, the key and the endpoint; an error
    with a status, of the endpoint that sent it.
    """
    return error is None or (
        scope == "endpoint" and error.scope != "endpoint" and error.status is not None
    )


def longest(*cooling: Cooling | None) -> Cooling | None:
    """The one that lasts longest; a probe that is out lasts longer than none."""
    known = [each for each in cooling if each is not None]
    return max(known, key=lambda each: (each.seconds, each.probed), default=None)


def _doubled(first: float, times: int, most: float) -> float:
    return min(first * 2.0 ** min(times, 32), most)


def _s(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 1 else f"{seconds:.1g} s"
