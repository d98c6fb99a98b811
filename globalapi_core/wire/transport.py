"""Bytes to a server and back: sync over sockets of our own, async through aiohttp.

Connections and one TLS context are shared by every model of the process; async ones by
every model on one event loop. Neither retries nor follows redirects. The modules that
import an HTTP library are imported by the first call.
"""

from __future__ import annotations

import asyncio
import functools
import io
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

from globalapi_core.errors import GatewayError
from globalapi_core.settings import Endpoint
from globalapi_core.wire.proxies import proxy_for
from globalapi_core.wire.timing import Clock, Timeouts
from globalapi_core.wire.translation import translated

if TYPE_CHECKING:
    import aiohttp

    from globalapi_core.wire.http1 import Answer

_READ = 64 * 1024
_LINGER = 0.05
"""Seconds to wait for what ends a body after its last event."""


@dataclass(frozen=True, slots=True)
class Send:
    """One HTTP request: a POST with a body, a GET without."""

    endpoint: Endpoint
    path: str
    body: bytes | None
    timeouts: Timeouts
    timeout: float | None = None
    """Seconds for all of it; `None` without a deadline."""
    streamed: bool = False
    """Whether the answer comes piece by piece: only then is silence a fault."""

    @property
    def method(self) -> str:
        """GET or POST."""
        return "GET" if self.body is None else "POST"

    @property
    def url(self) -> str:
        """The whole address."""
        return self.endpoint.base_url + self.path

    def headers(self) -> dict[str, str]:
        """What is sent beside the body."""
        headers = {
            "Accept": "application/json, text/event-stream",
            # Compressed, a stream arrives in blocks.
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
            "User-Agent": _user_agent(),
        }
        if self.endpoint.api_key:
            headers["Authorization"] = f"Bearer {self.endpoint.api_key}"
        return headers

    def clock(self) -> Clock:
        """A clock for this request, running from now."""
        return Clock(self.timeouts, self.timeout, streamed=self.streamed)


# --- sync -------------------------------------------------------------------------------


class Response:
    """An answer whose body is read as it comes."""

    def __init__(self, sock: socket.socket, answer: Answer, url: str, clock: Clock) -> None:
        self.status = answer.status
        self.headers: Mapping[str, str] = answer.headers
        self.clock = clock
        self._sock = sock
        self._answer = answer
        self._url = url

    def chunks(self) -> Iterator[bytes]:
        """Yield the body's bytes as they arrive."""
        with translated(self._url, self.clock):
            for chunk in self._answer.decoded(iter(self._piece, b"")):
                yield self.clock.count(chunk)

    def rest(self) -> None:
        """Read the end of a body whose last event has come: then its connection serves again."""
        self.clock.hurry(_LINGER)
        with suppress(GatewayError), translated(self._url, self.clock):
            self._piece()

    def read(self) -> bytes:
        """The whole body."""
        return b"".join(self.chunks())

    def _piece(self) -> bytes:
        """What comes next of the body; nothing at its end."""
        while not (piece := self._answer.take()) and not self._answer.ended:
            self._answer.feed(_receive(self._sock, self.clock))
        return piece


@contextmanager
def post(send: Send) -> Iterator[Response]:
    """Send, and hand over the answer once its head has come.

    Raises:
        GatewayError: there is no answer, or its body broke off.
    """
    from globalapi_core.wire import connections, http1

    clock = send.clock()
    with translated(send.url, clock):
        there = connections.destination(send.url, proxy_for(send.url))
        headers = {**there.headers, **send.headers()}
        request = http1.request(send.method, there.target, headers, send.body)
        answer = http1.Answer()
        pool = connections.pool()
        connection = pool.take(there.origin, clock.at_most(send.timeouts.connect))
        try:
            _send(connection.sock, request, clock)
            while not answer.status:
                answer.feed(_receive(connection.sock, clock))
            yield Response(connection.sock, answer, send.url, clock)
        finally:
            if answer.reusable:
                pool.give(there.origin, connection)
            else:
                connection.close()


def _send(sock: socket.socket, data: bytes, clock: Clock) -> None:
    # A server may answer, and close its end, before it has read all of a request.
    with suppress(BrokenPipeError):
        rest = memoryview(data)
        while rest:
            sock.settimeout(clock.left)
            rest = rest[sock.send(rest) :]


def _receive(sock: socket.socket, clock: Clock) -> bytes:
    # Set once, it would start anew with each byte: a server that drips would never meet it.
    sock.settimeout(clock.left)
    return sock.recv(_READ)


# --- async ------------------------------------------------------------------------------


class AsyncResponse:
    """An answer whose body is read as it comes, asynchronously."""

    def __init__(self, raw: aiohttp.ClientResponse, url: str, clock: Clock) -> None:
        self.status = raw.status
        self.headers: Mapping[str, str] = {name.lower(): text for name, text in raw.headers.items()}
        self.clock = clock
        self._raw = raw
        self._url = url

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body's bytes as they arrive."""
        with translated(self._url, self.clock):
            while True:
                async with asyncio.timeout(self.clock.left):
                    chunk = await self._raw.content.readany()
                if not chunk:
                    return
                yield self.clock.count(chunk)

    async def rest(self) -> None:
        """Read the end of a body whose last event has come: then its connection serves again."""
        import aiohttp

        with suppress(TimeoutError, aiohttp.ClientError):
            async with asyncio.timeout(_LINGER):
                await self._raw.content.readany()

    async def read(self) -> bytes:
        """The whole body."""
        return b"".join([chunk async for chunk in self.chunks()])


def _prepare() -> None:
    """What the first call of a process needs: modules, certificates, our version."""
    from globalapi_core.wire import sessions, tls  # noqa: F401 - for later

    tls.context()
    _user_agent()


_ready = False


async def _prepared() -> None:
    """Do it beside the loop: it takes 300 ms, and reads files."""
    global _ready
    if not _ready:
        await asyncio.to_thread(_prepare)
        _ready = True


@asynccontextmanager
async def apost(send: Send) -> AsyncIterator[AsyncResponse]:
    """`post`, asynchronously."""
    await _prepared()
    import aiohttp

    from globalapi_core.wire.sessions import session

    clock = send.clock()
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=send.timeouts.connect)
    with translated(send.url, clock):
        shared = await session()
        async with asyncio.timeout(clock.left):
            raw = await shared.request(
                send.method,
                send.url,
                # A large one goes piece by piece: at once, it would hold up the loop.
                data=io.BytesIO(send.body) if send.body and len(send.body) > _READ else send.body,
                headers=send.headers(),
                timeout=timeout,
                allow_redirects=False,
                proxy=proxy_for(send.url),
            )
        try:
            yield AsyncResponse(raw, send.url, clock)
        finally:
            # An answer not read to its end closes its connection, at once.
            raw.release() if raw.content.at_eof() else raw.close()


# --- both -------------------------------------------------------------------------------


@functools.cache
def _user_agent() -> str:
    return f"globalapi-llm/{metadata.version('globalapi-llm')}"
