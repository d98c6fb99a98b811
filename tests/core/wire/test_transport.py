"""Bytes to a server and back, over sockets whose every byte is scripted."""

from __future__ import annotations

import asyncio
import gc
import gzip
import queue
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, closing
from pathlib import Path

import pytest

from globalapi_core.errors import (
    ConnectionLostError,
    GatewayConnectionError,
    GatewayError,
    GatewayTimeoutError,
    IncompleteResponseError,
    InvalidRequestError,
    ResponseError,
)
from globalapi_core.settings import Endpoint
from globalapi_core.wire import ChatRequest, Timeouts, Wire, sessions, timing, transport
from tests.ports import deaf_port

from .server import (
    HELLO,
    HELLO_EVENTS,
    STREAM_HEAD,
    Peer,
    Server,
    body,
    event,
    head,
    hello,
    silence,
    stream,
)
from .ways import MODEL, REQUEST, WAYS, ask

pytestmark = pytest.mark.filterwarnings("error::ResourceWarning")

every_way = pytest.mark.parametrize("way", WAYS)
STREAMED = ("stream", "astream")
SHORT = 1.0
"""Seconds of a timer that is to run out, but not before what is to come first has come."""
HANGS = 30.0
"""Seconds that a server is silent at most: whoever waits for it has not gone by a timer."""
LEEWAY = 10.0
"""Seconds that a busy machine may take on top of a timer."""


@pytest.fixture
def lingering(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of a body is waited for, however busy the machine that sends it."""
    monkeypatch.setattr(transport, "_LINGER", LEEWAY)


@every_way
def test_answer_whole(way: str) -> None:
    """An answer comes back whole, whichever way it is asked for."""
    with Server(hello) as server:
        reply = ask(way, server.url)

    assert (reply.text, reply.finish_reason) == ("hello", "stop")
    assert reply.usage is not None
    assert reply.usage.total_tokens == 5


@every_way
def test_connection_refused(way: str) -> None:
    """Nobody listening is a connection error that names the host and why."""
    refused = r"127\.0\.0\.1:\d+: .*refused"
    with deaf_port() as port, pytest.raises(GatewayConnectionError, match=refused) as caught:
        ask(way, f"http://127.0.0.1:{port}/v1")

    assert f"127.0.0.1:{port}" in str(caught.value)
    assert caught.value.scope == "endpoint"
    assert caught.value.retryable
    assert not caught.value.fallback
    assert caught.value.model == "m"


TWO_LENGTHS = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n"
BROKEN = {
    "reset before a byte": lambda peer: peer.reset(),
    "closed before a byte": lambda peer: peer.close(),
    "cut in the status line": lambda peer: (peer.send(b"HTTP/1.1 20"), peer.close()),
    "cut in the head": lambda peer: (peer.send(b"HTTP/1.1 200 OK\r\nContent-Le"), peer.close()),
    "not HTTP": lambda peer: (peer.send(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), peer.close()),
    "a length that is no number": lambda peer: (
        peer.send(head(headers={"Content-Length": "many"})),
        peer.close(),
    ),
    "two lengths": lambda peer: peer.send(TWO_LENGTHS + b"{}"),
    "a length and chunks": lambda peer: peer.send(
        head(headers={"Content-Length": "2", "Transfer-Encoding": "chunked"}) + b"2\r\n{}\r\n"
    ),
    "HTTP/2": lambda peer: peer.send(b"\0\0\4\4\0\0\0\0\0" * 2),
    "a chunk without a size": lambda peer: peer.send(STREAM_HEAD + b"zz\r\n"),
    "a head without end": lambda peer: peer.send(head(headers={"X": "x" * 200_000})[:-4]),
}


@every_way
@pytest.mark.parametrize("fault", BROKEN)
def test_no_answer_head(way: str, fault: str) -> None:
    """A connection that breaks before an answer is an error that may be retried and left."""
    with Server(BROKEN[fault]) as server, pytest.raises(GatewayError) as caught:
        ask(way, server.url)

    assert caught.value.retryable
    assert caught.value.fallback
    assert isinstance(caught.value, ConnectionLostError | ResponseError)


@pytest.mark.parametrize("way", ["complete", "acomplete"])
def test_body_shorter_than_announced(way: str) -> None:
    """A body that ends before its announced length is lost, never read as a whole answer."""
    text = b'{"choices": [{"message": {"content": "hel'

    with (
        Server(body(text, length=500)) as server,
        pytest.raises(ConnectionLostError, match="lost"),
    ):
        ask(way, server.url)

    assert len(server.requests) == 1


@pytest.mark.parametrize("way", ["complete", "acomplete"])
def test_whole_json_in_a_body_cut_short(way: str) -> None:
    """A whole answer inside a body that breaks off is not trusted: more was announced."""
    import json

    with (
        Server(body(json.dumps(HELLO).encode(), length=5_000)) as server,
        pytest.raises(ConnectionLostError),
    ):
        ask(way, server.url)


@pytest.mark.parametrize("way", STREAMED)
@pytest.mark.parametrize("end", ["close", "reset"])
def test_stream_cut_in_the_text(way: str, end: str) -> None:
    """A stream that breaks off is incomplete and carries what had come."""
    cut = stream(*HELLO_EVENTS[:3], end=False, then=lambda peer: getattr(peer, end)())

    with Server(cut) as server, pytest.raises(IncompleteResponseError) as caught:
        ask(way, server.url)

    assert caught.value.partial_text in ("hello", "hel", "")
    if end == "close":
        assert caught.value.partial_text == "hello"


@pytest.mark.parametrize("way", STREAMED)
def test_stream_cut_before_an_event(way: str) -> None:
    """A stream that breaks off before any event is a lost connection: nothing was shown."""
    with (
        Server(stream(end=False, then=lambda peer: peer.close())) as server,
        pytest.raises(ConnectionLostError),
    ):
        ask(way, server.url)


@pytest.mark.parametrize("way", STREAMED)
def test_stream_cut_after_the_finish_reason(way: str) -> None:
    """After the finish reason a lost connection means nothing: the answer is whole."""
    cut = stream(*HELLO_EVENTS[:4], end=False, then=lambda peer: peer.close())

    with Server(cut) as server:
        reply = ask(way, server.url)

    assert (reply.text, reply.usage) == ("hello", None)


@every_way
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_not_followed(way: str, status: int) -> None:
    """A redirect is an error: neither key nor prompt reaches the server it names."""
    with Server(hello) as other:
        answer = body(b"", status, {"Location": f"{other.url}/chat/completions"})
        with Server(answer) as server, pytest.raises(InvalidRequestError) as caught:
            ask(way, server.url, key="k-1")

    assert "redirect" in str(caught.value)
    assert caught.value.status == status
    assert len(server.requests) == 1
    assert other.connections == 0


@pytest.mark.parametrize("way", STREAMED)
def test_silent_stream_ends_in_time(way: str) -> None:
    """A stream of which nothing comes is given up after the time for the first delta."""
    started = time.monotonic()

    with Server(silence(HANGS)) as server, pytest.raises(GatewayTimeoutError, match="nothing new"):
        ask(way, server.url, timeouts=Timeouts(first_delta=SHORT, idle=HANGS))

    assert 0.9 * SHORT < time.monotonic() - started < SHORT + LEEWAY


@pytest.mark.parametrize("way", ["complete", "acomplete"])
def test_whole_answer_may_be_silent_until_the_deadline(way: str) -> None:
    """An answer that comes whole has no pace to keep: only its deadline ends it."""
    whole = "no whole answer"
    started = time.monotonic()

    with Server(silence(HANGS)) as server, pytest.raises(GatewayTimeoutError, match=whole):
        ask(way, server.url, timeout=SHORT, timeouts=Timeouts(first_delta=0.1, idle=0.1))

    assert 0.9 * SHORT < time.monotonic() - started < SHORT + LEEWAY


@every_way
def test_dripping_head_ends_at_the_deadline(way: str) -> None:
    """A server that drips its head byte by byte is ended by the deadline of the call."""

    def drip_head(peer: Peer) -> None:
        peer.send(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while True:
            peer.send(b"x")
            time.sleep(0.05)

    started = time.monotonic()
    with Server(drip_head) as server, pytest.raises(GatewayTimeoutError):
        ask(way, server.url, timeout=SHORT)

    assert 0.9 * SHORT < time.monotonic() - started < SHORT + LEEWAY


@pytest.mark.parametrize("way", STREAMED)
def test_stall_in_a_stream(way: str) -> None:
    """A stream that stalls is a timeout that carries what had come."""
    stalled = stream(*HELLO_EVENTS[:3], end=False, then=silence(HANGS))

    with Server(stalled) as server, pytest.raises(GatewayTimeoutError) as caught:
        ask(way, server.url, timeouts=Timeouts(idle=SHORT))

    assert caught.value.partial_text == "hello"


def drip(peer: Peer) -> None:
    """Send a piece of text every 20 ms, for ever."""
    peer.send(STREAM_HEAD)
    while True:
        peer.chunk(event({"content": "x"}))
        time.sleep(0.02)


@pytest.mark.parametrize("way", STREAMED)
def test_slow_drip_ends_at_the_deadline(way: str) -> None:
    """A stream that never stalls and never ends is ended by the deadline of the call."""
    started = time.monotonic()

    with Server(drip) as server, pytest.raises(GatewayTimeoutError) as caught:
        ask(way, server.url, timeout=SHORT)

    assert 0.9 * SHORT < time.monotonic() - started < SHORT + LEEWAY
    assert caught.value.partial_text.startswith("xxx")


@every_way
def test_deadline_is_not_stretched_by_a_late_byte(way: str) -> None:
    """A byte shortly before the deadline buys no second wait of the same length."""
    deadline = 2.0

    def late(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        time.sleep(0.9 * deadline)
        peer.chunk(b": still here\n\n")
        silence(HANGS)(peer)

    started = time.monotonic()
    with Server(late) as server, pytest.raises(GatewayTimeoutError):
        ask(way, server.url, timeout=deadline)

    assert time.monotonic() - started < 1.8 * deadline


def keep_alive_comments(peer: Peer) -> None:
    """Send a comment every 20 ms, for ever."""
    peer.send(STREAM_HEAD)
    while True:
        peer.chunk(b": keep-alive\n\n")
        time.sleep(0.02)


@pytest.mark.parametrize("way", STREAMED)
def test_keep_alives_are_no_progress(way: str) -> None:
    """A server that sends comments for ever is ended by the time for the next delta."""
    started = time.monotonic()

    with Server(keep_alive_comments) as server, pytest.raises(GatewayTimeoutError, match="nothing"):
        ask(way, server.url, timeout=HANGS, timeouts=Timeouts(first_delta=SHORT))

    assert time.monotonic() - started < SHORT + LEEWAY


@every_way
def test_oversized_answer(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer larger than the limit is refused and not asked for again."""
    monkeypatch.setattr(timing, "MAX_BODY", 100_000)

    with Server(body(b" " * 300_000)) as server, pytest.raises(ResponseError) as caught:
        ask(way, server.url)

    assert "larger than" in str(caught.value)
    assert not caught.value.retryable


@every_way
def test_compression_bomb(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is on decoded bytes: a small body that inflates is refused."""
    monkeypatch.setattr(timing, "MAX_BODY", 1_000_000)
    bomb = gzip.compress(b" " * 30_000_000)
    assert len(bomb) < 100_000

    with (
        Server(body(bomb, headers={"Content-Encoding": "gzip"})) as server,
        pytest.raises(ResponseError, match="larger than"),
    ):
        ask(way, server.url)


@every_way
def test_compressed_answer(way: str) -> None:
    """A server that compresses although it was not asked to is understood."""
    import json

    packed = gzip.compress(json.dumps(HELLO).encode())

    with Server(body(packed, headers={"Content-Encoding": "gzip"})) as server:
        reply = ask(way, server.url)

    assert reply.text == "hello"
    assert server.headers()["accept-encoding"] == "identity"


@pytest.mark.usefixtures("lingering")
@pytest.mark.parametrize("way", ["complete", "stream"])
def test_connection_serves_again(way: str) -> None:
    """Two calls one after the other share a connection, streamed or not."""
    with Server(hello) as server:
        ask(way, server.url)
        ask(way, server.url)

    assert len(server.requests) == 2
    assert server.connections == 1


@pytest.mark.usefixtures("lingering")
@pytest.mark.parametrize("way", ["acomplete", "astream"])
def test_connection_serves_again_async(way: str) -> None:
    """Two calls on one event loop share a connection, streamed or not."""

    async def twice(url: str) -> None:
        wire = Wire(Endpoint(url))
        for _ in range(2):
            if way == "acomplete":
                await wire.acomplete(REQUEST, MODEL)
            else:
                _ = [item async for item in wire.astream(REQUEST, MODEL)]

    with Server(hello) as server:
        asyncio.run(twice(server.url))

    assert len(server.requests) == 2
    assert server.connections == 1


@pytest.mark.usefixtures("lingering")
@pytest.mark.parametrize("way", STREAMED)
def test_connection_serves_again_after_a_late_end(way: str) -> None:
    """A body whose end comes a moment after `[DONE]` does not cost its connection."""
    late = stream(*HELLO_EVENTS, then=lambda peer: time.sleep(0.01))

    async def twice(wire: Wire) -> None:
        for _ in range(2):
            _ = [item async for item in wire.astream(REQUEST, MODEL)]

    with Server(late) as server:
        wire = Wire(Endpoint(server.url))
        if way == "stream":
            _ = [list(wire.stream(REQUEST, MODEL)) for _ in range(2)]
        else:
            asyncio.run(twice(wire))

    assert len(server.requests) == 2
    assert server.connections == 1


@pytest.mark.parametrize("way", STREAMED)
def test_server_that_holds_on_after_done(way: str) -> None:
    """A server that keeps the body open after `[DONE]` does not hold the answer back."""
    held = stream(*HELLO_EVENTS, end=False, then=silence(HANGS))
    started = time.monotonic()

    with Server(held) as server:
        reply = ask(way, server.url)

    assert reply.text == "hello"
    assert time.monotonic() - started < LEEWAY


def test_connection_closed_while_idle() -> None:
    """A kept connection that the server has closed is not used for the next call."""
    closed = threading.Event()

    def once(peer: Peer) -> None:
        hello(peer)
        peer.close()
        closed.set()

    with Server(once) as server:
        ask("complete", server.url)
        assert closed.wait(HANGS)
        reply = ask("complete", server.url)

    assert reply.text == "hello"
    assert server.connections == 2


class Watched:
    """A stream that goes on until the client leaves, and notes whether it did in time."""

    def __init__(self) -> None:
        self._left: queue.Queue[bool] = queue.Queue()

    def __call__(self, peer: Peer) -> None:
        """Answer with one piece of text, then wait."""
        peer.send(STREAM_HEAD)
        peer.chunk(HELLO_EVENTS[1])
        self._left.put(peer.gone(LEEWAY))
        peer.close()

    def settled(self) -> bool:
        """Whether the client left, once that is known."""
        return self._left.get(timeout=HANGS)


def test_abandoned_stream_closes_its_connection() -> None:
    """Leaving a stream closes its connection at once."""
    watched = Watched()
    with Server(watched) as server:
        with closing(Wire(Endpoint(server.url)).stream(REQUEST, MODEL)) as items:
            next(items)
        left = watched.settled()

    assert left


def test_abandoned_async_stream_closes_its_connection() -> None:
    """Leaving an async stream closes its connection at once, the loop still running."""
    watched = Watched()

    async def leave(url: str) -> bool:
        async with aclosing(Wire(Endpoint(url)).astream(REQUEST, MODEL)) as items:
            await anext(items)
        return await asyncio.to_thread(watched.settled)

    with Server(watched) as server:
        left = asyncio.run(leave(server.url))

    assert left


def test_cancellation_closes_the_connection() -> None:
    """Cancelling a task in the middle of a stream ends it at once and closes the connection."""
    watched = Watched()

    async def cancelled(url: str) -> bool:
        async def read() -> None:
            async for _ in Wire(Endpoint(url)).astream(REQUEST, MODEL):
                begun.set()

        begun = asyncio.Event()
        task = asyncio.create_task(read())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await asyncio.to_thread(watched.settled)

    with Server(watched) as server:
        left = asyncio.run(cancelled(server.url))

    assert left
    assert len(server.requests) == 1


def test_three_event_loops_in_a_row() -> None:
    """A wire made once serves every event loop, and keeps none of them alive."""
    with Server(hello) as server:
        wire = Wire(Endpoint(server.url))
        texts = [asyncio.run(wire.acomplete(REQUEST, MODEL)).text for _ in range(3)]

    assert texts == ["hello"] * 3
    assert not sessions._sessions


def test_event_loop_closed_without_shutdown() -> None:
    """What a loop that was closed carelessly left behind is dropped with the next call."""
    with Server(hello) as server, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        loop = asyncio.new_event_loop()
        loop.run_until_complete(Wire(Endpoint(server.url)).acomplete(REQUEST, MODEL))
        loop.close()
        ask("acomplete", server.url)
        del loop
        gc.collect()

    assert not sessions._sessions


def test_twenty_threads() -> None:
    """One wire serves twenty threads at once, and mixes no answers."""

    def echo(peer: Peer) -> None:
        time.sleep(0.01)
        hello(peer)

    with Server(echo) as server, ThreadPoolExecutor(20) as pool:
        wire = Wire(Endpoint(server.url))
        replies = list(pool.map(lambda _: wire.complete(REQUEST, MODEL), range(60)))

    assert {each.text for each in replies} == {"hello"}
    assert len(server.requests) == 60


def test_no_leaked_sockets() -> None:
    """Neither whole nor broken calls leave a socket to the garbage collector."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        gc.collect()  # what other tests left
        caught.clear()
        for answer in (hello, BROKEN["reset before a byte"], stream(*HELLO_EVENTS[:2])):
            with Server(answer) as server:
                for way in WAYS:
                    try:
                        ask(way, server.url)
                    except GatewayError:
                        continue
        gc.collect()

    assert not [each for each in caught if "unclosed" in str(each.message)]


@every_way
def test_headers_sent(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is sent, and nothing of another vendor's environment is."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-foreign")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-foreign")
    monkeypatch.setenv("OPENAI_PROJECT", "project-foreign")

    with Server(hello) as server:
        ask(way, server.url, key="k-1")

    assert server.headers()["authorization"] == "Bearer k-1"
    assert server.headers()["user-agent"].startswith("globalapi-llm/")
    assert b"foreign" not in server.requests[0]


@every_way
def test_no_key_no_authorization(way: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a key no authorization is sent, also not one that a `.netrc` has for the host."""
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login me password netrc-secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    with Server(hello) as server:
        ask(way, server.url)
        ask(way, server.url, key="k-1")

    assert "authorization" not in server.headers(0)
    assert server.headers(1)["authorization"] == "Bearer k-1"


@every_way
def test_proxy_is_used(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the environment gets the call, with the user name and password it has."""
    with Server(hello) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.address.replace("//", "//me:p%40ss@"))
        reply = ask(way, "http://gateway.test/v1")

    assert reply.text == "hello"
    assert proxy.requests[0].startswith(b"POST http://gateway.test/v1/chat/completions HTTP/1.1")
    assert proxy.headers()["proxy-authorization"] == "Basic bWU6cEBzcw=="


@every_way
def test_proxy_for_everything(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`ALL_PROXY` counts, sync and async, and a missing scheme is http."""
    with Server(hello) as proxy:
        monkeypatch.setenv("ALL_PROXY", proxy.address.removeprefix("http://"))
        reply = ask(way, "http://gateway.test/v1")

    assert reply.text == "hello"


@every_way
def test_no_proxy_is_obeyed(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host in `NO_PROXY` is called directly."""
    monkeypatch.setenv("NO_PROXY", "gateway.invalid")
    with Server(hello) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.address)
        with deaf_port() as port, pytest.raises(GatewayError):
            ask(way, f"http://gateway.invalid:{port}/v1", timeout=1)

    assert proxy.connections == 0


@every_way
def test_this_machine_needs_no_proxy(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What may go in clear to this machine never goes through a proxy."""
    with Server(hello) as proxy, Server(hello) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.address)
        reply = ask(way, server.url)

    assert reply.text == "hello"
    assert proxy.connections == 0


@every_way
def test_proxy_of_another_kind(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A SOCKS proxy is refused with what to do, and its password is not shown."""
    monkeypatch.setenv("ALL_PROXY", "socks5://me:secret@127.0.0.1:1080")

    with pytest.raises(GatewayConnectionError, match=r"socks5://.*NO_PROXY") as caught:
        ask(way, "http://gateway.test/v1")

    assert "secret" not in str(caught.value)


@every_way
def test_dead_proxy(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that does not answer is a failure of the endpoint, not of a model."""
    with deaf_port() as port:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
        with pytest.raises(GatewayConnectionError) as caught:
            ask(way, "http://gateway.test/v1")

    assert caught.value.scope == "endpoint"


@every_way
def test_key_in_no_error(way: str) -> None:
    """A key that the server echoes is masked in the error, its repr and its attributes."""
    echo = body({"error": {"message": "bad key ga_canary", "code": "ga_canary"}}, 401)

    with Server(echo) as server, pytest.raises(GatewayError) as caught:
        ask(way, server.url, key="ga_canary")

    assert "ga_canary" not in f"{caught.value!r} {caught.value} {vars(caught.value)}"


def test_models_listed() -> None:
    """The models an endpoint says it serves are its ids."""
    with Server(body({"data": [{"id": "a"}, {"id": "b"}, {"no": "id"}, 7]})) as server:
        names = Wire(Endpoint(server.url)).models()

    assert names == ["a", "b"]
    assert server.requests[0].startswith(b"GET /v1/models ")


@pytest.mark.parametrize(
    "answer",
    [body(b"<html>", 404), body(b"<html>"), body(b"[]"), body({"data": "none"}), body(b"")],
)
def test_models_not_listed(answer: object) -> None:
    """An endpoint without such a list is a typed error, whatever it answers."""
    with Server(answer) as server, pytest.raises(GatewayError):  # type: ignore[arg-type]
        Wire(Endpoint(server.url)).models()


@every_way
def test_unencodable_request(way: str) -> None:
    """Half of a surrogate pair in a prompt is sent as JSON allows, not crashed on."""
    request = ChatRequest([{"role": "user", "content": "half \ud83d"}])

    with Server(hello) as server:
        reply = ask(way, server.url, request=request)

    assert reply.text == "hello"
    assert server.bodies()[0]["messages"][0]["content"] == "half \ud83d"
