"""Where `chat` and `demo` send their calls: a server, or the sandbox within this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from globalapi_core import settings
from globalapi_core.config import Config
from globalapi_core.errors import MissingKeyError
from globalapi_core.settings import Endpoint

if TYPE_CHECKING:
    from globalapi_core.sandbox import Sandbox


@dataclass(frozen=True, slots=True)
class Target:
    """An endpoint, and the sandbox behind it if it is the embedded one."""

    endpoint: Endpoint
    sandbox: Sandbox | None = None

    @property
    def name(self) -> str:
        """gateway, server or sandbox."""
        if self.sandbox is not None:
            return "sandbox"
        return "gateway" if self.endpoint.is_gateway else "server"

    def __str__(self) -> str:
        if self.sandbox is not None:
            return (
                f"no {settings.KEY_VARIABLE}: answers come from the embedded sandbox, "
                "prices from the catalog"
            )
        return f"answers come from {self.endpoint.base_url}, prices from the catalog"


@contextmanager
def target(config: Config) -> Iterator[Target]:
    """The gateway with a key, the server that was named, or else an embedded sandbox.

    Raises:
        ConfigError: the key or the base URL is malformed.
        InsecureURLError: the base URL is plain http to another machine.
        SandboxError: the sandbox could not start.
    """
    try:
        endpoint = settings.resolve(file_url=config.gateway.base_url)
    except MissingKeyError:
        from globalapi_core.sandbox import Sandbox

        with Sandbox(config.catalog) as sandbox:
            yield Target(Endpoint(sandbox.base_url), sandbox)
    else:
        yield Target(endpoint)
