"""Who is left out for a while because it just failed, and who may try it again: circuits.

A failure opens the circuit of what it says something about, `GatewayError.scope`: the
model, the key (every model called with it) or the endpoint (every model behind its URL).
A fault of the request opens none. There are two degrees:

- After one failure, retries exhausted, others go first: for `attempts.cooldown` seconds,
  or as long as the server asked if that is longer; after a rate limit that says how long,
  just so long. Each failure in a row doubles it, up to `LONGEST_PAUSE`. Where there is
  nobody else, as for a single model, it is called as ever: one failed call of a script is
  no reason to refuse the next.
- After `STREAK` failures in a row a call with nowhere else to go fails at once, with the
  kind of error that opened the circuit: for `FIRST_REFUSAL` seconds, doubled up to
  `attempts.cooldown`. A batch then neither hammers a dead endpoint or an empty account, nor
  is refused for long once that is well again.

After a pause one call at a time may try, the probe; after a streak it is not retried. An
answer closes the circuit. Pauses vary by `SPREAD`: not all processes come back at once.
"""

from __future__ import annotations

import hashlib
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self, TypeAlias

from globalapi_core.circuits import Circuit, Snapshot, longest, opened, shown_well
from globalapi_core.errors import AllModelsFailedError, GatewayError, Scope
from globalapi_core.pricing import Usage
from globalapi_core.records import CallRecord, Candidate, Decision
from globalapi_core.settings import Endpoint
from globalapi_core.signals import Signals
from globalapi_core.signals.correction import Correction

MOST_CIRCUITS = 1_000
"""Open at once; beyond it the one that may be tried soonest is forgotten."""

# Tells keys apart in this process without holding them.
_SALT = os.urandom(16)

_Place: TypeAlias = tuple[Scope, str, str]
_Circuits: TypeAlias = dict[_Place, Circuit]


class Health:
    """The circuits of one router or model, shared by all its calls, threads and tasks.

    They are this process's own: a copy, a pickle and a forked process start afresh.
    """

    def __init__(
        self,
        endpoint: Endpoint | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Begin with everybody well.

        Args:
            endpoint: where the models are called, and with which key; `None`: at one
                place that needs no name.
            clock: seconds, monotonic.
            jitter: 0 to 1, spreads the pauses of many processes.
        """
        self._clock = clock
        self._jitter = jitter
        self._board = _Board()
        self._url = endpoint.base_url if endpoint else ""
        key = _named(endpoint) if endpoint else ""
        self._shared: tuple[_Place, ...] = (("key", key, ""), ("endpoint", self._url, ""))

    def at(self, endpoint: Endpoint) -> Health:
        """The same circuits, for calls to *endpoint*."""
        other = Health(endpoint, clock=self._clock, jitter=self._jitter)
        other._board = self._board
        return other

    def turns(self, decision: Decision) -> Iterator[tuple[Candidate, Turn]]:
        """The candidates that may be called, one after the other; who just failed comes last.

        Raises:
            AllModelsFailedError: each of several must not be called now; `exceptions` says of
                each why, and `retry_after` when the first of them will be tried.
            GatewayError: the only one must not.
        """
        others_first: list[Candidate] = []
        for candidate in decision.candidates:
            turn = self.turn(candidate.name)
            if turn is None:
                others_first.append(candidate)
            else:
                yield candidate, turn
        refused: list[GatewayError] = []
        for candidate in others_first:
            last = self.last_resort(candidate.name)
            if isinstance(last, GatewayError):
                refused.append(last)
            else:
                yield candidate, last
        if len(refused) == len(decision.candidates):
            raise _refused(decision, refused)

    def turn(self, model: str) -> Turn | None:
        """Leave to call *model* now; `None`: others go first."""
        if not self._board.circuits:
            return Turn(self, model, self._clock())
        with self._board.held() as circuits:
            now = self._clock()
            mine = self._open(model, circuits)
            if any(each.bars(now, last_resort=False) for each in mine.values()):
                return None
            return self._entered(model, now, mine, circuits)

    def last_resort(self, model: str) -> Turn | GatewayError:
        """Leave to call *model* though others go first, for there is nobody left.

        Returns:
            The turn; or, if it is refused, an error of the kind that opened the circuit,
            whose `retry_after` has the seconds until it is tried.
        """
        with self._board.held() as circuits:
            now = self._clock()
            mine = self._open(model, circuits)
            barred = {
                place: each for place, each in mine.items() if each.bars(now, last_resort=True)
            }
            if not barred:
                return self._entered(model, now, mine, circuits)
            place = max(barred, key=lambda each: barred[each].refused)
            return barred[place].refusal(model, place[0], now)

    def cooling(self) -> Snapshot:
        """Who is cooling down now, at this endpoint."""
        if not self._board.circuits:
            return Snapshot()
        with self._board.held() as circuits:
            now = self._clock()
            found = {place: each.cooling(place[0], now) for place, each in circuits.items()}
        return Snapshot(
            {place[2]: each for place, each in found.items() if place[:2] == ("model", self._url)},
            longest(*(found.get(place) for place in self._shared)),
        )

    @property
    def correction(self) -> Correction:
        """What calls have shown of each family's tokenizer."""
        return self._board.correction

    def _open(self, model: str, circuits: _Circuits) -> _Circuits:
        """The open circuits that calls of *model* depend on."""
        places = self._places(model)
        return {place: circuits[place] for place in places if place in circuits}

    def _places(self, model: str) -> tuple[_Place, ...]:
        return ("model", self._url, model), *self._shared

    def _entered(self, model: str, now: float, mine: _Circuits, circuits: _Circuits) -> Turn:
        turn = Turn(self, model, now, once=any(each.is_out for each in mine.values()))
        circuits.update({place: each.entered(turn, now) for place, each in mine.items()})
        return turn

    def _report(self, turn: Turn, error: GatewayError | None, cooldown: float = 0.0) -> None:
        """Draw from the end of *turn* what it shows; *error* is `None` for an answer."""
        if error is None and not self._board.circuits:
            return
        with self._board.held() as circuits:
            for place in self._places(turn.model):
                before = circuits.get(place)
                if before and turn.started < before.last:
                    continue  # What began before the last failure shows nothing newer.
                if error and error.scope == place[0]:
                    before = before.left(turn) if before else None
                    now, jitter = self._clock(), self._jitter()
                    circuits[place] = opened(before, error, now, cooldown, jitter)
                elif before and shown_well(place[0], error):
                    del circuits[place]
            if len(circuits) > MOST_CIRCUITS:
                del circuits[min(circuits, key=lambda each: circuits[each].avoided)]

    def _count(self, family: str, signals: Signals, usage: Usage) -> None:
        """Learn from the tokens that a prompt was claimed to have; text alone can be compared."""
        if signals.size is None or signals.modalities != {"text"}:
            return
        estimated = signals.size.tokens(family)
        # Of two calls that end at once one may be lost: it was but one of many.
        self._board.correction = self._board.correction.after(family, estimated, usage.input_tokens)

    def _leave(self, turn: Turn) -> None:
        """Give back the places that *turn* still has as a probe."""
        if not self._board.circuits:
            return
        with self._board.held() as circuits:
            mine = self._open(turn.model, circuits)
            circuits.update({place: each.left(turn) for place, each in mine.items()})

    # A lock cannot be pickled or copied, and circuits are this process's own.
    def __reduce__(self) -> tuple[object, ...]:
        return Health, ()


class Turn:
    """Leave for one call to try one model. Whoever ends it without a word gives it back."""

    def __init__(self, health: Health, model: str, started: float, *, once: bool = False) -> None:
        self._health = health
        self.model = model
        self.started = started
        self.once = once
        """Whether the model has failed so often that it must not be retried."""

    def answered(self) -> None:
        """Note that the model answered."""
        self._health._report(self, None)

    def counted(self, family: str, signals: Signals, usage: Usage | None) -> None:
        """Note how many tokens a model of *family* found in the prompt; `None`: it did not say."""
        if usage is not None:
            self._health._count(family, signals, usage)

    def failed(self, error: GatewayError, *, cooldown: float) -> None:
        """Note that the model was given up with *error*.

        Args:
            error: of the last attempt.
            cooldown: seconds that others go first after one failure, `attempts.cooldown`.
        """
        self._health._report(self, error, cooldown)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._health._leave(self)


class _Board:
    """The circuits of one process, and the lock on them."""

    def __init__(self) -> None:
        self._renew()

    def _renew(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self.circuits: _Circuits = {}
        self.correction = Correction()

    @contextmanager
    def held(self) -> Iterator[_Circuits]:
        """The circuits, while nobody else has them."""
        # In a fork the lock may be held for ever, and the probes are another process's.
        if self._pid != os.getpid():
            self._renew()
        with self._lock:
            yield self.circuits


def _refused(decision: Decision, errors: list[GatewayError]) -> Exception:
    """What to raise when no model may be called: what it was when they were."""
    error: GatewayError | AllModelsFailedError = errors[0]
    if len(errors) > 1:
        names = ", ".join(each.name for each in decision.candidates)
        error = AllModelsFailedError(f"all {len(errors)} models failed lately: {names}", errors)
    error.record = CallRecord(decision, ())
    return error


def _named(endpoint: Endpoint) -> str:
    """A name for the key of *endpoint*, of use in this process only."""
    secret = endpoint.api_key or f"no key at {endpoint.base_url}"
    return hashlib.blake2b(secret.encode(), key=_SALT, digest_size=16).hexdigest()
