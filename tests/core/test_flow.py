"""The attempt loop: bounded, in order, in time; the same however it is driven."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, closing
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globalapi_core import flow
from globalapi_core.catalog import ModelInfo
from globalapi_core.config import Attempts
from globalapi_core.errors import (
    AllModelsFailedError,
    AuthenticationError,
    ConnectionLostError,
    ContentFilteredError,
    ContextOverflowError,
    DeadlineExceededError,
    GatewayConnectionError,
    GatewayError,
    GatewayTimeoutError,
    IncompleteResponseError,
    InvalidRequestError,
    ModelNotFoundError,
    QuotaExceededError,
    RateLimitError,
    ServerError,
)
from globalapi_core.flow import Call, attempts, limited
from globalapi_core.health import Health, Turn
from globalapi_core.pricing import Usage
from globalapi_core.records import Attempt, CallRecord, Outcome

from .helpers import decision, model


class Clock:
    """Seconds, as the test says."""

    def __init__(self) -> None:
        """Begin anywhere but at nought."""
        self.now = 50.0

    def __call__(self) -> float:
        """The time it is."""
        return self.now


@dataclass
class Told:
    """A flow that was told a script of outcomes: what it did with them."""

    attempts: list[Attempt] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    """Seconds after the beginning at which each attempt was started."""
    record: CallRecord | None = None
    error: Exception | None = None

    @property
    def names(self) -> list[str]:
        """The model of each attempt."""
        return [each.candidate.name for each in self.attempts]

    @property
    def waits(self) -> list[float]:
        """The wait before each attempt."""
        return [each.wait for each in self.attempts]


Step = tuple[Callable[[], GatewayError] | None, float]
"""What makes the error of an attempt, or `None`, and the seconds it takes."""


def tell(
    models: Sequence[ModelInfo | str],
    script: Sequence[Step],
    *,
    health: Health | None = None,
    jitter: float = 1.0,
    **limits: float,
) -> Told:
    """Tell a flow over *models* the *script*, then success; no time passes but the script's."""
    clock, told = Clock(), Told()
    steps = iter(script)
    running = attempts(
        decision(*models), Attempts.model_validate(limits), health,
        clock=clock, jitter=lambda: jitter,
    )  # fmt: skip
    began = clock.now
    try:
        attempt = next(running)
        while True:
            clock.now += attempt.wait
            told.attempts.append(attempt)
            told.starts.append(clock.now - began)
            make, seconds = next(steps, (None, 0.0))
            clock.now += seconds
            attempt = running.send(Outcome(error=make() if make else None, usage=Usage(1, 1)))
    except StopIteration as done:
        told.record = done.value
    except (GatewayError, AllModelsFailedError) as error:
        told.error = error
        told.record = error.record
    return told


def fails(kind: type[GatewayError], seconds: float = 0.0, **facts: object) -> Step:
    """A failed attempt."""
    return lambda: kind("no", **facts), seconds  # type: ignore[arg-type]


def test_first_answer_ends_it() -> None:
    """An answer ends the call with a record of the one attempt."""
    told = tell(["a", "b"], [])

    assert told.names == ["a"]
    assert told.record is not None
    assert told.record.model == "a"


def test_retry_then_fallback() -> None:
    """A model is tried again as often as declared, then the next one is."""
    told = tell(["a", "b"], [fails(ServerError)] * 2, max_retries=1)

    assert told.names == ["a", "a", "b"]
    assert told.record is not None
    assert [outcome.error is None for _, outcome in told.record.attempts] == [False, False, True]
    assert [attempt.number for attempt in told.attempts] == [1, 2, 3]


def test_what_may_be_billed_is_tried_twice() -> None:
    """An attempt that may be billed is made once more, whatever was retried before it."""
    twice = tell(["a"], [fails(ConnectionLostError)] * 9, max_retries=5, max_attempts=9)
    after = tell(["a"], [fails(RateLimitError), fails(ConnectionLostError)], max_retries=5)

    assert twice.names == ["a"] * 2
    assert after.names == ["a"] * 3
    assert after.error is None


def test_waits_double() -> None:
    """The wait before the same model doubles up to its bound; another model waits for nothing."""
    told = tell(["a", "b"], [fails(ServerError)] * 8, max_retries=6, max_attempts=9)

    assert told.waits == [0, 0.5, 1, 2, 4, 8, 8, 0, 0.5]


def test_jitter_halves_at_most() -> None:
    """Jitter spreads a wait over the upper half of its length."""
    assert tell(["a"], [fails(ServerError)], jitter=0.0).waits == [0, 0.25]
    assert tell(["a"], [fails(ServerError)], jitter=1.0).waits == [0, 0.5]


def test_retry_after_is_obeyed() -> None:
    """A model that asks for a wait gets that wait, to the second."""
    told = tell(["a", "b"], [fails(RateLimitError, retry_after=3.25)])

    assert (told.names, told.waits) == (["a", "a"], [0, 3.25])


def test_retry_after_too_long() -> None:
    """A model that asks for a long wait is left for the next one at once."""
    told = tell(["a", "b"], [fails(RateLimitError, retry_after=flow.LONGEST_WAIT + 1)])

    assert (told.names, told.waits) == (["a", "b"], [0, 0])


def test_retry_after_beyond_the_deadline() -> None:
    """A wait that the deadline does not allow is not begun: the next model is tried instead."""
    told = tell(["a", "b"], [fails(RateLimitError, 9.0, retry_after=5.0)], timeout=10)

    assert (told.names, told.starts) == (["a", "b"], [0, 9])


def test_attempts_get_what_is_left() -> None:
    """Each attempt may take what the deadline leaves, its own wait deducted."""
    told = tell(["a"], [fails(ServerError, 2.0)], timeout=10)

    assert [each.timeout for each in told.attempts] == [10, 7.5]


def test_deadline() -> None:
    """When no time is left no attempt is started, and the error has those there were."""
    told = tell(["a", "b"], [fails(GatewayTimeoutError, 10.0)], timeout=10, max_retries=0)

    assert told.names == ["a"]
    assert isinstance(told.error, DeadlineExceededError)
    assert "within 10 s, after 1 attempts; the last failed: no" in str(told.error)
    assert told.record is not None
    assert len(told.record.attempts) == 1


@pytest.mark.parametrize(
    "kind",
    [AuthenticationError, QuotaExceededError, InvalidRequestError, ContentFilteredError],
)
def test_raised_at_once(kind: type[GatewayError]) -> None:
    """What no other model would mend is raised at once, as itself, with the record."""
    told = tell(["a", "b"], [fails(kind)])

    assert told.names == ["a"]
    assert type(told.error) is kind
    assert told.record is not None


def test_connection_error_tries_again_but_no_other_model() -> None:
    """An endpoint that cannot be reached is tried again; another model of it is not."""
    told = tell(["a", "b"], [fails(GatewayConnectionError)] * 2)

    assert told.names == ["a", "a"]
    assert type(told.error) is GatewayConnectionError


def test_model_not_found_is_not_retried() -> None:
    """A model that is not there is left without a retry."""
    assert tell(["a", "b"], [fails(ModelNotFoundError)]).names == ["a", "b"]


def test_overflow_goes_to_a_larger_window() -> None:
    """A prompt that was too long goes to larger windows only, unknown ones counted as assumed."""
    models = [
        model("a", context_window=64_000), model("same", context_window=64_000),
        model("less", context_window=32_000), model("unknown"),
        model("more", context_window=128_000),
    ]  # fmt: skip

    told = tell(models, [fails(ContextOverflowError)])

    assert told.names == ["a", "more"]


def test_overflow_with_nowhere_to_go() -> None:
    """Without a larger window the overflow itself is raised."""
    told = tell(["a", "b"], [fails(ContextOverflowError)])

    assert type(told.error) is ContextOverflowError


def test_all_failed() -> None:
    """When all models failed the error has one error for each attempt."""
    told = tell(["a", "b"], [fails(ServerError)] * 4)

    assert isinstance(told.error, AllModelsFailedError)
    assert "all 2 models failed: a, b" in str(told.error)
    assert len(told.error.exceptions) == 4
    assert told.record is not None
    assert len(told.record.attempts) == 4


def test_max_attempts() -> None:
    """The declared number of attempts is the most there are, over all models."""
    told = tell(["a", "b", "c"], [fails(ServerError)] * 9, max_retries=5, max_attempts=3)

    assert told.names == ["a", "a", "a"]


def test_what_a_call_sets_goes_before_the_files_limits() -> None:
    """A deadline and retries of the call's own hold; of what it does not say the file's do."""
    limits = Attempts(timeout=60, max_retries=2, cooldown=7)

    own = limited(limits, 5, 0)

    assert limited(limits, None, None) == limits
    assert (own.timeout, own.max_retries, own.cooldown) == (5, 0, 7)


def test_only_model_has_all_its_retries() -> None:
    """`max_attempts` bounds a call over several models: one alone is retried as it was asked."""
    limits = Attempts(max_attempts=2)

    assert limited(limits, None, 5, one_model=True).max_attempts == 6
    assert limited(limits, None, 1, one_model=True).max_attempts == 2
    assert limited(limits, None, 5).max_attempts == 2


def test_health_is_told() -> None:
    """Health hears of the models that were given up and of the one that answered."""
    health = Health(clock=Clock())
    Turn(health, "b", 0.0).failed(ServerError("before"), cooldown=30)

    tell(["a", "b"], [fails(ServerError)] * 2, health=health)

    assert set(health.cooling().models) == {"a"}


def test_health_hears_of_a_broken_stream() -> None:
    """A model whose answer broke off in front of the user is given up too."""
    health = Health(clock=Clock())

    def cut() -> GatewayError:
        error = IncompleteResponseError("cut")
        error.shown = True
        return error

    tell(["a", "b"], [(cut, 0.0)], health=health)

    assert set(health.cooling().models) == {"a"}


KINDS = [
    AuthenticationError, ConnectionLostError, ContentFilteredError, ContextOverflowError,
    GatewayConnectionError, GatewayTimeoutError, IncompleteResponseError, InvalidRequestError,
    ModelNotFoundError, QuotaExceededError, RateLimitError, ServerError,
]  # fmt: skip
STEPS = st.builds(
    lambda kind, seconds, after: fails(kind, seconds, retry_after=after),
    st.sampled_from(KINDS),
    st.floats(0, 8),
    st.none() | st.floats(0.01, 100),
)
MODELS = st.lists(st.sampled_from([None, 8_000, 64_000, 128_000]), min_size=1, max_size=5).map(
    lambda windows: [model(f"m{n}", context_window=w) for n, w in enumerate(windows)]
)


@given(
    MODELS,
    st.lists(STEPS, max_size=12),
    st.integers(0, 4),
    st.integers(1, 8),
    st.floats(1, 40),
    st.floats(0, 1),
)
def test_any_script(
    models: list[ModelInfo],
    script: list[Step],
    max_retries: int,
    max_attempts: int,
    timeout: float,
    jitter: float,
) -> None:
    """Whatever goes wrong: attempts are bounded, in order and in time, and all are recorded."""
    told = tell(
        models, script, jitter=jitter,
        max_retries=max_retries, max_attempts=max_attempts, timeout=timeout,
    )  # fmt: skip

    assert told.record is not None
    assert [attempt for attempt, _ in told.record.attempts] == told.attempts
    assert len(told.attempts) <= max_attempts
    assert all(told.names.count(each.name) <= 1 + max_retries for each in models)
    assert told.names == sorted(told.names), "a model that was left is not tried again"
    assert all(start < timeout for start in told.starts)
    for attempt, start in zip(told.attempts, told.starts, strict=True):
        assert attempt.timeout == pytest.approx(timeout - start)
    outcomes = [outcome.error for _, outcome in told.record.attempts]
    for place, error in enumerate(outcomes[:-1]):
        after = told.attempts[place + 1]
        assert error is not None
        moved = after.candidate.name != told.names[place]
        assert error.fallback if moved else error.retryable
        if error.retry_after is not None and not moved:
            assert after.wait == error.retry_after
        if isinstance(error, ContextOverflowError):
            assert after.candidate.model.window > told.attempts[place].candidate.model.window
        if moved:
            assert after.wait == 0
    if told.error is None:
        assert outcomes[-1] is None
    else:
        assert told.error.record is told.record  # type: ignore[attr-defined]


# --- the drivers ------------------------------------------------------------------------

Item = str | Outcome
"""A piece of text, or what carries the outcome."""
Made = Sequence[Item | GatewayError]
"""What an attempt does: its items, or an error in the place where it comes."""


@pytest.fixture
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let retries follow one another at once."""
    monkeypatch.setattr(flow, "FIRST_WAIT", 0.0)


class Driver:
    """One of the four ways of driving a flow, over a script of what each attempt does."""

    def __init__(self, way: str, script: Sequence[Made], *models: str, **limits: float) -> None:
        self.way = way
        self.script = iter(script)
        self.closed = 0
        self.shown: list[Item] = []
        self.call: Call[Item] = Call(
            attempts(decision(*(models or ("a", "b"))), Attempts.model_validate(limits)),
            lambda item: item if isinstance(item, Outcome) else None,
        )

    def drive(self) -> list[Item]:
        """All that the caller gets; an answer that is not streamed comes as its items."""
        if self.way == "run":
            self.call.run(self._whole)
        elif self.way == "arun":
            asyncio.run(self.call.arun(self._awhole))
        elif self.way == "stream":
            for item in self.call.stream(self._pieces, lambda item: bool(item)):
                self.shown.append(item)
        else:
            asyncio.run(self._astream())
        return self.shown

    def outcome(self) -> tuple[CallRecord | None, Exception | None]:
        """The record of the call, and what it raised."""
        try:
            self.drive()
        except (GatewayError, AllModelsFailedError) as error:
            return error.record, error
        return self.call.record, None

    async def _astream(self) -> None:
        async for item in self.call.astream(self._apieces, lambda item: bool(item)):
            self.shown.append(item)

    def _whole(self, attempt: Attempt) -> Item:
        items = list(self._pieces(attempt))
        self.shown += items
        return items[-1]

    async def _awhole(self, attempt: Attempt) -> Item:
        return self._whole(attempt)

    def _pieces(self, attempt: Attempt) -> Iterator[Item]:
        try:
            for item in next(self.script):
                if isinstance(item, GatewayError):
                    raise item
                yield item
        finally:
            self.closed += 1

    async def _apieces(self, attempt: Attempt) -> AsyncIterator[Item]:
        for item in self._pieces(attempt):
            yield item


DRIVERS = ("run", "arun", "stream", "astream")
every_driver = pytest.mark.parametrize("way", DRIVERS)
streams = pytest.mark.parametrize("way", ["stream", "astream"])
END = Outcome(finish_reason="stop", usage=Usage(1, 2))


@every_driver
@pytest.mark.usefixtures("no_waits")
def test_drivers_agree(way: str) -> None:
    """All four drivers make the same attempts of the same script."""
    script: list[Made] = [
        [RateLimitError("slow", request_id="r1")],
        [ServerError("no", request_id="r2")],
        ["hel", "lo", END],
    ]
    driver = Driver(way, script)

    driver.drive()

    tried = driver.call.record.attempts
    assert [attempt.candidate.name for attempt, _ in tried] == ["a", "a", "b"]
    assert [outcome.request_id for _, outcome in tried] == ["r1", "r2", None]
    assert tried[-1][1].usage == Usage(1, 2)
    assert driver.shown[-3:-1] == ["hel", "lo"]
    assert driver.closed == 3


@every_driver
@pytest.mark.usefixtures("no_waits")
@given(
    st.lists(
        st.sampled_from([None, ServerError, AuthenticationError, ModelNotFoundError]), max_size=6
    )
)
def test_drivers_do_what_the_flow_says(way: str, kinds: list[type[GatewayError] | None]) -> None:
    """Any script, by any driver, makes the attempts that the flow alone would make."""
    told = tell(["a", "b"], [fails(kind) if kind else (None, 0.0) for kind in kinds])
    script: list[Made] = [[kind("no")] if kind else [END] for kind in kinds]
    driver = Driver(way, [*script, *[[END]] * 9])

    record, error = driver.outcome()

    assert record is not None
    assert [attempt.candidate.name for attempt, _ in record.attempts] == told.names
    assert type(error) is type(told.error)


@streams
@pytest.mark.usefixtures("no_waits")
def test_nothing_visible_may_be_retried(way: str) -> None:
    """What came before anything could be seen is dropped with its attempt."""
    driver = Driver(way, [["", "", ConnectionLostError("lost")], ["", "hello", END]])

    assert driver.drive() == ["", "hello", END]


@streams
@pytest.mark.usefixtures("no_waits")
def test_nothing_is_retried_once_seen(way: str) -> None:
    """After the first visible item an error reaches the caller: no retry, no second model."""
    driver = Driver(way, [["hel", IncompleteResponseError("cut")], ["XX", END]])

    with pytest.raises(IncompleteResponseError) as caught:
        driver.drive()

    assert driver.shown == ["hel"]
    assert caught.value.shown
    assert caught.value.record is not None
    assert len(caught.value.record.attempts) == 1


@streams
def test_visible_items_are_not_held_back(way: str) -> None:
    """An item is handed on before the next one is asked for."""
    driver = Driver(way, [["one", "two", END]])
    seen: list[tuple[Item, int]] = []

    def pieces(attempt: Attempt) -> Iterator[Item]:
        for number, item in enumerate(("one", "two", END)):
            asked.append(number)
            yield item

    async def apieces(attempt: Attempt) -> AsyncIterator[Item]:
        for item in pieces(attempt):
            yield item

    async def read() -> None:
        async for item in driver.call.astream(apieces, bool):
            seen.append((item, len(asked)))

    asked: list[int] = []
    if way == "stream":
        seen += [(item, len(asked)) for item in driver.call.stream(pieces, bool)]
    else:
        asyncio.run(read())

    assert seen[:2] == [("one", 1), ("two", 2)]


@every_driver
def test_record_before_the_end(way: str) -> None:
    """A call that has not ended has no record yet, and says what to do."""
    with pytest.raises(RuntimeError, match="to the end"):
        _ = Driver(way, []).call.record


def test_abandoned_stream_is_closed() -> None:
    """Leaving a stream closes the attempt under it."""
    driver = Driver("stream", [["one", "two", END]])

    with closing(driver.call.stream(driver._pieces, bool)) as items:
        next(items)

    assert driver.closed == 1


def test_abandoned_async_stream_is_closed() -> None:
    """Leaving an async stream closes the attempt under it."""
    driver = Driver("astream", [["one", "two", END]])

    async def leave() -> None:
        async with aclosing(driver.call.astream(driver._apieces, bool)) as items:
            await anext(items)

    asyncio.run(leave())

    assert driver.closed == 1


@every_driver
def test_error_of_another_kind_passes(way: str) -> None:
    """An error that is none of the gateway's is not retried, and passes as it is."""
    driver = Driver(way, [])
    made: list[Attempt] = []

    def pieces(attempt: Attempt) -> Iterator[Item]:
        made.append(attempt)
        raise ValueError("bug")
        yield END

    driver._pieces = pieces  # type: ignore[method-assign]
    with pytest.raises(ValueError, match="bug"):
        driver.drive()

    assert len(made) == 1


@every_driver
def test_drivers_wait(way: str) -> None:
    """A driver waits as long as the flow says before it tries again."""
    driver = Driver(way, [[RateLimitError("slow", retry_after=0.1)], [END]])
    started = time.monotonic()

    driver.drive()

    record = driver.call.record
    assert [attempt.wait for attempt, _ in record.attempts] == [0, 0.1]
    assert record.seconds >= 0.1
    assert 0.1 <= time.monotonic() - started < 10


@every_driver
def test_mark_is_put_on_the_answer(way: str) -> None:
    """The record is put on the answer, or on the item of a stream that carries the outcome."""
    driver = Driver(way, [["a", END]])
    marked: list[CallRecord] = []

    def mark(item: Item, record: CallRecord) -> Item:
        marked.append(record)
        return item

    driver.call._mark = mark
    driver.drive()

    assert marked == [driver.call.record]
