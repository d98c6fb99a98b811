"""Circuits as calls meet them: alone and in a batch, in threads, tasks and processes."""

from __future__ import annotations

import asyncio
import copy
import gc
import os
import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from globalapi_core.circuits import FIRST_REFUSAL, STREAK
from globalapi_core.config import Attempts
from globalapi_core.errors import (
    AllModelsFailedError,
    AuthenticationError,
    RateLimitError,
    ServerError,
)
from globalapi_core.flow import Call, attempts
from globalapi_core.health import Health, Turn
from globalapi_core.records import Attempt, Outcome

from .circuit_helpers import COOLDOWN, Clock, fail, left, refusal, unvarying
from .helpers import decision


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def ill(clock: Clock) -> Health:
    """Circuits that vary no pause."""
    return unvarying(clock)


# --- what a call makes of it --------------------------------------------------------------------


def call(health: Health, *models: str, max_retries: int = 1) -> Call[str]:
    """A call of *models*, in order."""
    limits = Attempts(max_retries=max_retries)
    return Call(attempts(decision(*models), limits, health), lambda item: Outcome())


def test_call_goes_past_a_cooling_model(ill: Health) -> None:
    """Who just failed is tried last, even if the decision did not know."""
    fail(ill, ServerError("no"), "a")
    answer = call(ill, "a", "b").run(lambda attempt: attempt.candidate.name)

    assert answer == "b"


def test_pause_is_the_calls_own(ill: Health) -> None:
    """Circuits outlive an edited file: each failure cools by the limits of the call it ended."""
    for model, seconds in (("a", 7.0), ("b", 90.0)):
        flow = attempts(decision(model), Attempts(max_retries=0, cooldown=seconds), ill)
        with pytest.raises(ServerError):
            Call(flow, lambda item: Outcome()).run(_busy)

    assert (left(ill, "a"), left(ill, "b")) == (7, 90)


def _busy(attempt: Attempt) -> str:
    raise ServerError("busy")


def test_all_refused(ill: Health) -> None:
    """Row 145: when all are out the error lists each, why, and when; nobody was called."""
    fail(ill, ServerError("busy"), "a", times=STREAK)
    fail(ill, RateLimitError("slow", retry_after=50), "b", times=STREAK)

    with pytest.raises(AllModelsFailedError) as caught:
        call(ill, "a", "b").run(lambda attempt: pytest.fail("was called"))

    assert [type(each) for each in caught.value.exceptions] == [ServerError, RateLimitError]
    assert caught.value.retry_after == FIRST_REFUSAL
    assert "all 2 models failed lately: a, b" in str(caught.value)
    assert f"b: not tried: failed {STREAK} times in a row" in str(caught.value)
    assert caught.value.record is not None
    assert caught.value.record.attempts == ()


def test_refused_model_is_left_to_the_other(ill: Health) -> None:
    """Where one may be called nothing is refused."""
    fail(ill, ServerError("busy"), "a", times=STREAK)
    fail(ill, ServerError("busy"), "b")
    answer = call(ill, "a", "b").run(lambda attempt: attempt.candidate.name)

    assert answer == "b"


def test_batch_with_a_bad_key(ill: Health) -> None:
    """A batch of thousands asks a gateway that does not take the key a few times, not more."""
    asked: list[str] = []

    def make(attempt: Attempt) -> str:
        asked.append(attempt.candidate.name)
        raise AuthenticationError("not accepted", status=401)

    for _ in range(2_000):
        with pytest.raises(AuthenticationError):
            call(ill, "a").run(make)

    assert len(asked) == STREAK


def test_blip_costs_a_single_model_little(ill: Health, clock: Clock) -> None:
    """A script on one model is refused for a second or so after an outage, not for a cooldown."""
    down_until = clock.now + 5
    refused = []

    def make(attempt: Attempt) -> str:
        if clock.now < down_until:
            raise ServerError("busy", status=503)
        return "answer"

    for _ in range(200):
        clock.now += 0.1
        try:
            call(ill, "a", max_retries=0).run(make)
        except ServerError:
            refused.append(clock.now)

    assert max(refused) < down_until + 4


def test_call_that_is_not_retried_after_a_streak(ill: Health, clock: Clock) -> None:
    """The probe of a model that is out is one attempt, whatever the file says of retries."""
    fail(ill, ServerError("no"), "a", times=STREAK)
    clock.now += FIRST_REFUSAL
    asked: list[str] = []

    def make(attempt: Attempt) -> str:
        asked.append(attempt.candidate.name)
        raise ServerError("still no")

    with pytest.raises(ServerError, match="still no"):
        call(ill, "a", max_retries=5).run(make)

    assert asked == ["a"]


def test_abandoned_stream_gives_its_place_back(ill: Health, clock: Clock) -> None:
    """A probe whose stream nobody reads on leaves its place to the next."""
    fail(ill, ServerError("no"))
    clock.now += 30

    def pieces(attempt: Attempt) -> Iterator[str]:
        yield "one"
        yield "two"

    made: Call[str] = Call(attempts(decision("a"), Attempts(), ill), lambda item: None)
    stream = made.stream(pieces, bool)
    next(stream)
    assert ill.turn("a") is None
    del stream, made
    gc.collect()

    assert ill.turn("a") is not None


# --- threads, tasks, processes -------------------------------------------------------------------


def test_threads_make_one_probe(ill: Health, clock: Clock) -> None:
    """Row 144: of twenty threads that come back at once one tries the model, the others go on."""
    fail(ill, ServerError("no"), "a")
    clock.now += 30
    together, asked, lock = threading.Barrier(20), list[str](), threading.Lock()
    others_done = threading.Event()

    def make(attempt: Attempt) -> str:
        with lock:
            asked.append(attempt.candidate.name)
            if len(asked) == 20:
                others_done.set()
        if attempt.candidate.name == "a":
            others_done.wait(60)
        return "answer"

    def ask() -> None:
        together.wait(60)
        call(ill, "a", "b").run(make)

    with ThreadPoolExecutor(20) as pool:
        for done in [pool.submit(ask) for _ in range(20)]:
            done.result()

    assert sorted(asked) == ["a"] + ["b"] * 19
    assert left(ill) is None


def test_threads_report_at_once(ill: Health) -> None:
    """Twenty threads that fail, answer and ask at once leave a consistent state behind."""
    together = threading.Barrier(20)

    def work(number: int) -> None:
        together.wait(60)
        for step in range(200):
            model = f"m{(number + step) % 5}"
            turn = ill.turn(model) or ill.last_resort(model)
            if isinstance(turn, Turn):
                with turn:
                    if step % 3:
                        turn.failed(ServerError("no"), cooldown=COOLDOWN)
                    elif step % 7:
                        turn.answered()
            ill.cooling()

    with ThreadPoolExecutor(20) as pool:
        for done in [pool.submit(work, number) for number in range(20)]:
            done.result()

    assert set(ill.cooling().models) <= {f"m{number}" for number in range(5)}
    assert not any(each.probed for each in ill.cooling().models.values())


def test_cancelled_probe(ill: Health, clock: Clock) -> None:
    """Of fifty tasks one probes; cancelled, it gives its place back at once."""
    fail(ill, ServerError("no"), "a")
    clock.now += 30
    asked: list[str] = []

    async def make(attempt: Attempt) -> str:
        asked.append(attempt.candidate.name)
        if attempt.candidate.name == "a":
            await asyncio.sleep(60)
        return "answer"

    async def main() -> None:
        probe = asyncio.create_task(call(ill, "a", "b").arun(make))
        await asyncio.sleep(0)
        await asyncio.gather(*(call(ill, "a", "b").arun(make) for _ in range(49)))
        assert asked == ["a"] + ["b"] * 49

        probe.cancel()
        with pytest.raises(asyncio.CancelledError) as kept:
            await probe
        assert ill.turn("a") is not None, kept

    asyncio.run(main())


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))],  # noqa: S301
)
def test_copy_starts_afresh(ill: Health, copied: Callable[[Health], Health]) -> None:
    """Circuits are this process's own: a copy has none of them."""
    fail(ill, ServerError("no"), times=STREAK)

    again = copied(ill)

    assert left(again) is None
    assert refusal(again) is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_fork_starts_afresh(ill: Health) -> None:
    """A forked process inherits no circuit, and no lock that a thread of its parent held."""
    fail(ill, ServerError("no"), times=STREAK)
    with ill._board.held():
        child = os.fork()
        if child == 0:
            os._exit(0 if refusal(ill) is None and left(ill) is None else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert refusal(ill) is not None
