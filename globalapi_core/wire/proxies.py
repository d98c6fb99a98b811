"""Which proxy the environment asks for: one rule for sync and async calls."""

from __future__ import annotations

import functools
import os
import urllib.request
from urllib.parse import urlsplit

from globalapi_core.errors import GatewayConnectionError
from globalapi_core.settings import is_loopback

_VARIABLES = (
    *("https_proxy", "http_proxy", "all_proxy", "no_proxy"),
    *("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"),
)


def proxy_for(url: str) -> str | None:
    """The proxy that `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` ask for, `None` for none.

    A server on this machine needs none, and may be called over plain http: nothing of
    that may go through another machine.

    Raises:
        GatewayConnectionError: it is a kind of proxy that cannot be used.
    """
    return _proxy_by(url, tuple(map(os.environ.get, _VARIABLES)))


@functools.lru_cache(maxsize=64)
def _proxy_by(url: str, settings: tuple[str | None, ...]) -> str | None:
    """`proxy_for`; *settings* only tell the cache what has changed."""
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
