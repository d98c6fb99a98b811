"""What must hold of any answer: a fuzzer's input, read in several ways.

The first byte of an input says what was asked and how the answer comes, the second how it
is cut; the rest is what the server sends.
"""

from __future__ import annotations

import json
import pickle
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from globalapi_core.errors import GatewayError
from globalapi_core.wire.request import Payload
from globalapi_core.wire.response import Delta, Reply, parse
from globalapi_core.wire.stream import StreamReader

SECRET = "sk-canary-0f"
_END = b"finish_reason"


@dataclass(slots=True)
class Head:
    """Status and headers of an answer."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Read:
    """What came of an answer: deltas, then a reply or an error."""

    deltas: tuple[Delta, ...]
    reply: Reply | None = None
    error: GatewayError | None = None

    @property
    def facts(self) -> tuple[object, ...]:
        """What may not depend on how the bytes were cut."""
        error = self.error
        told = error and (type(error), str(error), error.partial_text, error.usage)
        text = "".join(each.text for each in self.deltas)
        return text, "".join(each.reasoning for each in self.deltas), repr(self.reply), told


def check(data: bytes) -> Read:
    """Read *data*; the result.

    Raises:
        AssertionError: something that must hold does not.
        Exception: any that is not a `GatewayError` is a defect as well.
    """
    how, seed, body = data[:1], data[1:2], data[2:]
    payload = _payload(how)
    if how and how[0] & 1:
        read = _whole(payload, body)
    else:
        read = _streamed(payload, [body])
        for chunks in (_cut(body, seed), [bytes([each]) for each in body]):
            assert _streamed(payload, chunks).facts == read.facts, "the cuts can be seen"
    _check_reply(read, payload, body)
    _check_error(read)
    return read


def _payload(how: bytes) -> Payload:
    bits = how[0] if how else 0
    offered: dict[str, Sequence[str]] = {"f": ("x",), "g": ()} if bits & 2 else {}
    return Payload(b"", "m", (), offered=offered, wants_json=bool(bits & 4))


def _whole(payload: Payload, body: bytes) -> Read:
    try:
        return Read((), parse(body, payload, Head(), secret=SECRET))
    except GatewayError as error:
        return Read((), error=error)


def _streamed(payload: Payload, chunks: Sequence[bytes]) -> Read:
    reader = StreamReader(payload, Head(), secret=SECRET)
    items: list[Delta | Reply] = []
    try:
        for chunk in chunks:
            items += reader.feed(chunk)
            if reader.done:
                break
        items += reader.close()
    except GatewayError as error:
        return Read(_deltas(items), error=error)
    assert isinstance(items[-1], Reply), "a stream ends with its answer or an error"
    return Read(_deltas(items), items[-1])


def _deltas(items: Sequence[Delta | Reply]) -> tuple[Delta, ...]:
    return tuple(each for each in items if isinstance(each, Delta))


def _cut(body: bytes, seed: bytes) -> list[bytes]:
    chance = random.Random(seed)
    places = sorted(chance.randrange(len(body) + 1) for _ in range(chance.randrange(6)))
    return [body[start:end] for start, end in zip([0, *places], [*places, len(body)], strict=True)]


def _check_reply(read: Read, payload: Payload, body: bytes) -> None:
    reply = read.reply
    if reply is None:
        return
    # Only an escape could write the name of the field in other letters.
    assert _END in body or b"\\u" in body, "an answer without its end"
    assert reply.finish_reason
    if read.deltas:
        assert "".join(each.text for each in read.deltas) == reply.text
        assert "".join(each.reasoning for each in read.deltas) == reply.reasoning
    json.dumps([reply.text, reply.reasoning, reply.usage and reply.usage.as_dict()]).encode()
    (reply.text + reply.reasoning).encode()
    for call in reply.tool_calls:
        assert call.id
        assert call.name
        assert isinstance(call.arguments, dict)
        assert reply.finish_reason != "length", "a call of an answer that was cut"
        assert not payload.offered or call.name in payload.offered
        json.dumps(call.arguments)
    if b"\\u" not in body:
        before = _streamed(payload, [body[: body.index(_END)]])
        assert before.reply is None, "half an answer passes for a whole one"


def _check_error(read: Read) -> None:
    error = read.error
    if error is None:
        return
    shown = "".join(each.text for each in read.deltas)
    assert error.partial_text.startswith(shown)
    told = f"{error} {error!r} {error.code} {error.request_id}"
    assert SECRET not in told, "the key is told"
    told.encode()
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 -- our own bytes
    assert (type(again), str(again)) == (type(error), str(error))
