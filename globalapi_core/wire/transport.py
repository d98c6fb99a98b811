"""Bytes to a server and back: urllib3 for sync calls, aiohttp for async ones.

Both were measured against httpx, which costs two to four times more and whose pool hangs
above a thousand streams. Connections and one TLS context are shared by every model of the
process; async ones by every model on one event loop. Neither retries nor follows redirects.
"""

from __future__ import annotations

import asyncio
import functools
import os
import ssl
import time
import urllib.request
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from globalapi_core.errors import (
    ConnectionLostError,
    GatewayConnectionError,
    GatewayError,
    GatewayTimeoutError,
    ResponseError,
)
from globalapi_core.settings import Endpoint

if TYPE_CHECKING:
    import aiohttp
    import urllib3

MAX_BODY = 64 * 1024 * 1024
"""Decoded bytes of one answer, at most: a guard against compression bombs."""
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait at each point of an attempt."""

    connect: float = 10.0
    idle: float = 120.0
    """Between two reads, and for the first byte."""


@dataclass(frozen=True, slots=True)
class Send:
    """One HTTP request: a POST with a body, a GET without."""

    endpoint: Endpoint
    path: str
    body: bytes | None
    timeouts: Timeouts
    timeout: float | None = None
    """Seconds for all of it; `None` without a deadline."""

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
            "Content-Type": "application/json",
            "User-Agent": _user_agent(),
        }
        if self.endpoint.api_key:
            headers["Authorization"] = f"Bearer {self.endpoint.api_key}"
        return headers

    def wait(self, limit: float) -> float:
        """The shorter of *limit* and what the deadline leaves, in seconds."""
        return limit if self.timeout is None else max(0.001, min(limit, self.timeout))


class Clock:
    """Holds an answer to its deadline and its size, whichever way its bytes come."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._ends = None if send.timeout is None else time.monotonic() + send.timeout
        self._bytes = 0

    @property
    def left(self) -> float | None:
        """Seconds left, `None` without a deadline."""
        return None if self._ends is None else max(0.0, self._ends - time.monotonic())

    def count(self, chunk: bytes) -> bytes:
        """Let *chunk* pass.

        Raises:
            GatewayTimeoutError: the deadline has passed.
            ResponseError: the answer is too large.
        """
        self._bytes += len(chunk)
        if self._bytes > MAX_BODY:
            text = f"the answer is larger than {MAX_BODY // 2**20} MiB"
            raise ResponseError(text, retryable=False)
        if self.left == 0.0:
            raise GatewayTimeoutError(f"no whole answer within {self._send.timeout:.1f} s")
        return chunk


# --- sync -------------------------------------------------------------------------------


class Response:
    """An answer whose body is read as it comes."""

    def __init__(self, raw: urllib3.BaseHTTPResponse, clock: Clock) -> None:
        self.status = raw.status
        self.headers: Mapping[str, str] = {name.lower(): text for name, text in raw.headers.items()}
        self._raw = raw
        self._clock = clock

    def chunks(self) -> Iterator[bytes]:
        """Yield the body's bytes as they arrive."""
        while chunk := self._raw.read1(_CHUNK):
            yield self._clock.count(chunk)

    def read(self) -> bytes:
        """The whole body."""
        return b"".join(self.chunks())


@contextmanager
def post(send: Send) -> Iterator[Response]:
    """Send, and hand over the answer once its head has come.

    Raises:
        GatewayError: there is no answer, or its body broke off.
    """
    import urllib3

    clock = Clock(send)
    timeout = urllib3.Timeout(
        connect=send.wait(send.timeouts.connect), read=send.wait(send.timeouts.idle)
    )
    raw = None
    with _translated(send):
        try:
            raw = _manager(os.getpid(), _proxy(send.url)).request(
                send.method,
                send.url,
                body=send.body,
                headers=send.headers(),
                timeout=timeout,
                redirect=False,
                retries=False,
                preload_content=False,
            )
            yield Response(raw, clock)
            # Read to its end, the connection serves again; else it is closed below.
            raw.drain_conn() if raw.length_remaining == 0 else None
        finally:
            if raw is not None:
                _give_back(raw)


def _give_back(raw: urllib3.BaseHTTPResponse) -> None:
    """Return the connection of a finished answer to the pool; close any other."""
    finished = raw.closed or getattr(getattr(raw, "_fp", None), "closed", False)
    if not finished:
        raw.close()
    raw.release_conn()


@functools.lru_cache(maxsize=8)
def _manager(pid: int, proxy: str | None) -> urllib3.PoolManager:
    """The connections of this process; a forked child has another *pid* and opens its own."""
    import urllib3

    options: dict[str, Any] = {"num_pools": 64, "maxsize": 256, "ssl_context": _tls()}
    return urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)


def _proxy(url: str) -> str | None:
    """The proxy that `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` ask for."""
    parts = urlsplit(url)
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


# --- async ------------------------------------------------------------------------------


class AsyncResponse:
    """An answer whose body is read as it comes, asynchronously."""

    def __init__(self, raw: aiohttp.ClientResponse, clock: Clock) -> None:
        self.status = raw.status
        self.headers: Mapping[str, str] = {name.lower(): text for name, text in raw.headers.items()}
        self._raw = raw
        self._clock = clock

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body's bytes as they arrive."""
        while True:
            async with asyncio.timeout(self._clock.left):
                chunk = await self._raw.content.readany()
            if not chunk:
                return
            yield self._clock.count(chunk)

    async def read(self) -> bytes:
        """The whole body."""
        return b"".join([chunk async for chunk in self.chunks()])


@asynccontextmanager
async def apost(send: Send) -> AsyncIterator[AsyncResponse]:
    """`post`, asynchronously."""
    import aiohttp

    clock = Clock(send)
    timeout = aiohttp.ClientTimeout(
        total=None, sock_connect=send.timeouts.connect, sock_read=send.timeouts.idle
    )
    with _translated(send):
        session = await _session()
        async with asyncio.timeout(clock.left):
            raw = await session.request(
                send.method,
                send.url,
                data=send.body,
                headers=send.headers(),
                timeout=timeout,
                allow_redirects=False,
            )
        try:
            yield AsyncResponse(raw, clock)
        finally:
            # An answer not read to its end closes its connection, at once.
            raw.release() if raw.content.at_eof() else raw.close()


_sessions: weakref.WeakKeyDictionary[
    asyncio.AbstractEventLoop, tuple[int, aiohttp.ClientSession, AsyncGenerator[None, None]]
] = weakref.WeakKeyDictionary()


async def _session() -> aiohttp.ClientSession:
    """The connections of the running loop, closed when it shuts down."""
    import aiohttp

    loop = asyncio.get_running_loop()
    held = _sessions.get(loop)
    if held is not None and held[0] == os.getpid() and not held[1].closed:
        return held[1]
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=_tls()),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=True,
        auto_decompress=True,
    )
    guard = _close_at_shutdown(session)
    _sessions[loop] = (os.getpid(), session, guard)
    await anext(guard)
    return session


async def _close_at_shutdown(session: aiohttp.ClientSession) -> AsyncGenerator[None, None]:
    """Close *session* with its loop: `asyncio.run` ends all async generators of its own."""
    try:
        yield
    finally:
        await session.close()


# --- both -------------------------------------------------------------------------------


@functools.cache
def _tls() -> ssl.SSLContext:
    """One TLS context for the process: making one costs 55 ms and 850 KB.

    It trusts the system's authorities, those of `SSL_CERT_FILE`, and certifi's, which
    some systems need.
    """
    import certifi

    context = ssl.create_default_context()
    if not os.environ.get("SSL_CERT_FILE"):
        context.load_verify_locations(certifi.where())
    return context


@functools.cache
def _user_agent() -> str:
    return f"globalapi-llm/{metadata.version('globalapi-llm')}"


@contextmanager
def _translated(send: Send) -> Iterator[None]:
    """Turn what the HTTP libraries raise into our errors; the host is named, never the key."""
    host = urlsplit(send.url).netloc
    try:
        yield
    except (GatewayError, GeneratorExit):
        raise
    except Exception as error:
        ours = _meaning(error, host, send)
        if ours is None:
            raise
        raise ours from None


class _Made(Protocol):
    def __call__(self, message: str) -> GatewayError: ...


def _meaning(error: Exception, host: str, send: Send) -> GatewayError | None:
    for module, names, made, text in _TABLE:
        if _is_a(error, module, names):
            return made(text.format(host=host, why=_why(error), idle=send.timeouts.idle))
    return None


def _is_a(error: Exception, module: str, names: tuple[str, ...]) -> bool:
    return any(
        each.__name__ in names and each.__module__.partition(".")[0] == module
        for each in type(error).__mro__
    )


_CONNECT = "cannot connect to {host}: {why}"
_LOST = "the connection to {host} was lost: {why}"
_SLOW = "{host} did not answer in time: {why}"

# The first row that fits. Names, not classes: neither library is imported for the other's
# errors, nor before the first call.
_TABLE: tuple[tuple[str, tuple[str, ...], _Made, str], ...] = (
    ("urllib3", ("NewConnectionError", "ProxyError", "SSLError"), GatewayConnectionError, _CONNECT),
    ("urllib3", ("ConnectTimeoutError",), GatewayConnectionError, _CONNECT),
    ("urllib3", ("TimeoutError",), GatewayTimeoutError, _SLOW),
    ("urllib3", ("HTTPError",), ConnectionLostError, _LOST),
    ("aiohttp", ("ConnectionTimeoutError",), GatewayConnectionError, _CONNECT),
    ("aiohttp", ("ServerTimeoutError",), GatewayTimeoutError, _SLOW),
    ("aiohttp", ("ClientConnectorError", "ClientSSLError"), GatewayConnectionError, _CONNECT),
    ("aiohttp", ("ClientHttpProxyError",), GatewayConnectionError, _CONNECT),
    ("aiohttp", ("ClientError",), ConnectionLostError, _LOST),
    ("builtins", ("TimeoutError",), GatewayTimeoutError, _SLOW),
    ("builtins", ("OSError",), ConnectionLostError, _LOST),
)


def _why(error: Exception) -> str:
    """What happened, without the objects and addresses the library names beside it."""
    while isinstance(error.args[-1] if error.args else None, Exception):
        error = error.args[-1]
    cause = getattr(error, "os_error", None) or error
    text = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    return text.rpartition(">: ")[2].splitlines()[0]
