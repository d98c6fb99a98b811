"""Calls by lot, over real sockets, in both frameworks: the sandbox's log is the judge."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from random import Random
from typing import Any

import pytest

from globalapi_core.config import Config
from globalapi_core.errors import GlobalAPIError, PolicyError
from globalapi_core.router import Router
from globalapi_core.sandbox import Sandbox, faults
from tests import policies, policy_lots

FAULTS: list[Any] = [
    faults.overloaded(), faults.server_error(), faults.rate_limited(0.0), faults.context_overflow(),
    faults.empty(), faults.blank(), faults.cut(0), faults.status(404), faults.status(400),
    faults.unauthorized(), faults.quota_exhausted(),
]  # fmt: skip
TEXTS = ("hi there", "Write to wang@example.com about the refund.", "退款怎么办？")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox for all calls of this module."""
    with Sandbox() as running:
        yield running


async def drained(items: AsyncIterator[Any]) -> list[Any]:
    """All there is."""
    return [each async for each in items]


def document(draw: Random) -> policies.Document:
    """A configuration of the catalog's own models, which the sandbox serves."""
    drawn = policy_lots.world(draw).document
    known = list(policy_lots.FROM_CATALOG)
    aliases = {"nick0": draw.choice(known)}

    def some() -> list[str]:
        return draw.sample([*known, "nick0"], draw.randint(2, 5))

    for policy in drawn["policies"]:
        for key in {"models", "not_models"} & set(policy):
            policy[key] = draw.sample([*known, *policy_lots.GLOBS], 2)
    routes = [
        {"name": each["name"], "candidates": some(), "params": each["params"]}
        | {key: each[key] for key in ("when", "choose", "sticky") if key in each}
        for each in drawn["routes"]
    ]
    tiers = {name: some() for name in drawn["tiers"]}
    attempts = {"max_retries": 0, "timeout": 20}
    return {**drawn, "models": {}, "aliases": aliases, "tiers": tiers, "routes": routes,
            "attempts": attempts}  # fmt: skip


def langchain(sandbox: Sandbox, config: Config, draw: Random, model: str | None, given: Any) -> Any:
    """Asks in LangChain."""
    from langchain_globalapi import ChatGlobalAPI, RouterRunnable

    text, tags, metadata = given
    beside: Any = {"tags": tags, "metadata": metadata}
    made: Any = (
        ChatGlobalAPI(model_name=model, config=config, base_url=sandbox.base_url)
        if model
        else RouterRunnable(config=config, base_url=sandbox.base_url)
    )
    return draw.choice([
        lambda: made.invoke(text, beside),
        lambda: list(made.stream(text, beside)),
        lambda: asyncio.run(made.ainvoke(text, beside)),
        lambda: asyncio.run(drained(made.astream(text, beside))),
        lambda: made.batch([text], beside),
    ])  # fmt: skip


def llamaindex(
    sandbox: Sandbox, config: Config, draw: Random, model: str | None, given: Any
) -> Any:
    """Asks in LlamaIndex."""
    from llama_index.core.llms import ChatMessage

    from llamaindex_globalapi import GlobalAPI, GlobalAPIRouter

    text, tags, metadata = given
    beside: Any = {"tags": tags, "metadata": metadata}
    made: Any = (
        GlobalAPI(model=model, config=config, api_base=sandbox.base_url)
        if model
        else GlobalAPIRouter(config=config, api_base=sandbox.base_url)
    )
    messages = [ChatMessage(text)]
    return draw.choice([
        lambda: made.chat(messages, **beside),
        lambda: list(made.stream_chat(messages, **beside)),
        lambda: asyncio.run(made.achat(messages, **beside)),
        lambda: made.complete(text, **beside),
    ])  # fmt: skip


@pytest.mark.parametrize("framework", [langchain, llamaindex], ids=lambda each: each.__name__)
@pytest.mark.parametrize("block", range(3))
def test_sandbox_never_sees_a_call_that_is_forbidden(
    sandbox: Sandbox, framework: Any, block: int
) -> None:
    """Of 50 configurations with models that are down, none asks one that it forbids."""
    if framework is llamaindex:
        pytest.importorskip("llama_index.core", reason="this environment has LangChain alone")
    asked, refused = 0, 0
    for seed in range(block * 50, block * 50 + 50):
        draw = Random(seed)
        world = policies.World(document(draw))
        config = Config.model_validate(world.document)
        text = draw.choice(TEXTS)
        tags, app = draw.sample(policy_lots.TAGS, 1), draw.choice(policy_lots.APPS)
        model = draw.choice([None, None, *policy_lots.FROM_CATALOG[:3], "nick0"])
        given = (text, tags, {"app": app})
        router = Router(config)
        signals = router.signals(
            [{"role": "user", "content": text}], tags=tags, metadata={"app": app}
        )
        sandbox.reset()
        for name in draw.sample(policy_lots.FROM_CATALOG, 5):
            sandbox.down(name, draw.choice(FAULTS))
        try:
            framework(sandbox, config, draw, model, given)()
        except GlobalAPIError as error:
            refused += isinstance(error, PolicyError)
        for each in sandbox.requests:
            asked += 1
            found = world.model(str(each.model))
            thinks = _thinks(each.body)
            params = {"max_tokens": each.body.get("max_tokens"), "thinking": thinks}
            by = world.forbids(world.thinking(found, thinks), signals, params)
            assert by is None, f"{seed}: {found.name} was asked, which {by!r} forbids"

    assert asked > 20
    assert refused > 2


def _thinks(body: Any) -> bool:
    thinking = body.get("thinking")
    return isinstance(thinking, dict) and thinking.get("type") == "enabled"
