"""Circuits under any history of calls, failures and pauses, by a clock the machine turns."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle as BundleOf
from hypothesis.stateful import RuleBasedStateMachine, consumes, initialize, invariant, rule

from globalapi_core.circuits import LONGEST_PAUSE, SPREAD, STREAK, Circuit
from globalapi_core.errors import (
    AuthenticationError,
    ContextOverflowError,
    GatewayConnectionError,
    GatewayError,
    InvalidRequestError,
    QuotaExceededError,
    RateLimitError,
    Scope,
    ServerError,
)
from globalapi_core.health import Health, Turn
from globalapi_core.settings import Endpoint

from .circuit_helpers import Clock

ENDPOINTS = [
    Endpoint("https://one.example", "k1"),
    Endpoint("https://one.example", "k2"),
    Endpoint("https://two.example", "k1"),
]
MODELS = ["a", "b"]
BOUND = LONGEST_PAUSE * (1 + SPREAD)
ROUNDING = 1e-6
"""Seconds by which the difference of two times may be off."""
FAILURES = st.builds(
    lambda kind, status, asked: kind("no", status=status, retry_after=asked),
    st.sampled_from([
        ServerError, RateLimitError, AuthenticationError, QuotaExceededError,
        GatewayConnectionError,
    ]),
    st.sampled_from([None, 503]),
    st.none() | st.floats(0, 10**6),
)  # fmt: skip
MISTAKES = st.sampled_from([InvalidRequestError, ContextOverflowError]).map(
    lambda kind: kind("bad", status=400)
)


@dataclass(eq=False)
class Going:
    """A call under way."""

    place: Health
    turn: Turn
    probes: frozenset[object] = field(default_factory=frozenset)
    """The circuits of which it is the only one allowed."""


class Circuits(RuleBasedStateMachine):
    """Calls of two models at three endpoints; what is private is only read."""

    calls = BundleOf("calls")

    @initialize(cooldown=st.sampled_from([0.01, 1.0, 30.0, 400.0]), jitter=st.floats(0, 1))
    def begin_well(self, cooldown: float, jitter: float) -> None:
        """Nobody has failed."""
        self.clock = Clock()
        self.cooldown = cooldown
        health = Health(clock=self.clock, jitter=lambda: jitter)
        self.places = [health.at(endpoint) for endpoint in ENDPOINTS]
        self.going: list[Going] = []

    @property
    def open(self) -> dict[tuple[Scope, str, str], Circuit]:
        """The open circuits, by what they are of."""
        return {**self.places[0]._board.circuits}

    @rule(
        target=calls, where=st.sampled_from([0, 0, 0, 1, 2]), model=st.sampled_from([*MODELS, "a"])
    )
    def begin(self, where: int, model: str) -> Going | None:
        """A call that goes elsewhere if it can, or else insists."""
        place = self.places[where]
        mine = place._open(model, place._board.circuits)
        out = {each for each, circuit in mine.items() if circuit.failures >= STREAK}
        turn = place.turn(model)
        exclusive = set(mine) if turn else out
        last = turn or place.last_resort(model)
        if isinstance(last, GatewayError):
            assert out
            assert 0 < (last.retry_after or 0) <= BOUND + ROUNDING
            return None
        going = Going(place, last, frozenset(exclusive))
        for other in self.going:
            lost = self.clock.now - other.turn.started >= LONGEST_PAUSE
            assert lost or not going.probes & other.probes, "two probes at once"
        assert last.once == bool(out)
        self.going.append(going)
        return going

    @rule(call=consumes(calls))
    def answer(self, call: Going | None) -> None:
        """An answer closes every circuit of its call that did not fail since it began."""
        if call is None:
            return
        health, turn = call.place, call.turn
        older = {
            place
            for place, circuit in health._open(turn.model, health._board.circuits).items()
            if turn.started < circuit.last
        }
        with turn:
            turn.answered()

        assert set(health._open(turn.model, health._board.circuits)) == older
        self._ended(call)

    @rule(call=consumes(calls), error=FAILURES)
    def fail(self, call: Going | None, error: GatewayError) -> None:
        """A failure leaves its own scope open."""
        if call is None:
            return
        with call.turn:
            call.turn.failed(error, cooldown=self.cooldown)

        health = call.place
        scopes = {place[0] for place in health._open(call.turn.model, health._board.circuits)}
        assert error.scope in scopes
        self._ended(call)

    @rule(call=consumes(calls), error=MISTAKES)
    def mistake(self, call: Going | None, error: GatewayError) -> None:
        """A fault of the request opens nothing and prolongs nothing."""
        if call is None:
            return
        before = self.open
        with call.turn:
            call.turn.failed(error, cooldown=self.cooldown)

        for place, circuit in self.open.items():
            assert circuit.avoided == before[place].avoided
            assert circuit.failures == before[place].failures
        self._ended(call)

    @rule(call=consumes(calls))
    def cancel(self, call: Going | None) -> None:
        """A call that ends without a word."""
        if call is None:
            return
        call.turn.__exit__(None, None, None)
        self._ended(call)

    @rule(seconds=st.sampled_from([0.001, 0.5, 1, 5, 29, 31, 100, 599, 700]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.clock.now += seconds

    @rule()
    def wait_until_due(self) -> None:
        """Time passes until somebody may be tried."""
        due = [each.avoided for each in self.open.values() if each.avoided > self.clock.now]
        self.clock.now = min(due, default=self.clock.now)

    @rule()
    def wait_long(self) -> None:
        """Nobody is left out for ever, not even by a probe that never reports."""
        self.clock.now += BOUND + LONGEST_PAUSE
        for health in self.places:
            for model in MODELS:
                turn = health.turn(model)
                assert turn is not None
                turn.__exit__(None, None, None)

    @invariant()
    def bounded(self) -> None:
        """Every pause ends within its bound, and nobody is refused for longer than avoided."""
        for circuit in self.open.values():
            assert circuit.avoided <= self.clock.now + BOUND
            assert circuit.refused <= circuit.avoided

    @invariant()
    def snapshot_tells_who_goes_first(self) -> None:
        """A snapshot lets in exactly those that get a turn."""
        for health in self.places:
            snapshot = health.cooling()
            for model in MODELS:
                found = snapshot.of(model)
                turn = health.turn(model)
                assert (turn is not None) == (found is None or found.on_trial)
                if turn:
                    turn.__exit__(None, None, None)

    def _ended(self, call: Going) -> None:
        self.going.remove(call)
        closed = {probe for each in self.going for probe in each.probes} - set(self.open)
        for each in self.going:
            each.probes -= closed


TestCircuits = Circuits.TestCase
TestCircuits.settings = settings(max_examples=150, stateful_step_count=40)
