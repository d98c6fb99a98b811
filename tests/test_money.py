"""Money, through all four classes: what was spent is what the sandbox bills, and no more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.llms import ChatMessage

from globalapi_core import Budget, load_config, recorded_calls
from globalapi_core.errors import BudgetExceededError
from globalapi_core.sandbox import Sandbox, faults
from langchain_globalapi import ChatGlobalAPI, RouterRunnable
from llamaindex_globalapi import GlobalAPI, GlobalAPIRouter

QUESTION = "How long does a refund take?"
FIRST, SECOND = "deepseek-v4-flash", "qwen3-32b"
FILE = """
attempts: {{max_retries: 0, timeout: 20{more}}}
{budget}
routes: [{{name: all, candidates: [deepseek-v4-flash, qwen3-32b], params: {{max_tokens: 200}}}}]
"""
CLASSES = ("ChatGlobalAPI", "RouterRunnable", "GlobalAPI", "GlobalAPIRouter")
ROUTERS = ("RouterRunnable", "GlobalAPIRouter")
WAYS = ("whole", "async", "streamed", "left")

Make = Callable[..., Any]


@pytest.fixture
def make(sandbox: Sandbox, tmp_path: Path) -> Make:
    """Makes one of the classes over a config file with these limits."""

    def made(name: str, *, budget: str = "", more: str = "", **given: Any) -> Any:
        file = tmp_path / "globalapi.yaml"
        file.write_text(FILE.format(budget=budget, more=more), "utf-8")
        given = {"config": str(file), **given}
        if name == "ChatGlobalAPI":
            return ChatGlobalAPI(model=FIRST, max_tokens=200, base_url=sandbox.base_url, **given)
        if name == "GlobalAPI":
            return GlobalAPI(model=FIRST, max_tokens=200, api_base=sandbox.base_url, **given)
        if name == "RouterRunnable":
            return RouterRunnable(base_url=sandbox.base_url, **given)
        return GlobalAPIRouter(api_base=sandbox.base_url, **given)

    return made


def ask(model: Any, way: str = "whole") -> None:
    """Ask, whole or streamed, and read all of the answer but that of a stream that is left."""
    if isinstance(model, ChatGlobalAPI | RouterRunnable):
        whole, awaited, stream = model.invoke, model.ainvoke, model.stream
        asked: Any = QUESTION
    else:
        whole, awaited, stream = model.chat, model.achat, model.stream_chat
        asked = [ChatMessage(content=QUESTION)]
    if way == "whole":
        whole(asked)
    elif way == "async":
        asyncio.run(awaited(asked))
    else:
        read(stream(asked), leave=way == "left")


def read(stream: Iterator[Any], *, leave: bool) -> None:
    """Read *stream*, or its first item alone."""
    for _ in stream:
        if leave:
            stream.close()  # type: ignore[attr-defined]
            return


def budget_of(tmp_path: Path) -> Budget:
    """The budget of the config file there."""
    budget = Budget.of(load_config(tmp_path / "globalapi.yaml"))
    assert budget is not None
    return budget


@pytest.mark.parametrize("way", ["whole", "async", "streamed"])
@pytest.mark.parametrize("name", CLASSES)
def test_settled_is_the_bill(
    make: Make, sandbox: Sandbox, tmp_path: Path, name: str, way: str
) -> None:
    """What a budget has settled is what the sandbox bills, and nothing stays reserved."""
    model = make(name, budget="budget: {usd: 1}")

    ask(model, way)
    ask(model, way)

    budget = budget_of(tmp_path)
    assert budget.settled == sandbox.bill.total.usd != 0
    assert budget.reserved == 0


@pytest.mark.parametrize("name", CLASSES)
def test_stream_that_is_left_is_settled(make: Make, tmp_path: Path, name: str) -> None:
    """A stream whose reader leaves is charged by an estimate, at once."""
    ask(make(name, budget="budget: {usd: 1}"), "left")

    budget = budget_of(tmp_path)
    assert budget.settled > 0
    assert budget.reserved == 0


@pytest.mark.parametrize("name", ROUTERS)
def test_failed_attempt_is_charged_once(
    make: Make, sandbox: Sandbox, tmp_path: Path, name: str
) -> None:
    """An answer that was cut is charged, by an estimate, and so is the one after it."""
    sandbox.script(FIRST, [faults.cut()])
    model = make(name, budget="budget: {usd: 1}")

    with recorded_calls() as calls:
        ask(model)

    (call,) = calls
    assert [attempt.candidate.name for attempt, _ in call.attempts] == [FIRST, SECOND]
    assert call.cost.usd is None
    assert budget_of(tmp_path).settled == call.cost.at_least + call.estimated_cost.at_least


@pytest.mark.parametrize("way", ["whole", "async", "streamed"])
@pytest.mark.parametrize("name", CLASSES)
def test_budget_that_is_spent_stops_calls(
    make: Make, sandbox: Sandbox, name: str, way: str
) -> None:
    """With nothing left no request is sent; the error says what is missing."""
    model = make(name, budget="budget: {usd: 0.0000001, per: day}")

    with pytest.raises(BudgetExceededError, match="budget per day") as caught:
        ask(model, way)

    assert sandbox.requests == []
    assert caught.value.limit == Decimal("0.0000001")
    assert caught.value.record is not None


@pytest.mark.parametrize("name", CLASSES)
def test_ceiling_of_a_call(make: Make, sandbox: Sandbox, name: str) -> None:
    """A call whose first attempt may cost more than its ceiling is not begun."""
    model = make(name, more=", max_cost: 0.0000001")

    with pytest.raises(BudgetExceededError, match=r"attempts\.max_cost"):
        ask(model)

    assert sandbox.requests == []


def test_one_file_one_budget(make: Make, sandbox: Sandbox, tmp_path: Path) -> None:
    """Models and routers of both frameworks made from one file draw on one budget."""
    limit = "budget: {usd: 1}"

    for name in CLASSES:
        ask(make(name, budget=limit))

    assert budget_of(tmp_path).settled == sandbox.bill.total.usd
    assert len(sandbox.requests) == len(CLASSES)


@pytest.mark.parametrize("name", CLASSES)
def test_hooks_see_each_call_once(make: Make, name: str) -> None:
    """A router's call is one call to whoever observes, however many attempts it takes."""
    model = make(name)

    with recorded_calls() as calls:
        for way in WAYS:
            ask(model, way)

    assert len(calls) == len(WAYS)
