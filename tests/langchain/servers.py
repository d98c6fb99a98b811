"""A server on the loopback interface that says exactly what a test tells it to."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import Any

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nConnection: close\r\n\r\n"


class RawServer:
    """Answers every request with the same bytes, and sees its clients leave."""

    def __init__(
        self,
        body: bytes,
        *,
        kind: bytes = b"text/event-stream",
        hang: bool,
        then: bytes | None = None,
    ) -> None:
        self._answers = [_HEAD % kind + each for each in (body, then) if each is not None]
        self._hang = hang
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.left = threading.Event()
        """Set once a client has closed its connection."""
        self._accepting = threading.Thread(target=self._serve, daemon=True)
        self._accepting.start()

    @property
    def base_url(self) -> str:
        """What a client is pointed at."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"

    def close(self) -> None:
        """Stop listening."""
        # Closing alone does not wake the thread that accepts. Closed under it, the listener's
        # number would go to the next server's, and its clients to this one.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join(30)
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._answered, args=(connection,), daemon=True).start()

    def _answered(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.settimeout(60)
            request = connection.makefile("rb")
            head = list(takewhile(lambda line: line != b"\r\n", request))
            lengths = [line for line in head if line.lower().startswith(b"content-length:")]
            if not lengths:
                return  # the client left before it had asked
            request.read(int(lengths[0].split(b":")[1]))
            later = len(self._answers) > 1
            connection.sendall(self._answers.pop(0) if later else self._answers[0])
            if self._hang:
                request.read()  # which ends once the client closes
                self.left.set()


@contextlib.contextmanager
def saying(
    body: bytes,
    *,
    hang: bool = False,
    kind: bytes = b"text/event-stream",
    then: bytes | None = None,
) -> Iterator[Any]:
    """A server that answers with *body*; it closes then, or with *hang* waits to be left.

    With *then* that is its answer to every further request.
    """
    server = RawServer(body, kind=kind, hang=hang, then=then)
    try:
        yield server
    finally:
        server.close()


def events(deltas: Iterable[dict[str, Any]], finish: str | None = "stop", **last: Any) -> bytes:
    """A streamed answer: a chunk for each delta, the finish reason, `[DONE]`.

    Without *finish* the stream stays open; *last* goes into the chunk that finishes.
    """
    chunks = [_chunk(delta, None) for delta in deltas]
    if finish is not None:
        chunks.append({**_chunk({}, finish), **last})
    data = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)
    return data + (b"" if finish is None else b"data: [DONE]\n\n")


def whole(message: dict[str, Any], finish: str = "stop", **more: Any) -> bytes:
    """An answer that is not streamed."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return json.dumps({"id": "a", "model": "m", "choices": [choice], **more}).encode()


def call(arguments: str, name: str = "weather") -> dict[str, Any]:
    """A message, or the one delta, that calls a tool."""
    function = {"name": name, "arguments": arguments}
    return {"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": function}]}


def _chunk(delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "a", "model": "m", "choices": [choice]}
