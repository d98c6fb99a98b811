"""A config file edited while calls are made, through all four classes, over the sandbox."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import pickle
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from blockbuster import blockbuster_ctx
from llama_index.core.llms import ChatMessage

from globalapi_core import CallRecord, recorded_calls, reloading
from globalapi_core.sandbox import Sandbox, faults
from langchain_globalapi import ChatGlobalAPI, RouterRunnable
from llamaindex_globalapi import GlobalAPI, GlobalAPIRouter

QUESTION = "How long does a refund take?"
FIRST, SECOND, THIRD = "deepseek-v4-flash", "gpt-4o-mini", "glm-5"
KINDS: dict[str, Any] = {
    each.__name__: each for each in (ChatGlobalAPI, RouterRunnable, GlobalAPI, GlobalAPIRouter)
}
CLASSES = tuple(KINDS)
ROUTERS = ("RouterRunnable", "GlobalAPIRouter")
CROWD = 50

# `mine` is the model that all four classes ask; what it is, the file says.
FILE = """
attempts: {{max_retries: 0, timeout: 100, cooldown: 1000}}
models: {{mine: {{id: {id}, input_mtok: "1", output_mtok: "{price}"}}}}
routes: [{{name: {route}, candidates: [mine]}}]
"""
OLD = FILE.format(id=FIRST, price=10, route="old")
NEW = FILE.format(id=SECOND, price=1000, route="new")
BROKEN = NEW.replace("candidates: [mine]", "candidates: [no-such-model]")

Make = Callable[..., Any]
Edit = Callable[[str | None], None]


@pytest.fixture(autouse=True)
def _always_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call looks at the file."""
    monkeypatch.setattr(reloading, "INTERVAL", 0.0)
    # Some tools set up logging by switching off every logger there is.
    monkeypatch.setattr(logging.getLogger(reloading.__name__), "disabled", False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The config file, as it is at first."""
    path = tmp_path / "routes.yaml"
    path.write_text(OLD, "utf-8")
    return path


@pytest.fixture
def edit(file: Path) -> Edit:
    """Writes the config file, or takes it away."""

    def edited(content: str | None) -> None:
        if content is None:
            file.unlink()
        else:
            file.write_text(content, "utf-8")

    return edited


@pytest.fixture
def make(sandbox: Sandbox, file: Path) -> Make:
    """Makes one of the classes over the config file."""

    def made(name: str, **given: Any) -> Any:
        kind = KINDS[name]
        address = "base_url" if name in ("ChatGlobalAPI", "RouterRunnable") else "api_base"
        one = {} if name in ROUTERS else {"model": "mine"}
        return kind(**{"config": str(file), address: sandbox.base_url, **one, **given})

    return made


def asked(model: Any) -> Any:
    """The question in the form of the framework."""
    chain = isinstance(model, ChatGlobalAPI | RouterRunnable)
    return QUESTION if chain else [ChatMessage(content=QUESTION)]


def whole(model: Any) -> None:
    """Ask, and wait for the whole answer."""
    chain = isinstance(model, ChatGlobalAPI | RouterRunnable)
    (model.invoke if chain else model.chat)(asked(model))


async def awhole(model: Any) -> None:
    """`whole`, asynchronously."""
    chain = isinstance(model, ChatGlobalAPI | RouterRunnable)
    await (model.ainvoke if chain else model.achat)(asked(model))


def stream(model: Any) -> Iterator[Any]:
    """Ask for a stream."""
    chain = isinstance(model, ChatGlobalAPI | RouterRunnable)
    found: Iterator[Any] = (model.stream if chain else model.stream_chat)(asked(model))
    return found


async def astream(model: Any) -> AsyncIterator[Any]:
    """`stream`, asynchronously."""
    if isinstance(model, ChatGlobalAPI | RouterRunnable):
        return model.astream(asked(model))
    found: AsyncIterator[Any] = await model.astream_chat(asked(model))
    return found


def pickled(it: Any) -> Any:
    """*it*, stored and loaded."""
    return pickle.loads(pickle.dumps(it))  # noqa: S301


async def read(items: AsyncIterator[Any]) -> None:
    """Read a stream to its end."""
    async for _ in items:
        pass


Terms = tuple[str, str | None, Decimal | None]
"""What a call goes by: the id that is sent, the route, USD per million tokens of answer."""


def said_by(calls: list[CallRecord]) -> set[Terms]:
    """What *calls* went by."""
    tried = ((call, call.attempts[-1][0].candidate.model) for call in calls)
    return {(model.id, call.decision.route, model.price.output_mtok) for call, model in tried}


def went_by(name: str, route: str) -> Terms:
    """What calls of the class *name* go by, with the old file or the new one."""
    sent, price = (FIRST, 10) if route == "old" else (SECOND, 1000)
    return sent, route if name in ROUTERS else None, Decimal(price)


@pytest.mark.parametrize("name", CLASSES)
async def test_edit_while_50_calls_stream(
    make: Make, sandbox: Sandbox, edit: Edit, name: str
) -> None:
    """Streams under way end by the file they began with; the next ones begin by the new one."""
    model = make(name)

    with recorded_calls() as calls:
        streams = [await astream(model) for _ in range(CROWD)]
        for each in streams:
            await anext(each)
        assert calls == []

        edit(NEW)
        later = [await astream(model) for _ in range(CROWD)]
        for each in later:
            await anext(each)
        await asyncio.gather(*map(read, streams))
        begun = list(calls)
        await asyncio.gather(*map(read, later))

    assert len(begun) == CROWD
    assert said_by(begun) == {went_by(name, "old")}
    assert said_by(calls[CROWD:]) == {went_by(name, "new")}
    assert [each.model for each in sandbox.requests] == [FIRST] * CROWD + [SECOND] * CROWD


@pytest.mark.parametrize("name", CLASSES)
def test_edit_while_threads_stream(make: Make, file: Path, name: str) -> None:
    """The same with a thread for each stream, all of which hang as the file is edited."""
    model = make(name)
    begun, edited = threading.Barrier(21, timeout=100), threading.Event()

    def one() -> None:
        items = stream(model)
        next(items)
        begun.wait()
        edited.wait(100)
        list(items)

    with recorded_calls() as calls, ThreadPoolExecutor(20) as threads:
        running = [threads.submit(one) for _ in range(20)]
        begun.wait()
        file.write_text(NEW, "utf-8")
        whole(model)
        edited.set()
        for each in running:
            each.result()

    assert said_by(calls[:1]) == {went_by(name, "new")}
    assert said_by(calls[1:]) == {went_by(name, "old")}
    assert len(calls) == 21


@pytest.mark.parametrize("name", ROUTERS)
def test_call_falls_back_by_the_file_it_began_with(
    make: Make, sandbox: Sandbox, file: Path, name: str
) -> None:
    """A call that has not been answered as the file is edited goes on as it was decided."""
    routes = (
        "attempts: {{max_retries: {}, first_delta: {}}}\nroutes: [{{name: {}, candidates: {}}}]\n"
    )
    file.write_text(routes.format(1, 20, "old", f"[{FIRST}, {SECOND}]"), "utf-8")
    sandbox.script(FIRST, [faults.rate_limited(retry_after=0.5), faults.overloaded()])
    sandbox.script(SECOND, [faults.delay(0.5)])
    model = make(name)

    with recorded_calls() as calls, ThreadPoolExecutor(1) as threads:
        running = threads.submit(lambda: list(stream(model)))
        while not sandbox.requests:
            time.sleep(0.01)
        file.write_text(routes.format(0, 0.2, "new", f"[{THIRD}]"), "utf-8")
        whole(model)
        assert running.result()

    # The old one waits meanwhile; on a busy machine it may be the first to end all the same.
    old, new = sorted(calls, key=lambda call: call.decision.route != "old")
    assert [each.candidate.name for each, _ in old.attempts] == [FIRST, FIRST, SECOND]
    assert (old.decision.route, new.decision.route) == ("old", "new")
    assert [each.candidate.name for each, _ in new.attempts] == [THIRD]


@pytest.mark.parametrize("name", CLASSES)
def test_timers_follow(make: Make, sandbox: Sandbox, file: Path, name: str) -> None:
    """A call waits as long as the file says when it begins, though its model was asked before."""
    model = make(name)
    list(stream(model))
    file.write_text(OLD.replace("timeout: 100", "first_delta: 0.5"), "utf-8")
    sandbox.script(FIRST, [faults.delay(60)])

    with pytest.raises(Exception, match=r"0\.5 s"):
        list(stream(model))


@pytest.mark.parametrize("name", CLASSES)
def test_broken_edit_changes_nothing(
    make: Make, file: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Calls go on by the last good file, with one warning; a mended one takes effect."""
    caplog.set_level(logging.WARNING)
    model = make(name)

    with recorded_calls() as calls:
        file.write_text(BROKEN, "utf-8")
        for _ in range(5):
            whole(model)
        file.unlink()
        whole(model)
        ours = [each for each in caplog.records if each.name == reloading.__name__]
        warnings = [each.getMessage() for each in ours]
        file.write_text(NEW, "utf-8")
        whole(model)

    assert said_by(calls[:-1]) == {went_by(name, "old")}
    assert said_by(calls[-1:]) == {went_by(name, "new")}
    broken, gone = warnings
    assert f"{file}:4" in broken
    assert "no-such-model" in broken
    assert "No such file" in gone


@pytest.mark.parametrize("name", CLASSES)
async def test_async_calls_do_not_block(make: Make, edit: Edit, name: str) -> None:
    """An edited file, a broken one and one that is gone are read beside the event loop."""
    model = make(name)
    await awhole(model)

    with recorded_calls() as calls:
        for content in (NEW, BROKEN, OLD):
            edit(content)
            with blockbuster_ctx():
                await awhole(model)
                await read(await astream(model))
        edit(None)
        with blockbuster_ctx():
            await awhole(model)

    assert [each.decision.route for each in calls] == (
        ["new"] * 4 + ["old"] * 3 if name in ROUTERS else [None] * 7
    )
    assert said_by(calls) == {went_by(name, "old"), went_by(name, "new")}


@pytest.mark.parametrize("name", ROUTERS)
async def test_members_are_made_without_reading(
    make: Make, edit: Edit, file: Path, name: str
) -> None:
    """Evaluation results are read with the file, and not again for each model of a call."""
    line = json.dumps({"prompt": QUESTION, "scores": {FIRST: 0.1, SECOND: 0.9}})
    file.with_name("results.jsonl").write_text(f"{line}\n", "utf-8")
    learned = NEW.replace("candidates: [mine]", f"choose: quality, candidates: [mine, {THIRD}]")
    model = make(name)
    await awhole(model)
    edit(f"{learned}results: results.jsonl\nbudget: {{usd: 5}}\n")

    with recorded_calls() as calls, blockbuster_ctx():
        await awhole(model)

    (call,) = calls
    assert call.decision.choose == "quality"


@pytest.mark.parametrize("name", CLASSES)
def test_many_threads_call_while_the_file_is_edited(make: Make, file: Path, name: str) -> None:
    """Each of many calls goes by the one file or by the other, and by nothing in between."""
    model = make(name)
    edited = threading.Event()

    def calling() -> None:
        while not edited.is_set():
            whole(model)

    with recorded_calls() as calls, ThreadPoolExecutor(4) as threads:
        running = [threads.submit(calling) for _ in range(4)]
        for number in range(10):
            other = file.with_suffix(".new")
            other.write_text(BROKEN if number % 3 == 2 else (NEW, OLD)[number % 2], "utf-8")
            other.replace(file)
            # Four may have begun before the edit; some of these have not.
            ended = len(calls)
            while len(calls) < ended + 8 and not any(each.done() for each in running):
                time.sleep(0.005)
        edited.set()
        for each in running:
            each.result()

    assert said_by(calls) == {went_by(name, "old"), went_by(name, "new")}


@pytest.mark.parametrize("name", CLASSES)
def test_cooldown_follows(make: Make, sandbox: Sandbox, file: Path, name: str) -> None:
    """A model that fails after the edit is left out for as long as the new file says."""
    model = make(name)
    whole(model)
    file.write_text(OLD.replace("cooldown: 1000", "cooldown: 300"), "utf-8")
    sandbox.script(FIRST, [faults.overloaded()])

    with pytest.raises(Exception, match="503"):
        whole(model)

    assert 0 < model._health.cooling().of("mine").seconds <= 360


@pytest.mark.parametrize("name", CLASSES)
def test_budget_keeps_what_was_spent(make: Make, sandbox: Sandbox, file: Path, name: str) -> None:
    """A new limit does not give back what was spent by the old one."""
    file.write_text(OLD + "budget: {usd: 50}\n", "utf-8")
    model = make(name)
    whole(model)

    file.write_text(OLD + "budget: {usd: 70}\n", "utf-8")
    whole(model)

    budget = model._now().budget
    assert len(sandbox.requests) == 2
    assert budget.usd == 70
    assert budget.settled == sum(
        (usage.input_tokens * Decimal(1) + usage.output_tokens * Decimal(10)) / 1_000_000
        for usage in usages(make, name, times=2)
    )


def usages(make: Make, name: str, *, times: int) -> list[Any]:
    """What as many calls use; the sandbox answers the same to the same."""
    with recorded_calls() as calls:
        model = make(name)
        for _ in range(times):
            whole(model)
    return [outcome.usage for call in calls for _, outcome in call.attempts]


@pytest.mark.parametrize("name", CLASSES)
def test_address_stays(sandbox: Sandbox, file: Path, make: Make, name: str) -> None:
    """The server of the file is that of the time when a model or router was made."""
    file.write_text(f"{OLD}gateway: {{base_url: '{sandbox.base_url}'}}\n", "utf-8")
    address = "base_url" if name in ("ChatGlobalAPI", "RouterRunnable") else "api_base"
    model = make(name, **{address: None})

    file.write_text(f"{NEW}gateway: {{base_url: 'http://127.0.0.1:9/v1'}}\n", "utf-8")
    whole(model)

    assert [each.model for each in sandbox.requests] == [SECOND]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickled])
@pytest.mark.parametrize("name", CLASSES)
def test_copies_follow(make: Make, file: Path, name: str, copied: Callable[[Any], Any]) -> None:
    """A copy, and what was pickled, follow the file as the original does."""
    model = make(name)
    whole(model)
    other = copied(model)

    file.write_text(NEW, "utf-8")
    with recorded_calls() as calls:
        whole(other)
        whole(model)

    assert said_by(calls) == {went_by(name, "new")}


@pytest.mark.parametrize("name", ROUTERS)
def test_decide_looks_too(make: Make, file: Path, name: str) -> None:
    """What `decide` says is what the next call will do."""
    router = make(name)
    before = router.decide(QUESTION)

    file.write_text(NEW, "utf-8")

    assert (before.route, router.decide(QUESTION).route) == ("old", "new")


@pytest.mark.parametrize("name", ["ChatGlobalAPI", "RouterRunnable"])
def test_profile_follows(make: Make, file: Path, name: str) -> None:
    """What agents plan by is what the file says since the last call; the caller's own stays."""
    model, own = make(name), make(name, profile={"max_input_tokens": 77})
    file.write_text(OLD.replace('input_mtok: "1"', "context_window: 5000"), "utf-8")

    whole(model)
    whole(own)

    assert model.profile["max_input_tokens"] == 5_000
    assert own.profile == {"max_input_tokens": 77}


@pytest.mark.parametrize("name", ["GlobalAPI", "GlobalAPIRouter"])
def test_metadata_follows(make: Make, file: Path, name: str) -> None:
    """Engines that are built after a call plan by the new file; a window that was set stays."""
    fixed = {"context_window_policy" if name in ROUTERS else "context_window": 7_000}
    model, own = make(name), make(name, **fixed)
    before = model.metadata.context_window
    file.write_text(OLD.replace('input_mtok: "1"', "context_window: 5000"), "utf-8")

    whole(model)
    whole(own)

    assert before != model.metadata.context_window == 5_000
    assert own.metadata.context_window == 7_000
