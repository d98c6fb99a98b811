"""The four ways of asking the wire, as one function."""

from __future__ import annotations

import asyncio
from typing import Any

from globalapi_core.catalog import ModelInfo
from globalapi_core.settings import Endpoint
from globalapi_core.wire import ChatRequest, Delta, Reply, Timeouts, Wire

WAYS = ("complete", "acomplete", "stream", "astream")
MODEL = ModelInfo(name="m", id="m")
REQUEST = ChatRequest([{"role": "user", "content": "hello"}])


def ask(
    way: str,
    url: str,
    *,
    key: str | None = None,
    timeout: float | None = 30.0,
    timeouts: Timeouts | None = None,
    request: ChatRequest = REQUEST,
    model: ModelInfo = MODEL,
) -> Reply:
    """Ask in the given *way*; the deltas of a stream must add up to its reply."""
    wire = Wire(Endpoint(url, key), timeouts or Timeouts())
    if way == "complete":
        return wire.complete(request, model, timeout)
    if way == "acomplete":
        return asyncio.run(wire.acomplete(request, model, timeout))
    items = (
        list(wire.stream(request, model, timeout))
        if way == "stream"
        else asyncio.run(_all(wire.astream(request, model, timeout)))
    )
    *deltas, reply = items
    assert isinstance(reply, Reply)
    assert "".join(each.text for each in deltas if isinstance(each, Delta)) == reply.text
    return reply


async def _all(items: Any) -> list[Any]:
    return [item async for item in items]
