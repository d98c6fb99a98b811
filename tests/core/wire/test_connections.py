"""Connections of sync calls: kept, closed, forked, and made by a proxy."""

from __future__ import annotations

import os
import queue
import select
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globalapi_core.errors import (
    ConfigError,
    ConnectionLostError,
    GatewayConnectionError,
    GatewayError,
    GatewayTimeoutError,
)
from globalapi_core.settings import Endpoint
from globalapi_core.wire import ChatRequest, Reply, Wire, connections, tls
from globalapi_core.wire.connections import Origin, Pool, destination

from .server import HELLO_EVENTS, STREAM_HEAD, Answer, Peer, Server, body, hello
from .ways import MODEL, REQUEST, WAYS, ask

pytestmark = pytest.mark.filterwarnings("error::ResourceWarning")

SYNC = ("complete", "stream")
PROXIED = "https://gateway.test/v1"
CERTIFICATE = Path(__file__).parent / "gateway.test.pem"
"""For gateway.test and 127.0.0.1, and its key."""
LARGE = ChatRequest([{"role": "user", "content": "x" * 20_000_000}])


@pytest.fixture
def listening() -> Iterator[Origin]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Origin("http", "127.0.0.1", listener.getsockname()[1], None)


def test_last_used_goes_first(listening: Origin) -> None:
    """The connection used last serves next: the others age until their server closes them."""
    with closing(Pool()) as pool:
        first, second = pool.take(listening, 1), pool.take(listening, 1)
        pool.give(listening, first)
        pool.give(listening, second)
        again = [pool.take(listening, 1) for _ in range(2)]
        for each in again:
            pool.give(listening, each)

    assert again == [second, first]
    assert first.sock is None


def test_connection_of_another_way(listening: Origin) -> None:
    """A connection serves only who would reach its server by the same proxy."""
    other = listening._replace(proxy=f"http://127.0.0.1:{listening.port}")

    with closing(Pool()) as pool:
        direct = pool.take(listening, 1)
        pool.give(listening, direct)
        proxied = pool.take(other, 1)
        pool.give(other, proxied)

    assert proxied is not direct


def test_most_idle_connections(listening: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit, the connection that has waited longest is closed."""
    monkeypatch.setattr(connections, "_MOST_IDLE", 2)

    with closing(Pool()) as pool:
        made = [pool.take(listening, 1) for _ in range(3)]
        for each in made:
            pool.give(listening, each)
        open_ = [each.sock is not None for each in made]

    assert open_ == [False, True, True]


def test_given_back_to_a_closed_pool(listening: Origin) -> None:
    """A call that outlives its pool closes its connection."""
    pool = Pool()
    connection = pool.take(listening, 1)
    pool.close()
    pool.give(listening, connection)

    assert connection.sock is None


def then(*answers: Answer) -> Answer:
    """One after the other, as one answer."""

    def answer(peer: Peer) -> None:
        for each in answers:
            each(peer)

    return answer


_STRAY = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize("way", SYNC)
@pytest.mark.parametrize("pause", [0.0, 0.01])
def test_bytes_after_the_answer(way: str, pause: float) -> None:
    """What a server sends unasked is nobody's answer: its connection is not used again."""
    sent = threading.Event()
    unasked = then(
        hello,
        lambda peer: time.sleep(pause),
        lambda peer: peer.send(_STRAY),
        lambda peer: sent.set(),
    )

    with Server(unasked) as server:
        first = ask(way, server.url)
        assert sent.wait(30)
        second = ask(way, server.url)

    assert (first.text, second.text) == ("hello", "hello")
    assert server.connections == 2


def test_stale_connection_lost_while_it_is_used() -> None:
    """A kept connection that ends under the next request is lost: only the flow sends again."""
    with Server(hello, Peer.close) as server:
        ask("complete", server.url)
        with pytest.raises(ConnectionLostError, match="closed"):
            ask("complete", server.url)

    assert (len(server.requests), server.connections) == (2, 1)


def test_connection_closed_by_its_answer() -> None:
    """`Connection: close` is obeyed at once."""
    gone: queue.Queue[bool] = queue.Queue()

    def last(peer: Peer) -> None:
        body(b"{}", 500, {"Connection": "close"})(peer)
        gone.put(peer.gone(10.0))

    with Server(last) as server:
        with pytest.raises(GatewayError):
            ask("complete", server.url)
        left = gone.get(timeout=30)

    assert left


@pytest.mark.parametrize("way", SYNC)
@pytest.mark.parametrize("size", [0, 50_000])
def test_server_that_hardly_reads(way: str, size: int) -> None:
    """A request that its server does not read, or only drop by drop, ends with its time."""

    def drip(listener: socket.socket) -> None:
        sock, _ = listener.accept()
        with sock:
            while size and sock.recv(size) and not over.wait(0.1):
                pass
            over.wait(60)

    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=drip, args=(listener,))
        server.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        started = time.monotonic()
        with pytest.raises(GatewayTimeoutError):
            ask(way, url, request=LARGE, timeout=1.0)
        took = time.monotonic() - started
        over.set()
        server.join()

    # Ten seconds for a busy machine; all of it would be read in forty.
    assert took < 11.0


@pytest.mark.parametrize("way", WAYS)
def test_large_request(way: str) -> None:
    """A prompt of many megabytes arrives whole, and no library warns of it."""
    with Server(hello) as server:
        reply = ask(way, server.url, request=LARGE)

    assert reply.text == "hello"
    assert server.bodies()[0]["messages"] == LARGE.messages


def test_answer_before_the_request_was_read() -> None:
    """A server that refuses a large request and closes is understood."""

    def refuse(listener: socket.socket) -> None:
        sock, _ = listener.accept()
        with sock:
            sock.recv(1_000)
            sock.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
            sock.shutdown(socket.SHUT_WR)
            time.sleep(0.1)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=refuse, args=(listener,))
        server.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        with pytest.raises(GatewayError) as caught:
            ask("complete", url, request=LARGE)
        server.join()

    assert caught.value.status == 413


@pytest.mark.skipif(os.name == "nt", reason="signals of threads are POSIX's")
def test_interrupt_in_a_stream() -> None:
    """Ctrl-C in the middle of an answer closes its connection at once."""
    left: queue.Queue[bool] = queue.Queue()

    def interrupted(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        peer.chunk(HELLO_EVENTS[1])
        time.sleep(0.05)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        left.put(peer.gone(10.0))

    # A process that was started in the background ignores it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with Server(interrupted) as server:
            with pytest.raises(KeyboardInterrupt):
                list(Wire(Endpoint(server.url)).stream(REQUEST, MODEL))
            closed = left.get(timeout=30)
    finally:
        signal.signal(signal.SIGINT, before)

    assert closed


def test_malformed_after_the_finish_reason() -> None:
    """What came whole before a malformed chunk counts, though both came at once."""
    events = b"".join(HELLO_EVENTS[:5])
    malformed = STREAM_HEAD + b"%x\r\n%s\r\nzz\r\n" % (len(events), events)

    with Server(lambda peer: peer.send(malformed)) as server:
        reply = ask("stream", server.url)

    assert (reply.text, reply.finish_reason) == ("hello", "stop")


class TLSServer(Server):
    """A server that speaks TLS."""

    def __init__(self, *answers: Answer) -> None:
        super().__init__(*answers)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        self._listener = context.wrap_socket(
            self._listener, server_side=True, do_handshake_on_connect=False
        )

    @property
    def address(self) -> str:
        """Its scheme, host and port."""
        return super().address.replace("http:", "https:")


def relay(to: Server) -> Answer:
    """Be a proxy that connects to *to*, whatever it is asked for."""

    def answer(peer: Peer) -> None:
        # A socket that is closed meanwhile has no number to select by.
        with (
            suppress(ValueError),
            socket.create_connection(("127.0.0.1", to._listener.getsockname()[1])) as up,
        ):
            peer.send(b"HTTP/1.1 200 Connected\r\nVia: test\r\n\r\n")
            other = {peer._sock: up, up: peer._sock}
            while True:
                for each in select.select(list(other), [], [])[0]:
                    data = each.recv(65_536)
                    if not data:
                        return peer.close()
                    other[each].sendall(data)

    return answer


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Trust the certificate of `TLSServer` meanwhile."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    tls.context.cache_clear()
    yield
    tls.context.cache_clear()


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("kind", [Server, TLSServer])
def test_https_by_a_proxy(kind: type[Server], monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy learns the host and its own password; key and prompt go through it sealed."""
    with TLSServer(hello) as gateway, kind(relay(gateway)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.address.replace("//", "//me:p%40ss@"))
        replies = [ask(way, PROXIED, key="ga_canary").text for way in SYNC]

    assert replies == ["hello", "hello"]
    assert (len(proxy.requests), proxy.connections, gateway.connections) == (1, 1, 1)
    assert proxy.requests[0].startswith(b"CONNECT gateway.test:443 HTTP/1.")
    assert proxy.headers()["proxy-authorization"] == "Basic bWU6cEBzcw=="
    assert b"ga_canary" not in proxy.requests[0]
    assert gateway.requests[0].startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")
    assert gateway.headers()["host"] == "gateway.test"
    assert "proxy-authorization" not in gateway.headers()


REFUSALS: dict[str, Answer] = {
    "407": body(b"", 407),
    "closes": Peer.close,
    "no HTTP": then(lambda peer: peer.send(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), Peer.close),
    "connects nowhere": then(lambda peer: peer.send(b"HTTP/1.1 200 Connected\r\n\r\n"), Peer.close),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_proxy_that_does_not_connect(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that gives no way is a failure to connect, and its password is not shown."""
    with Server(REFUSALS[name]) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.address.replace("//", "//me:secret@"))
        with pytest.raises(GatewayConnectionError) as caught:
            ask("complete", PROXIED, key="ga_canary")

    said = f"{caught.value!r} {caught.value} {vars(caught.value)}"
    assert "secret" not in said
    assert "ga_canary" not in said


@pytest.mark.usefixtures("trusted")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_fork_with_an_idle_tls_connection() -> None:
    """A child neither uses its parent's TLS session nor ends it."""
    with TLSServer(hello) as server:
        ask("complete", server.url)
        child = os.fork()
        if child == 0:
            heard = ""
            # No test may go on in the child, whatever happens in it.
            try:
                heard = ask("complete", server.url).text
            finally:
                os._exit(0 if heard == "hello" else 1)
        _, status = os.waitpid(child, 0)
        again = ask("complete", server.url).text

    assert (os.waitstatus_to_exitcode(status), again) == (0, "hello")
    assert server.connections == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_fork_in_the_middle_of_a_stream() -> None:
    """A child that leaves its parent's call does not keep the connection for itself."""
    with Server(hello) as server:
        items = Wire(Endpoint(server.url)).stream(REQUEST, MODEL)
        next(items)
        child = os.fork()
        if child == 0:
            heard = ""
            try:
                list(items)
                heard = ask("complete", server.url).text
            finally:
                os._exit(0 if heard == "hello" else 1)
        _, status = os.waitpid(child, 0)
        items.close()  # type: ignore[attr-defined]

    assert os.waitstatus_to_exitcode(status) == 0
    assert server.connections == 2


def test_nothing_imported_before_the_first_call() -> None:
    """Whoever only imports the wire does not pay for HTTP libraries."""
    libraries = "{'aiohttp', 'httptools', 'urllib3'}"
    program = f"import sys, globalapi_core.wire; sys.exit(bool({libraries} & set(sys.modules)))"

    done = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[3])

    assert done.returncode == 0


@pytest.mark.parametrize("way", WAYS)
def test_path_is_percent_encoded(way: str) -> None:
    """What no request line may hold is encoded, not sent and not refused."""
    with Server(hello) as server:
        host = server.address.removeprefix("http://")
        ask(way, f"{server.url}/ü x")

    assert server.requests[0].startswith(b"POST /v1/%C3%BC%20x/chat/completions HTTP/1.1\r\n")
    assert server.headers()["host"] == host


@pytest.mark.parametrize(
    ("url", "origin", "name"),
    [
        ("https://Bücher.test/v1", ("https", "xn--bcher-kva.test", 443), "xn--bcher-kva.test"),
        ("https://a.test:443/v1", ("https", "a.test", 443), "a.test"),
        ("https://a.test:8443/v1", ("https", "a.test", 8443), "a.test:8443"),
        ("http://[::1]:8000/v1", ("http", "::1", 8000), "[::1]:8000"),
        ("http://[::1]/v1", ("http", "::1", 80), "[::1]"),
    ],
)
def test_destination(url: str, origin: tuple[str, str, int], name: str) -> None:
    """A host goes by its ASCII name, a port only where it is not the usual one."""
    there = destination(url, None)

    assert there.origin == (*origin, None)
    assert (there.target, there.headers) == ("/v1", {"Host": name})


@pytest.mark.parametrize("way", SYNC)
@pytest.mark.parametrize("host", ["a\r\nX: y", "a b", "a\0b", "a" * 70 + ".test", "é" * 80])
def test_host_that_is_none(way: str, host: str) -> None:
    """What is no host is an error of ours, and smuggles no line into a request."""
    with Server(hello) as server, pytest.raises((GatewayError, ConfigError)):
        ask(way, server.url.replace("127.0.0.1", host), key="k-1")

    assert server.requests == []


_HEADS = st.sampled_from(
    [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n", STREAM_HEAD]
)


@given(start=_HEADS, data=st.binary(max_size=200), way=st.sampled_from(SYNC))
@settings(max_examples=150)
def test_any_bytes(start: bytes, data: bytes, way: str) -> None:
    """Whatever bytes a server sends are an answer or one of our errors."""
    sent = then(lambda peer: peer.send(start + data), Peer.close)

    with Server(sent) as server, suppress(GatewayError):
        assert isinstance(ask(way, server.url), Reply)
