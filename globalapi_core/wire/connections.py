"""The connections of sync calls, shared by every model of the process.

urllib3 opens them: names, TLS and proxies are its part. What is sent over them is not,
see `http1`.
"""

from __future__ import annotations

import atexit
import functools
import http.client
import os
import threading
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import unquote

from urllib3.connection import HTTPConnection, HTTPSConnection, ProxyConfig
from urllib3.exceptions import ProtocolError
from urllib3.util import parse_url, wait_for_read

from globalapi_core.wire import tls

_MOST_IDLE = 256
_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """A server, and the proxy on the way to it."""

    scheme: str
    host: str
    port: int
    proxy: str | None

    def __repr__(self) -> str:
        # The proxy's address may hold a password.
        return f"Origin({self.scheme}://{self.host}:{self.port})"


@dataclass(frozen=True, slots=True)
class Destination:
    """How to ask for one URL: over which connections, and by which words."""

    origin: Origin
    target: str
    headers: Mapping[str, str] = field(repr=False)
    """The host's name and, where a proxy reads them, the user name and password for it."""


@functools.lru_cache(maxsize=64)
def destination(url: str, proxy: str | None) -> Destination:
    """Take *url* apart. Names go in their ASCII form; the path is percent-encoded.

    Raises:
        urllib3.exceptions.HTTPError: it is no URL.
    """
    parts = parse_url(url)
    scheme, host, path = parts.scheme or "", parts.host or "", parts.request_uri
    port = parts.port or _PORTS[scheme]
    origin = Origin(scheme, host.strip("[]"), port, proxy)
    name = host if port == _PORTS[scheme] else f"{host}:{port}"
    if proxy is None or scheme == "https":
        return Destination(origin, path, {"Host": name})
    return Destination(origin, f"{scheme}://{name}{path}", {"Host": name, **_login(proxy)})


def _login(proxy: str) -> dict[str, str]:
    login = parse_url(proxy).auth
    if not login:
        return {}
    return {"Proxy-Authorization": f"Basic {b64encode(unquote(login).encode()).decode()}"}


class Pool:
    """Connections that wait for another call, the last used one first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[tuple[Origin, HTTPConnection]] = []
        self._closed = False

    def take(self, origin: Origin, timeout: float) -> HTTPConnection:
        """An open connection, a new one within *timeout* seconds.

        Raises:
            urllib3.exceptions.HTTPError: there is none.
        """
        while (connection := self._pop(origin)) is not None:
            # Readable while idle: the server has closed it, or sent what nobody asked for.
            if not wait_for_read(connection.sock, 0):
                return connection
            connection.close()
        return _connect(origin, timeout)

    def give(self, origin: Origin, connection: HTTPConnection) -> None:
        """Let *connection* serve another call."""
        surplus: HTTPConnection | None = connection
        with self._lock:
            if not self._closed:
                self._idle.append((origin, connection))
                surplus = self._idle.pop(0)[1] if len(self._idle) > _MOST_IDLE else None
        if surplus is not None:
            surplus.close()

    def close(self) -> None:
        """Close what waits, and whatever is given back from now on."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for _, connection in idle:
            connection.close()

    def disown(self) -> None:
        """Close what a forked child has of its parent's; its parent's stay open."""
        # Whoever held the lock was not forked.
        self._lock = threading.Lock()
        self.close()

    def _pop(self, origin: Origin) -> HTTPConnection | None:
        with self._lock:
            for at in reversed(range(len(self._idle))):
                if self._idle[at][0] == origin:
                    return self._idle.pop(at)[1]
        return None


def _connect(origin: Origin, timeout: float) -> HTTPConnection:
    connection = _unconnected(origin, timeout)
    try:
        connection.connect()
    except BaseException as error:
        connection.close()
        if isinstance(error, OSError | http.client.HTTPException):
            # As urllib3 does where it is the one that connects.
            raise ProtocolError("cannot connect", error) from error
        raise
    return connection


def _unconnected(origin: Origin, timeout: float) -> HTTPConnection:
    proxy = parse_url(origin.proxy) if origin.proxy else None
    host, port, secure = origin.host, origin.port, origin.scheme == "https"
    if proxy is not None:
        host, port = (proxy.host or "").strip("[]"), proxy.port or _PORTS[proxy.scheme or "http"]
    if proxy is not None and secure:
        tunnel = HTTPSConnection(
            host,
            port,
            timeout=timeout,
            ssl_context=tls.context(),
            proxy=proxy,
            proxy_config=ProxyConfig(tls.context(), False, None, None),
        )
        login = _login(origin.proxy or "")
        tunnel.set_tunnel(origin.host, origin.port, login, scheme=proxy.scheme or "http")
        return tunnel
    if secure or (proxy is not None and proxy.scheme == "https"):
        return HTTPSConnection(host, port, timeout=timeout, ssl_context=tls.context())
    return HTTPConnection(host, port, timeout=timeout)


_pool = Pool()


def pool() -> Pool:
    """The connections of this process."""
    return _pool


def _forked() -> None:
    global _pool
    parents, _pool = _pool, Pool()
    parents.disown()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forked)
atexit.register(lambda: _pool.close())
