"""Checks: what an answer's text is held to, and when enough of a stream has come."""

from __future__ import annotations

from decimal import Decimal

import pytest

from globalapi_core import Answer, Client, Router, Sandbox, checks, parse_config
from globalapi_core.checks import Escalations, escalations
from globalapi_core.config import Attempts
from globalapi_core.errors import BrokenCheckError, RejectedAnswerError, ServerError
from globalapi_core.flow import attempts
from globalapi_core.health import Health
from globalapi_core.pricing import Usage
from globalapi_core.records import CallRecord, Outcome
from globalapi_core.settings import Endpoint
from globalapi_core.wire import ChatRequest, Delta, Wire

from .helpers import decision, model, record

REFUSAL = "I'm sorry, but I can't help with that."
LONG = (
    "The refund takes five working days, counted from the day on which we have the parcel back. "
    "Bank holidays do not count."
)


@pytest.mark.parametrize(
    "text",
    ['{"a": 1}', " [1, 2] ", '```json\n{"a": 1}\n```', '```\n["a"]\n```', '{"a": "```"}', "[]"],
)
def test_json_is_one_object_or_list(text: str) -> None:
    """Bare or in a code fence."""
    assert checks.json(text) is None


@pytest.mark.parametrize(
    "text",
    ["", "Here: {}", '{"a": 1', "{'a': 1}", '{"a": NaN}', '"text"', "42", '{"a": 1} {"b": 2}'],
)
def test_what_is_not_json_is_said_without_quoting_it(text: str) -> None:
    """Prose around it, a cut object, another spelling and a bare value are none."""
    assert (checks.json(text) or "").startswith("it is not JSON")


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b\ufeff"])
def test_nothing_to_see_is_empty(text: str) -> None:
    """Blanks and characters of no width are nothing."""
    assert checks.empty(text) == "it is empty"
    assert checks.empty(f"{text}a") is None


def test_unknown_check_is_refused() -> None:
    """A name there is not is an error that names those there are."""
    with pytest.raises(ValueError, match="'refused'; there are 'refusal', 'empty', 'json'"):
        checks.of(["refused"])


def test_all_that_is_wrong_is_said() -> None:
    """Every check that fails is told; only what fails by refusing alone is an answer."""
    both, one = (checks.of(names).rejected(REFUSAL) for names in (["refusal", "json"], ["refusal"]))

    assert both is not None
    assert one is not None
    assert str(both) == (
        "the answer will not do: it is a refusal; it is not JSON: no object and no list"
    )
    assert (both.is_answer, one.is_answer) == (False, True)
    assert (one.retryable, one.fallback, one.scope, one.partial_text) == (
        False, True, "request", REFUSAL,
    )  # fmt: skip


def test_callers_check_is_asked_last() -> None:
    """It does not see what another check turned down, but for a refusal."""
    read: list[str] = []
    held_to = checks.of(["refusal", "empty"], read.append)

    for text in ("", REFUSAL, "Five days."):
        held_to.rejected(text)

    assert read == [REFUSAL, "Five days."]


@pytest.mark.parametrize("verdict", [0, 1, ["no"], object()])
def test_verdict_of_another_type_is_an_error_of_the_callers(verdict: object) -> None:
    """A check that gives neither words nor a bool is broken, and the error says what to give."""
    error = checks.of([], lambda text: verdict).rejected("a")  # type: ignore[arg-type, return-value]

    assert isinstance(error, BrokenCheckError)
    assert isinstance(error.raised, TypeError)
    assert "expected None or True" in str(error.raised)
    assert not error.fallback


def test_async_check_is_an_error_of_the_callers() -> None:
    """It says what to give, and leaves no coroutine that nobody awaits."""

    async def check(text: str) -> None: ...

    error = checks.of([], check).rejected("a")  # type: ignore[arg-type]

    assert isinstance(error, BrokenCheckError)
    assert "expected a plain function" in str(error.raised)


@pytest.mark.parametrize(
    ("names", "text", "may_show"),
    [
        (["empty"], " ", False),
        (["empty"], "F", True),
        (["refusal"], LONG[:60], False),
        (["refusal"], LONG, True),
        (["refusal"], f"{REFUSAL} {REFUSAL} {REFUSAL}", False),
        (["refusal"], f"I'm sorry to hear that your parcel is late. {LONG}"[:150], False),
        (["refusal"], f"I'm sorry to hear that your parcel is late. {LONG} {LONG} {LONG}", True),
        (["refusal"], "退款需要五到七个工作日。" * 3, False),
        (
            ["refusal"],
            "退款需要五到七个工作日，从我们收到退回的包裹之日起计算，节假日顺延，请您耐心等待。",
            True,
        ),
        (["json"], f"{LONG} {LONG}", False),
    ],
)
def test_stream_is_shown_when_no_check_can_turn_it_down(
    names: list[str], text: str, may_show: bool
) -> None:
    """Eighty visible characters tell a refusal, a Chinese one counting twice; JSON, the end."""
    assert checks.of(names).may_show(text) is may_show


def test_callers_check_holds_a_stream_back() -> None:
    """It needs the whole answer."""
    assert not checks.of([], lambda text: True).may_show(LONG * 10)


def test_decision_keeps_what_it_says() -> None:
    """A decision that is held to checks is the decision; without checks it is the same object."""
    made = decision("a")

    held = checks.held(made, checks.of(["empty"]))

    assert held.as_dict() == made.as_dict()
    assert checks.asked_of(held) == checks.of(["empty"])
    assert checks.held(made, checks.NONE) is made
    assert not checks.asked_of(made)


def escalated(*names: str, last: Outcome, price: float | None = 1) -> CallRecord:
    """A call that left these models because of a check, and what came of the last."""
    made = decision(*(model(each, price=price) for each in dict.fromkeys((*names, "last"))))
    rejected = Outcome(error=RejectedAnswerError("no"), usage=Usage(1_000_000, 0))
    return record([*((name, rejected) for name in names), ("last", last)], made)


def test_escalations_count_calls_and_what_was_paid_in_vain() -> None:
    """A call that went up twice is one; a price that is unknown makes the sum unknown."""
    answered = Outcome(usage=Usage(1, 1))
    calls = [escalated("a", "b", last=answered), escalated(last=answered)]

    found = escalations(calls)

    assert calls[0].escalated == 2
    assert found == Escalations(2, 1, Decimal(2))
    assert found.rate == 0.5
    assert str(found) == "1 of 2 calls escalated (50.0%), $2.000000"
    assert escalations([escalated("a", last=answered, price=None)]).usd is None
    assert escalations([]) == Escalations(0, 0, Decimal(0))
    assert escalations([]).rate is None


def test_retry_of_the_same_model_is_no_escalation() -> None:
    """What is counted is going on to the next candidate."""
    call = escalated("a", "a", last=Outcome(usage=Usage(1, 1)))

    assert call.escalated == 1
    assert len(call.rejected) == 2


async def asked(sandbox: Sandbox, way: str) -> tuple[str, CallRecord]:
    """What a client gives for a route of two models that is held to `refusal`."""
    router = Router(
        parse_config(
            "routes: [{name: all, candidates: [deepseek-v4-flash, gpt-4o-mini], escalate: refusal}]"
        )
    )
    messages = [{"role": "user", "content": "How long does a refund take?"}]
    client, request = Client(Wire(Endpoint(sandbox.base_url))), ChatRequest(messages)
    made = router.decide(router.signals(messages))
    if way == "complete":
        items: list[Delta | Answer] = [client.complete(request, made)]
    elif way == "acomplete":
        items = [await client.acomplete(request, made)]
    elif way == "stream":
        items = list(client.stream(request, made))
    else:
        items = [item async for item in client.astream(request, made)]
    *deltas, last = items
    assert isinstance(last, Answer)
    if "stream" in way:
        assert "".join(each.text for each in deltas if isinstance(each, Delta)) == last.reply.text
    return last.reply.text, last.record


@pytest.mark.parametrize("way", ["complete", "acomplete", "stream", "astream"])
async def test_client_goes_up_and_hands_the_last_refusal_over(sandbox: Sandbox, way: str) -> None:
    """A client of several candidates, such as the command line's, does what the routers do."""
    sandbox.say("deepseek-v4-flash", [REFUSAL, REFUSAL])
    sandbox.say("gpt-4o-mini", [LONG, REFUSAL])

    answered, refused = await asked(sandbox, way), await asked(sandbox, way)

    assert (answered[0], answered[1].model, answered[1].handed_over) == (LONG, "gpt-4o-mini", None)
    assert (refused[0], refused[1].model, refused[1].handed_over) == (REFUSAL, "gpt-4o-mini", 2)


def test_answer_that_is_rejected_closes_a_circuit() -> None:
    """It shows that the model works, as an answer that passes does: nobody need go before it."""
    health, made = Health(), decision("a", "b")
    rejected = RejectedAnswerError("no")

    for error in (ServerError("down"), rejected):
        running = attempts(decision("a"), Attempts(max_retries=0, cooldown=100), health)
        next(running)
        with pytest.raises(type(error)):
            running.send(Outcome(error=error))

    assert next(attempts(made, Attempts(), health)).candidate.name == "a"
