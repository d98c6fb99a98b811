"""A record tells the whole story of a call, and no secret of it."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from decimal import Decimal

import pytest

from globalapi_core.errors import (
    AbandonedError,
    AuthenticationError,
    ConnectionLostError,
    ContentFilteredError,
    GatewayConnectionError,
    GatewayError,
    GatewayTimeoutError,
    IncompleteResponseError,
    InvalidRequestError,
    ModelNotFoundError,
    RateLimitError,
    ResponseError,
    ServerError,
)
from globalapi_core.pricing import Cost, Usage
from globalapi_core.records import Outcome, Rejection
from globalapi_core.signals import Signals

from .helpers import decision, failed, model, record

A = model("a", price=1_000_000)
B = model("b", price=1)


def test_answer_of_the_first_choice() -> None:
    """A call that went well names its model and its cost."""
    made = record([("a", Outcome(usage=Usage(2, 3)))], decision(A, B))

    assert made.model == "a"
    assert not made.fell_back
    assert made.cost == Cost(Decimal(5), Decimal(5))
    assert made.usage == Usage(2, 3)


def test_answer_of_another_model() -> None:
    """A call that fell back says so, and names the model that answered."""
    made = record([("a", failed(ServerError("no"))), ("b", Outcome())], decision(A, B))

    assert made.model == "b"
    assert made.fell_back


def test_no_answer() -> None:
    """A call without an answer has no model."""
    made = record([("a", failed(ServerError("no")))], decision(A))

    assert made.model is None
    assert not made.fell_back
    assert record([], decision(A)).model is None
    assert record([], decision(A)).usage is None


def test_cost_counts_failed_attempts_that_were_billed() -> None:
    """A failed attempt whose usage is known is part of the cost, a refused one is not."""
    billed = failed(IncompleteResponseError("cut"), usage=Usage(1, 1))

    made = record(
        [("a", billed), ("a", failed(ServerError("no"))), ("b", Outcome(usage=Usage(0, 0)))],
        decision(A, B),
    )

    assert made.cost.usd == 2
    assert made.estimated_cost == Cost(Decimal(0), Decimal(0))


def lost(tokens: int | None = 4) -> GatewayError:
    """A connection lost in the middle of an answer."""
    error = ConnectionLostError("lost", partial_text="some text")
    error.partial_tokens = tokens
    return error


def test_failed_attempt_of_unknown_usage_is_estimated() -> None:
    """143: what may have been billed makes the cost unknown, and is estimated beside it."""
    broken = failed(lost()).estimated(Signals(input_tokens=10))

    made = record([("a", broken), ("b", Outcome(usage=Usage(2_000_000, 0)))], decision(A, B))

    assert made.cost == Cost(None, Decimal(2), ("usage",))
    assert made.estimated_cost == Cost(Decimal(14), Decimal(14))


@pytest.mark.parametrize(
    "error",
    [
        ConnectionLostError("lost"), GatewayTimeoutError("late"), IncompleteResponseError("cut"),
        ResponseError("html"), AbandonedError("left"),
    ],
)  # fmt: skip
def test_what_may_have_been_billed(error: GatewayError) -> None:
    """A request that reached the gateway and was not refused may have been billed."""
    made = record([("a", failed(error).estimated(Signals(input_tokens=10)))], decision(A))

    assert made.cost.usd is None
    assert made.estimated_cost.usd == 10


@pytest.mark.parametrize(
    "error",
    [
        RateLimitError("slow", status=429), ServerError("no", status=503),
        GatewayConnectionError("refused"), InvalidRequestError("bad", status=400),
        AuthenticationError("no", status=401), ModelNotFoundError("no", status=404),
        ContentFilteredError("no", status=400),
    ],
)  # fmt: skip
def test_what_was_refused_costs_nothing(error: GatewayError) -> None:
    """A rejection is known to cost nothing, and nothing is estimated of it."""
    made = record([("a", failed(error).estimated(Signals(input_tokens=10)))], decision(A))

    assert made.cost.usd == 0
    assert made.estimated_cost.usd == 0


@pytest.mark.parametrize(
    ("said", "estimate"),
    [
        (None, Usage(10, 4)),
        (Usage(input_tokens=7), Usage(0, 4)),
        (Usage(output_tokens=7), Usage(10, 0)),
        (Usage(7, 7), None),
    ],
)
def test_only_what_was_not_said_is_estimated(said: Usage | None, estimate: Usage | None) -> None:
    """What the gateway says of an attempt is never estimated a second time."""
    outcome = failed(lost(), usage=said).estimated(Signals(input_tokens=10))

    assert outcome.usage == said
    assert outcome.estimate == estimate


def test_estimate_of_what_nobody_knows() -> None:
    """Where nobody knows what had come of an answer, its estimate is unknown, not nothing."""
    made = record([("a", failed(lost(None)).estimated(Signals(input_tokens=10)))], decision(A))

    assert made.estimated_cost == Cost(None, Decimal(10), ("output tokens",))


def test_answer_without_usage_is_estimated() -> None:
    """A whole answer of which no usage was said is estimated by its length."""
    answered = Outcome(estimate=Usage(output_tokens=5)).estimated(Signals(input_tokens=10))

    made = record([("a", answered)], decision(A))

    assert made.cost == Cost(None, Decimal(0), ("usage",))
    assert made.estimated_cost.usd == 15


def test_estimates_as_json() -> None:
    """As JSON what is known and what is estimated stand apart, for the call and each attempt."""
    broken = failed(lost()).estimated(Signals(input_tokens=10))
    passed = (Rejection("dear", "may cost too much"),)
    made = replace(
        record([("a", broken), ("a", failed(RateLimitError("slow")))]), passed_over=passed
    )

    data = json.loads(json.dumps(made.as_dict()))

    assert data["cost"] == {"usd": None, "at_least": "0", "unknown": ["usage"]}
    assert data["estimated_cost"]["usd"] is None
    assert data["passed_over"] == {"dear": "may cost too much"}
    first, second = data["attempts"]
    assert first["usage"] is None
    assert first["estimate"] == {"input_tokens": 10, "output_tokens": 4}
    assert first["cost"]["unknown"] == ["usage"]
    assert (second["estimate"], second["cost"], second["estimated_cost"]) == (None, None, None)


def test_answer_without_usage() -> None:
    """An answer without usage has a cost that is unknown, not nothing."""
    made = record([("a", Outcome())], decision(A))

    assert made.cost == Cost(None, Decimal(0), ("usage",))


def test_record_as_json() -> None:
    """As JSON a record has every attempt with its outcome, error, status and wait."""
    error = RateLimitError("slow down", status=429)
    answered = Outcome(
        usage=Usage(2, 3), finish_reason="stop", response_model="served", request_id="r",
        adaptations=("changed",), seconds=0.5, first_delta=0.25,
    )  # fmt: skip

    data = json.loads(json.dumps(record([("a", failed(error)), ("b", answered)]).as_dict()))

    first, second = data["attempts"]
    assert (first["outcome"], first["error"], first["status"]) == (
        "RateLimitError",
        "slow down",
        429,
    )
    assert first["usage"] is None
    assert (second["outcome"], second["model"], second["number"]) == ("ok", "b", 2)
    assert second["usage"] == {"input_tokens": 2, "output_tokens": 3}
    assert second["first_delta"] == 0.25
    assert second["adaptations"] == ["changed"]
    assert (data["model"], data["route"], data["fell_back"]) == ("b", "r", True)


def test_half_an_answer_is_not_in_the_record() -> None:
    """What had come of a broken answer is on its error, not in the record's JSON or repr."""
    error = IncompleteResponseError("cut", partial_text="canary")

    made = record([("a", failed(error))])

    assert "canary" not in f"{made!r}{json.dumps(made.as_dict())}"


def test_record_pickles() -> None:
    """A record survives pickling, its errors included."""
    made = record([("a", failed(ServerError("no", status=500))), ("b", Outcome())])

    again = pickle.loads(pickle.dumps(made))  # noqa: S301

    assert again.as_dict() == made.as_dict()
