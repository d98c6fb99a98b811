"""All four classes before aimock, which answers from fixtures and keeps a journal."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Mapping
from typing import Any

import pytest

from globalapi_core.errors import (
    AllModelsFailedError,
    AuthenticationError,
    GatewayError,
    GatewayTimeoutError,
    IncompleteResponseError,
    InvalidRequestError,
    QuotaExceededError,
    RateLimitError,
    ResponseError,
    ServerError,
)
from tests.faults import ours
from tests.faults.case import EACH_ONCE, FIRST, SECOND, STREAMED, WAYS, Case
from tests.faults.promise import Seen, answers
from tests.judges.aimock import Aimock, Entry

pytestmark = pytest.mark.aimock

CALLERS = ours.SINGLE | ours.ROUTERS
CALLER = pytest.mark.parametrize("caller", CALLERS)
ROUTER = pytest.mark.parametrize("caller", ours.ROUTERS)
WAY = pytest.mark.parametrize("way", WAYS)
ONCE = pytest.mark.parametrize("way", EACH_ONCE)
STREAM = pytest.mark.parametrize("way", STREAMED)

PARIS = "The capital of France is Paris."
OF_FIRST = {"match": {"model": FIRST}}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


def says(text: str, **more: Any) -> dict[str, Any]:
    """A fixture that answers everything, in pieces of five characters."""
    return {"match": {}, "response": {"content": text}, "chunkSize": 5, **more}


def refuses(status: int, **more: Any) -> dict[str, Any]:
    """A fixture's answer with an error."""
    return {"error": {"message": "no", "type": "some_error"}, "status": status, **more}


class Asked:
    """One question by one of the classes, and what was shown of its answer."""

    def __init__(self, judge: Aimock, caller: str, way: str) -> None:
        self.judge, self.caller, self.way = judge, caller, way
        self.shown: list[str] = []

    def __call__(
        self, timeout: float = 10.0, limits: Mapping[str, float] | None = None, **given: Any
    ) -> Seen:
        """Ask; the answer."""
        make, read = CALLERS[self.caller]
        case = Case(0, "asked", (), answers(""), timeout=timeout, limits=limits or {})
        found = read(make(self.judge.base_url, case), self.way, given, self.shown)
        seen: Seen = asyncio.run(found) if inspect.iscoroutine(found) else found
        return seen


@pytest.fixture
def ask(aimock: Aimock, caller: str, way: str) -> Asked:
    """Asks as the test's parameters say."""
    return Asked(aimock, caller, way)


@CALLER
@WAY
def test_answer(aimock: Aimock, ask: Asked) -> None:
    """An answer has the judge's text, end and count of tokens, after one request."""
    counts = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    aimock.script({"match": {}, "response": {"content": PARIS, "usage": counts}})

    seen = ask()

    assert (seen.text, seen.finish, seen.usage) == (PARIS, "stop", (11, 7))
    assert aimock.journal() == [Entry(FIRST, 200, interrupted=False, chaos=None)]


@CALLER
@WAY
def test_tool_call(aimock: Aimock, ask: Asked) -> None:
    """A tool call arrives whole, with text before it or after it."""
    call = {"type": "toolCall", "id": "call_1", "name": "weather", "arguments": {"city": "Rome"}}
    blocks = [{"type": "text", "text": "Hm."}, call, {"type": "text", "text": " Yes."}]
    aimock.script({"match": {}, "response": {"blocks": blocks}})

    seen = ask(tools=[TOOL])

    assert seen.calls == (("weather", {"city": "Rome"}),)
    assert (seen.text, seen.finish) == ("Hm. Yes.", "tool_calls")


@CALLER
@WAY
def test_tool_call_of_a_cut_answer(aimock: Aimock, ask: Asked) -> None:
    """A call in an answer that hit its limit is not one that an agent could run."""
    call = {"name": "weather", "arguments": {"city": "Rome"}}
    aimock.script({"match": {}, "response": {"toolCalls": [call], "finishReason": "length"}})

    seen = ask(tools=[TOOL])

    assert (seen.calls, seen.finish) == ((), "length")


@CALLER
@STREAM
def test_tool_call_that_breaks_off(aimock: Aimock, ask: Asked) -> None:
    """A stream lost inside a tool call yields no call: it is asked again, and then whole."""
    call = {"name": "weather", "arguments": {"city": "Rome"}}
    cut = {"match": {"sequenceIndex": 0}, "response": {"toolCalls": [call]}}
    whole = {"match": {}, "response": {"toolCalls": [call]}}
    aimock.script({**cut, "truncateAfterChunks": 3}, whole)

    seen = ask(tools=[TOOL])

    assert seen.calls == (("weather", {"city": "Rome"}),)
    assert [each.interrupted for each in aimock.journal()] == [True, False]


@CALLER
@WAY
def test_reasoning(aimock: Aimock, ask: Asked) -> None:
    """Reasoning is kept apart from the answer."""
    aimock.script({"match": {}, "response": {"content": "42", "reasoning": "Six times seven."}})

    seen = ask()

    assert (seen.text, seen.reasoning) == ("42", "Six times seven.")


@CALLER
@ONCE
@pytest.mark.parametrize("response", [refuses(429, retryAfter=1), refuses(503)])
def test_passing_trouble(aimock: Aimock, ask: Asked, response: dict[str, Any]) -> None:
    """A refusal that passes costs one more request, of the same model."""
    aimock.script({"match": {"sequenceIndex": 0}, "response": response}, says(PARIS))

    seen = ask()

    assert seen.text == PARIS
    assert aimock.journal() == [
        Entry(FIRST, response["status"], interrupted=False, chaos=None),
        Entry(FIRST, 200, interrupted=False, chaos=None),
    ]


@CALLER
@ONCE
@pytest.mark.parametrize(
    ("status", "error"), [(400, InvalidRequestError), (402, QuotaExceededError)]
)
def test_lasting_trouble(
    aimock: Aimock, ask: Asked, status: int, error: type[GatewayError]
) -> None:
    """What neither another try nor another model can mend is asked once."""
    aimock.script({"match": {}, "response": refuses(status)})

    with pytest.raises(error):
        ask()

    assert aimock.models() == [FIRST]


@CALLER
@WAY
def test_wrong_key(aimock: Aimock, ask: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge takes one key only: another is refused, once, and not told."""
    wrong = "sk-canary-of-somebody-else"
    monkeypatch.setattr(ours, "KEY", wrong)
    aimock.script(says(PARIS))

    with pytest.raises(AuthenticationError) as caught:
        ask()

    assert caught.value.status == 401
    assert wrong not in f"{caught.value}"


@CALLER
@STREAM
@pytest.mark.parametrize("broken", [{"truncateAfterChunks": 4}, {"disconnectAfterMs": 250}])
def test_stream_that_breaks(aimock: Aimock, ask: Asked, broken: dict[str, int]) -> None:
    """A stream broken off after text is an error with what was shown; nobody is asked again."""
    aimock.script(says(PARIS, latency=60, **broken))

    with pytest.raises(IncompleteResponseError) as caught:
        ask()

    assert caught.value.shown
    assert PARIS.startswith(caught.value.partial_text)
    assert "".join(ask.shown) == caught.value.partial_text != ""
    assert aimock.journal() == [Entry(FIRST, 200, interrupted=True, chaos=None)]


@CALLER
@STREAM
def test_stream_that_breaks_before_anything(aimock: Aimock, ask: Asked) -> None:
    """A stream broken off before its first word is asked for again, and nobody notices."""
    aimock.script(
        says(PARIS, match={"sequenceIndex": 0}, truncateAfterChunks=1),
        says(PARIS),
    )

    seen = ask()

    assert "".join(ask.shown) == seen.text == PARIS
    assert [each.interrupted for each in aimock.journal()] == [True, False]


CHAOS: dict[str, type[GatewayError]] = {
    "dropRate": ServerError,
    "malformedRate": ResponseError,
    "rateLimitRate": RateLimitError,
    "disconnectRate": GatewayError,
}


@pytest.mark.parametrize("caller", ours.SINGLE)
@ONCE
@pytest.mark.parametrize("rate", CHAOS)
def test_chaos_of_one_model(aimock: Aimock, ask: Asked, rate: str) -> None:
    """A model in chaos is asked three times at most, and then told of by its own kind."""
    aimock.script(says(PARIS, chaos={rate: 1}))

    with pytest.raises(CHAOS[rate]) as caught:
        ask()

    assert caught.value.record is not None
    assert 1 < len(caught.value.record.attempts) == len(aimock.journal()) <= 3


@ROUTER
@ONCE
@pytest.mark.parametrize("rate", CHAOS)
def test_chaos_of_the_first_model(aimock: Aimock, ask: Asked, rate: str) -> None:
    """A router leaves a model in chaos for the next one; the journal shows nothing else."""
    aimock.script(says("wrong", **OF_FIRST, chaos={rate: 1}), says(PARIS))

    seen = ask()

    *failed, last = aimock.journal()
    assert seen.text == PARIS
    assert {each.model for each in failed} == {FIRST}
    assert all(each.chaos for each in failed)
    assert len(failed) <= 3
    assert (last.model, last.status) == (SECOND, 200)


@ROUTER
@ONCE
def test_chaos_of_all_models(aimock: Aimock, ask: Asked) -> None:
    """When no model answers the error has an attempt for each request of the journal."""
    aimock.script(says("wrong", chaos={"dropRate": 1}))

    with pytest.raises(AllModelsFailedError) as caught:
        ask()

    record = caught.value.record
    assert record is not None
    assert [attempt.candidate.name for attempt, _ in record.attempts] == aimock.models()
    assert set(aimock.models()) == {FIRST, SECOND}


@CALLER
@STREAM
def test_slow_answer_ends_at_the_deadline(aimock: Aimock, ask: Asked) -> None:
    """A stream too slow for the deadline is a timeout with what came, and is not repeated."""
    aimock.script(says(PARIS, latency=600))

    with pytest.raises(GatewayTimeoutError) as caught:
        ask(timeout=2.0)

    assert "".join(ask.shown) == caught.value.partial_text != ""
    assert aimock.models() == [FIRST]


@ROUTER
@STREAM
def test_late_first_word(aimock: Aimock, ask: Asked) -> None:
    """A model that does not begin in time is left for the next one."""
    late = {"ttft": 5_000, "tps": 100}
    aimock.script(says("late", **OF_FIRST, streamingProfile=late), says(PARIS))

    seen = ask(limits={"first_delta": 1.0})

    assert seen.text == PARIS
    assert aimock.models()[-1] == SECOND
    assert set(aimock.models()[:-1]) == {FIRST}


@pytest.mark.parametrize("caller", ["langchain-router", "llamaindex-router"])
async def test_chaos_under_load(aimock: Aimock, caller: str) -> None:
    """Forty streams at once with a third of them in trouble: each gets its whole answer."""
    chaos = {"dropRate": 0.1, "malformedRate": 0.1, "disconnectRate": 0.15}
    aimock.script(says(PARIS, **OF_FIRST, chaos=chaos), says(PARIS))
    make, read = CALLERS[caller]
    router = make(aimock.base_url, Case(0, "load", (), answers("")))

    seen = await asyncio.gather(*(read(router, "astream", {}, []) for _ in range(40)))

    assert {each.text for each in seen} == {PARIS}
    entries = aimock.journal()
    assert sum(each.status == 200 and each.chaos is None for each in entries) == 40
    assert any(each.chaos for each in entries)
