"""`RouterQueryEngine` and the selectors that choose for it."""

from __future__ import annotations

import asyncio
from typing import Any

from llama_index.core.query_engine import RouterQueryEngine
from llama_index.core.retrievers import RouterRetriever
from llama_index.core.selectors import (
    LLMMultiSelector,
    LLMSingleSelector,
    PydanticMultiSelector,
    PydanticSingleSelector,
)
from llama_index.core.tools import QueryEngineTool, RetrieverTool, ToolMetadata

from tests.llamaindex.conformance.bench import THINKING, Bench, checks, say
from tests.llamaindex.conformance.engines import QUESTION, Shelf, engine

check = checks("Selectors")

CHOICES = [ToolMetadata(description="all of cats"), ToolMetadata(description="all of towers")]
PICK = '{"choice": 2, "reason": "It is of towers."}'
FORMS = (
    ("list", f"[{PICK}]"),
    ("object", PICK),
    ("in a fence", f"```json\n[{PICK}]\n```"),
    ("in prose", f"The best one is: [{PICK}]. It is of towers."),
)
"""How models write a choice that they were asked for in words."""
SELECTORS = {
    "LLMSingleSelector": LLMSingleSelector,
    "LLMMultiSelector": LLMMultiSelector,
    "PydanticSingleSelector": PydanticSingleSelector,
    "PydanticMultiSelector": PydanticMultiSelector,
}


def _chosen(result: Any) -> list[int]:
    return [each.index for each in result.selections]


@check(*FORMS)
def choice_in_words_single(bench: Bench, form: str, text: str) -> None:
    """`LLMSingleSelector` reads the choice in each form that models write it in."""
    with bench.told(text) as told:
        result = LLMSingleSelector.from_defaults(llm=told.llm).select(CHOICES, QUESTION)
    assert _chosen(result) == [1], _chosen(result)


@check(*FORMS)
def choice_in_words_several(bench: Bench, form: str, text: str) -> None:
    """`LLMMultiSelector` reads them too, asynchronously as well."""
    with bench.told(text) as told:
        selector = LLMMultiSelector.from_defaults(llm=told.llm)
        result = asyncio.run(selector.aselect(CHOICES, QUESTION))
    assert _chosen(result) == [1], _chosen(result)


@check("LLMSingleSelector", "LLMMultiSelector")
def choice_is_asked_for_as_json(bench: Bench, name: str) -> None:
    """A model with a JSON mode is asked for the choice in it, and cannot answer in prose."""
    result = SELECTORS[name].from_defaults(llm=bench.llm()).select(CHOICES, QUESTION)
    assert _chosen(result)[0] in (0, 1), _chosen(result)


@check("PydanticSingleSelector", "PydanticMultiSelector")
def choice_by_a_tool(bench: Bench, name: str) -> None:
    """The Pydantic selectors have the model call a function, and require it to."""
    result = SELECTORS[name].from_defaults(llm=bench.llm()).select(CHOICES, QUESTION)
    assert _chosen(result)[0] in (-1, 0, 1), _chosen(result)
    assert bench.bodies[0]["tool_choice"] == "required", bench.bodies[0].get("tool_choice")


@check("PydanticSingleSelector", "PydanticMultiSelector")
def choice_by_a_tool_of_a_thinking_model(bench: Bench, name: str) -> None:
    """A model that refuses to be forced while it thinks is asked so that it accepts."""
    llm = bench.llm("deepseek-v4-flash", additional_kwargs={"extra_body": THINKING})
    result = SELECTORS[name].from_defaults(llm=llm).select(CHOICES, QUESTION)
    assert result.selections, "nothing chosen"


@check("no choice", "{}", "[]")
def choice_that_is_none(bench: Bench, text: str) -> None:
    """An answer without a choice is an error that says so, and no engine's answer."""
    said = "" if text == "no choice" else text
    with bench.told(say(said)) as told:
        try:
            result = LLMSingleSelector.from_defaults(llm=told.llm).select(CHOICES, QUESTION)
            _ = result.ind
        except (KeyError, TypeError, AttributeError) as error:
            raise AssertionError(f"raises {type(error).__name__}: {error}") from error
        except Exception:
            return
    raise AssertionError("no error")


@check("sync", "async")
def router_query_engine(bench: Bench, way: str) -> None:
    """`RouterQueryEngine` with its default selector chooses an engine, and that one answers."""
    llm = bench.llm()
    tools = [
        QueryEngineTool.from_defaults(engine(llm), description=f"Index: {number}")
        for number in (1, 2)
    ]
    router = RouterQueryEngine.from_defaults(tools, llm=llm)
    answer = router.query(QUESTION) if way == "sync" else asyncio.run(router.aquery(QUESTION))
    assert "330" in str(answer), str(answer)


@check()
def router_query_engine_of_several(bench: Bench) -> None:
    """With `select_multi` the answers of the chosen engines are put together."""
    with bench.told(f"[{PICK}]", "330 metres") as told:
        tools = [
            QueryEngineTool.from_defaults(engine(told.llm), description=text)
            for text in ("cats", "towers")
        ]
        selector = LLMMultiSelector.from_defaults(llm=told.llm)
        answer = RouterQueryEngine.from_defaults(tools, llm=told.llm, selector=selector).query(
            QUESTION
        )
    assert "330" in str(answer), str(answer)
    assert told.calls == 2, f"{told.calls} calls"


@check()
def router_retriever(bench: Bench) -> None:
    """`RouterRetriever` chooses a retriever."""
    with bench.told(f"[{PICK}]") as told:
        tools = [
            RetrieverTool.from_defaults(Shelf((text,)), description=text)
            for text in ("cats", "towers")
        ]
        selector = LLMSingleSelector.from_defaults(llm=told.llm)
        found = RouterRetriever.from_defaults(tools, llm=told.llm, selector=selector).retrieve("?")
    assert [each.text for each in found] == ["towers"]
