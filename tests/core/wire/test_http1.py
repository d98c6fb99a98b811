"""HTTP/1.1 without I/O: requests that stay in their lines, and answers from any bytes."""

from __future__ import annotations

import contextlib
import gzip
import zlib
from collections.abc import Iterator

import pytest
from httptools import HttpParserError
from hypothesis import given, settings
from hypothesis import strategies as st

from globalapi_core.errors import ConfigError, ResponseError
from globalapi_core.wire import http1
from globalapi_core.wire.http1 import Answer

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def read(data: bytes, *, closed: bool = False, step: int = 1 << 20) -> tuple[Answer, bytes]:
    """What is read of *data*, fed *step* bytes at a time, and of the body in it."""
    answer, body = Answer(), b""
    for at in range(0, len(data), step):
        if answer.ended:
            break
        answer.feed(data[at : at + step])
        while piece := answer.take():
            body += piece
    if closed and not answer.ended:
        answer.feed(b"")
    return answer, body


WHOLE = {
    "counted": OK + b"Content-Length: 5\r\n\r\nhello",
    "chunked": CHUNKED + b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
    "chunks with extensions and trailers": CHUNKED
    + b'2;a="b"\r\nhe\r\n3;c\r\nllo\r\n0;d\r\nX-Sum: 1\r\nStatus: 2\r\n\r\n',
    "chunk sizes with spaces": CHUNKED + b"5 \r\nhello\r\n0\r\n\r\n",
    "CHUNKED": OK + b"TRANSFER-ENCODING: CHUNKED\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "line feeds alone in the head": b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
    "a space before the colon": OK + b"Content-Length : 5\r\n\r\nhello",
    "no reason": b"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello",
    "after interim heads": b"HTTP/1.1 100 Continue\r\nX-No: 1\r\n\r\n"
    b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" + OK + b"Content-Length: 5\r\n\r\nhello",
}


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
@pytest.mark.parametrize("name", WHOLE)
def test_whole_answer(name: str, step: int) -> None:
    """However it is framed and cut, the body comes out, and its connection serves again."""
    answer, body = read(WHOLE[name], step=step)

    assert (answer.status, body) == (200, b"hello")
    assert answer.ended
    assert answer.reusable
    assert "link" not in answer.headers
    assert "x-sum" not in answer.headers


TO_THE_END = {
    "no length": OK + b"\r\nhello",
    "another coding": OK + b"Transfer-Encoding: identity\r\n\r\nhello",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\n\r\nhello",
}


@pytest.mark.parametrize("name", TO_THE_END)
def test_body_to_the_end_of_the_connection(name: str) -> None:
    """A body without a length ends with its connection, not before, and takes it along."""
    open_, _ = read(TO_THE_END[name])
    closed, body = read(TO_THE_END[name], closed=True)

    assert not open_.ended
    assert closed.ended
    assert body == b"hello"
    assert not closed.reusable


@pytest.mark.parametrize("status", [204, 304])
def test_status_without_a_body(status: int) -> None:
    """No body follows these, whatever length their head names."""
    answer, body = read(b"HTTP/1.1 %d Said\r\nContent-Length: 5\r\n\r\n" % status)

    assert (answer.status, body, answer.ended) == (status, b"", True)


NOT_AGAIN = {
    "Connection: close": OK + b"Connection: close\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "bytes after it": OK + b"Content-Length: 5\r\n\r\nhello again",
    "a second answer after it": WHOLE["counted"] + b"HTTP/1.1 500 No\r\nX: 1\r\n\r\n",
    "bytes after the last chunk": WHOLE["chunked"] + b"x",
    "bytes after a close": OK + b"Connection: close\r\nContent-Length: 5\r\n\r\nhello!",
}


@pytest.mark.parametrize("name", NOT_AGAIN)
def test_connection_not_to_be_used_again(name: str) -> None:
    """What may desynchronize a connection ends it; the answer itself is whole."""
    answer, body = read(NOT_AGAIN[name])

    assert (answer.status, body, answer.ended) == (200, b"hello", True)
    assert not answer.reusable
    assert "x" not in answer.headers


@pytest.mark.parametrize("rest", [b"", b"\0\0", b"HTTP/1.1 200 OK\r\n\r\n"])
@pytest.mark.parametrize("head", [b"", b"Upgrade: h2c\r\nConnection: upgrade\r\n"])
def test_switched_protocol(head: bytes, rest: bytes) -> None:
    """101 is an answer: what follows it is not HTTP, and is not read."""
    answer, _ = read(b"HTTP/1.1 101 Switching\r\n" + head + b"\r\n" + rest)

    assert (answer.status, answer.ended, answer.reusable) == (101, True, False)


NOT_HTTP = {
    "ssh": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "HTTP/2's preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/2's settings": b"\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    "HTTP/2": b"HTTP/2 200\r\nContent-Length: 0\r\n\r\n",
    "a request": b"GET / HTTP/1.1\r\n\r\n",
    "no status": b"HTTP/1.1 OK\r\n\r\n",
    "a length that is no number": OK + b"Content-Length: many\r\n\r\n",
    "a length below zero": OK + b"Content-Length: -5\r\n\r\n",
    "a length with a sign": OK + b"Content-Length: +5\r\n\r\n",
    "a length beyond all": OK + b"Content-Length: 99999999999999999999999\r\n\r\n",
    "two lengths": OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "two lengths in one": OK + b"Content-Length: 5, 6\r\n\r\nhello!",
    "a length and chunks": OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    "chunks and a length": OK + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
}


@pytest.mark.parametrize("name", NOT_HTTP)
def test_not_http(name: str) -> None:
    """A head that can be read in two ways, or in none, is refused."""
    with pytest.raises(HttpParserError):
        read(NOT_HTTP[name])


MALFORMED = {
    "a size that is no number": b"zz\r\nhello\r\n0\r\n\r\n",
    "a size below zero": b"-5\r\nhello\r\n0\r\n\r\n",
    "a size in words": b"0x5\r\nhello\r\n0\r\n\r\n",
    "a size beyond all": b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    "more than the size": b"3\r\nhello\r\n0\r\n\r\n",
    "no size": b"\r\nhello\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_chunk(name: str) -> None:
    """A body whose chunks cannot be told apart is broken off."""
    with pytest.raises(ConnectionError, match="malformed"):
        read(CHUNKED + MALFORMED[name])


@pytest.mark.parametrize("name", WHOLE)
def test_cut_at_any_byte(name: str) -> None:
    """Up to its last byte an answer whose connection closes is lost, never whole."""
    for length in range(len(WHOLE[name])):
        with pytest.raises(ConnectionError, match="before the end"):
            read(WHOLE[name][:length], closed=True)


@pytest.mark.parametrize(
    "data",
    [
        OK + b"X: " + b"x" * 200_000,
        b"HTTP/1.1 200 " + b"x" * 200_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000,
        CHUNKED + b"2;" + b"x" * 200_000,
        CHUNKED + b"0\r\n" + b"X: y\r\n" * 50_000,
    ],
    ids=["header", "reason", "interim heads", "chunk extension", "trailers"],
)
def test_no_end_of_what_is_no_body(data: bytes) -> None:
    """Whatever grows without bringing a byte of the body is refused at 64 KiB."""
    with pytest.raises(ResponseError, match="64 KiB"):
        read(data, step=10_000)


def test_long_answer_in_small_pieces() -> None:
    """The framing of a long stream counts as nothing: each piece of the body starts anew."""
    _, body = read(CHUNKED + b"1;ext\r\nx\r\n" * 20_000 + b"0\r\n\r\n", step=1_000)

    assert body == b"x" * 20_000


def test_headers_of_several_lines() -> None:
    """A header that comes twice is joined, an empty one is empty, and any byte has a form."""
    answer, _ = read(OK + b"A:\r\nB: 1 \r\nb: \xff\r\nC: x\r\n y\r\nContent-Length: 0\r\n\r\n")

    assert answer.headers == {"a": "", "b": "1, \xff", "c": "x y", "content-length": "0"}


def test_interrupt_while_the_parser_calls() -> None:
    """Ctrl-C is Ctrl-C also where the parser calls back: it is no malformed answer."""

    class Interrupted(Answer):
        def on_header(self, name: bytes, value: bytes) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Interrupted().feed(WHOLE["counted"])


def inflated(encoding: str, *pieces: bytes, status: int = 200) -> bytes:
    """*pieces*, decompressed."""
    answer = Answer()
    answer.status, answer.headers = status, {"content-encoding": encoding}
    return b"".join(answer.decoded(iter(pieces)))


def raw_deflate(data: bytes) -> bytes:
    """Deflate without zlib's head, as some servers send it."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


HELLO = b"hello " * 30_000
PACKED = {
    "gzip": ("gzip", gzip.compress(HELLO)),
    "x-gzip": ("X-GZip", gzip.compress(HELLO)),
    "zlib": ("deflate", zlib.compress(HELLO)),
    "raw deflate": ("deflate", raw_deflate(HELLO)),
    "two members": ("gzip", gzip.compress(HELLO[:100]) + gzip.compress(HELLO[100:])),
    "padding": ("gzip", gzip.compress(HELLO) + bytes(64)),
    "nothing": ("identity", HELLO),
}


@pytest.mark.parametrize("step", [1, 13, 1 << 20])
@pytest.mark.parametrize("name", PACKED)
def test_decompressed(name: str, step: int) -> None:
    """What a proxy compressed comes out, however it was cut."""
    encoding, data = PACKED[name]

    assert inflated(encoding, *_cut(data, step)) == HELLO


def _cut(data: bytes, step: int) -> Iterator[bytes]:
    return (data[at : at + step] for at in range(0, len(data), step))


@pytest.mark.parametrize("name", ["gzip", "zlib", "raw deflate", "two members"])
def test_compressed_body_cut_short(name: str) -> None:
    """Compressed bytes that end early are lost, never a shorter answer."""
    encoding, data = PACKED[name]

    with pytest.raises(ConnectionError, match="compressed"):
        inflated(encoding, data[:-5])


def test_not_what_it_says() -> None:
    """Bytes that are not compressed, though their head says so, are no answer."""
    with pytest.raises(ConnectionError, match="decompressed"):
        inflated("gzip", b'{"choices": []}')


def test_bomb_comes_in_small_pieces() -> None:
    """No piece that comes out of a small body is large: whoever counts can stop."""
    answer = Answer()
    answer.headers = {"content-encoding": "gzip"}

    largest = max(map(len, answer.decoded(iter([gzip.compress(bytes(10_000_000))]))))

    assert largest <= 64 * 1024


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress"])
def test_unknown_compression(encoding: str) -> None:
    """It is named under 200; elsewhere the status says what failed, and the body is not read."""
    assert inflated(encoding, b"\x8b", status=503) == b""

    with pytest.raises(ResponseError, match=encoding):
        inflated(encoding, b"\x8b")


@given(
    before=st.sampled_from([b"", b"HTTP/1.1 ", OK, CHUNKED, OK + b"Content-Length: 9\r\n\r\n"]),
    data=st.binary(max_size=400),
    step=st.integers(1, 400),
)
@settings(max_examples=500)
def test_any_bytes(before: bytes, data: bytes, step: int) -> None:
    """Any bytes are an answer or one of the errors that are said."""
    with contextlib.suppress(HttpParserError, ConnectionError, ResponseError):
        answer, _ = read(before + data, closed=True, step=step)

        assert answer.ended
        assert answer.status in range(100, 1000)


_ANSWERS = st.sampled_from([*WHOLE.values(), *TO_THE_END.values(), *NOT_AGAIN.values()])
_CHANGES = st.lists(
    st.tuples(st.integers(0, 200), st.integers(0, 3), st.binary(max_size=6)), max_size=4
)


@given(data=_ANSWERS, changes=_CHANGES, step=st.integers(1, 300))
@settings(max_examples=500)
def test_answers_with_changes(
    data: bytes, changes: list[tuple[int, int, bytes]], step: int
) -> None:
    """How a changed answer was cut changes nothing of what is read of it."""
    for at, dropped, put in changes:
        data = data[:at] + put + data[at + dropped :]

    assert _outcome(data, step) == _outcome(data, len(data) or 1)


def _outcome(data: bytes, step: int) -> object:
    try:
        answer, body = read(data, closed=True, step=step)
    except (HttpParserError, ConnectionError, ResponseError) as error:
        return type(error)
    return answer.status, answer.headers, body


def test_request() -> None:
    """A request is one piece of bytes, its body's length in its head."""
    whole = http1.request("POST", "/v1/x", {"Host": "h", "A": "b"}, b"{}")
    bare = http1.request("GET", "/v1/models", {"Host": "h"}, None)
    empty = http1.request("POST", "/", {}, b"")

    assert whole == b"POST /v1/x HTTP/1.1\r\nHost: h\r\nA: b\r\nContent-Length: 2\r\n\r\n{}"
    assert bare == b"GET /v1/models HTTP/1.1\r\nHost: h\r\n\r\n"
    assert empty == b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize("text", ["ga_canary\r\nX: y", "ga_canary\n", "ga_canary\0", "ga_canaryé"])
def test_request_that_breaks_its_line(text: str) -> None:
    """Neither a header nor a target smuggles a line in, and the error does not repeat it."""
    for target, headers in ((text, {}), ("/", {"Authorization": text})):
        with pytest.raises(ConfigError, match="line break") as caught:
            http1.request("POST", target, headers, b"")

        assert "ga_canary" not in repr(caught.value)
