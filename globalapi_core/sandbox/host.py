"""The sandbox as one uses it: a server in a thread of its own, with its controls."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from collections.abc import Iterable
from types import TracebackType

from globalapi_core.catalog import Catalog
from globalapi_core.errors import SandboxError
from globalapi_core.sandbox.billing import Bill
from globalapi_core.sandbox.faults import Fault
from globalapi_core.sandbox.gateway import Gateway
from globalapi_core.sandbox.received import Received
from globalapi_core.sandbox.server import Connection
from globalapi_core.settings import BASE_URL_VARIABLE, KEY_VARIABLE

_BACKLOG = 2048
"""Connections that may wait to be accepted: a burst of clients is not turned away."""


class Sandbox:
    """A gateway on this machine: priced, strict, deterministic, and failing as scripted.

    It speaks the wire format of the gateway and answers with what the prompt says, each
    text marked `[sandbox]`, or with what it was told to `say`. No network, no key::

        with Sandbox() as sandbox:
            os.environ.update(sandbox.environment())  # or pass sandbox.base_url
            sandbox.script("kimi-k2.5", [faults.rate_limited()])
            sandbox.say("kimi-k2.5", ["Yes."])
            ...  # call kimi-k2.5
            print(sandbox.bill.total)

    Every method may be called from any thread.

    Args:
        catalog: the models it serves, and their prices and limits; `None` for the
            shipped catalog.
        port: 0 takes a free one.
        host: the address to listen on.
        speed: 0 answers at once, 1 at the catalog's time to first token and tokens per
            second, 10 ten times as fast. A model whose speed no source states always
            answers at once.
        key: the only API key accepted; `None` accepts any, and none.
        cache: whether to keep a prompt cache and report `cached_tokens`.

    Raises:
        ValueError: *speed* is negative.
    """

    def __init__(
        self,
        catalog: Catalog | None = None,
        port: int = 0,
        host: str = "127.0.0.1",
        speed: float = 0.0,
        *,
        key: str | None = None,
        cache: bool = False,
    ) -> None:
        if speed < 0:
            raise ValueError(f"speed is {speed!r}; expected 0 (at once) or more")
        served = Catalog.default() if catalog is None else catalog
        self._gateway = Gateway(served, speed=speed, key=key, cache=cache)
        self._wanted = (host, port)
        self._key = key
        self._port: int | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None

    def __repr__(self) -> str:
        where = f"at {self.base_url}" if self._port is not None else "not started"
        return f"<Sandbox {where}, {len(self._gateway.catalog)} models>"

    def start(self) -> Sandbox:
        """Listen; returns itself. Does nothing if it listens already.

        Raises:
            SandboxError: the port is in use, or the address cannot be listened on.
        """
        if self._thread is not None:
            return self
        listener = _listen(*self._wanted)
        self._port = listener.getsockname()[1]
        name = f"globalapi-sandbox-{self._port}"
        ready = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(listener, ready), daemon=True, name=name
        )
        self._thread.start()
        ready.wait()
        if self._stop is None:
            self.close()
            raise SandboxError(
                "the sandbox's event loop could not start; see the thread's traceback"
            )
        return self

    def close(self) -> None:
        """Stop, dropping the connections there are. Does nothing if it does not listen."""
        if self._thread is None:
            return
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._thread = self._loop = self._stop = self._port = None

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def port(self) -> int:
        """The port it listens on.

        Raises:
            SandboxError: it was not started.
        """
        if self._port is None:
            raise SandboxError("the sandbox is not started; use it in a with block or call start()")
        return self._port

    @property
    def base_url(self) -> str:
        """What a client is pointed at."""
        host = self._wanted[0]
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/v1"

    def environment(self) -> dict[str, str]:
        """The variables that point everything here, for `os.environ.update(...)` or a process.

        Both the base URL and a key: the sandbox's own, or `sandbox` where it takes any.

        Raises:
            SandboxError: it was not started.
        """
        return {BASE_URL_VARIABLE: self.base_url, KEY_VARIABLE: self._key or "sandbox"}

    @property
    def requests(self) -> list[Received]:
        """The requests so far, in order of arrival, each with how it was answered."""
        return self._gateway.received

    @property
    def bill(self) -> Bill:
        """What was used so far and what it came to, by the sandbox's own count."""
        return self._gateway.account.bill()

    def script(self, model: str, faults: Iterable[Fault]) -> None:
        """Let the next calls of *model* meet *faults*, one each; then all is well again.

        Args:
            model: in any spelling the catalog knows, or `"*"` for any model. A model's
                own faults come before those for any.
            faults: made by the functions of `globalapi_core.sandbox.faults`.

        Raises:
            UnknownModelError: the catalog has no such model.
        """
        self._gateway.script(model, faults)

    def say(self, model: str, texts: Iterable[str]) -> None:
        """Let the next answers of *model* be *texts*, one each; then it draws its own again.

        A text is sent as it is, without a mark, in place of text, JSON and tool calls alike,
        and cut by `max_tokens` and `stop`, counted and billed like any other. Calls that are
        refused or fail use none up. `Received.scripted` tells the answers that were scripted.

        Args:
            model: in any spelling the catalog knows, or `"*"` for any model.
            texts: what is to be said.

        Raises:
            TypeError: *texts* is a single string.
            UnknownModelError: the catalog has no such model.
        """
        if isinstance(texts, str):
            raise TypeError(f"texts is one string; expected a list, such as [{texts[:20]!r}]")
        self._gateway.say(model, texts)

    def down(self, model: str, fault: Fault | None = None) -> None:
        """Let every call of *model* fail until it is `up`: with 503, or with *fault*.

        Raises:
            UnknownModelError: the catalog has no such model.
        """
        self._gateway.down(model, fault)

    def up(self, model: str) -> None:
        """Let *model* answer again."""
        self._gateway.up(model)

    def reset(self) -> None:
        """Forget requests, scripts, texts, models that are down, cached prompts and the bill."""
        self._gateway.reset()

    def _run(self, listener: socket.socket, ready: threading.Event) -> None:
        try:
            with listener:
                asyncio.run(self._serve(listener, ready))
        finally:
            ready.set()

    async def _serve(self, listener: socket.socket, ready: threading.Event) -> None:
        connections: set[Connection] = set()
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await self._loop.create_server(
            lambda: Connection(self._gateway.handle, connections), sock=listener, backlog=_BACKLOG
        )
        ready.set()
        try:
            await self._stop.wait()
        finally:
            server.close()
            # One turn of the loop, for connections just accepted to make themselves known.
            await asyncio.sleep(0)
            while connections:
                await asyncio.gather(*(each.close() for each in list(connections)))


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise SandboxError(
                f"port {port} is in use; choose another one, or 0 for any that is free"
            ) from None
        reason = error.strerror or error
        raise SandboxError(f"cannot listen on {host!r} port {port}: {reason}") from None
