"""The connections of async calls: one aiohttp session for each event loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator

import aiohttp

from globalapi_core.wire import tls

_sessions: dict[
    asyncio.AbstractEventLoop, tuple[int, aiohttp.ClientSession, AsyncGenerator[None, None]]
] = {}


async def session() -> aiohttp.ClientSession:
    """The connections of the running loop, closed when it shuts down."""
    loop = asyncio.get_running_loop()
    held = _sessions.get(loop)
    if held is not None and held[0] == os.getpid() and not held[1].closed:
        return held[1]
    for closed in [each for each in _sessions if each.is_closed()]:
        del _sessions[closed]
    made = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=tls.context()),
        cookie_jar=aiohttp.DummyCookieJar(),
        # It would read ~/.netrc too; proxies come from `proxies`, as for sync calls.
        trust_env=False,
        auto_decompress=True,
    )
    guard = _close_at_shutdown(made)
    _sessions[loop] = (os.getpid(), made, guard)
    await anext(guard)
    return made


async def _close_at_shutdown(made: aiohttp.ClientSession) -> AsyncGenerator[None, None]:
    """Close *made* with its loop: `asyncio.run` ends all async generators of its own."""
    try:
        yield
    finally:
        _sessions.pop(asyncio.get_running_loop(), None)
        await made.close()
