"""Money in the attempt loop: nothing is begun that may cost too much, and all is settled."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globalapi_core import flow
from globalapi_core.budget import Budget
from globalapi_core.catalog import ModelInfo
from globalapi_core.config import Attempts
from globalapi_core.errors import (
    AllModelsFailedError,
    BudgetExceededError,
    ConnectionLostError,
    GatewayConnectionError,
    GatewayError,
    IncompleteResponseError,
    InvalidInputError,
    RateLimitError,
    ServerError,
)
from globalapi_core.flow import Call, attempts
from globalapi_core.health import Health
from globalapi_core.pricing import Usage
from globalapi_core.records import Attempt, CallRecord, Outcome

from .helpers import decision, model

# A prompt has ten tokens and an answer ten at most: what may be 20 dollars, and 200.
CHEAP = model("cheap", price=1_000_000, max_output=10)
DEAR = model("dear", price=10_000_000, max_output=10)
UNPRICED = model("unpriced", max_output=10)
DONE = Outcome(usage=Usage(10, 10))


def lost(tokens: int = 5) -> GatewayError:
    """A connection lost after so many tokens of answer."""
    error = ConnectionLostError("lost")
    error.partial_tokens = tokens
    return error


def tell(
    models: Sequence[ModelInfo],
    script: Sequence[GatewayError] = (),
    *,
    max_cost: int | None = None,
    budget: Budget | None = None,
    health: Health | None = None,
    max_retries: int = 1,
) -> tuple[list[str], CallRecord | None, Exception | None]:
    """Tell a flow the *script*, then success: the models called, the record, the error."""
    limits = Attempts(max_retries=max_retries, max_cost=max_cost)
    running = attempts(decision(*models), limits, health, budget, jitter=lambda: 0.0)
    failures = iter(script)
    called = []
    try:
        attempt = next(running)
        while True:
            called.append(attempt.candidate.name)
            error = next(failures, None)
            attempt = running.send(Outcome(error=error) if error else DONE)
    except StopIteration as done:
        return called, done.value, None
    except (GatewayError, AllModelsFailedError, BudgetExceededError) as error:
        return called, error.record, error


def told(error: BudgetExceededError) -> tuple[object, ...]:
    """What an error says of the money."""
    return error.limit, error.spent, error.needed


# --- a ceiling for one call ---------------------------------------------------------------------


def test_dear_model_is_passed_over() -> None:
    """A model that may cost too much is not called; the record says why."""
    called, record, error = tell([DEAR, CHEAP], max_cost=20)

    assert (called, error) == (["cheap"], None)
    assert record is not None
    assert [each.name for each in record.passed_over] == ["dear"]
    assert "may cost $200; of attempts.max_cost, $20, nothing is spent" in str(
        record.passed_over[0]
    )


def test_model_without_a_price_is_passed_over() -> None:
    """A model that may cost anything is not called under a ceiling, and is without one."""
    under, record, _ = tell([UNPRICED, CHEAP], max_cost=1_000)
    without, _, _ = tell([UNPRICED, CHEAP])

    assert (under, without) == (["cheap"], ["unpriced"])
    assert record is not None
    assert "its price is not known" in str(record.passed_over[0])


def test_ceiling_that_nothing_fits() -> None:
    """Where no model is sure to stay within the ceiling none is called, and the error helps."""
    called, record, error = tell([DEAR, CHEAP], max_cost=19)

    assert called == []
    assert isinstance(error, BudgetExceededError)
    assert told(error) == (19, 0, 20)
    assert record is not None
    assert len(record.passed_over) == 2


def test_retry_that_would_pass_the_ceiling() -> None:
    """What failed attempts may have cost counts: a further one must fit beside it."""
    called, record, error = tell([CHEAP], [lost()] * 3, max_cost=34)
    enough, _, no_error = tell([CHEAP], [lost()], max_cost=35)

    assert called == ["cheap"]
    assert isinstance(error, BudgetExceededError)
    assert told(error) == (34, 15, 20)
    assert "The last attempt failed: lost" in str(error)
    assert record is not None
    assert len(record.attempts) == 1
    assert (enough, no_error) == (["cheap", "cheap"], None)


def test_refused_attempts_cost_nothing() -> None:
    """A refusal is not billed, and takes nothing from the ceiling."""
    called, _, error = tell([CHEAP], [RateLimitError("slow")], max_cost=20)

    assert (called, error) == (["cheap", "cheap"], None)


def test_fallback_that_would_pass_the_ceiling() -> None:
    """A failed model is followed by one that is dearer only if there is the money for it."""
    called, _, error = tell([CHEAP, DEAR], [lost()] * 2, max_cost=200)

    assert called == ["cheap", "cheap"]
    assert isinstance(error, BudgetExceededError)
    assert error.record is not None
    assert len(error.record.attempts) == 2


def test_money_does_not_hide_what_failed() -> None:
    """Where the last attempt was made and failed, that is what is said."""
    _, record, error = tell([UNPRICED, CHEAP], [ServerError("no")] * 2, max_cost=1_000)

    assert type(error) is ServerError
    assert record is not None
    assert [each.name for each in record.passed_over] == ["unpriced"]


def test_error_that_no_money_mends() -> None:
    """An endpoint that cannot be reached is said, though a model was passed over before."""
    _, _, error = tell([DEAR, CHEAP], [GatewayConnectionError("no")] * 2, max_cost=20)

    assert type(error) is GatewayConnectionError


def test_passed_over_model_is_not_ill() -> None:
    """What was not called for want of money has not failed, and is no probe."""
    health = Health()

    tell([DEAR, CHEAP], max_cost=20, health=health)

    assert not health.cooling().models


SCRIPTS = st.lists(
    st.builds(
        lambda kind, usage, tokens: (kind, usage, tokens),
        st.sampled_from(
            [ConnectionLostError, RateLimitError, ServerError, IncompleteResponseError]
        ),
        st.none() | st.builds(Usage, st.just(10), st.integers(0, 10)),
        st.integers(0, 10),
    ),
    max_size=10,
)


@given(
    st.permutations([CHEAP, DEAR, UNPRICED]),
    st.integers(1, 3),
    SCRIPTS,
    st.integers(0, 600),
    st.integers(0, 600),
)
def test_no_call_passes_its_limits(
    models: list[ModelInfo],
    number: int,
    script: list[tuple[type[GatewayError], Usage | None, int]],
    ceiling: int,
    left: int,
) -> None:
    """Whatever goes wrong: what is known and estimated of a call stays within both limits."""
    budget = Budget(Decimal(left))
    running = attempts(
        decision(*models[:number]), Attempts(max_retries=2, max_attempts=8, max_cost=ceiling),
        None, budget, jitter=lambda: 0.0,
    )  # fmt: skip
    record = None
    steps = iter(script)
    try:
        next(running)
        while True:
            kind, usage, tokens = next(steps, (None, None, 0))
            error = kind("no") if kind else None
            if error is not None:
                error.partial_tokens = tokens
            running.send(Outcome(error=error, usage=usage) if error else DONE)
    except StopIteration as done:
        record = done.value
    except (GatewayError, AllModelsFailedError, BudgetExceededError) as raised:
        record = raised.record

    assert record is not None
    come_to = record.cost.at_least + record.estimated_cost.at_least
    assert come_to <= min(ceiling, left)
    assert (budget.settled, budget.reserved) == (come_to, Decimal(0))
    if not record.attempts:
        assert len(record.passed_over) == number


# --- the drivers --------------------------------------------------------------------------------

Item = str | Outcome
Made = Sequence[Item | BaseException]
WAYS = ("run", "arun", "stream", "astream")
every_way = pytest.mark.parametrize("way", WAYS)
streams = pytest.mark.parametrize("way", ["stream", "astream"])


@pytest.fixture
def budget() -> Budget:
    """Enough for one dear answer."""
    return Budget(Decimal(200))


class Driver:
    """One way of driving a call of *DEAR*, then *CHEAP*, over a script of its attempts."""

    def __init__(
        self,
        way: str,
        budget: Budget,
        *script: Made,
        text: Callable[[Item], str] | None = str,
        max_retries: int = 0,
    ) -> None:
        self.way = way
        self.script = iter(script)
        limits = Attempts(max_retries=max_retries)
        self.call: Call[Item] = Call(
            attempts(decision(DEAR, CHEAP), limits, None, budget),
            lambda item: item if isinstance(item, Outcome) else None,
            text=text,
        )

    def drive(self) -> list[Item]:
        """All that the caller gets."""
        if self.way == "run":
            return [self.call.run(self._whole)]
        if self.way == "arun":
            return [asyncio.run(self.call.arun(self._awhole))]
        if self.way == "stream":
            return list(self.call.stream(self._pieces, bool))
        return asyncio.run(self._all())

    def leave(self) -> None:
        """Take the first item of a stream, and no more."""

        async def first() -> None:
            async with contextlib.aclosing(self.call.astream(self._apieces, bool)) as items:
                await anext(items)

        if self.way == "astream":
            asyncio.run(first())
            return
        with contextlib.closing(self.call.stream(self._pieces, bool)) as items:
            next(items)

    async def _all(self) -> list[Item]:
        return [item async for item in self.call.astream(self._apieces, bool)]

    def _whole(self, attempt: Attempt) -> Item:
        return list(self._pieces(attempt))[-1]

    async def _awhole(self, attempt: Attempt) -> Item:
        return self._whole(attempt)

    def _pieces(self, attempt: Attempt) -> Iterator[Item]:
        for item in next(self.script):
            if isinstance(item, BaseException):
                raise item
            yield item

    async def _apieces(self, attempt: Attempt) -> AsyncIterator[Item]:
        for item in self._pieces(attempt):
            yield item


@every_way
def test_answer_is_settled(way: str, budget: Budget) -> None:
    """An answer costs what it did; the rest of what was set aside is free again."""
    Driver(way, budget, ["hello", Outcome(usage=Usage(1, 2))]).drive()

    assert budget.settled == 30
    assert budget.reserved == 0


@every_way
def test_budget_falls_back_to_a_cheaper_model(way: str, budget: Budget) -> None:
    """What a failed attempt took is missing for the same model, not for a cheaper one."""
    driver = Driver(way, budget, [lost()], [DONE], max_retries=1)

    driver.drive()

    assert driver.call.record.model == "cheap"
    assert budget.settled == 150 + 20


@every_way
def test_empty_budget(way: str, budget: Budget) -> None:
    """With the budget spent nothing is called, and the error says whose money it is."""
    spent = budget.reserve(Decimal(199))
    assert spent is not None
    spent.settle(Decimal(199))

    with pytest.raises(BudgetExceededError, match=r"of budget, \$200, \$199 is spent") as caught:
        Driver(way, budget).drive()

    assert told(caught.value) == (200, 199, 20)


@streams
def test_abandoned_stream_is_estimated(way: str, budget: Budget) -> None:
    """A stream that is left is charged for the prompt and what had come: two tokens."""
    Driver(way, budget, ["a" * 10, "b" * 10, DONE]).leave()

    assert budget.settled == 100 + 20
    assert budget.reserved == 0


@streams
def test_abandoned_stream_nobody_counted(way: str, budget: Budget) -> None:
    """Where nobody knows what had come, a stream that is left costs the most."""
    Driver(way, budget, ["a" * 10, "b" * 10, DONE], text=None).leave()

    assert budget.settled == 200


@pytest.mark.parametrize("way", ["arun", "astream"])
def test_cancelled_call_is_estimated(way: str, budget: Budget) -> None:
    """A task that is cancelled while it waits for an answer is charged for its prompt."""
    driver, waits = Driver(way, budget), asyncio.Event()

    async def wait(attempt: Attempt) -> Item:
        waits.set()
        await asyncio.Event().wait()
        return DONE

    async def items(attempt: Attempt) -> AsyncIterator[Item]:
        yield await wait(attempt)

    async def ask() -> None:
        if way == "arun":
            await driver.call.arun(wait)
        else:
            async for _ in driver.call.astream(items, bool):
                pass

    async def cancel() -> None:
        task = asyncio.create_task(ask())
        await waits.wait()
        assert budget.reserved == 200
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(cancel())

    assert budget.reserved == 0
    assert budget.settled == 100


@every_way
def test_call_that_is_interrupted(way: str, budget: Budget) -> None:
    """Control-C in the middle of an attempt passes, and the attempt is charged."""
    with pytest.raises(KeyboardInterrupt):
        Driver(way, budget, [KeyboardInterrupt()]).drive()

    assert budget.reserved == 0
    assert budget.settled >= 100


@every_way
def test_request_that_was_not_sent(way: str, budget: Budget) -> None:
    """What is refused before it is sent costs nothing."""
    with pytest.raises(InvalidInputError):
        Driver(way, budget, [InvalidInputError("no JSON")]).drive()

    assert (budget.settled, budget.reserved) == (Decimal(0), Decimal(0))


@pytest.mark.parametrize("way", ["run", "stream"])
def test_interrupted_between_attempts(
    way: str, budget: Budget, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control-C in a wait gives back what was set aside for the attempt that is not made."""

    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", interrupt)

    with pytest.raises(KeyboardInterrupt):
        Driver(way, budget, [RateLimitError("slow")], max_retries=1).drive()

    assert (budget.settled, budget.reserved) == (Decimal(0), Decimal(0))


@pytest.mark.usefixtures("no_waits")
def test_crowd_of_calls_never_overruns() -> None:
    """A hundred calls at once, cut and refused at random, spend a budget and not a cent more."""
    budget = Budget(Decimal(2_000))

    def call(number: int) -> Decimal:
        kinds: list[GatewayError | None] = [None, lost(), RateLimitError("slow"), None]
        made = iter([*kinds[number % 4 :], None, None])
        flow = attempts(decision(CHEAP), Attempts(max_retries=2), None, budget)
        running: Call[Item] = Call(flow, lambda item: DONE)

        def make(attempt: Attempt) -> Item:
            assert budget.spent <= budget.usd
            error = next(made)
            if error is not None:
                raise error
            return DONE

        record: CallRecord | None
        try:
            running.run(make)
            record = running.record
        except (BudgetExceededError, GatewayError) as error:
            record = error.record
        return record.cost.at_least + record.estimated_cost.at_least if record else Decimal("NaN")

    with ThreadPoolExecutor(16) as pool:
        total = sum(pool.map(call, range(200)), Decimal(0))

    assert budget.settled == total
    assert budget.reserved == 0
    assert 2_000 - 20 < total <= 2_000


@pytest.fixture
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let retries follow one another at once."""
    monkeypatch.setattr(flow, "FIRST_WAIT", 0.0)
