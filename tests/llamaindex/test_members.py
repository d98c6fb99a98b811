"""A router's members: told what was decided, each attempt still tells its own story."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events.llm import LLMChatEndEvent
from pydantic import Field

from globalapi_core.sandbox import Sandbox, faults
from llamaindex_globalapi import GlobalAPI, GlobalAPIRouter

HELLO = [ChatMessage("What is the capital of France?")]
FIRST, SECOND = "deepseek-v4-flash", "qwen3-32b"
FORMS = ("chat", "achat", "stream_chat", "astream_chat")


class Ends(BaseEventHandler):
    """Keeps the records of the models' answers."""

    records: list[Any] = Field(default_factory=list)

    def handle(self, event: Any, **kwargs: Any) -> None:
        """Keep it, if it ends a call of a model."""
        if isinstance(event, LLMChatEndEvent) and event.response is not None:
            self.records.append(event.response.additional_kwargs["globalapi"])


@pytest.fixture
def ends() -> Iterator[Ends]:
    """What the models' events told."""
    handler, dispatcher = Ends(), get_dispatcher()
    before = list(dispatcher.event_handlers)
    dispatcher.add_event_handler(handler)
    yield handler
    dispatcher.event_handlers = before


async def ask(llm: Any, form: str) -> None:
    """Ask in one of four forms."""
    if form == "chat":
        llm.chat(HELLO)
    elif form == "achat":
        await llm.achat(HELLO)
    elif form == "stream_chat":
        list(llm.stream_chat(HELLO))
    else:
        [_ async for _ in await llm.astream_chat(HELLO)]


@pytest.mark.parametrize("form", FORMS)
async def test_attempt_has_the_record_of_its_model_alone(
    sandbox: Sandbox,
    router: GlobalAPIRouter,
    single: Callable[..., GlobalAPI],
    ends: Ends,
    form: str,
) -> None:
    """The event of an attempt says what the same model says when it is called itself."""
    sandbox.script(FIRST, [faults.overloaded()])

    await ask(router, form)
    await ask(single(SECOND), form)

    told, own = ends.records
    read, facts = told["decision"].pop("signals"), own["decision"].pop("signals")
    assert told["decision"] == own["decision"]
    assert read["input_tokens"] == facts["input_tokens"] > 0
    assert (read["language"], facts["language"]) == ("en", "und")
    assert told["cost"] == own["cost"]
    assert [each["outcome"] for each in told["attempts"]] == ["ok"]


async def test_calls_at_once_are_told_apart(router: GlobalAPIRouter, ends: Ends) -> None:
    """Members are shared by calls, what they are told is not."""
    prompts = [[ChatMessage("What is it? " + "Why? " * number)] for number in range(20)]

    await asyncio.gather(*(router.achat(each) for each in prompts))

    told = [each["decision"]["signals"]["input_tokens"] for each in ends.records]
    expected = [router.decide(each).signals.input_tokens for each in prompts]
    assert len(set(expected)) == 20
    assert sorted(told) == sorted(expected)


def test_estimate_of_an_attempt_goes_by_its_route(router: GlobalAPIRouter, ends: Ends) -> None:
    """The answer that a route allows counts in the estimate of the attempt's own record."""
    asked = [ChatMessage("法国的首都是哪里？")]

    router.chat(asked)

    estimate = router.decide(asked).primary.estimate
    assert estimate is not None
    assert ends.records[0]["decision"]["estimate"] == estimate.as_dict()
