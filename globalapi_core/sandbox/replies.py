"""What goes back over a connection, worked out before any of it is sent."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from globalapi_core.catalog import ModelInfo
from globalapi_core.sandbox import completions, faults
from globalapi_core.sandbox.chat import ChatRequest
from globalapi_core.sandbox.completions import Answer


@dataclass(frozen=True, slots=True)
class Piece:
    """Some of a body, sent on its own."""

    data: bytes
    tokens: int = 0
    """Output tokens in it, billed when it is sent."""
    after: float = 0.0
    """Seconds to wait before it."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer."""

    status: int
    pieces: Sequence[Piece]
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    length: int | None = None
    """The Content-Length announced; `None` for a stream."""
    ending: str = "whole"
    """How it ends: whole, closed (whole, then the connection closes), abrupt (the
    connection closes inside it) or dead (before it)."""
    wait: float = 0.0
    """Seconds to wait before its first byte."""
    on_start: Callable[[], None] | None = None
    on_tokens: Callable[[int], None] | None = None
    """Told of the tokens of each piece that is sent."""
    fault: faults.Fault | None = None
    """The scripted fault it is, or suffers from."""
    scripted: bool = False
    """Whether its text was scripted."""

    def delayed(self, seconds: float) -> Reply:
        """The reply, sent *seconds* later."""
        return dataclasses.replace(self, wait=self.wait + seconds)


DEAD = Reply(0, (), ending="dead")
_EVENTS = "text/event-stream; charset=utf-8"


def of_json(
    body: Mapping[str, Any], status: int = 200, headers: tuple[tuple[str, str], ...] = ()
) -> Reply:
    """A JSON body, whole."""
    data = completions.dump(body)
    return Reply(status, (Piece(data),), headers=headers, length=len(data))


def error(
    status: int,
    message: str,
    *,
    type: str = "invalid_request_error",
    param: str | None = None,
    code: str | None = None,
    headers: tuple[tuple[str, str], ...] = (),
) -> Reply:
    """An error in OpenAI's shape."""
    body = {"message": message, "type": type, "param": param, "code": code}
    return of_json({"error": body}, status, headers)


def of_fault(fault: faults.Status) -> Reply:
    """The error answer that *fault* stands for."""
    headers: tuple[tuple[str, str], ...] = ()
    if fault.retry_after is not None:
        wait = fault.retry_after
        headers = (("Retry-After", wait if isinstance(wait, str) else f"{wait:g}"),)
    return error(fault.code, fault.message, type=fault.type, code=fault.error_code, headers=headers)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a model answers."""

    first: float = 0.0
    """Seconds to the first token."""
    each: float = 0.0
    """Seconds for each token."""

    @classmethod
    def of(cls, model: ModelInfo, speed: float) -> Pace:
        """The catalog's pace, *speed* times as fast; at once if 0 or no source states it."""
        if not speed:
            return cls()
        rate = model.tokens_per_second
        return cls((model.ttft_ms or 0) / 1000 / speed, 1 / rate / speed if rate else 0.0)


def of_answer(
    request: ChatRequest,
    answer: Answer | None,
    *,
    head: Mapping[str, Any],
    used: Mapping[str, Any],
    pace: Pace,
    fault: faults.Fault | None = None,
) -> Reply:
    """The reply that says *answer*, or that has no choices if it is `None`.

    Args:
        request: what is answered.
        answer: what is said.
        head: id, model and the like.
        used: the usage block.
        pace: how fast it is sent.
        fault: what is to be wrong with it, as far as it concerns an answer that is sent.
    """
    counted = {} if isinstance(fault, faults.Uncounted) else {"usage": used}
    if request.stream:
        return _streamed(tuple(_stream(request, answer, head, counted, pace, fault)), fault)
    data = completions.whole(head, answer, counted)
    size = answer.output_tokens if answer else 0
    wait = pace.first + pace.each * size
    if isinstance(fault, faults.Pings):
        wait += fault.count * fault.every
    if not isinstance(fault, faults.Cut):
        return Reply(200, (Piece(data, size),), length=len(data), wait=wait)
    half = Piece(data[: len(data) // 2], size)
    return Reply(200, (half,), length=len(data), ending="abrupt", wait=wait)


def blank(request: ChatRequest) -> Reply:
    """A good status, and no body."""
    if request.stream:
        return Reply(200, (), _EVENTS)
    return Reply(200, (), length=0)


def _streamed(pieces: Sequence[Piece], fault: faults.Fault | None) -> Reply:
    if isinstance(fault, faults.Pings):
        pieces = (*[Piece(b": ping\n\n", after=fault.every)] * fault.count, *pieces)
    if not isinstance(fault, faults.Cut):
        return Reply(200, pieces, _EVENTS)
    ending = "abrupt" if fault.abrupt else "closed"
    return Reply(200, _until(pieces, fault), _EVENTS, ending=ending)


def _stream(
    request: ChatRequest,
    answer: Answer | None,
    head: Mapping[str, Any],
    counted: Mapping[str, Any],
    pace: Pace,
    fault: faults.Fault | None,
) -> Iterator[Piece]:
    asked = request.include_usage and bool(counted)
    nothing: dict[str, Any] = {"usage": None} if asked else {}
    if answer is None:
        yield Piece(completions.event(head, [], nothing), after=pace.first)
    else:
        role = completions.choice({"role": "assistant", "content": ""})
        yield Piece(completions.event(head, role, nothing), after=pace.first)
        for delta, size in answer.deltas(repeating=isinstance(fault, faults.RepeatedCall)):
            event = completions.event(head, completions.choice(delta), nothing)
            yield Piece(event, size, pace.each * size)
        end = completions.choice({}, answer.finish_reason)
        yield Piece(completions.event(head, end, nothing))
    if asked:
        yield Piece(completions.event(head, [], counted))
    yield Piece(completions.DONE)


def _until(pieces: Sequence[Piece], cut: faults.Cut) -> tuple[Piece, ...]:
    """The pieces up to the content chunk after which the stream is cut."""
    said = [i for i, piece in enumerate(pieces) if piece.tokens]
    last = ([0, *said])[min(max(cut.after_chunks, 0), len(said))]
    end = (Piece(completions.DONE),) if cut.done else ()
    return (*pieces[: last + 1], *end)
