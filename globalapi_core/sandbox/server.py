"""HTTP/1.1 connections of the sandbox: asyncio for the sockets, h11 for the protocol."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, cast

import h11

from globalapi_core.sandbox import replies
from globalapi_core.sandbox.replies import Reply

LARGEST_BODY = 64 * 1024 * 1024
"""Bytes of a request body; a larger one gets 413."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One HTTP request, whole."""

    method: str
    path: str
    headers: dict[str, str] = field(repr=False)
    """By lower-case name."""
    body: bytes = field(repr=False)
    peer: str
    """Address of the client."""


Handler = Callable[[HttpRequest], Reply]


class Connection(asyncio.Protocol):
    """One client connection, kept alive between requests."""

    def __init__(self, handler: Handler, connections: set[Connection]) -> None:
        self._handler = handler
        self._connections = connections
        self._http = h11.Connection(h11.SERVER)
        self._gone = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._request: h11.Request | None = None
        self._body: list[bytes] = []
        self._size = 0
        self._task: asyncio.Task[None] | None = None
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport; part of `asyncio.Protocol`."""
        self._transport = cast(asyncio.Transport, transport)
        # asyncio does this only for sockets that name their protocol, and an accepted one
        # does not: without it each answer waits 40 ms for the client's acknowledgement.
        peer = transport.get_extra_info("socket")
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Take in bytes; part of `asyncio.Protocol`."""
        self._http.receive_data(data)
        self._read()

    def eof_received(self) -> None:
        """Treat a client that stops sending as one that left; part of `asyncio.Protocol`."""
        self._gone.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything; part of `asyncio.Protocol`."""
        self._gone.set()
        self._writable.set()
        self._connections.discard(self)
        self.closed.set()

    def pause_writing(self) -> None:
        """The client reads too slowly; part of `asyncio.Protocol`."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """The client has caught up; part of `asyncio.Protocol`."""
        self._writable.set()

    async def close(self) -> None:
        """Drop the connection and wait until nothing of it is left."""
        self._transport.abort()
        await self.closed.wait()
        if self._task is not None:
            await asyncio.wait([self._task])

    def _read(self) -> None:
        """Handle what has arrived, one request at a time."""
        while self._task is None:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as error:
                refusal = replies.error(error.error_status_hint, f"not HTTP/1.1: {error}")
                self._start(self._refuse(refusal))
                return
            if event in (h11.NEED_DATA, h11.PAUSED):
                if self._http.they_are_waiting_for_100_continue:
                    self._send(h11.InformationalResponse(status_code=100, headers=[]))
                return
            if isinstance(event, h11.ConnectionClosed):
                self._transport.close()
                return
            self._take(event)

    def _take(self, event: Any) -> None:
        if isinstance(event, h11.Request):
            self._request, self._body, self._size = event, [], 0
        elif isinstance(event, h11.Data):
            self._body.append(bytes(event.data))
            self._size += len(event.data)
            if self._size > LARGEST_BODY:
                said = f"the body is larger than {LARGEST_BODY} bytes"
                self._start(self._refuse(replies.error(413, said)))
        elif isinstance(event, h11.EndOfMessage) and self._request is not None:
            self._start(self._answer(self._whole(self._request)))

    def _whole(self, request: h11.Request) -> HttpRequest:
        return HttpRequest(
            request.method.decode("ascii"),
            request.target.decode("latin-1").partition("?")[0],
            {key.decode("latin-1"): value.decode("latin-1") for key, value in request.headers},
            b"".join(self._body),
            (self._transport.get_extra_info("peername") or ("",))[0],
        )

    def _start(self, answering: Coroutine[Any, Any, None]) -> None:
        self._task = asyncio.get_running_loop().create_task(answering)

    async def _refuse(self, reply: Reply) -> None:
        """Answer what could not be read to its end, then close."""
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            await self._play(reply)
        self._transport.close()

    async def _answer(self, request: HttpRequest) -> None:
        try:
            reply = self._handler(request)
        except Exception as defect:
            said = f"a defect of the sandbox, not of the request: {defect!r}"
            reply = replies.error(500, said, type="server_error", code="sandbox_defect")
        try:
            await self._play(reply)
        except BaseException:
            self._transport.abort()
            raise
        states = (self._http.our_state, self._http.their_state)
        if self._gone.is_set() or reply.ending != "whole" or h11.MUST_CLOSE in states:
            self._transport.close()
        else:
            self._http.start_next_cycle()
            self._task = None
            self._read()

    async def _play(self, reply: Reply) -> None:
        """Send *reply* at its pace, as long as the client is there."""
        if await self._left_during(reply.wait) or reply.ending == "dead":
            return
        if reply.on_start is not None:
            reply.on_start()
        self._send(self._head(reply))
        for piece in reply.pieces:
            if await self._left_during(piece.after):
                return
            # Billed first: a client that has read the end finds it on the bill.
            if piece.tokens and reply.on_tokens is not None:
                reply.on_tokens(piece.tokens)
            self._send(h11.Data(data=piece.data))
        if reply.ending != "abrupt":
            self._send(h11.EndOfMessage())

    async def _left_during(self, seconds: float) -> bool:
        """Wait *seconds*, and until there is room to write; whether the client left."""
        if not self._writable.is_set():
            await self._writable.wait()
        if seconds > 0 and not self._gone.is_set():
            try:
                await asyncio.wait_for(self._gone.wait(), seconds)
            except TimeoutError:
                return False
        return self._gone.is_set()

    def _head(self, reply: Reply) -> h11.Response:
        headers = [("Content-Type", reply.content_type), *reply.headers]
        if reply.length is not None:
            headers.append(("Content-Length", str(reply.length)))
        else:
            headers.append(("Cache-Control", "no-cache"))
        if reply.ending != "whole":
            headers.append(("Connection", "close"))
        return h11.Response(status_code=reply.status, headers=headers)

    def _send(self, event: Any) -> None:
        data = self._http.send(event)
        if data and not self._transport.is_closing():
            self._transport.write(data)
