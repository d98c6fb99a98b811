"""A router's members: told what was decided, each attempt still tells its own story."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler

from globalapi_core.config import parse_config
from globalapi_core.records import CallRecord
from globalapi_core.sandbox import Sandbox, faults
from langchain_globalapi import ChatGlobalAPI, RouterRunnable

Make = Callable[..., RouterRunnable]
Chat = Callable[..., ChatGlobalAPI]

QUESTION = "Which port does the server listen on?"
FIRST, SECOND = "deepseek-v4-flash", "gpt-4o-mini"
FORMS = ("invoke", "ainvoke", "stream", "astream")


async def ask(model: Any, form: str, config: Any) -> None:
    """Ask in one of four forms."""
    if form == "invoke":
        model.invoke(QUESTION, config)
    elif form == "ainvoke":
        await model.ainvoke(QUESTION, config)
    elif form == "stream":
        list(model.stream(QUESTION, config))
    else:
        [_ async for _ in model.astream(QUESTION, config)]


class Ends(BaseCallbackHandler):
    """Keeps the records of the models' runs, as they are when each run ends."""

    run_inline = True

    def __init__(self) -> None:
        self.answered: list[dict[str, Any]] = []
        self.failed: list[CallRecord] = []

    def on_llm_end(self, response: Any, **kwargs: Any) -> None:
        """Keep what the message says."""
        message = response.generations[0][0].message
        self.answered.append(dict(message.response_metadata["globalapi"]))

    def on_llm_error(self, error: Any, **kwargs: Any) -> None:
        """Keep what the error says."""
        self.failed.append(error.record)


@pytest.mark.parametrize("form", FORMS)
async def test_attempt_has_the_record_of_its_model_alone(
    router: Make, chat: Chat, sandbox: Sandbox, form: str
) -> None:
    """The message of an attempt's run says what the same model says when it is called itself."""
    sandbox.script(FIRST, [faults.overloaded()])
    seen = Ends()

    await ask(router(), form, {"callbacks": [seen]})
    await ask(chat(SECOND), form, {"callbacks": [seen]})

    told, own = seen.answered
    read, facts = told["decision"].pop("signals"), own["decision"].pop("signals")
    assert told["decision"] == own["decision"]
    assert read["input_tokens"] == facts["input_tokens"] > 0
    assert (read["language"], facts["language"]) == ("en", "und")
    assert told["cost"] == own["cost"]
    assert [each["outcome"] for each in told["attempts"]] == ["ok"]
    assert told["attempts"][0]["usage"] == own["attempts"][0]["usage"]


@pytest.mark.parametrize("form", FORMS)
async def test_failed_attempt_has_its_record_too(router: Make, sandbox: Sandbox, form: str) -> None:
    """The error of a failed attempt's run tells of that attempt and its model, not of others."""
    sandbox.script(FIRST, [faults.overloaded()])
    seen = Ends()

    await ask(router(), form, {"callbacks": [seen]})

    (record,) = seen.failed
    assert [attempt.candidate.name for attempt, _ in record.attempts] == [FIRST]
    assert record.decision.signals.language == "en"


async def test_calls_at_once_are_told_apart(router: Make) -> None:
    """Members are shared by calls, what they are told is not."""
    seen = Ends()
    questions: list[Any] = [f"{QUESTION} {'Why? ' * number}" for number in range(20)]

    await router().abatch(questions, {"callbacks": [seen]})

    told = [each["decision"]["signals"]["input_tokens"] for each in seen.answered]
    made = router()
    expected = [made.decide(each).signals.input_tokens for each in questions]
    assert len(set(expected)) == 20
    assert sorted(told) == sorted(expected)


def test_estimate_of_an_attempt_goes_by_its_route(sandbox: Sandbox) -> None:
    """The answer that a route allows counts in the estimate of the attempt's own record."""
    text = f"routes: [{{name: a, candidates: [{FIRST}], params: {{max_tokens: 7}}}}]"
    made = RouterRunnable(config=parse_config(text), base_url=sandbox.base_url)
    seen = Ends()

    made.invoke(QUESTION, {"callbacks": [seen]})

    estimate = made.decide(QUESTION).primary.estimate
    assert estimate is not None
    assert seen.answered[0]["decision"]["estimate"] == estimate.as_dict()
    assert sandbox.requests[0].body["max_tokens"] == 7


def test_what_a_route_sets_beside_parameters_is_not_sent_twice(sandbox: Sandbox) -> None:
    """What a member takes out of its arguments does not come back from the route."""
    params = "{timeout: 9, tool_choice: auto}"
    text = f"routes: [{{name: a, candidates: [{FIRST}], params: {params}}}]"
    made = RouterRunnable(config=parse_config(text), base_url=sandbox.base_url)

    made.invoke(QUESTION)

    assert {"timeout", "tool_choice"}.isdisjoint(sandbox.requests[0].body)
