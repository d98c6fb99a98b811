"""A record tells the whole story of a call, and no secret of it."""

from __future__ import annotations

import json
import pickle
from decimal import Decimal

from globalapi_core.errors import IncompleteResponseError, RateLimitError, ServerError
from globalapi_core.pricing import Cost, Usage
from globalapi_core.records import Outcome

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
    """A failed attempt whose usage is known is part of the cost, one without is not."""
    billed = failed(IncompleteResponseError("cut"), usage=Usage(1, 1))

    made = record(
        [("a", billed), ("a", failed(ServerError("no"))), ("b", Outcome(usage=Usage(0, 0)))],
        decision(A, B),
    )

    assert made.cost.usd == 2


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
