"""Where calls go and with which key: argument, then environment, then file, then default."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

from globalapi_core.errors import ConfigError, InsecureURLError, MissingKeyError

GATEWAY_URL = "https://global-apis.com/v1"
KEY_VARIABLE = "GLOBAL_API_KEY"
BASE_URL_VARIABLE = "GLOBAL_API_BASE_URL"
CONFIG_VARIABLE = "GLOBAL_API_CONFIG"
TIER_VARIABLE = "GLOBAL_API_TIER"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An OpenAI-compatible server and the key for it.

    The key is in no repr, and a pickle leaves it out: whoever unpickles reads it from
    the environment again.
    """

    base_url: str
    api_key: str | None = field(default=None, repr=False)

    @property
    def is_gateway(self) -> bool:
        """Whether this is the gateway whose model ids the catalog has."""
        return urlsplit(self.base_url).hostname == urlsplit(GATEWAY_URL).hostname

    def __copy__(self) -> Endpoint:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Endpoint:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _from_environment, (self.base_url,)


def resolve(
    base_url: str | None = None, api_key: str | None = None, *, file_url: str | None = None
) -> Endpoint:
    """Find the endpoint to call.

    Args:
        base_url: the caller's; else `GLOBAL_API_BASE_URL`, else *file_url*, else the gateway.
        api_key: the caller's; else `GLOBAL_API_KEY`. The gateway needs one, a server of
            the user's own may not.
        file_url: `gateway.base_url` of the config file.

    Raises:
        MissingKeyError: there is no key, and the gateway needs one.
        InsecureURLError: the URL is plain http to another machine.
        ConfigError: the URL or the key is malformed.
    """
    places = (
        (base_url, "base_url"),
        (os.environ.get(BASE_URL_VARIABLE), BASE_URL_VARIABLE),
        (file_url, "gateway.base_url of the config file"),
        (GATEWAY_URL, ""),
    )
    endpoint = Endpoint(
        next(_url(url, place) for url, place in places if url),
        _key(api_key, "api_key") or _key(os.environ.get(KEY_VARIABLE), KEY_VARIABLE),
    )
    if endpoint.is_gateway and endpoint.api_key is None:
        raise MissingKeyError(
            f"no API key for {GATEWAY_URL}: set {KEY_VARIABLE} or pass api_key=...; to try "
            f"without one, run `globalapi sandbox` and set {BASE_URL_VARIABLE} to the "
            "address it prints"
        )
    return endpoint


def _url(url: str, place: str) -> str:
    """*url* as calls use it; *place* is where it was found."""
    url = url.strip()
    if "@" in url or "?" in url or "#" in url:
        # Not shown: what is there may be a secret.
        raise ConfigError(
            f"{place} holds a user name, a password or a query: pass the key as api_key, "
            f"and a URL like {GATEWAY_URL!r}"
        )
    parts = _parts(url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"not a base URL in {place}: {url!r}; expected one like {GATEWAY_URL!r}")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise InsecureURLError(
            f"refusing to send a key and prompts in clear to {parts.hostname!r}: "
            "use https (plain http is for this machine only)"
        )
    return url.rstrip("/")


def _parts(url: str) -> SplitResult | None:
    """*url* in its parts, `None` if it has none that make sense."""
    if not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port  # reading it checks it
    except ValueError:
        return None
    return parts


def is_loopback(host: str) -> bool:
    """Whether *host*, a name or an address, is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _key(key: str | None, name: str) -> str | None:
    key = (key or "").strip()
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ConfigError(
            f"the key in {name} holds a space, a line break or a character outside ASCII: "
            "copy it again, without what stands around it"
        )
    return key or None


def _from_environment(base_url: str) -> Endpoint:
    return Endpoint(base_url, _key(os.environ.get(KEY_VARIABLE), KEY_VARIABLE))
