"""A router inside engines and agents: what other LLMs have no word for.

What holds of any LLM there is in `conformance`.
"""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.selectors import LLMSingleSelector
from llama_index.core.tools import ToolMetadata
from pydantic import Field

from globalapi_core import recorded_calls
from globalapi_core.config import parse_config
from globalapi_core.sandbox import Sandbox
from llamaindex_globalapi import CallEndEvent, GlobalAPIRouter
from tests.core.wire.server import Server
from tests.llamaindex.conformance.bench import say
from tests.llamaindex.conformance.engines import FACTS, QUESTION, Shelf

from .conftest import CONFIG, LLM


def test_query_engine_answers_from_what_was_found(sandbox: Sandbox, llm: LLM) -> None:
    """One question is one call, with the passages in it, and the answer is drawn from them."""
    answer = RetrieverQueryEngine.from_args(Shelf(), llm=llm).query(QUESTION)

    assert "330 metres" in str(answer)
    assert len(sandbox.requests) == 1
    assert all(fact in str(sandbox.requests[0].body["messages"]) for fact in FACTS)


class Listener(BaseEventHandler):
    """Keeps the records that events carry."""

    records: list[dict[str, Any]] = Field(default_factory=list)

    def handle(self, event: Any, **kwargs: Any) -> None:
        """Keep the record of an event that has one."""
        if isinstance(event, CallEndEvent):
            self.records.append(event.record)


def test_call_of_an_engine_is_told_by_an_event(router: GlobalAPIRouter) -> None:
    """An engine passes on the text alone: the record comes as an event, and to hooks."""
    engine = RetrieverQueryEngine.from_args(Shelf(), llm=router)
    listener, handlers = Listener(), get_dispatcher().event_handlers
    handlers.append(listener)

    try:
        with recorded_calls() as calls:
            engine.query(QUESTION)
    finally:
        handlers.remove(listener)

    (call,), (record,) = calls, listener.records
    assert (record["route"], record["model"]) == ("default", "deepseek-v4-flash")
    assert record == call.as_dict()


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


async def test_agent_on_a_thinking_model_sends_its_reasoning_back(
    sandbox: Sandbox, router: GlobalAPIRouter
) -> None:
    """The second step of an agent on a thinking model carries the first one's reasoning."""
    sandbox.down("gpt-4o")

    answer = await FunctionAgent(tools=[add], llm=router).run("Please add 3 and 4.")

    assert "7" in str(answer)
    sent = sandbox.requests[-1]
    assert sent.model == "kimi-k2-thinking"
    (called,) = [each for each in sent.body["messages"] if each.get("tool_calls")]
    assert called["reasoning_content"]


@pytest.mark.parametrize("text", ["{}", "no idea"])
def test_selector_goes_on_where_a_model_chooses_nothing(text: str) -> None:
    """An answer without a choice is a failed attempt: the next candidate is asked."""
    with Server(say(text), say('{"choices": [{"choice": 2, "reason": "towers"}]}')) as server:
        llm = GlobalAPIRouter(config=parse_config(CONFIG), api_base=server.url)
        choices = [ToolMetadata(description=text) for text in ("cats", "towers")]
        result = LLMSingleSelector.from_defaults(llm=llm).select(choices, QUESTION)

    assert result.ind == 1
    assert [body["model"] for body in server.bodies()] == ["gpt-4o-mini", "gpt-4o"]
    assert "response_format" in server.bodies()[0]


async def test_selector_asks_in_words_where_no_model_writes_json(sandbox: Sandbox) -> None:
    """A route without a model that can give an object is asked as LlamaIndex asks."""
    config = parse_config("routes: [{name: all, candidates: [ga-standard]}]")
    llm = GlobalAPIRouter(config=config, api_base=sandbox.base_url)
    prompt = LLMSingleSelector.from_defaults(llm=llm)._prompt
    given = {"num_choices": 2, "context_list": "(1) cats", "query_str": QUESTION}

    answers = [llm.predict(prompt, **given), await llm.apredict(prompt, **given)]

    assert answers[0] == answers[1] != ""
    assert all("response_format" not in request.body for request in sandbox.requests)
