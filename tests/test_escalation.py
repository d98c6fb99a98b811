"""An answer that fails a check goes up one candidate, the same way in both frameworks."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel

from globalapi_core import Sandbox, recorded_calls
from globalapi_core.checks import Escalations, escalations
from globalapi_core.config import parse_config
from globalapi_core.errors import (
    AllModelsFailedError,
    IncompleteResponseError,
    RejectedAnswerError,
)
from globalapi_core.sandbox import faults

pytest.importorskip("llama_index.core", reason="this environment has LangChain alone")

from langchain_globalapi import RouterRunnable, get_cost_callback
from llamaindex_globalapi import GlobalAPIRouter

CHEAP, DEAR, DEAREST = "deepseek-v4-flash", "gpt-4o-mini", "gpt-4o"
REFUSAL = "I'm sorry, but I can't help with that."
REFUSED_TOO = "抱歉，我无法回答这个问题。"
GOOD = "The refund takes five working days, counted from the day on which we have the parcel back."
QUESTION = "How long does a refund take?"
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What a caller saw of one call."""

    pieces: list[str]
    record: dict[str, Any]

    @property
    def text(self) -> str:
        """All of the answer."""
        return "".join(self.pieces)

    @property
    def models(self) -> list[str]:
        """Who was asked, in order."""
        return [each["model"] for each in self.record["attempts"]]

    @property
    def outcomes(self) -> list[str]:
        """What came of it."""
        return [each["outcome"] for each in self.record["attempts"]]


Ask = Callable[..., Seen]


def in_langchain(sandbox: Sandbox, way: str, config: str, **given: Any) -> Seen:
    """Ask LangChain's router."""
    asked = {name: given.pop(name) for name in ("tools", "tool_choice") if name in given}
    router = RouterRunnable(config=parse_config(config), base_url=sandbox.base_url, **given)
    if way == "batch":
        messages: list[Any] = router.batch([QUESTION], **asked)
    elif way == "invoke":
        messages = [router.invoke(QUESTION, **asked)]
    elif way == "ainvoke":
        messages = [asyncio.run(router.ainvoke(QUESTION, **asked))]
    elif way == "stream":
        messages = list(router.stream(QUESTION, **asked))
    elif way == "generate":
        messages = [router.generate([[_human()]], **asked).generations[0][0].message]  # type: ignore[union-attr]
    else:
        messages = asyncio.run(_read(router.astream(QUESTION, **asked)))
    texts = [str(each.text) for each in messages if each.text]
    return Seen(texts, messages[-1].response_metadata["globalapi"])


def in_llamaindex(sandbox: Sandbox, way: str, config: str, **given: Any) -> Seen:
    """Ask LlamaIndex's router."""
    from llama_index.core.base.llms.types import ChatMessage

    asked = {name: given.pop(name) for name in ("tools", "tool_choice") if name in given}
    router = GlobalAPIRouter(config=parse_config(config), api_base=sandbox.base_url, **given)
    messages = [ChatMessage(QUESTION)]
    if way == "chat":
        whole = router.chat(messages, **asked)
    elif way == "achat":
        whole = asyncio.run(router.achat(messages, **asked))
    else:
        if way == "stream_chat":
            parts = list(router.stream_chat(messages, **asked))
        else:
            parts = asyncio.run(_streamed(router, messages, asked))
        assert (parts[-1].message.content or "") == "".join(each.delta or "" for each in parts)
        return Seen(
            [each.delta for each in parts if each.delta], parts[-1].additional_kwargs["globalapi"]
        )
    return Seen([whole.message.content or ""], whole.additional_kwargs["globalapi"])


async def _read(items: Any) -> list[Any]:
    return [item async for item in items]


async def _streamed(router: GlobalAPIRouter, messages: Any, asked: Any) -> list[Any]:
    return await _read(await router.astream_chat(messages, **asked))


def _human() -> Any:
    from langchain_core.messages import HumanMessage

    return HumanMessage(QUESTION)


WHOLE = [(in_langchain, way) for way in ("invoke", "ainvoke", "batch", "generate")]
WHOLE += [(in_llamaindex, way) for way in ("chat", "achat")]
STREAMED = [(in_langchain, way) for way in ("stream", "astream")]
STREAMED += [(in_llamaindex, way) for way in ("stream_chat", "astream_chat")]


def named(ways: list[tuple[Any, str]]) -> pytest.MarkDecorator:
    """Each way of asking, by its name."""
    return pytest.mark.parametrize(
        ("ask", "way"), ways, ids=[f"{ask.__name__[3:]}-{way}" for ask, way in ways]
    )


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A sandbox that answers at once and asks for no key."""
    with Sandbox() as running:
        yield running


def config(escalate: str = "", models: tuple[str, ...] = (CHEAP, DEAR)) -> str:
    """One route over these models."""
    key = f", escalate: {escalate}" if escalate else ""
    return (
        "attempts: {max_retries: 1, timeout: 20}\n"
        f"routes: [{{name: all, candidates: [{', '.join(models)}]{key}}}]"
    )


@named(WHOLE + STREAMED)
@pytest.mark.parametrize(
    ("check", "bad", "good"),
    [
        ("refusal", REFUSAL, GOOD),
        ("refusal", REFUSED_TOO, "退款需要五到七个工作日。"),
        ("empty", "", GOOD),
        ("json", "Five days, I think.", '```json\n{"days": 5}\n```'),
    ],
)
def test_answer_that_fails_a_check_goes_up_one_candidate(
    sandbox: Sandbox, ask: Ask, way: str, check: str, bad: str, good: str
) -> None:
    """The next candidate answers, the first is asked once, and nothing of its answer is seen."""
    sandbox.say(CHEAP, [bad])
    sandbox.say(DEAR, [good])

    seen = ask(sandbox, way, config(check))

    assert seen.text == good
    assert seen.models == [CHEAP, DEAR]
    assert seen.outcomes == ["RejectedAnswerError", "ok"]
    assert seen.record["escalated"] == 1
    assert seen.record["handed_over"] is None
    assert seen.record["model"] == DEAR


@named(WHOLE + STREAMED)
def test_route_without_checks_takes_any_answer(sandbox: Sandbox, ask: Ask, way: str) -> None:
    """A refusal is an answer where no check was asked for."""
    sandbox.say(CHEAP, [REFUSAL])

    seen = ask(sandbox, way, config())

    assert seen.text == REFUSAL
    assert seen.models == [CHEAP]
    assert seen.record["escalated"] == 0


@named(WHOLE + STREAMED)
def test_last_refusal_is_handed_over(sandbox: Sandbox, ask: Ask, way: str) -> None:
    """Where everybody refuses the last refusal is the answer, and the record says so."""
    sandbox.say(CHEAP, [REFUSAL])
    sandbox.say(DEAR, [REFUSED_TOO])

    seen = ask(sandbox, way, config("refusal"))

    assert seen.text == REFUSED_TOO
    assert seen.outcomes == ["RejectedAnswerError", "RejectedAnswerError"]
    assert seen.record["handed_over"] == 2
    assert seen.record["model"] == DEAR
    assert seen.record["usage"]["output_tokens"] > 0


@named(WHOLE + STREAMED)
def test_refusal_is_handed_over_where_the_others_failed(
    sandbox: Sandbox, ask: Ask, way: str
) -> None:
    """Escalating makes no error of a call that would have been answered without it."""
    sandbox.say(CHEAP, [REFUSAL])
    sandbox.down(DEAR)

    seen = ask(sandbox, way, config("refusal"))

    assert seen.text == REFUSAL
    assert seen.record["handed_over"] == 1
    assert seen.record["model"] == CHEAP
    assert seen.record["escalated"] == 1


@named(WHOLE + STREAMED)
def test_what_fails_another_check_is_an_error(sandbox: Sandbox, ask: Ask, way: str) -> None:
    """Where nobody gives JSON the call fails; the errors quote no answer, and hold it apart."""
    sandbox.say(CHEAP, ["canary one"])
    sandbox.say(DEAR, [REFUSAL])

    with pytest.raises(AllModelsFailedError) as caught:
        ask(sandbox, way, config("[refusal, json]"))

    first, second = caught.value.exceptions
    assert isinstance(first, RejectedAnswerError)
    assert (str(first), first.partial_text) == (
        "the answer will not do: it is not JSON: no object and no list",
        "canary one",
    )
    assert "refusal" in str(second)
    assert "canary" not in str(caught.value)


@named(WHOLE + STREAMED)
def test_only_candidate_that_fails_raises_its_error(sandbox: Sandbox, ask: Ask, way: str) -> None:
    """One model is asked once; its error carries the record of the call."""
    sandbox.say(CHEAP, [""])

    with pytest.raises(RejectedAnswerError, match="it is empty") as caught:
        ask(sandbox, way, config("empty", (CHEAP,)))

    assert caught.value.record is not None
    assert len(caught.value.record.attempts) == 1
    assert caught.value.record.escalated == 0


@named(WHOLE + STREAMED)
@pytest.mark.parametrize("verdict", [False, "it gives no number of days"])
def test_callers_own_check_decides(
    sandbox: Sandbox, ask: Ask, way: str, verdict: bool | str
) -> None:
    """`False` and a reason turn an answer down, `None` and `True` let it pass."""
    sandbox.say(CHEAP, ["Soon."])
    sandbox.say(DEAR, ["5 days."])
    read = []

    def check(text: str) -> bool | str | None:
        read.append(text)
        return None if "5" in text else verdict

    seen = ask(sandbox, way, config(), check=check)

    assert seen.text == "5 days."
    assert read == ["Soon.", "5 days."]
    assert (verdict or "turned it down") in seen.record["attempts"][0]["error"]


@named(WHOLE + STREAMED)
def test_what_the_callers_check_raises_is_raised(sandbox: Sandbox, ask: Ask, way: str) -> None:
    """A bug of theirs is theirs to see, and the answer is billed: to the call and its budget."""
    sandbox.say(CHEAP, [GOOD])

    def check(text: str) -> bool:
        raise ZeroDivisionError("mine")

    with recorded_calls() as calls, pytest.raises(ZeroDivisionError, match="mine"):
        ask(sandbox, way, config(), check=check)

    (record,) = calls
    assert record.cost.usd == sandbox.bill.total.usd
    assert record.model is None
    assert len(sandbox.requests) == 1


@named(WHOLE + STREAMED)
def test_gateway_error_of_the_callers_check_is_raised(sandbox: Sandbox, ask: Ask, way: str) -> None:
    """A check that asks a model itself fails with that call's error, not as this attempt."""
    error = RejectedAnswerError("from within")

    def check(text: str) -> bool:
        raise error

    with pytest.raises(RejectedAnswerError) as caught:
        ask(sandbox, way, config(), check=check)

    assert caught.value.args == error.args
    assert len(sandbox.requests) == 1


@named(WHOLE + STREAMED)
def test_answer_that_calls_tools_is_held_to_nothing(sandbox: Sandbox, ask: Ask, way: str) -> None:
    """An answer with tool calls and no text is neither empty nor refused nor no JSON."""
    escalate, models = "[refusal, empty, json]", (DEAR, DEAREST)
    given = {"tools": [TOOL], "tool_choice": "required", "check": lambda text: False}

    seen = ask(sandbox, way, config(escalate, models), **given)

    assert seen.models == [DEAR]
    assert seen.record["attempts"][0]["finish_reason"] == "tool_calls"


@named(STREAMED)
def test_stream_is_shown_once_it_is_no_refusal(sandbox: Sandbox, ask: Ask, way: str) -> None:
    """A long answer is held back for its first words only, and comes in pieces from there."""
    answer = " ".join([GOOD] * 8)
    sandbox.say(CHEAP, [answer])

    seen = ask(sandbox, way, config("refusal"))

    assert seen.text == answer
    assert len(seen.pieces) > 20


@named(STREAMED)
def test_answer_that_was_shown_is_not_taken_back(sandbox: Sandbox, ask: Ask, way: str) -> None:
    """What broke after it was shown is an error, though a refusal came before it."""
    sandbox.say(CHEAP, [REFUSAL])
    sandbox.say(DEAR, [" ".join([GOOD] * 8)])
    sandbox.script(DEAR, [faults.cut(60)])

    with pytest.raises(IncompleteResponseError) as caught:
        ask(sandbox, way, config("refusal"))

    assert caught.value.shown


@named(WHOLE + STREAMED)
def test_cost_is_the_bill_and_the_rate_is_told(sandbox: Sandbox, ask: Ask, way: str) -> None:
    """Answers that were turned down are paid for; `escalations` says how often and how dear."""
    sandbox.say(CHEAP, [REFUSAL])
    sandbox.say(DEAR, [GOOD, GOOD])

    with recorded_calls() as calls:
        ask(sandbox, way, config("refusal"))
        ask(sandbox, way, config("refusal", (DEAR,)))

    found = escalations(calls)
    rejected = {row.model: row.cost.usd for row in sandbox.bill.rows}[CHEAP]
    assert sum(each.cost.usd or 0 for each in calls) == sandbox.bill.total.usd
    assert (found.calls, found.escalated, found.rate) == (2, 1, 0.5)
    assert found.usd == rejected
    assert found.usd


@named(WHOLE + STREAMED)
def test_refusal_is_handed_over_where_money_is_short(sandbox: Sandbox, ask: Ask, way: str) -> None:
    """A candidate that may cost more than is left is not asked, and the refusal has to do."""
    sandbox.say(CHEAP, [REFUSAL])
    limited = config("refusal", (CHEAP, DEAREST)).replace("{max", "{max_cost: 0.05, max", 1)

    seen = ask(sandbox, way, limited)

    assert seen.text == REFUSAL
    assert list(seen.record["passed_over"]) == [DEAREST]
    assert (seen.record["handed_over"], seen.record["escalated"]) == (1, 0)


@named(WHOLE[:1] + WHOLE[-1:])
def test_errors_of_rejected_answers_can_be_pickled(sandbox: Sandbox, ask: Ask, way: str) -> None:
    """Also with a check that cannot be; the records of the attempts go with them."""
    with pytest.raises(AllModelsFailedError) as caught:
        ask(sandbox, way, config(), check=lambda text: False)

    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes

    assert [each.record.model for each in again.exceptions] == [None, None]
    assert [str(each) for each in again.exceptions] == [
        str(each) for each in caught.value.exceptions
    ]


def test_both_frameworks_record_the_same(sandbox: Sandbox) -> None:
    """Attempt by attempt: models, outcomes, reasons, usage and cost."""
    records = []
    for ask, way in (WHOLE[0], STREAMED[0], WHOLE[-1], STREAMED[-1]):
        sandbox.reset()
        sandbox.say(CHEAP, ["no JSON"])
        sandbox.say(DEAR, [REFUSAL])
        sandbox.say(DEAREST, [REFUSED_TOO])
        given = config("[refusal, empty]", (CHEAP, DEAR, DEAREST))
        seen = ask(sandbox, way, given, check=lambda text: text != "no JSON")
        told = ("model", "outcome", "error", "rejected", "usage", "cost", "finish_reason")
        records.append(
            (
                seen.text,
                seen.record["handed_over"],
                seen.record["escalated"],
                [[each[name] for name in told] for each in seen.record["attempts"]],
            )
        )

    assert records[0] == records[1] == records[2] == records[3]
    assert records[0][:3] == (REFUSED_TOO, 3, 2)
    assert [each[-1] for each in records[0][3]] == ["stop"] * 3


@pytest.mark.parametrize("framework", ["langchain", "llamaindex"])
def test_refusals_open_no_circuit(sandbox: Sandbox, framework: str) -> None:
    """A model that declines works: a router that saw it decline thrice asks it first again."""
    given = parse_config(config("refusal"))
    sandbox.say(CHEAP, [REFUSAL] * 4)
    langchain = RouterRunnable(config=given, base_url=sandbox.base_url)
    llamaindex = GlobalAPIRouter(config=given, api_base=sandbox.base_url)

    for _ in range(4):
        langchain.invoke(QUESTION) if framework == "langchain" else llamaindex.complete(QUESTION)

    assert [each.model for each in sandbox.requests] == [CHEAP, DEAR] * 4


class Days(BaseModel):
    """How long it takes."""

    days: int


@pytest.mark.parametrize("framework", ["langchain", "llamaindex"])
def test_refusal_in_place_of_an_object_is_an_error(sandbox: Sandbox, framework: str) -> None:
    """With a schema a refusal is no answer: it goes up, and in the end it is an error."""
    given = parse_config(config("[refusal, empty]").replace("max_retries: 1", "max_retries: 0"))
    sandbox.say(CHEAP, [REFUSAL])
    sandbox.say(DEAR, [json.dumps({"days": 5}), REFUSAL])

    def ask() -> Any:
        if framework == "langchain":
            router = RouterRunnable(config=given, base_url=sandbox.base_url)
            return router.with_structured_output(Days).invoke(QUESTION)
        from llama_index.core.prompts import PromptTemplate

        llm = GlobalAPIRouter(config=given, api_base=sandbox.base_url)
        return llm.structured_predict(Days, PromptTemplate(QUESTION))

    with recorded_calls() as calls:
        found = ask()
        sandbox.say(CHEAP, [REFUSAL])
        with pytest.raises(AllModelsFailedError) as caught:
            ask()

    assert found == Days(days=5)
    assert [each.escalated for each in calls] == [1, 1]
    assert [getattr(error, "model", None) for error in caught.value.exceptions] == [CHEAP, DEAR]


@pytest.mark.parametrize("framework", ["langchain", "llamaindex"])
@pytest.mark.parametrize("is_async", [False, True])
def test_streamed_refusal_in_place_of_an_object_goes_up(
    sandbox: Sandbox, framework: str, is_async: bool
) -> None:
    """With a schema too a stream shows nothing of a refusal, and the next candidate answers."""
    sandbox.say(CHEAP, [REFUSAL])
    sandbox.say(DEAR, [json.dumps({"days": 5})])

    with recorded_calls() as calls:
        found = _objects(sandbox, framework, is_async)

    assert found[-1] == Days(days=5)
    assert [each.escalated for each in calls] == [1]


@pytest.mark.parametrize("framework", ["langchain", "llamaindex"])
def test_streamed_refusals_in_place_of_an_object_are_an_error(
    sandbox: Sandbox, framework: str
) -> None:
    """Where every candidate refuses there is no object, and the error says that they did."""
    sandbox.say(CHEAP, [REFUSAL])
    sandbox.say(DEAR, [REFUSAL])

    with recorded_calls() as calls, pytest.raises((AllModelsFailedError, RejectedAnswerError)):
        _objects(sandbox, framework, is_async=False)

    assert [len(each.attempts) for each in calls] == [2]


def test_streamed_refusal_is_kept_as_raw(sandbox: Sandbox) -> None:
    """Whoever asks for the raw message beside the object is handed the last refusal."""
    given = parse_config(config("[refusal]"))
    router = RouterRunnable(config=given, base_url=sandbox.base_url)
    asked = router.with_structured_output(Days, include_raw=True)
    sandbox.say(CHEAP, [REFUSAL])
    sandbox.say(DEAR, [REFUSED_TOO])

    pieces: list[Any] = list(asked.stream(QUESTION))

    texts = [each["raw"].text for each in pieces if "raw" in each]
    assert "".join(texts) == REFUSED_TOO
    assert not any(each.get("parsed") for each in pieces)


def _objects(sandbox: Sandbox, framework: str, is_async: bool) -> list[Any]:
    """What a stream of objects gives."""
    from llama_index.core.prompts import PromptTemplate

    given = parse_config(config("[refusal]"))
    if framework == "langchain":
        router = RouterRunnable(config=given, base_url=sandbox.base_url)
        asked = router.with_structured_output(Days)
        return (
            asyncio.run(_read(asked.astream(QUESTION)))
            if is_async
            else list(asked.stream(QUESTION))
        )
    llm = GlobalAPIRouter(config=given, api_base=sandbox.base_url)
    prompt = PromptTemplate(QUESTION)
    if not is_async:
        return list(llm.stream_structured_predict(Days, prompt))

    async def streamed() -> list[Any]:
        return await _read(await llm.astream_structured_predict(Days, prompt))

    return asyncio.run(streamed())


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "batch", "generate", "stream", "astream"])
def test_cost_callback_shows_the_rate(sandbox: Sandbox, way: str) -> None:
    """LangChain's callback counts each call once, and what was paid in vain, to the bill."""
    sandbox.say(CHEAP, [REFUSAL])
    sandbox.say(DEAR, [GOOD, GOOD])

    with get_cost_callback() as costs:
        in_langchain(sandbox, way, config("refusal"))
        in_langchain(sandbox, way, config("refusal", (DEAR,)))

    rejected = {row.model: row.cost.usd for row in sandbox.bill.rows}[CHEAP]
    assert costs.cost.usd == sandbox.bill.total.usd
    assert costs.escalations == Escalations(calls=2, escalated=1, usd=rejected)
    assert "50.0% of calls escalated" in repr(costs)
