"""What the HTTP libraries raise, in our own errors.

By name, not by class: neither library is imported for the other's errors, nor before the
first call.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol
from urllib.parse import urlsplit

from globalapi_core.errors import (
    ConnectionLostError,
    GatewayConnectionError,
    GatewayError,
    GatewayTimeoutError,
)
from globalapi_core.wire.timing import Clock


@contextmanager
def translated(url: str, clock: Clock) -> Iterator[None]:
    """Turn what the HTTP libraries raise into our errors; the host is named, never the key.

    A timer of *clock* that has run out goes before whatever a library made of it.
    """
    try:
        yield
    except (GatewayError, GeneratorExit):
        raise
    except Exception as error:
        host = urlsplit(url).netloc
        late = clock.late()
        ours = GatewayTimeoutError(f"{host}: {late}") if late else _meaning(error, host)
        if ours is None:
            raise
        raise ours from None


class _Made(Protocol):
    def __call__(self, message: str) -> GatewayError: ...


def _meaning(error: Exception, host: str) -> GatewayError | None:
    inner = _innermost(error)
    for module, names, made, text in _TABLE:
        if _is_a(error, module, names) or _is_a(inner, module, names):
            return made(text.format(host=host, why=_why(inner)))
    return None


def _is_a(error: BaseException, module: str, names: tuple[str, ...]) -> bool:
    return any(
        each.__name__ in names and each.__module__.partition(".")[0] == module
        for each in type(error).__mro__
    )


def _innermost(error: BaseException) -> BaseException:
    """What really happened: the libraries wrap it."""
    while isinstance(error.args[-1] if error.args else None, Exception):
        error = error.args[-1]
    return getattr(error, "os_error", None) or error.__cause__ or error


def _tls(message: str) -> GatewayError:
    # Another try meets the same certificate.
    return GatewayConnectionError(message, retryable=False)


_CONNECT = "cannot connect to {host}: {why}"
_TLS = "no TLS with {host}: {why}"
_NOT_HTTP = "what {host} sends is not HTTP: check the base URL"
_LOST = "the connection to {host} was lost: {why}"
_SLOW = "{host} did not answer in time: {why}"
_LATE = "{host} did not answer in time: the deadline of the call has passed"

# The first row that fits.
_TABLE: tuple[tuple[str, tuple[str, ...], _Made, str], ...] = (
    ("ssl", ("SSLError",), _tls, _TLS),
    ("aiohttp", ("ClientSSLError", "ClientConnectorCertificateError"), _tls, _TLS),
    ("httptools", ("HttpParserError", "HttpParserUpgrade"), ConnectionLostError, _NOT_HTTP),
    ("urllib3", ("HTTPError",), GatewayConnectionError, _CONNECT),
    ("aiohttp", ("ConnectionTimeoutError",), GatewayConnectionError, _CONNECT),
    ("aiohttp", ("ServerTimeoutError",), GatewayTimeoutError, _SLOW),
    ("aiohttp", ("ClientConnectorError", "ClientHttpProxyError"), GatewayConnectionError, _CONNECT),
    ("aiohttp", ("ClientResponseError",), ConnectionLostError, _NOT_HTTP),
    ("aiohttp", ("ClientError",), ConnectionLostError, _LOST),
    ("builtins", ("TimeoutError",), GatewayTimeoutError, _LATE),
    ("builtins", ("OSError",), ConnectionLostError, _LOST),
)


def _why(cause: BaseException) -> str:
    """What happened, without the objects and addresses the library names beside it."""
    if isinstance(cause, ssl.SSLError):
        return getattr(cause, "verify_message", None) or cause.reason or "it was refused"
    if isinstance(cause, OSError) and cause.errno is not None and cause.errno > 0:
        return os.strerror(cause.errno)
    text = str(getattr(cause, "strerror", None) or cause).rpartition(">: ")[2].strip()
    return text.splitlines()[0] if text else type(cause).__name__
