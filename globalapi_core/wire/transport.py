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
import urllib.request
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from globalapi_core.errors import GatewayConnectionError
from globalapi_core.settings import Endpoint, is_loopback
from globalapi_core.wire import pools
from globalapi_core.wire.timing import Clock, Timeouts
from globalapi_core.wire.translation import translated

if TYPE_CHECKING:
    import aiohttp
    import urllib3

_CHUNK = 64 * 1024
_LINGER = 0.05
"""Seconds to wait for what ends a body after its last event."""
_PROXY_VARIABLES = (
    *("https_proxy", "http_proxy", "all_proxy", "no_proxy"),
    *("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"),
)


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

    def __init__(self, raw: urllib3.BaseHTTPResponse, url: str, clock: Clock) -> None:
        self.status = raw.status
        self.headers: Mapping[str, str] = {name.lower(): text for name, text in raw.headers.items()}
        self.clock = clock
        self._raw = raw
        self._url = url

    def chunks(self) -> Iterator[bytes]:
        """Yield the body's bytes as they arrive."""
        with translated(self._url, self.clock):
            while chunk := self._raw.read1(_CHUNK):
                yield self.clock.count(chunk)

    def rest(self) -> None:
        """Read the end of a body whose last event has come: then its connection serves again."""
        import urllib3

        self.clock.hurry(_LINGER)
        with suppress(urllib3.exceptions.HTTPError):
            self._raw.read1(_CHUNK)

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

    clock = send.clock()
    connect = clock.at_most(send.timeouts.connect)
    raw = None
    with translated(send.url, clock):
        try:
            pools.running.clock = clock
            raw = _manager(os.getpid(), _proxy(send.url)).request(
                send.method,
                send.url,
                body=send.body,
                headers=send.headers(),
                timeout=urllib3.Timeout(connect=connect, read=clock.left),
                redirect=False,
                retries=False,
                preload_content=False,
            )
            yield Response(raw, send.url, clock)
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
    if proxy is None:
        manager = urllib3.PoolManager(**options)
    else:
        login = urllib3.util.parse_url(proxy).auth
        headers = urllib3.make_headers(proxy_basic_auth=unquote(login)) if login else None
        manager = urllib3.ProxyManager(proxy, proxy_headers=headers, **options)
    manager.pool_classes_by_scheme = pools.timed()
    return manager


def _proxy(url: str) -> str | None:
    return _proxy_by(url, tuple(map(os.environ.get, _PROXY_VARIABLES)))


@functools.lru_cache(maxsize=64)
def _proxy_by(url: str, settings: tuple[str | None, ...]) -> str | None:
    """The proxy that `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` ask for.

    A server on this machine needs none, and may be called over plain http: nothing of
    that may go through another machine. *settings* only tell the cache what has changed.

    Raises:
        GatewayConnectionError: it is a kind of proxy that cannot be used.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or is_loopback(host) or urllib.request.proxy_bypass(host):
        return None
    scheme, _, rest = proxy.rpartition("://")
    if scheme.lower() not in ("", "http", "https"):
        raise GatewayConnectionError(
            f"cannot use a proxy of the kind {scheme}://: set HTTPS_PROXY to an http:// one, "
            f"or add {host!r} to NO_PROXY"
        )
    return f"{scheme or 'http'}://{rest}"


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


@asynccontextmanager
async def apost(send: Send) -> AsyncIterator[AsyncResponse]:
    """`post`, asynchronously."""
    import aiohttp

    clock = send.clock()
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=send.timeouts.connect)
    with translated(send.url, clock):
        session = await _session()
        async with asyncio.timeout(clock.left):
            raw = await session.request(
                send.method,
                send.url,
                data=send.body,
                headers=send.headers(),
                timeout=timeout,
                allow_redirects=False,
                proxy=_proxy(send.url),
            )
        try:
            yield AsyncResponse(raw, send.url, clock)
        finally:
            # An answer not read to its end closes its connection, at once.
            raw.release() if raw.content.at_eof() else raw.close()


_sessions: dict[
    asyncio.AbstractEventLoop, tuple[int, aiohttp.ClientSession, AsyncGenerator[None, None]]
] = {}


async def _session() -> aiohttp.ClientSession:
    """The connections of the running loop, closed when it shuts down."""
    import aiohttp

    loop = asyncio.get_running_loop()
    for closed in [each for each in _sessions if each.is_closed()]:
        del _sessions[closed]
    held = _sessions.get(loop)
    if held is not None and held[0] == os.getpid() and not held[1].closed:
        return held[1]
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=_tls()),
        cookie_jar=aiohttp.DummyCookieJar(),
        # It would read ~/.netrc too; proxies come from `_proxy`, as for sync calls.
        trust_env=False,
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
        _sessions.pop(asyncio.get_running_loop(), None)
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
