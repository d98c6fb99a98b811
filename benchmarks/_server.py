"""A gateway that costs next to nothing: every byte it answers was written beforehand.

The path of a request says what the answer is like, `/<chunks>/<pause>/<connection>/v1`:
chunks of a streamed answer, milliseconds between two of them (0: each is written by itself,
one after the other), and `close` for a connection that serves once or any other word.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys

TEXT = "Refunds are paid within fourteen days to the card the order was paid with. " * 6
"""What a whole answer says."""
PIECE = "fourteen "
"""What each chunk of a streamed answer says."""
BACKLOG = 4096

_USAGE = {"prompt_tokens": 12, "completion_tokens": 100, "total_tokens": 112}
_COMMON = {"id": "chatcmpl-7f3a9c", "created": 1_760_000_000, "model": "deepseek-v4-flash"}


def _whole() -> bytes:
    message = {"role": "assistant", "content": TEXT}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    body = {**_COMMON, "object": "chat.completion", "choices": [choice], "usage": _USAGE}
    return json.dumps(body).encode()


def _event(delta: dict[str, str] | None, finish: str | None = None) -> bytes:
    """An event of a stream; without *delta* that of the usage."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    usage = {"usage": _USAGE} if delta is None else {}
    choices = [] if delta is None else [choice]
    body = {**_COMMON, "object": "chat.completion.chunk", "choices": choices, **usage}
    return _framed(b"data: " + json.dumps(body).encode() + b"\n\n")


def _framed(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nConnection: %s\r\nx-request-id: req-7f3a9c\r\n%s\r\n"
)
_WHOLE = _whole()
_FIRST = _event({"role": "assistant", "content": ""})
_CHUNK = _event({"content": PIECE})
_LAST = _event({}, "stop") + _event(None) + _framed(b"data: [DONE]\n\n") + b"0\r\n\r\n"


class Answers(asyncio.Protocol):
    """One connection: requests come in, prepared bytes go out."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start waiting for a request."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self._transport = transport
        self._bytes = bytearray()
        self._expected = 0

    def data_received(self, data: bytes) -> None:
        """Answer once the body is whole. Nobody sends a second request before that."""
        self._bytes += data
        if not self._expected:
            head, end, _ = self._bytes.partition(b"\r\n\r\n")
            if not end:
                return
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            self._expected = len(head) + len(end) + int(length)
        if len(self._bytes) >= self._expected:
            request = bytes(self._bytes)
            self._bytes.clear()
            self._expected = 0
            self._answer(request)

    def _answer(self, request: bytes) -> None:
        chunks, pause, connection = request.split(b"/", 4)[1:4]
        connection = b"close" if connection == b"close" else b"keep-alive"
        body = request.partition(b"\r\n\r\n")[2]
        # The two ways JSON is written; a prompt that holds either has its quotes escaped.
        if b'"stream": true' in body or b'"stream":true' in body:
            chunked = b"Transfer-Encoding: chunked\r\n"
            self._transport.write(_HEAD % (b"text/event-stream", connection, chunked) + _FIRST)
            self._next(int(chunks), float(pause) / 1000, connection)
        else:
            length = b"Content-Length: %d\r\n" % len(_WHOLE)
            self._transport.write(_HEAD % (b"application/json", connection, length) + _WHOLE)
            if connection == b"close":
                self._transport.close()

    def _next(self, left: int, pause: float, connection: bytes) -> None:
        """Write the next of the chunks that are *left*, or the end."""
        if self._transport.is_closing():
            return
        if not left:
            self._transport.write(_LAST)
            if connection == b"close":
                self._transport.close()
            return
        self._transport.write(_CHUNK)
        loop = asyncio.get_running_loop()
        if pause:
            loop.call_later(pause, self._next, left - 1, pause, connection)
        else:
            loop.call_soon(self._next, left - 1, pause, connection)


async def serve(ports: int) -> None:
    """Serve on so many *ports* of this machine, print them, and stop when input ends."""
    loop = asyncio.get_running_loop()
    servers = [
        await loop.create_server(Answers, "127.0.0.1", 0, backlog=BACKLOG) for _ in range(ports)
    ]
    print(json.dumps([each.sockets[0].getsockname()[1] for each in servers]), flush=True)
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()


def raise_file_limit() -> None:
    """Let this process open as many connections as the system allows it."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    raise_file_limit()
    asyncio.run(serve(int(sys.argv[1])))
