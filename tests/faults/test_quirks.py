"""Ways of real servers, as the sandbox scripts them, before all four classes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from globalapi_core import flow
from globalapi_core.config import parse_config
from globalapi_core.errors import IncompleteResponseError
from globalapi_core.sandbox import Sandbox, faults
from langchain_globalapi import ChatGlobalAPI, RouterRunnable
from llamaindex_globalapi import GlobalAPI, GlobalAPIRouter
from tests.faults import reading
from tests.faults.case import STREAMED, WAYS
from tests.faults.promise import Seen

MODEL = "deepseek-v4-flash"
CONFIG = parse_config(
    f"attempts: {{max_retries: 1}}\nroutes: [{{name: all, candidates: [{MODEL}, qwen3-32b]}}]"
)
_PARAMETERS = {
    "type": "object",
    "properties": {"order": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["order", "days"],
}
REFUND = {"name": "refund", "description": "Gets a refund.", "parameters": _PARAMETERS}
CALLED = {"tools": [{"type": "function", "function": REFUND}], "tool_choice": "required"}

_MODEL: Mapping[str, Any] = {"model": MODEL, "max_retries": 1}
Maker = Callable[[str], Any]
CLASSES: Mapping[str, tuple[Maker, reading.Reader]] = {
    "ChatGlobalAPI": (
        lambda url: ChatGlobalAPI(**_MODEL, base_url=url),
        reading.langchain,
    ),
    "RouterRunnable": (
        lambda url: RouterRunnable(config=CONFIG, base_url=url),
        reading.langchain,
    ),
    "GlobalAPI": (
        lambda url: GlobalAPI(**_MODEL, api_base=url),
        reading.llamaindex,
    ),
    "GlobalAPIRouter": (
        lambda url: GlobalAPIRouter(config=CONFIG, api_base=url),
        reading.llamaindex,
    ),
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox for all of them."""
    with Sandbox() as running:
        yield running


@pytest.fixture(autouse=True)
def _fresh(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left of the test before, and retries wait for a hundredth of what they do."""
    sandbox.reset()
    monkeypatch.setattr(flow, "FIRST_WAIT", 0.005)


@pytest.fixture(params=CLASSES)
def asked(request: pytest.FixtureRequest, sandbox: Sandbox) -> Callable[..., Seen]:
    """Ask a class in a way, meeting faults; what a stream showed goes into a list if given."""
    make, read = CLASSES[request.param]

    def ask(way: str, *met: faults.Fault, shown: list[str] | None = None, **given: Any) -> Seen:
        sandbox.script(MODEL, met)
        into = [] if shown is None else shown

        async def awaited() -> Seen:
            seen: Seen = await read(make(sandbox.base_url), way, given, into)
            return seen

        if way.startswith("a"):
            return asyncio.run(awaited())
        seen: Seen = read(make(sandbox.base_url), way, given, into)
        return seen

    return ask


@pytest.mark.parametrize("way", STREAMED)
def test_done_without_a_finish_reason_is_no_end(asked: Callable[..., Seen], way: str) -> None:
    """All the text and [DONE], but no finish reason: an error that has what came."""
    shown: list[str] = []

    with pytest.raises(IncompleteResponseError) as raised:
        asked(way, faults.cut(10_000, done=True), shown=shown)

    assert raised.value.partial_text == "".join(shown) == asked(way).text


@pytest.mark.parametrize("way", WAYS)
def test_blank_answer_is_asked_for_again(
    sandbox: Sandbox, asked: Callable[..., Seen], way: str
) -> None:
    """A good status without a body is no answer; the next one is."""
    seen = asked(way, faults.blank())

    assert (seen.text or "").startswith("[sandbox] ")
    assert [each.fault for each in sandbox.requests] == [faults.blank(), None]


@pytest.mark.parametrize("way", WAYS)
def test_half_a_call_is_not_run(asked: Callable[..., Seen], way: str) -> None:
    """The finish reason calls it whole; its arguments do not parse."""
    whole = asked(way, **CALLED)
    half = asked(way, faults.half_call(), **CALLED)

    assert [name for name, _ in whole.calls] == ["refund"]
    assert (half.finish, half.calls) == ("tool_calls", ())


@pytest.mark.parametrize("way", STREAMED)
def test_call_named_with_every_piece_is_one(asked: Callable[..., Seen], way: str) -> None:
    """Id, name and a `function_call` with each piece of the arguments: one call, one name."""
    assert asked(way, faults.repeated_call(), **CALLED).calls == asked(way, **CALLED).calls


@pytest.mark.parametrize("way", WAYS)
def test_pings_are_passed_over(sandbox: Sandbox, asked: Callable[..., Seen], way: str) -> None:
    """Comments before the first event are neither text nor an end."""
    seen = asked(way, faults.pings(3, every=0.01))

    assert seen.text == asked(way).text
    assert len(sandbox.requests) == 2


@pytest.mark.parametrize("way", WAYS)
def test_usage_that_is_not_told_is_unknown(asked: Callable[..., Seen], way: str) -> None:
    """It is not made up, and not 0."""
    told, untold = asked(way), asked(way, faults.uncounted())

    assert told.usage is not None
    assert untold.usage is None
    assert untold.text == told.text
