"""Circuits: what opens them, for how long, and who may try again; by a clock the test turns."""

from __future__ import annotations

import asyncio
import pickle
import time
import weakref

import pytest

from globalapi_core import circuits, health, signals
from globalapi_core.circuits import FIRST_REFUSAL, LONGEST_PAUSE, SPREAD, STREAK
from globalapi_core.errors import (
    AuthenticationError,
    ContentFilteredError,
    ContextOverflowError,
    DeadlineExceededError,
    GatewayConnectionError,
    GatewayError,
    IncompleteResponseError,
    InvalidRequestError,
    ModelNotFoundError,
    QuotaExceededError,
    RateLimitError,
    ServerError,
)
from globalapi_core.health import Health, Turn
from globalapi_core.pricing import Usage
from globalapi_core.settings import Endpoint
from globalapi_core.signals.correction import Correction

from .circuit_helpers import COOLDOWN, Clock, fail, left, refusal, unvarying

HERE = Endpoint("https://here.example/v1", "sk-canary-1")
THERE = Endpoint("https://there.example/v1", "sk-canary-1")
OTHER_KEY = Endpoint("https://here.example/v1", "sk-canary-2")


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def ill(clock: Clock) -> Health:
    """Circuits that vary no pause."""
    return unvarying(clock, endpoint=HERE)


# --- what opens a circuit, and for how long ------------------------------------------------


def test_failed_model_cools_down(ill: Health, clock: Clock) -> None:
    """After one failure others go first for the cooldown, and no longer."""
    fail(ill, ServerError("no"))

    assert left(ill) == 30
    assert ill.turn("a") is None
    assert ill.turn("b") is not None
    clock.now += 29
    assert left(ill) == 1
    assert ill.turn("a") is None
    clock.now += 1
    assert left(ill) == 0
    assert ill.turn("a") is not None


@pytest.mark.parametrize(("asked", "pause"), [(5, 5), (120, 120), (10**6, LONGEST_PAUSE)])
def test_rate_limit_says_how_long(ill: Health, asked: float, pause: float) -> None:
    """A rate limit that says how long is taken at its word, within bounds and never shorter."""
    fail(ill, RateLimitError("slow", retry_after=asked))

    assert left(ill) == pytest.approx(pause * (1 + SPREAD / 2))


@pytest.mark.parametrize(("asked", "pause"), [(5, 30), (120, 120 * (1 + SPREAD / 2))])
def test_failed_server_says_how_long(ill: Health, asked: float, pause: float) -> None:
    """A failed server that asks for a longer wait gets it, and never a shorter one."""
    fail(ill, ServerError("busy", retry_after=asked))

    assert left(ill) == pause


def test_stream_that_broke_off_adds_to_no_streak(ill: Health) -> None:
    """A model that had been answering comes after the others, and is never refused for it."""
    broken = IncompleteResponseError("cut")
    broken.shown = True

    fail(ill, broken, times=3 * STREAK)

    assert left(ill) == 30
    assert refusal(ill) is None


def test_pauses_double_up_to_a_bound(ill: Health, clock: Clock) -> None:
    """Each failure in a row doubles the pause, up to ten minutes."""
    pauses = []
    for _ in range(40):
        fail(ill, ServerError("no"))
        pauses.append(left(ill))
        clock.now += pauses[-1] or 0

    assert pauses[:6] == [30, 60, 120, 240, 480, 600]
    assert set(pauses[6:]) == {LONGEST_PAUSE}


@pytest.mark.parametrize(("jitter", "pause"), [(0.0, 24), (0.5, 30), (1.0, 36)])
def test_pauses_vary(clock: Clock, jitter: float, pause: float) -> None:
    """A pause is up to a fifth shorter or longer: many processes do not come back at once."""
    health = Health(clock=clock, jitter=lambda: jitter)

    fail(health, ServerError("no"))

    assert left(health) == pytest.approx(pause)


def test_configured_cooldown_may_be_longer_than_the_bound(clock: Clock) -> None:
    """Whoever sets an hour gets an hour."""
    health = Health(clock=clock, jitter=lambda: 0.5)

    fail(health, ServerError("no"), times=3, cooldown=3_600)

    assert left(health) == 3_600


@pytest.mark.parametrize(
    "kind",
    [InvalidRequestError, ContextOverflowError, ContentFilteredError, DeadlineExceededError],
)
def test_fault_of_the_request_opens_nothing(ill: Health, kind: type[GatewayError]) -> None:
    """Row 148: a caller's own mistake, however often, leaves no model out."""
    fail(ill, kind("bad", status=400), times=20)

    assert left(ill) is None
    assert refusal(ill) is None


def test_failures_side_by_side_count_once(ill: Health, clock: Clock) -> None:
    """Twenty calls that were under way when a model failed say what one of them says."""
    turns = [Turn(ill, "a", clock.now) for _ in range(20)]
    for turn in turns:
        clock.now += 0.01
        turn.failed(ServerError("no"), cooldown=COOLDOWN)

    assert left(ill) == pytest.approx(30 - 0.19)
    assert refusal(ill) is None


def test_answer_closes(ill: Health) -> None:
    """A model that answers is well again, and its next failure is a first one."""
    fail(ill, ModelNotFoundError("gone"), times=2)

    Turn(ill, "a", ill._clock()).answered()
    Turn(ill, "never failed", 0.0).answered()

    assert left(ill) is None
    fail(ill, ServerError("no"))
    assert left(ill) == 30


def test_answer_that_began_before_the_failure(ill: Health, clock: Clock) -> None:
    """A long answer that began before a model failed does not show that it works again."""
    long = Turn(ill, "a", clock.now)
    clock.now += 1
    fail(ill, RateLimitError("slow"))

    long.answered()

    assert left(ill) == 30


# --- the key, the endpoint ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "elsewhere", "with_other_key"),
    [
        (AuthenticationError("no"), 30, None),
        (QuotaExceededError("no"), 30, None),
        (GatewayConnectionError("no"), None, 30),
        (ServerError("no"), None, None),
    ],
)
def test_scope_says_who_is_left_out(
    ill: Health, error: GatewayError, elsewhere: float | None, with_other_key: float | None
) -> None:
    """Row 147: a key's failure is that of all with the key, an endpoint's of all behind it."""
    fail(ill, error)

    assert left(ill, "a") == 30
    assert left(ill, "sibling") == (None if error.scope == "model" else 30)
    assert left(ill.at(THERE), "sibling") == elsewhere
    assert left(ill.at(OTHER_KEY), "sibling") == with_other_key
    assert (ill.turn("sibling") is None) is (error.scope != "model")


def test_models_without_a_key_do_not_share_one(clock: Clock) -> None:
    """Two servers that need no key have no account in common."""
    one = Health(Endpoint("http://127.0.0.1:1/v1"), clock=clock)

    fail(one, AuthenticationError("who are you?"))

    assert left(one, "sibling")
    assert left(one.at(Endpoint("http://127.0.0.1:2/v1")), "a") is None


def test_status_shows_that_the_endpoint_is_there(ill: Health, clock: Clock) -> None:
    """An error that a server sent ends the endpoint's cooldown, not the model's."""
    fail(ill, GatewayConnectionError("refused"), times=3)
    clock.now += 1_000

    fail(ill, ServerError("busy", status=503))

    assert left(ill, "sibling") is None
    assert left(ill, "a") == 30


def test_key_is_not_held(ill: Health) -> None:
    """No circuit, snapshot, error or pickle has the key."""
    fail(ill, AuthenticationError("not accepted"), times=5)

    told = [ill.__dict__, ill._board.circuits, ill.cooling(), refusal(ill), pickle.dumps(ill)]

    assert "canary" not in repr(told)


# --- nobody else to call ----------------------------------------------------------------------


def test_one_failure_refuses_nobody(ill: Health) -> None:
    """A call with nowhere else to go is made as ever until a streak of failures."""
    for _ in range(STREAK - 1):
        fail(ill, ServerError("no"))
        last = ill.last_resort("a")
        assert isinstance(last, Turn)
        assert not last.once


@pytest.mark.parametrize(
    "kind",
    [AuthenticationError, QuotaExceededError, GatewayConnectionError, RateLimitError, ServerError],
)
def test_streak_refuses(ill: Health, clock: Clock, kind: type[GatewayError]) -> None:
    """After a streak such a call fails at once, as what opened the circuit, and says until when."""
    fail(ill, kind("it is over"), times=STREAK - 1)
    clock.now += 4
    fail(ill, kind("it is over"))
    clock.now += 0.25

    error = refusal(ill)

    assert type(error) is kind
    assert error.retry_after == FIRST_REFUSAL - 0.25
    assert error.status is None
    assert f"failed {STREAK} times in a row, first 4 s ago; tried again in 0.8 s" in str(error)
    assert str(error).endswith("The last failure: it is over")


def test_refusals_double_up_to_the_cooldown(ill: Health, clock: Clock) -> None:
    """Whoever has nowhere else to go waits for a second at first, never beyond the cooldown."""
    fail(ill, ServerError("no"), times=STREAK - 1)
    waits = []
    for _ in range(9):
        fail(ill, ServerError("no"))
        error = refusal(ill)
        assert error is not None
        waits.append(error.retry_after)
        clock.now += error.retry_after or 0

    assert waits == [1, 2, 4, 8, 16, 30, 30, 30, 30]


def test_server_says_how_long_nobody_is_called(ill: Health, clock: Clock) -> None:
    """After a streak a server's own wish is kept, though the cooldown is shorter."""
    fail(ill, RateLimitError("slow", retry_after=100), times=STREAK)

    clock.now += 99
    assert refusal(ill) is not None
    clock.now += 12
    assert refusal(ill) is None


def test_failed_error_is_not_held(ill: Health) -> None:
    """What a traceback keeps alive, a prompt among it, does not outlive its call."""
    error = ServerError("no")
    kept = weakref.ref(error)

    fail(ill, error)
    del error

    assert kept() is None
    assert left(ill) == 30


def test_wall_clock_jumps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Row 130: setting the clock of the machine neither ends a pause nor prolongs it."""
    health = Health()
    fail(health, ServerError("no"))

    for jumped in (time.time() - 3_600, time.time() + 3_600):
        monkeypatch.setattr(time, "time", lambda at=jumped: at)

        assert 20 < (left(health) or 0) <= 36


# --- one may try ------------------------------------------------------------------------------


def test_one_probe(ill: Health, clock: Clock) -> None:
    """Row 144: after the pause one call may try; the others go elsewhere meanwhile."""
    fail(ill, ServerError("no"))
    clock.now += 30

    probe = ill.turn("a")

    assert probe is not None
    assert ill.turn("a") is None
    assert str(ill.cooling().of("a")).endswith("another call is trying it")


def test_probe_after_a_streak_is_alone_and_tried_once(ill: Health, clock: Clock) -> None:
    """Nor is it retried; others that have nowhere to go fail at once until it has ended."""
    fail(ill, ServerError("no"), times=STREAK)
    clock.now += FIRST_REFUSAL

    probe = ill.last_resort("a")
    other = ill.last_resort("a")

    assert isinstance(probe, Turn)
    assert probe.once
    assert isinstance(other, ServerError)
    assert "when the call that is trying it has ended" in str(other)
    assert other.retry_after == FIRST_REFUSAL


def test_probe_that_fails(ill: Health, clock: Clock) -> None:
    """A failed probe opens the circuit again, for longer."""
    fail(ill, ServerError("no"))
    clock.now += 30
    probe = ill.turn("a")
    assert probe is not None

    with probe:
        probe.failed(ServerError("still no"), cooldown=COOLDOWN)

    assert left(ill) == 60


def test_failure_of_another_call_leaves_the_probe_out(ill: Health, clock: Clock) -> None:
    """A call with nowhere else to go that fails meanwhile makes room for no second probe."""
    fail(ill, ServerError("no"))
    clock.now += 30
    probe = ill.turn("a")
    assert probe is not None

    fail(ill, ServerError("no"))
    clock.now += 60

    assert ill.turn("a") is None
    with probe:
        pass
    assert ill.turn("a") is not None


@pytest.mark.parametrize("ending", ["nothing", "exception", "fault of the request"])
def test_probe_that_says_nothing_gives_its_place_back(
    ill: Health, clock: Clock, ending: str
) -> None:
    """A probe that was cancelled, or failed by its own fault, leaves its place to the next."""
    fail(ill, ServerError("no"))
    clock.now += 30
    probe = ill.turn("a")
    assert probe is not None

    try:
        with probe:
            if ending == "exception":
                raise asyncio.CancelledError
            if ending == "fault of the request":
                probe.failed(InvalidRequestError("bad", status=400), cooldown=COOLDOWN)
    except asyncio.CancelledError:
        pass

    assert left(ill) == 0
    assert ill.turn("a") is not None


def test_lost_probe_does_not_keep_its_place(ill: Health, clock: Clock) -> None:
    """A probe that never reports counts as lost after a while; then it says nothing more."""
    fail(ill, ServerError("no"))
    clock.now += 30
    lost = ill.turn("a")
    assert lost is not None
    clock.now += LONGEST_PAUSE

    probe = ill.turn("a")
    lost.__exit__(None, None, None)

    assert probe is not None
    assert ill.turn("a") is None


def test_probe_of_an_endpoint_is_of_all_its_models(ill: Health, clock: Clock) -> None:
    """One call tries an endpoint again, whichever its model; its answer frees all."""
    fail(ill, GatewayConnectionError("refused"), "a")
    clock.now += 30

    probe = ill.turn("b")
    assert probe is not None
    assert ill.turn("a") is None
    with probe:
        probe.answered()

    assert ill.turn("a") is not None


def test_circuits_are_bounded(ill: Health, monkeypatch: pytest.MonkeyPatch) -> None:
    """Failures of ever new models do not fill the memory."""
    monkeypatch.setattr(health, "MOST_CIRCUITS", 50)

    for number in range(200):
        fail(ill, ModelNotFoundError("gone"), f"m{number}")

    assert len(ill.cooling().models) == 50


def test_refusal_is_of_the_kind_and_of_nobodys_call() -> None:
    """What is kept of a failure is its kind, its words and what may be done about it."""
    error = ServerError("no", model="a", status=503, retryable=False, partial_text="secret")

    kept = circuits.opened(None, error, 0.0, 30.0, 0.5).error

    assert (type(kept), str(kept), kept.retryable) == (ServerError, "no", False)
    assert (kept.model, kept.status, kept.partial_text, kept.record) == (None, None, "", None)


def test_returned_usage_corrects_estimates() -> None:
    """What calls show of a family's tokenizer makes the next estimates for that family better."""
    watched = Health()
    messages = [{"role": "user", "content": "word " * 1_000}]
    before = signals.read(messages)
    estimated = before.tokens("kimi")

    for _ in range(40):
        turn = watched.turn("m")
        assert turn is not None
        turn.counted("kimi", before, Usage(input_tokens=round(estimated * 1.5)))

    after = signals.read(messages, correction=watched.correction)
    assert after.tokens("kimi") == pytest.approx(estimated * 1.5, rel=0.15)
    assert after.tokens("qwen") == before.tokens("qwen")


@pytest.mark.parametrize("usage", [None, Usage(), Usage(input_tokens=1)])
def test_usage_that_says_nothing_corrects_nothing(usage: Usage | None) -> None:
    """A gateway that claims no tokens, or a number that cannot be, is not learned from."""
    watched = Health()
    facts = signals.read([{"role": "user", "content": "word " * 1_000}])
    turn = watched.turn("m")
    assert turn is not None

    turn.counted("kimi", facts, usage)

    assert watched.correction == Correction()


def test_pictures_correct_nothing() -> None:
    """What a picture costs is a guess of another kind."""
    watched = Health()
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}
    content = [{"type": "text", "text": "word " * 1_000}, picture]
    turn = watched.turn("m")
    assert turn is not None

    turn.counted("gpt", signals.read([{"role": "user", "content": content}]), Usage(3_000))

    assert watched.correction == Correction()
