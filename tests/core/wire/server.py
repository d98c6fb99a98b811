"""A server on the loopback whose every byte the test decides."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any


class Peer:
    """The server's end of one connection."""

    def __init__(self, sock: socket.socket, server: Server) -> None:
        self._sock = sock
        self._server = server
        self._buffer = bytearray()

    def send(self, data: bytes) -> None:
        """Send exactly *data*."""
        self._sock.sendall(data)

    def chunk(self, data: bytes) -> None:
        """Send *data* as one chunk of a chunked body."""
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def reset(self) -> None:
        """Break the connection off with a TCP reset."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._sock.close()

    def hang_up(self) -> None:
        """End the connection for the thread that serves it, which then closes it.

        Closed under that thread, its number would go to another socket, and OpenSSL, which
        knows no more than the number, read that one's bytes.
        """
        with suppress(OSError):
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)

    def gone(self, within: float) -> bool:
        """Whether the client closes its end *within* seconds."""
        self._sock.settimeout(within)
        try:
            return self._sock.recv(1) == b""
        except TimeoutError:
            return False
        except OSError:
            return True

    def request(self) -> bytes | None:
        """The next request, head and body; `None` when the client has gone."""
        while b"\r\n\r\n" not in self._buffer:
            if not self._more():
                return None
        head, _, rest = bytes(self._buffer).partition(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        self._buffer = bytearray(rest)
        while len(self._buffer) < length:
            if not self._more():
                return None
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        return head + b"\r\n\r\n" + body

    def _more(self) -> bool:
        try:
            data = self._sock.recv(65_536)
        except OSError:
            return False
        self._buffer += data
        return bool(data)


Answer = Callable[[Peer], None]


class Server:
    """Answers request after request as scripted; the last answer is repeated.

    Attributes:
        requests: what arrived, head and body, in order.
        connections: how many were opened.
    """

    def __init__(self, *answers: Answer) -> None:
        self._answers = answers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._lock = threading.Lock()
        self._peers: list[Peer] = []
        self.requests: list[bytes] = []
        self.connections = 0

    @property
    def address(self) -> str:
        """Its scheme, host and port."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def url(self) -> str:
        """What a client is pointed at."""
        return f"{self.address}/v1"

    def bodies(self) -> list[Any]:
        """The JSON that arrived, in order."""
        return [json.loads(each.partition(b"\r\n\r\n")[2]) for each in self.requests]

    def headers(self, number: int = 0) -> dict[str, str]:
        """The headers of one request, by lower-case name."""
        lines = self.requests[number].partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines)
        return {name.lower(): value.strip() for name, _, value in pairs}

    def __enter__(self) -> Server:
        self._accepting.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Closing alone does not wake the thread that accepts. Closed under it, the listener's
        # number would go to the next server's, and its clients to this one.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join(30)
        self._listener.close()
        for peer in self._peers:
            peer.hang_up()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            peer = Peer(sock, self)
            with self._lock:
                self.connections += 1
                self._peers.append(peer)
            threading.Thread(target=self._attend, args=(peer,), daemon=True).start()

    def _attend(self, peer: Peer) -> None:
        try:
            self._serve(peer)
        except OSError:
            pass
        finally:
            peer.close()

    def _serve(self, peer: Peer) -> None:
        while (request := peer.request()) is not None:
            with self._lock:
                self.requests.append(request)
                number = len(self.requests) - 1
            self._answers[min(number, len(self._answers) - 1)](peer)


def head(status: int = 200, headers: Mapping[str, str] | None = None) -> bytes:
    """A status line and headers."""
    lines = [f"HTTP/1.1 {status} Said"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def body(
    content: bytes | Mapping[str, Any],
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    length: int | None = None,
) -> Answer:
    """An answer with a whole body, or one that announces another *length*."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    length = len(data) if length is None else length
    own = {"Content-Type": "application/json", "Content-Length": str(length)}

    def answer(peer: Peer) -> None:
        peer.send(head(status, {**own, **(headers or {})}) + data)
        if length != len(data):
            peer.close()

    return answer


STREAM_HEAD = head(headers={"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"})


def stream(*pieces: bytes, end: bool = True, then: Answer | None = None) -> Answer:
    """A chunked stream of *pieces*; without *end* its last chunk is not sent."""

    def answer(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        for piece in pieces:
            peer.chunk(piece)
        if then is not None:
            then(peer)
        if end:
            peer.send(b"0\r\n\r\n")

    return answer


def event(delta: Mapping[str, Any] | None = None, finish: str | None = None, **extra: Any) -> bytes:
    """One event of a streamed answer."""
    choice = {"index": 0, "delta": dict(delta or {}), "finish_reason": finish}
    return b"data: " + json.dumps({"id": "c1", "choices": [choice], **extra}).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
HELLO: Mapping[str, Any] = {
    "id": "c1",
    "model": "served",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}
    ],
    "usage": USAGE,
}
HELLO_EVENTS = (
    event({"role": "assistant", "content": ""}),
    event({"content": "hel"}),
    event({"content": "lo"}),
    event({}, "stop"),
    b"data: " + json.dumps({"id": "c1", "choices": [], "usage": USAGE}).encode() + b"\n\n",
    DONE,
)


def hello(peer: Peer) -> None:
    """Say hello, streamed or whole, as the last request asked."""
    wants_stream = b'"stream": true' in peer._server.requests[-1]
    (stream(*HELLO_EVENTS) if wants_stream else body(HELLO))(peer)


def silence(seconds: float) -> Answer:
    """Say nothing until the client goes, *seconds* at most."""

    def answer(peer: Peer) -> None:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends and not peer.gone(0.05):
            pass
        peer.close()

    return answer
