"""urllib3 connections that read their answers by the clock of a call.

A socket's own timeout starts anew with each byte, so that a server which drips its head or
its keep-alives would never meet it. Here every read is given what the clock has left.
"""

from __future__ import annotations

import functools
import http.client
import io
import threading
from typing import Any

from globalapi_core.wire.timing import Clock

running = threading.local()
"""The clock of the call that this thread is sending; urllib3 hands nothing through."""


class _TimedIO(io.RawIOBase):
    """Reads a socket, no longer at a time than the clock of its call allows."""

    def __init__(self, inner: Any, clock: Clock) -> None:
        self._inner = inner
        self._clock = clock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._clock.left
        if left is not None:
            if left <= 0:
                raise TimeoutError
            self._inner._sock.settimeout(left)
        count: int | None = self._inner.readinto(buffer)
        return count

    def close(self) -> None:
        self._inner.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    """An answer read through `_TimedIO`, from its first byte on."""

    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        clock = getattr(running, "clock", None)
        if clock is not None:
            self.fp.close()
            self.fp = io.BufferedReader(_TimedIO(sock.makefile("rb", buffering=0), clock))


@functools.cache
def timed() -> dict[str, type[Any]]:
    """Pools whose connections read their answers by the clock of the call."""
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    timed = {"response_class": _TimedResponse}
    plain = type("_Connection", (HTTPConnection,), timed)
    secure = type("_SecureConnection", (HTTPSConnection,), timed)
    return {
        "http": type("_Pool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("_SecurePool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
    }
