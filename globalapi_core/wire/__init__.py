"""The one place that knows vendors and HTTP.

`Wire` adapts a request to the model's family, sends it once, and guards the answer: it
returns a whole answer or raises a `GatewayError`. It never retries and never follows a
redirect. Everything above it is free of I/O.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

from globalapi_core.catalog import ModelInfo
from globalapi_core.errors import ResponseError
from globalapi_core.settings import Endpoint
from globalapi_core.wire import failures, transport
from globalapi_core.wire.request import ChatRequest, Payload, build
from globalapi_core.wire.response import Delta, Reply, load, losses, parse
from globalapi_core.wire.stream import StreamReader
from globalapi_core.wire.timing import Timeouts
from globalapi_core.wire.toolcalls import InvalidToolCall, ToolCall

__all__ = [
    "ChatRequest",
    "Delta",
    "InvalidToolCall",
    "Reply",
    "Timeouts",
    "ToolCall",
    "Wire",
]

_PATH = "/chat/completions"


@dataclass(frozen=True, slots=True)
class Wire:
    """Sends chat requests to one endpoint, each of them once.

    Connections and the TLS context are shared by the process (`transport`): a `Wire` is
    a value, and making one costs nothing.
    """

    endpoint: Endpoint
    timeouts: Timeouts = field(default_factory=Timeouts)

    def complete(
        self, request: ChatRequest, model: ModelInfo, timeout: float | None = None
    ) -> Reply:
        """Ask *model* and wait for the whole answer, *timeout* seconds at most.

        Raises:
            GatewayError: there is no whole answer.
        """
        payload = build(request, model, self.endpoint, stream=False)
        with failures.naming(model.name), transport.post(self._send(payload, timeout)) as response:
            body = bytearray()
            with losses(body):
                for chunk in response.chunks():
                    body += chunk
            return self._reply(payload, response, bytes(body))

    async def acomplete(
        self, request: ChatRequest, model: ModelInfo, timeout: float | None = None
    ) -> Reply:
        """`complete`, asynchronously."""
        payload = build(request, model, self.endpoint, stream=False)
        with failures.naming(model.name):
            async with transport.apost(self._send(payload, timeout)) as response:
                body = bytearray()
                with losses(body):
                    async for chunk in response.chunks():
                        body += chunk
                return self._reply(payload, response, bytes(body))

    def stream(
        self, request: ChatRequest, model: ModelInfo, timeout: float | None = None
    ) -> Iterator[Delta | Reply]:
        """Ask *model* and yield deltas as they arrive, then the whole answer, last.

        Tool calls come only in the whole answer: half of one must never run.

        Raises:
            GatewayError: the answer did not come, or did not come whole.
        """
        payload = build(request, model, self.endpoint, stream=True)
        with (
            failures.naming(model.name),
            transport.post(self._send(payload, timeout, streamed=True)) as response,
        ):
            if response.status != 200:
                raise self._failure(response, response.read())
            reader = StreamReader(payload, response, secret=self.endpoint.api_key)
            with reader.losses():
                for chunk in response.chunks():
                    yield from reader.feed(chunk)
                    if reader.moved():
                        response.clock.progress()
                    if reader.done:
                        response.rest()
                        break
            yield from reader.close()

    async def astream(
        self, request: ChatRequest, model: ModelInfo, timeout: float | None = None
    ) -> AsyncIterator[Delta | Reply]:
        """`stream`, asynchronously."""
        payload = build(request, model, self.endpoint, stream=True)
        send = self._send(payload, timeout, streamed=True)
        with failures.naming(model.name):
            async with transport.apost(send) as response:
                if response.status != 200:
                    raise self._failure(response, await response.read())
                reader = StreamReader(payload, response, secret=self.endpoint.api_key)
                with reader.losses():
                    async for chunk in response.chunks():
                        for delta in reader.feed(chunk):
                            yield delta
                        if reader.moved():
                            response.clock.progress()
                        if reader.done:
                            await response.rest()
                            break
                for last in reader.close():
                    yield last

    def models(self, *, timeout: float | None = None) -> list[str]:
        """The ids the endpoint says it serves.

        Raises:
            GatewayError: it has no such list, which an endpoint need not have.
        """
        send = transport.Send(self.endpoint, "/models", None, self.timeouts, timeout)
        with failures.naming(None), transport.post(send) as response:
            body = response.read()
            if response.status != 200:
                raise self._failure(response, body)
            data = load(body)
        entries = data.get("data") if isinstance(data, dict) else None
        if not isinstance(entries, list):
            raise ResponseError("the answer to /models is not a list of models")
        return [str(each["id"]) for each in entries if isinstance(each, dict) and "id" in each]

    def _send(
        self, payload: Payload, timeout: float | None, *, streamed: bool = False
    ) -> transport.Send:
        return transport.Send(
            self.endpoint, _PATH, payload.body, self.timeouts, timeout, streamed=streamed
        )

    def _reply(self, payload: Payload, response: Any, body: bytes) -> Reply:
        if response.status != 200:
            raise self._failure(response, body)
        return parse(body, payload, response, secret=self.endpoint.api_key)

    def _failure(self, response: Any, body: bytes) -> Exception:
        return failures.classify(
            response.status, response.headers, body, secret=self.endpoint.api_key
        )
