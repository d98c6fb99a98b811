"""Reading a streamed answer: bytes to events, events to deltas and a whole answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from globalapi_core.errors import ConnectionLostError, GatewayError, ResponseError
from globalapi_core.wire import failures
from globalapi_core.wire.request import Payload
from globalapi_core.wire.response import Delta, Draft, Head, Reply, load, parse

_BOM = b"\xef\xbb\xbf"
_FIELDS = (b"", b"data", b"event", b"id", b"retry")


class EventDecoder:
    """Cuts bytes, however they were split, into the data of server-sent events.

    After the WHATWG specification: LF, CR or CRLF end a line, a blank line ends an event,
    comments are skipped, several data lines are joined. `close` also gives an event that
    lacks its blank line: servers forget it.
    """

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        """Of the line that is not whole yet, joined once it is: a long one costs its length."""
        self._data: list[bytes] = []
        self._head = b""
        self._started = False
        self._after_cr = False
        self.spoke = False
        """Whether anything was of the form of a stream, a comment included."""
        self.stray = b""
        """The last line that was of no such form: proxies say there what went wrong."""

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the data of each event that is now whole."""
        if not self._started:
            chunk = self._head = self._head + chunk
            if len(chunk) < len(_BOM) and _BOM.startswith(chunk):
                return
            chunk = chunk.removeprefix(_BOM)
            self._started = True
        if not chunk:
            return
        if self._after_cr:
            # The second half of a CRLF, if that it is: the line has ended already.
            chunk = chunk.removeprefix(b"\n")
        self._after_cr = chunk.endswith(b"\r")
        *ends, rest = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for end in ends:
            line = b"".join((*self._pieces, end))
            self._pieces.clear()
            if line:
                self._line(line)
            elif self._data:
                yield self._take()
        if rest:
            self._pieces.append(rest)

    def close(self) -> Iterator[bytes]:
        """Yield the data of a last event that came without its blank line."""
        if self._pieces:
            self._line(b"".join(self._pieces))
        if self._data:
            yield self._take()

    def _line(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name in _FIELDS:
            self.spoke = True
        else:
            self.stray = line
        if name == b"data":
            self._data.append(value.removeprefix(b" "))

    def _take(self) -> bytes:
        data, self._data = b"\n".join(self._data), []
        return data


class StreamReader:
    """Follows one streamed answer to its end.

    Only a finish reason makes it whole: gateways write `[DONE]` after broken answers too.
    """

    def __init__(self, payload: Payload, head: Head, *, secret: str | None) -> None:
        """Read the answer to *payload* under *head*; *secret* is masked in errors."""
        self._payload = payload
        self._head = head
        self._secret = secret
        self._decoder = EventDecoder()
        self._draft = Draft()
        self._request_id = failures.request_id(head.headers, secret)
        self._raw = bytearray()
        self._events = 0
        self._grown = False
        self.done = False
        """Whether the server said that nothing more comes."""

    def feed(self, chunk: bytes) -> Iterator[Delta]:
        """Take bytes; yield what can be shown now.

        Raises:
            GatewayError: the stream carries an error.
        """
        if not self._events:
            self._raw += chunk
        for data in self._decoder.feed(chunk):
            delta = self._event(data)
            if delta is not None:
                yield delta
            if self.done:
                # What the same packet brings after it counts no more than what the next would.
                return

    def close(self) -> Iterator[Delta | Reply]:
        """Yield what is left, and last the whole answer.

        Raises:
            IncompleteResponseError: the answer is not whole.
        """
        try:
            yield from self._rest()
        except GatewayError as error:
            raise self._draft.failed(error) from error.__cause__

    def _rest(self) -> Iterator[Delta | Reply]:
        self._draft.stray = failures.excerpt(self._decoder.stray, self._secret)
        if not self.done:
            for data in self._decoder.close():
                # A last event that was cut is no event: the answer lacks its end.
                delta = None if load(data) is None else self._event(data)
                if delta is not None:
                    yield delta
        if not self._events:
            yield from self._unstreamed()
        else:
            rest = self._draft.rest()
            reply = self._draft.reply(self._payload, self._request_id)
            if self._payload.answer_tool:
                # Only now it is known whether a call gives the text.
                rest = Delta(reply.text, rest.reasoning if rest else "")
            if rest is not None and (rest.text or rest.reasoning):
                yield rest
            yield reply

    def moved(self) -> bool:
        """Whether the answer has grown since this was last asked."""
        grown, self._grown = self._grown, False
        return grown

    @contextmanager
    def losses(self) -> Iterator[None]:
        """Make of a connection lost or timed out what it means at this point of the answer.

        After the finish reason it means nothing: the answer is whole. Before, the answer
        is incomplete, and the error carries what had come.
        """
        try:
            yield
        except GatewayError as error:
            if self._draft.finish_reason is not None and error.status is None:
                return
            if self._events and isinstance(error, ConnectionLostError):
                why = "the connection was lost"
                self._draft.stray = failures.excerpt(self._decoder.stray, self._secret)
                raise self._draft.incomplete(why, self._request_id) from error
            raise self._draft.failed(error) from error.__cause__

    def _event(self, data: bytes) -> Delta | None:
        if data.strip() == b"[DONE]":
            self._events += 1
            self.done = True
            return None
        event = load(data)
        if not isinstance(event, Mapping):
            if self._draft.finish_reason is None and data.lstrip().startswith((b"{", b"[")):
                raise self._draft.failed(self._malformed(data))
            self._decoder.stray = data
            return None
        self._events += 1
        found = failures.in_body(event, self._head.headers, secret=self._secret)
        if found:
            raise self._draft.failed(found)
        self._draft.note(event)
        choices = event.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        return self._choice(choice) if isinstance(choice, Mapping) else None

    def _choice(self, choice: Mapping[str, Any]) -> Delta | None:
        if choice.get("index") not in (None, 0):
            return None
        # Kimi counts inside the choice.
        self._draft.count(choice.get("usage"))
        delta = choice.get("delta")
        if not isinstance(delta, Mapping) and self._draft.is_empty:
            # One event with the whole message, as some servers answer.
            delta = choice.get("message")
        if not isinstance(delta, Mapping):
            delta = {}
        shown = self._draft.add(delta)
        self._draft.finish(choice.get("finish_reason"))
        # Pieces of tool calls are held back, and yet are progress.
        self._grown = self._grown or shown is not None or bool(delta.get("tool_calls"))
        if shown is not None and self._payload.answer_tool:
            return Delta(reasoning=shown.reasoning) if shown.reasoning else None
        return shown

    def _malformed(self, data: bytes) -> ResponseError:
        text = failures.excerpt(data, self._secret)
        return ResponseError(
            f"an event of the stream is not JSON: {text}",
            request_id=self._request_id,
        )

    def _unstreamed(self) -> Iterator[Delta | Reply]:
        """A server may answer a request for a stream with one body, an answer or an error."""
        body = bytes(self._raw).removeprefix(_BOM)
        if self._decoder.spoke or not body.strip():
            raise self._draft.incomplete("the stream was empty", self._request_id)
        reply = parse(body, self._payload, self._head, secret=self._secret)
        if reply.text or reply.reasoning:
            yield Delta(reply.text, reply.reasoning)
        yield reply
