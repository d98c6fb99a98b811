"""HTTP/1.1 without I/O: the bytes of a request, and an answer as its bytes come.

llhttp, the parser in `httptools`, says where a message ends. aiohttp reads the answers to
async calls with the same one, and it is as lenient here as there: both kinds of call take
one server's bytes alike.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping

from httptools import (
    HttpParserCallbackError,
    HttpParserError,
    HttpParserUpgrade,
    HttpResponseParser,
)

from globalapi_core.errors import ConfigError, ResponseError

_LONGEST = 64 * 1024
"""Bytes without one of the body's, at most: heads, trailers and chunk extensions have an end."""
_PIECE = 64 * 1024
_WHOLE = 200
_SWITCHING = 101


def request(method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
    """A whole request, to be sent at once: head and body apart would wake the server twice.

    Raises:
        ConfigError: a header or the target would break out of its line.
    """
    lines = [f"{method} {target} HTTP/1.1", *map(": ".join, headers.items())]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    text = " ".join(lines)
    if not (text.isascii() and text.isprintable()):
        # Not shown: one of them holds the key.
        raise ConfigError("the base URL or the key holds a line break or a character outside ASCII")
    return "\r\n".join((*lines, "", "")).encode("ascii") + (body or b"")


class Answer:
    """One answer: feed it what the server sends until it has `ended`.

    Attributes:
        status: of the answer itself; 0 until its head is whole. Interim heads are skipped.
        headers: by lower-case name; one that came several times is joined by commas.
        ended: whether the message is whole.
        reusable: whether its connection may serve another call: the message is whole, the
            server keeps the connection open, and sent nothing after it.
    """

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.ended = False
        self.reusable = False
        self._pieces: list[bytes] = []
        self._between = 0
        self._fault: ConnectionError | None = None
        """What ends the body after the pieces that are there."""
        self.on_body = self._pieces.append
        self._parser = HttpResponseParser(self)
        # What aiohttp grants, and http.client did: LF alone, and values of any bytes.
        self._parser.set_dangerous_leniencies(
            lenient_headers=True,
            lenient_optional_cr_before_lf=True,
            lenient_spaces_after_chunk_size=True,
        )

    def feed(self, data: bytes) -> None:
        """Take what came; nothing means that the server has closed the connection.

        Raises:
            ConnectionError: the answer has been cut.
            HttpParserError: this is no HTTP/1.1.
            ResponseError: its head, a trailer or a chunk's extension has no end.
        """
        if not data:
            self._close()
            return
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._stopped(error)
        self._between = 0 if self._pieces else self._between + len(data)
        if self._between > _LONGEST and not self.ended:
            size = f"{_LONGEST // 1024} KiB"
            raise ResponseError(f"{size} of the answer came without a byte of its body")

    def take(self) -> bytes:
        """What has come of the body since the last time.

        Raises:
            ConnectionError: the body is malformed from here on.
        """
        if self._fault is not None and not self._pieces:
            raise self._fault
        piece = b"".join(self._pieces)
        self._pieces.clear()
        return piece

    def decoded(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """*pieces* of the body as they were before the server compressed them.

        No compression is asked for, but proxies compress all the same.

        Raises:
            ConnectionError: they cannot be decompressed, or end too early.
            ResponseError: they are compressed in a way that is not read here.
        """
        encoding = self.headers.get("content-encoding", "identity").lower()
        if encoding in ("identity", ""):
            return pieces
        if encoding in ("gzip", "x-gzip", "deflate"):
            return _inflated(pieces, deflate=encoding == "deflate")
        if self.status != _WHOLE:
            return iter(())  # its status says what failed
        raise ResponseError(f"the answer is compressed by {encoding!r}, which was not asked for")

    def _close(self) -> None:
        coding = self.headers.get("transfer-encoding", "").lower()
        framed = "content-length" in self.headers or coding.endswith("chunked")
        if framed or not self.status:
            raise ConnectionError("it was closed before the end of the answer")
        self.ended = True

    def _stopped(self, error: Exception) -> None:
        """Tell apart why the parser takes no more."""
        cause = error.__context__
        if isinstance(error, HttpParserCallbackError) and not isinstance(cause, Exception | None):
            raise cause  # Ctrl-C while it was calling us
        if self.ended:
            self.reusable = False  # more came than the answer, or another protocol follows
        elif self.status:
            self._fault = ConnectionError(f"the body is malformed: {error}")
        else:
            raise error

    # What the parser calls; bodies go to `on_body`, a list's append.

    def on_message_begin(self) -> None:
        """Forget an interim answer; refuse a second one, which nobody asked for."""
        if self.ended:
            raise HttpParserError("a second answer")
        self.headers.clear()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, unless it is a trailer."""
        if self.status:
            return
        # llhttp takes `Content-Length : 5` for a length, and so must `_close`.
        key, text = name.strip().lower().decode("latin-1"), value.strip().decode("latin-1")
        self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text

    def on_headers_complete(self) -> None:
        """Take the status, unless more heads follow."""
        status = self._parser.get_status_code()
        if status >= _WHOLE or status == _SWITCHING:
            self.status = status

    def on_message_complete(self) -> None:
        """End, and let go of the parser: they hold each other."""
        if self.status:
            self.ended = True
            self.reusable = self._parser.should_keep_alive()
            del self._parser


def _inflated(pieces: Iterator[bytes], *, deflate: bool) -> Iterator[bytes]:
    """Decompress, a little at a time: a small body may hold a large one.

    gzip may have several members, and padding after them. What is called deflate is sent
    with zlib's head and without.
    """
    inflate = None
    members = 0
    try:
        for piece in pieces:
            while piece:
                if inflate is None:
                    if members and (deflate or not piece.startswith(b"\x1f")):
                        break
                    raw = deflate and piece[0] & 0x0F != zlib.DEFLATED
                    inflate = zlib.decompressobj(-zlib.MAX_WBITS if raw else zlib.MAX_WBITS | 32)
                if out := inflate.decompress(piece, _PIECE):
                    yield out
                piece = inflate.unconsumed_tail
                if inflate.eof:
                    piece, inflate, members = inflate.unused_data, None, members + 1
        if inflate is not None:
            yield inflate.flush()
    except zlib.error as error:
        raise ConnectionError(f"the body cannot be decompressed: {error}") from None
    if inflate is not None and not inflate.eof:
        raise ConnectionError("it was closed before the end of the compressed body")
