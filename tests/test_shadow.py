"""Shadows of both routers, over the sandbox: asked after the answer, told apart, never felt."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from blockbuster import blockbuster_ctx
from langchain_core.caches import InMemoryCache
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from globalapi_core import Shadowed, on_shadow, recorded_calls, reloading, shadow
from globalapi_core.background import Background
from globalapi_core.config import parse_config
from globalapi_core.errors import BudgetExceededError, GatewayError, RateLimitError, ServerError
from globalapi_core.health import Health
from globalapi_core.sandbox import Received, Sandbox, faults
from langchain_globalapi import RouterRunnable
from llamaindex_globalapi import GlobalAPIRouter

OWN, OTHER, THIRD = "deepseek-v4-flash", "glm-5", "gpt-4o-mini"
QUESTION = "The canary prompt: how long does a refund take?"
PLAIN = f"""
attempts: {{max_retries: 0, timeout: 100}}
routes: [{{name: rest, candidates: [{OWN}, {THIRD}], params: {{temperature: 0.3}}SHADOW}}]
"""
SHADOW = f", shadow: {{model: {OTHER}, budget: {{usd: 1}}}}"

LONG = 60.0
"""Seconds that nothing takes but what hangs."""

Make = Callable[..., Any]
ROUTERS = pytest.mark.parametrize("kind", ["langchain", "llamaindex"])
WAYS = pytest.mark.parametrize("way", ["whole", "awhole", "stream", "astream"])


@pytest.fixture(autouse=True)
def own_shadows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Shadows of this test alone, which have ended when the next one begins."""
    monkeypatch.setattr(shadow, "_health", Health())
    name = f"shadow of {request.node.name}"
    beside = Background(name, most_threads=4, longest_queue=100)
    monkeypatch.setattr(shadow, "_beside", beside)
    yield
    assert beside.flush(LONG)


@pytest.fixture
def told(own_shadows: None) -> Iterator[list[Shadowed]]:
    """What hooks of shadows are told."""
    found: list[Shadowed] = []
    remove = on_shadow(found.append)
    yield found
    remove()


@pytest.fixture
def make(sandbox: Sandbox) -> Make:
    """Makes a router of either framework."""

    def made(kind: str, config: str = SHADOW, **given: Any) -> Any:
        text = PLAIN.replace("SHADOW", config) if config.startswith(",") or not config else config
        if kind == "langchain":
            return RouterRunnable(config=parse_config(text), base_url=sandbox.base_url, **given)
        return GlobalAPIRouter(config=parse_config(text), api_base=sandbox.base_url, **given)

    return made


def asked(router: Any, way: str = "whole", prompt: str = QUESTION, **given: Any) -> list[Any]:
    """What comes of one call: the answer, or all pieces of it."""
    if isinstance(router, RouterRunnable):
        return _asked(router, way, [HumanMessage(prompt)], given, "invoke", "stream")
    return _asked(router, way, [ChatMessage(prompt)], given, "chat", "stream_chat")


def _asked(router: Any, way: str, messages: Any, given: Any, whole: str, stream: str) -> list[Any]:
    if way == "whole":
        return [getattr(router, whole)(messages, **given)]
    if way == "stream":
        return list(getattr(router, stream)(messages, **given))

    async def awhole() -> list[Any]:
        return [await getattr(router, f"a{whole}")(messages, **given)]

    async def astream() -> list[Any]:
        items = getattr(router, f"a{stream}")(messages, **given)
        return [item async for item in (await items if asyncio.iscoroutine(items) else items)]

    return asyncio.run(awhole() if way == "awhole" else astream())


def texts(items: list[Any]) -> list[str]:
    """The texts of what came, one of each item."""
    return [str(each.text if hasattr(each, "text") else each.message.content) for each in items]


def record(items: list[Any]) -> dict[str, Any]:
    """The record on the answer, without what differs from call to call."""
    last = items[-1]
    holder = last.response_metadata if hasattr(last, "text") else last.additional_kwargs
    found: dict[str, Any] = dict(holder["globalapi"])
    del found["seconds"]
    for attempt in found["attempts"]:
        del attempt["seconds"], attempt["first_delta"], attempt["request_id"]
    return found


def of(sandbox: Sandbox, model: str) -> list[Received]:
    """What *model* was asked."""
    return [each for each in sandbox.requests if each.model == model]


# --- what the user sees -----------------------------------------------------------------------


@ROUTERS
@WAYS
def test_answer_is_the_same(
    kind: str, way: str, make: Make, sandbox: Sandbox, told: list[Shadowed]
) -> None:
    """With a shadow, answer, record, cost and request are those without, byte for byte."""
    with recorded_calls() as calls:
        plain, shadowed = (asked(make(kind, config), way) for config in ("", SHADOW))
        assert shadow.flush(LONG)

    assert texts(shadowed) == texts(plain)
    before, after = record(plain), record(shadowed)
    assert (before["decision"].pop("shadow"), after["decision"].pop("shadow")) == (None, OTHER)
    assert after == before
    assert [call.model for call in calls] == [OWN, OWN]
    assert calls[0].cost == calls[1].cost
    first, second = of(sandbox, OWN)
    assert first.body == second.body
    assert len(told) == len(of(sandbox, OTHER)) == 1


@ROUTERS
@WAYS
def test_answer_does_not_wait(kind: str, way: str, make: Make, sandbox: Sandbox) -> None:
    """A shadow that hangs is not felt: ten answers come while it is still silent."""
    sandbox.down(OTHER, faults.delay(200))
    router = make(kind)

    before = time.monotonic()
    for _ in range(10):
        asked(router, way)
    seconds = time.monotonic() - before
    waits = not shadow.flush(0)
    sandbox.close()

    assert seconds < LONG
    assert waits


# --- what the shadow is asked -----------------------------------------------------------------


@ROUTERS
@WAYS
def test_shadow_is_asked_the_same(
    kind: str, way: str, make: Make, sandbox: Sandbox, told: list[Shadowed]
) -> None:
    """The other model gets the same messages and parameters, and its own records and texts."""
    answer = asked(make(kind, max_tokens=200), way, top_p=0.5)
    assert shadow.flush(LONG)

    own, other = of(sandbox, OWN)[0].body, of(sandbox, OTHER)[0].body
    for name in ("messages", "temperature", "max_tokens", "top_p"):
        assert other[name] == own[name]
    assert "stream" not in other
    (found,) = told
    assert (found.call.model, found.shadow and found.shadow.model) == (OWN, OTHER)
    assert found.error is None
    text = texts(answer)[-1] if kind == "llamaindex" else "".join(texts(answer))
    assert found.answer == text
    assert found.shadow_answer is not None
    assert found.shadow_answer.startswith("[sandbox]")
    assert found.shadow is not None
    assert found.shadow.cost.usd == sandbox.bill.total.at_least - found.call.cost.at_least


@ROUTERS
def test_messages_are_those_of_the_call(
    kind: str, make: Make, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the caller adds to the list after the answer is not asked of the shadow."""
    late: list[Callable[[], object]] = []
    router = make(kind)
    with monkeypatch.context() as patch:
        patch.setattr(shadow._beside, "put", late.append)
        if kind == "langchain":
            chain: list[Any] = [HumanMessage(QUESTION)]
            chain.append(router.invoke(chain))
        else:
            chain = [ChatMessage(QUESTION)]
            chain.append(router.chat(chain).message)
    late[0]()

    assert of(sandbox, OTHER)[0].body["messages"] == of(sandbox, OWN)[0].body["messages"]
    assert len(chain) == 2


def get_weather(city: str) -> str:
    """Get the weather in a city."""
    raise AssertionError("nobody asked to run it")


@ROUTERS
@WAYS
def test_tools_are_offered_and_not_run(
    kind: str, way: str, make: Make, sandbox: Sandbox, told: list[Shadowed]
) -> None:
    """The shadow is offered the tools; the calls it gives are a text to compare."""
    router, question = make(kind), "What is the weather in Paris?"
    tool = FunctionTool.from_defaults(get_weather).metadata.to_openai_tool()
    answer = asked(router, way, question, tools=[tool], tool_choice="required")
    assert shadow.flush(LONG)

    assert of(sandbox, OTHER)[0].body["tools"] == of(sandbox, OWN)[0].body["tools"]
    assert told[0].answer.startswith("get_weather({")
    assert told[0].answer == told[0].shadow_answer
    assert told[0].equal
    assert answer


def test_reasoning_of_another_family_stays_at_home(make: Make, sandbox: Sandbox) -> None:
    """Messages are adapted to the shadow's family: what another one thought is not sent to it."""
    call = {"name": "get_weather", "args": {"city": "Paris"}, "id": "call_1"}
    thought = AIMessage(
        "",
        tool_calls=[call],
        additional_kwargs={"reasoning_content": "The weather, then."},
        response_metadata={"family": "deepseek"},
    )
    tool = FunctionTool.from_defaults(get_weather).metadata.to_openai_tool()
    router = make("langchain")
    router.invoke(
        [HumanMessage(QUESTION), thought, ToolMessage("sunny", tool_call_id="call_1")],
        tools=[tool],
    )
    assert shadow.flush(LONG)

    own, other = (of(sandbox, model)[0].body["messages"][1] for model in (OWN, OTHER))
    assert own["reasoning_content"] == "The weather, then."
    assert "reasoning_content" not in other
    assert other["tool_calls"] == own["tool_calls"]


class Refund(BaseModel):
    """How long a refund takes."""

    days: int


def test_structured_output_has_a_shadow(make: Make, sandbox: Sandbox, told: list[Shadowed]) -> None:
    """LangChain's structured output asks the shadow for the same object, and for nothing else."""
    found = make("langchain").with_structured_output(Refund).invoke(QUESTION)
    assert shadow.flush(LONG)

    assert isinstance(found, Refund)
    own, other = of(sandbox, OWN)[0].body, of(sandbox, OTHER)[0].body
    assert "response_format" in own
    assert not [name for name in {*own, *other} if name.startswith("ls_")]
    assert told[0].error is None


# --- who has none -----------------------------------------------------------------------------


@ROUTERS
@WAYS
def test_failed_call_has_none(kind: str, way: str, make: Make, sandbox: Sandbox) -> None:
    """A call that nobody answered is not asked of the shadow."""
    sandbox.down(OWN)
    sandbox.down(THIRD)
    with pytest.raises((GatewayError, ExceptionGroup)):
        asked(make(kind), way)

    assert shadow.flush(LONG)
    assert not of(sandbox, OTHER)


@ROUTERS
@pytest.mark.parametrize("is_async", [False, True])
def test_abandoned_stream_has_none(kind: str, is_async: bool, make: Make, sandbox: Sandbox) -> None:
    """A stream that its reader left is not asked of the shadow."""
    router: Any = make(kind)
    chain = [HumanMessage(QUESTION)] if kind == "langchain" else [ChatMessage(QUESTION)]

    async def leave() -> None:
        items = router.astream(chain) if kind == "langchain" else await router.astream_chat(chain)
        await anext(items)
        await items.aclose()

    if is_async:
        asyncio.run(leave())
    else:
        items = (router.stream if kind == "langchain" else router.stream_chat)(chain)
        next(items)
        items.close()

    assert shadow.flush(LONG)
    assert of(sandbox, OWN)
    assert not of(sandbox, OTHER)


@ROUTERS
@pytest.mark.parametrize("is_async", [False, True])
def test_shadow_of_a_stream_begins_at_its_end(
    kind: str, is_async: bool, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shadow of a stream is not there before its reader has had the last item."""
    router: Any = make(kind)
    chain: Any = [HumanMessage(QUESTION)] if kind == "langchain" else [ChatMessage(QUESTION)]
    jobs: list[object] = []
    seen: list[int] = []
    monkeypatch.setattr(shadow._beside, "put", jobs.append)

    async def read() -> None:
        items = router.astream(chain) if kind == "langchain" else await router.astream_chat(chain)
        async for _ in items:
            seen.append(len(jobs))

    if is_async:
        asyncio.run(read())
    else:
        for _ in (router.stream if kind == "langchain" else router.stream_chat)(chain):
            seen.append(len(jobs))

    assert seen
    assert not any(seen)
    assert len(jobs) == 1


@ROUTERS
@pytest.mark.parametrize(
    "policy",
    [f"not_models: [{OTHER}]", "origins: [us]", 'max_cost: "0.00005"', "models: ['gpt-*']"],
)
def test_policies_hold(kind: str, policy: str, make: Make, sandbox: Sandbox) -> None:
    """A shadow that a policy of the file forbids is not asked; the call goes on."""
    config = f"""
attempts: {{max_retries: 0, timeout: 100}}
policies: [{{name: house, {policy}}}]
routes: [{{name: rest, candidates: [{THIRD}], params: {{max_tokens: 40}}{SHADOW}}}]
"""
    answer = asked(make(kind, config))

    assert shadow.flush(LONG)
    assert texts(answer)
    assert not of(sandbox, OTHER)


@ROUTERS
def test_model_is_not_its_own_shadow(kind: str, make: Make, sandbox: Sandbox) -> None:
    """A call that fell back to the shadow's model is not compared with itself."""
    config = PLAIN.replace("SHADOW", f", shadow: {{model: {THIRD}, budget: {{usd: 1}}}}")
    sandbox.down(OWN)
    answer = asked(make(kind, config))

    assert shadow.flush(LONG)
    assert record(answer)["model"] == THIRD
    assert len(of(sandbox, THIRD)) == 1


def test_cached_answer_has_none(make: Make, sandbox: Sandbox, told: list[Shadowed]) -> None:
    """What comes from LangChain's cache was asked of nobody, and of no shadow."""
    router = make("langchain", cache=InMemoryCache())
    for _ in range(3):
        asked(router)
    assert shadow.flush(LONG)

    assert len(of(sandbox, OWN)) == 1
    assert len(told) == len(of(sandbox, OTHER)) == 1


@ROUTERS
def test_model_named_outright_has_none(kind: str, make: Make, sandbox: Sandbox) -> None:
    """Whoever names a model takes no route, and routes have the shadows."""
    asked(make(kind), model=OWN)

    assert shadow.flush(LONG)
    assert not of(sandbox, OTHER)


# --- money ------------------------------------------------------------------------------------


@ROUTERS
def test_cap_holds(kind: str, make: Make, sandbox: Sandbox, told: list[Shadowed]) -> None:
    """Shadows stop at their own budget; calls go on, and draw on another one."""
    cap = Decimal("0.0002")
    config = f"""
attempts: {{max_retries: 0, timeout: 100}}
budget: {{usd: 1}}
routes:
  - name: rest
    candidates: [{OWN}]
    params: {{max_tokens: 40}}
    shadow: {{model: {OTHER}, budget: {{usd: "{cap}"}}}}
"""
    router = make(kind, config)
    for _ in range(20):
        asked(router)
    assert shadow.flush(LONG)

    bill = {row.model: row.cost.usd for row in sandbox.bill.rows}
    stopped = [each for each in told if isinstance(each.error, BudgetExceededError)]
    assert len(of(sandbox, OWN)) == 20
    assert 0 < len(of(sandbox, OTHER)) < 20
    assert 0 < bill[OTHER] <= cap  # type: ignore[operator]
    assert len(told) == 20 == len(stopped) + len(of(sandbox, OTHER))
    in_force = router._live.in_force
    assert in_force.shadows["rest"].spent == bill[OTHER]
    assert in_force.budget.spent == bill[OWN]


@ROUTERS
def test_edited_file_keeps_what_shadows_spent(
    kind: str,
    sandbox: Sandbox,
    tmp_path: Path,
    told: list[Shadowed],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An edit gives the shadows no new money."""
    monkeypatch.setattr(reloading, "INTERVAL", 0.0)
    file = tmp_path / "routes.yaml"
    text = PLAIN.replace("SHADOW", f', shadow: {{model: {OTHER}, budget: {{usd: "0.02"}}}}')
    file.write_text(text, "utf-8")
    address = "base_url" if kind == "langchain" else "api_base"
    made = RouterRunnable if kind == "langchain" else GlobalAPIRouter
    router: Any = made(config=str(file), **{address: sandbox.base_url})
    asked(router, max_tokens=40)
    assert shadow.flush(LONG)
    before = router._live.in_force
    file.write_text(text.replace("0.02", "0.03"), "utf-8")
    asked(router, max_tokens=40)
    assert shadow.flush(LONG)

    after = router._live.in_force
    assert after is not before
    assert after.shadows["rest"].usd == Decimal("0.03")
    costs = [each.shadow.cost.usd for each in told if each.shadow and each.shadow.cost.usd]
    assert len(costs) == 2
    assert after.shadows["rest"].spent == sum(costs)


# --- trouble ----------------------------------------------------------------------------------


@ROUTERS
@WAYS
def test_failing_shadow_is_told(
    kind: str,
    way: str,
    make: Make,
    sandbox: Sandbox,
    told: list[Shadowed],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A shadow that fails is told to the hook and to the debug log, and raised nowhere."""
    sandbox.down(OTHER, faults.server_error())
    with caplog.at_level(logging.DEBUG, "globalapi_core.shadow"):
        answer = asked(make(kind), way)
        assert shadow.flush(LONG)

    assert texts(answer)
    assert record(answer)["model"] == OWN
    (found,) = told
    assert isinstance(found.error, ServerError)
    assert (found.shadow_answer, found.equal) == (None, None)
    assert found.shadow is not None
    assert len(found.shadow.attempts) == len(of(sandbox, OTHER)) == 1
    assert f"the shadow of {OWN} failed" in caplog.text


@ROUTERS
def test_shadow_cools_nobody_down(
    kind: str, make: Make, sandbox: Sandbox, told: list[Shadowed]
) -> None:
    """A rate limit that a shadow meets does not put its model last in the routes."""
    config = f"""
attempts: {{max_retries: 0, timeout: 100}}
routes:
  - {{name: other, when: {{tags: other}}, candidates: [{OTHER}, {THIRD}]}}
  - {{name: rest, candidates: [{OWN}]{SHADOW}}}
"""
    router = make(kind, config)
    sandbox.script(OTHER, [faults.rate_limited(600)])
    asked(router)
    assert shadow.flush(LONG)

    messages: Any = QUESTION if kind == "langchain" else [ChatMessage(QUESTION)]
    forced = {"route": "other"}
    assert isinstance(told[0].error, RateLimitError)
    assert router.decide(messages, **forced).primary.name == OTHER
    assert record(asked(router, **forced))["model"] == OTHER


@ROUTERS
def test_too_many_are_dropped(
    kind: str,
    make: Make,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """When shadows hang and the queue is full, further ones are dropped, which is told once."""
    beside = Background("test-full", most_threads=1, longest_queue=2)
    monkeypatch.setattr(shadow, "_beside", beside)
    sandbox.down(OTHER, faults.delay(200))
    router = make(kind)

    before = time.monotonic()
    answers = [asked(router) for _ in range(10)]
    seconds, dropped = time.monotonic() - before, shadow.dropped()
    sandbox.close()

    assert beside.flush(LONG)
    assert len(answers) == 10
    assert seconds < LONG
    assert dropped >= 7
    assert [each.levelname for each in caplog.records].count("WARNING") == 1
    assert "shadows come faster than they are answered" in caplog.text


@ROUTERS
def test_hook_that_fails_harms_nobody(
    kind: str, make: Make, told: list[Shadowed], caplog: pytest.LogCaptureFixture
) -> None:
    """What a hook raises is logged without its words; the next hook is told all the same."""

    def broken(found: Shadowed) -> None:
        raise ValueError(QUESTION + found.answer)

    remove = on_shadow(broken)
    later: list[Shadowed] = []
    remove_later = on_shadow(later.append)
    try:
        asked(make(kind))
        assert shadow.flush(LONG)
    finally:
        remove()
        remove_later()

    assert len(later) == 1
    assert "broken failed: ValueError in" in caplog.text
    assert later[0].answer not in caplog.text


@ROUTERS
def test_texts_are_not_shown(kind: str, make: Make, told: list[Shadowed]) -> None:
    """Neither answer is in the repr of what hooks are told."""
    asked(make(kind))
    assert shadow.flush(LONG)

    assert told[0].answer
    assert told[0].answer not in repr(told[0])
    assert QUESTION not in repr(told[0])


# --- the process ------------------------------------------------------------------------------


@ROUTERS
@pytest.mark.parametrize("way", ["whole", "stream"])
async def test_event_loop_is_not_held_up(
    kind: str, way: str, make: Make, told: list[Shadowed]
) -> None:
    """Nothing of a shadow blocks the event loop, the first one's thread included."""
    router = make(kind)
    chain: Any = [HumanMessage(QUESTION)] if kind == "langchain" else [ChatMessage(QUESTION)]
    warm = make(kind, "")
    await (warm.ainvoke(chain) if kind == "langchain" else warm.achat(chain))
    with blockbuster_ctx():
        if way == "whole":
            await (router.ainvoke(chain) if kind == "langchain" else router.achat(chain))
        elif kind == "langchain":
            assert [each async for each in router.astream(chain)]
        else:
            assert [each async for each in await router.astream_chat(chain)]

    assert await asyncio.to_thread(shadow.flush, LONG)
    assert len(told) == 1


@ROUTERS
def test_many_threads_at_once(
    kind: str, make: Make, sandbox: Sandbox, told: list[Shadowed]
) -> None:
    """Calls of many threads have a shadow each."""
    router = make(kind)
    threads = [threading.Thread(target=asked, args=(router,)) for _ in range(20)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert shadow.flush(LONG)
    assert shadow.dropped() == 0
    assert len(told) == len(of(sandbox, OTHER)) == 20


@ROUTERS
def test_without_shadows_there_is_no_thread(
    kind: str, make: Make, request: pytest.FixtureRequest
) -> None:
    """Calls of routes without a shadow start no thread for one."""
    name = f"shadow of {request.node.name}"
    asked(make(kind, ""))
    before = [each.name for each in threading.enumerate()]
    asked(make(kind))

    assert shadow.flush(LONG)
    assert name not in before
    assert name in [each.name for each in threading.enumerate()]


SCRIPT = """
import sys, threading
from globalapi_core.config import parse_config
from globalapi_core.sandbox import Sandbox, faults
{imported}
sandbox = Sandbox().start()
sandbox.down("glm-5", faults.delay(600))
config = parse_config('''routes: [{{name: r, candidates: [deepseek-v4-flash]{shadow}}}]''')
{call}
print(sum(each.name == "globalapi-shadow" for each in threading.enumerate()))
"""
CALLS = {
    "langchain": (
        "from langchain_globalapi import RouterRunnable",
        "router = RouterRunnable(config=config, base_url=sandbox.base_url, api_key='-')\n"
        "for _ in range(8): assert router.invoke('Hello').text",
    ),
    "llamaindex": (
        "from llamaindex_globalapi import GlobalAPIRouter",
        "router = GlobalAPIRouter(config=config, api_base=sandbox.base_url, api_key='-')\n"
        "for _ in range(8): assert router.complete('Hello').text",
    ),
}


@ROUTERS
def test_script_ends_while_shadows_hang(kind: str) -> None:
    """A script that ends does not wait for its shadows, running or waiting."""
    imported, call = CALLS[kind]
    code = SCRIPT.format(imported=imported, call=call, shadow=SHADOW)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert 1 <= int(done.stdout) <= shadow.MOST_THREADS
