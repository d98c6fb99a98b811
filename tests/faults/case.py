"""One fault, scripted, and the place on the loopback interface where it happens."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.core.wire.server import Answer, Peer, Server, body, event, stream
from tests.faults.promise import Promise
from tests.ports import deaf_port

WAYS = ("invoke", "ainvoke", "stream", "astream")
STREAMED = ("stream", "astream")
WHOLE = ("invoke", "ainvoke")
EACH_ONCE = ("invoke", "astream")
"""Sync and async, whole and streamed, in two ways instead of four."""
PROMPT = "canary prompt: how do I get a refund?"
FIRST, SECOND = "model-a", "model-b"
"""The model whose calls go wrong, and the one that is well."""
HANGS = 15.0
"""Seconds for which a server that hangs does so, unless its client leaves before."""
_TLS = Path(__file__).parent / "tls"

Script = tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """A fault and what is promised of it."""

    row: int
    name: str
    script: Script | Callable[[Server], Script]
    """The answer to each request, the last one repeated; or what makes them, given
    another server that the fault may lead to."""
    promise: Promise
    ways: tuple[str, ...] = WAYS
    given: Mapping[str, Any] = field(default_factory=dict)
    """Further arguments of the call, by their names on the wire."""
    timeout: float = 10.0
    """Seconds every caller is given."""
    limits: Mapping[str, float] = field(default_factory=dict)
    """Timers of the config file: connect, first_delta, idle, in seconds."""
    calls: int = 1
    """How many are made, one after the other; the last one counts."""
    place: Literal["server", "refused", "nowhere", "black hole", "tls", "not tls"] = "server"
    not_yet: str = ""
    """Why this library does not keep the promise; empty where it does."""

    @property
    def id(self) -> str:
        """Row and name, as tests are called."""
        return f"{self.row:03d}-{self.name}"


@dataclass(slots=True)
class Place:
    """Where a case happens, and what arrived there."""

    url: str
    server: Server | None = None
    other: Server | None = None
    counts_connections: bool = False

    @property
    def requests(self) -> int | None:
        """How many requests came; connections, where none can come further."""
        if self.server is None:
            return None
        return self.server.connections if self.counts_connections else len(self.server.requests)

    @property
    def models(self) -> tuple[str, ...]:
        """The model of each request."""
        return tuple(map(_model, self.server.requests)) if self.server else ()

    @property
    def leaked(self) -> int:
        """How many requests reached the other server."""
        return len(self.other.requests) if self.other else 0

    @property
    def prompt_in_head(self) -> bool:
        """Whether the prompt is in an address or a header."""
        heads = (each.partition(b"\r\n\r\n")[0] for each in self.server.requests if self.server)
        return any(b"canary" in each.replace(b"sk-canary", b"") for each in heads)


@contextmanager
def place(case: Case) -> Iterator[Place]:
    """Have the fault happen on the loopback interface."""
    if case.place == "refused":
        with deaf_port() as port:
            yield Place(f"http://127.0.0.1:{port}/v1")
    elif case.place == "nowhere":
        # Too long for a name: no resolver needs to be asked.
        yield Place(f"https://gateway.{'.'.join(['x' * 60] * 5)}/v1")
    elif case.place == "black hole":
        with _black_hole() as port:
            yield Place(f"http://127.0.0.1:{port}/v1")
    else:
        with ExitStack() as stack:
            other = stack.enter_context(Server(sound))
            script = case.script(other) if callable(case.script) else case.script
            play = _Play(script)
            kind = {"tls": _TLSServer, "not tls": _PlainServer}.get(case.place, Server)
            server = stack.enter_context(kind(play))
            play.server = server
            secure = case.place != "server"
            url = server.url.replace("http:", "https:") if secure else server.url
            yield Place(url, server, other, counts_connections=secure)


class _Play:
    """Plays the script to the first model; any other is well."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.count = 0
        self.server: Server | None = None

    def __call__(self, peer: Peer) -> None:
        assert self.server is not None
        if _model(self.server.requests[-1]) != FIRST:
            _sound(peer, self.server)
            return
        number, self.count = self.count, self.count + 1
        self.script[min(number, len(self.script) - 1)](peer)


class _TLSServer(Server):
    """A server whose certificate nobody trusts."""

    def __init__(self, *answers: Answer) -> None:
        super().__init__(*answers)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(_TLS / "certificate.pem", _TLS / "key.pem")
        self._listener = context.wrap_socket(
            self._listener, server_side=True, do_handshake_on_connect=False
        )


class _PlainServer(Server):
    """A server that answers whatever is said with plain HTTP, as it comes."""

    def _serve(self, peer: Peer) -> None:
        peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        peer.gone(1.0)


@contextmanager
def _black_hole() -> Iterator[int]:
    """A port that takes no further connection and refuses none."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def _model(request: bytes) -> str:
    try:
        return str(json.loads(request.partition(b"\r\n\r\n")[2])["model"])
    except (ValueError, KeyError):
        return ""


def sound(peer: Peer) -> None:
    """Say hello, streamed or whole, as the last request asked."""
    _sound(peer, peer._server)


def _sound(peer: Peer, server: Server) -> None:
    asked = json.loads(server.requests[-1].partition(b"\r\n\r\n")[2] or b"{}")
    (HELLO_STREAM if asked.get("stream") else HELLO_BODY)(peer)


_CHUNK = {"object": "chat.completion.chunk", "created": 1, "model": "served"}


def piece(delta: Mapping[str, Any] | None = None, finish: str | None = None, **more: Any) -> bytes:
    """One event of a streamed answer, with all that OpenAI puts into it."""
    return event(delta, finish, **_CHUNK | more)


def data(value: Any) -> bytes:
    """One event with *value* in it."""
    text = value if isinstance(value, str) else json.dumps(value)
    return b"data: " + text.encode() + b"\n\n"


def chunk(**own: Any) -> bytes:
    """An event of a streamed answer with these keys in place of its usual ones."""
    return data({"id": "c1", **_CHUNK, **own})


USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
ROLE = piece({"role": "assistant", "content": ""})
HEL, LO, STOP = piece({"content": "hel"}), piece({"content": "lo"}), piece({}, "stop")
COUNT = chunk(choices=[], usage=USAGE)
DONE = b"data: [DONE]\n\n"
HELLO = (ROLE, HEL, LO, STOP, COUNT, DONE)
HELLO_STREAM = stream(*HELLO)


def whole(message: Any, finish: str | None = "stop", **more: Any) -> dict[str, Any]:
    """A whole answer, with all that OpenAI puts into it."""
    choice = {"index": 0, "message": message, "finish_reason": finish}
    facts = {"id": "c1", "object": "chat.completion", "created": 1, "model": "served"}
    return {**facts, "choices": [choice], "usage": USAGE, **more}


def said(text: Any, **more: Any) -> dict[str, Any]:
    """A message of the model's."""
    return {"role": "assistant", "content": text, **more}


HELLO_BODY = body(whole(said("hello")))
