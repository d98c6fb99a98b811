"""Faults of what a stream says, event by event: rows 39 to 65."""

from __future__ import annotations

from typing import Any

from tests.core.wire.server import body, stream
from tests.faults.case import (
    DONE,
    HEL,
    HELLO,
    HELLO_BODY,
    LO,
    ROLE,
    STOP,
    Case,
    chunk,
    data,
    piece,
)
from tests.faults.promise import answers, fails
from tests.faults.streams import CUT, EMPTY, RETRIED, SHOWN, SOUND, streamed

_PASSED_OVER = answers("What is no part of the answer is passed over.", finish="stop")


def _slices(event: bytes) -> list[bytes]:
    return [event[n : n + 4096] for n in range(0, len(event), 4096)]


_JUNK = b'data: {"choices": [{"del\n\n'
_REASON = "upstream connect error"
_PLAIN = f"data: {_REASON} or disconnect\n\n".encode()
_BARE = f"{_REASON} or disconnect\n\n".encode()
_EVENTS = (
    streamed(
        39,
        "malformed-first",
        stream(_JUNK, *HELLO),
        fails(
            "A broken event before the first word is tried again, then elsewhere.",
            "ResponseError",
            **RETRIED,
        ),
    ),
    streamed(
        39,
        "malformed-in-the-text",
        stream(ROLE, HEL, _JUNK, LO, STOP, DONE),
        fails("A broken event in the text is an error with what came.", "ResponseError", **SHOWN),
    ),
    streamed(40, "bare-line", stream(ROLE, HEL, _BARE, LO, STOP, DONE), _PASSED_OVER),
    streamed(40, "plain-line", stream(ROLE, HEL, _PLAIN, LO, STOP, DONE), _PASSED_OVER),
    streamed(
        40,
        "plain-line-is-the-reason",
        stream(ROLE, HEL, _PLAIN),
        fails("A plain line is the reason where the end lacks.", CUT, message=_REASON, **SHOWN),
    ),
    streamed(
        49, "choices-empty", stream(ROLE, HEL, chunk(choices=[]), LO, STOP, DONE), _PASSED_OVER
    ),
    streamed(
        50, "choices-null", stream(ROLE, HEL, chunk(choices=None), LO, STOP, DONE), _PASSED_OVER
    ),
    streamed(
        51,
        "delta-null",
        stream(
            ROLE, HEL, LO, chunk(choices=[{"index": 0, "delta": None, "finish_reason": "stop"}])
        ),
        SOUND,
    ),
    streamed(
        51,
        "delta-missing",
        stream(ROLE, HEL, LO, chunk(choices=[{"index": 0, "finish_reason": "stop"}])),
        SOUND,
    ),
    streamed(
        52,
        "content-null",
        stream(
            piece({"role": "assistant", "content": None}), HEL, LO, piece({"content": None}, "stop")
        ),
        SOUND,
    ),
    streamed(53, "finish-twice", stream(ROLE, HEL, LO, STOP, STOP, DONE), SOUND),
    streamed(
        54,
        "finish-empty",
        stream(*(piece({"content": each}, "") for each in ("hel", "lo")), STOP, DONE),
        SOUND,
    ),
    streamed(
        62,
        "event-twice",
        stream(ROLE, HEL, HEL, LO, STOP, DONE),
        answers("A repeated event cannot be told from a repeated word: it passes.", "helhello"),
    ),
    streamed(
        63,
        "id-and-model-change",
        stream(ROLE, HEL, piece({"content": "lo"}, id="c2", model="other"), STOP, DONE),
        SOUND,
    ),
    streamed(
        65,
        "event-of-a-megabyte",
        stream(ROLE, *_slices(piece({"content": "x" * 2**20})), STOP, DONE),
        answers("A long event costs its length.", "x" * 2**20, within=3.0),
    ),
)


def _error(row: int, name: str, first: bytes, promise: str, kind: str, **more: Any) -> list[Case]:
    """An error in the stream, as its first event and after the first word."""
    retried: dict[str, Any] = RETRIED | more
    return [
        streamed(row, name, stream(first, DONE), fails(promise, kind, **retried)),
        streamed(
            row,
            f"{name}-in-the-text",
            stream(ROLE, HEL, first, DONE),
            fails(promise, kind, **SHOWN | {"message": more.get("message", "")}),
        ),
    ]


_BUSY = {"message": "the engine is busy", "type": "rate_limit_error", "code": 429}
_ERRORS = (
    *_error(
        41,
        "error-object",
        data({"error": _BUSY}),
        "An error in the stream is of the class its code says.",
        "RateLimitError",
    )[:1],
    *_error(
        42,
        "error-object",
        data({"error": {"message": "engine fell over", "type": "server_error", "code": 500}}),
        "An error after the text is typed and has what came.",
        "ServerError",
        message="engine fell over",
    )[1:],
    *_error(
        43,
        "error-text",
        data({"error": "engine fell over"}),
        "An error without an object keeps its text.",
        "ServerError",
        message="engine fell over",
    ),
    *_error(
        44,
        "finish-error-with-error",
        data(
            {
                "id": "c1",
                "object": "chat.completion.chunk",
                "error": {"code": 502, "message": "provider disconnected"},
                "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}],
            }
        ),
        "A finish reason that says error is one.",
        "ServerError",
        message="provider disconnected",
    ),
    *_error(
        45,
        "finish-error",
        piece({}, "error"),
        "A finish reason that says error is one, also alone.",
        "ServerError",
    ),
    *_error(
        46,
        "vllm",
        data({"object": "error", "message": "engine fell over", "type": "InternalServerError"}),
        "vLLM's error object is an error.",
        "ServerError",
        message="engine fell over",
    ),
    *_error(
        47,
        "siliconflow",
        data({"code": 50505, "message": "Model service overloaded", "data": None}),
        "SiliconFlow's error object is an error.",
        "ServerError",
        message="overloaded",
    ),
    *_error(
        48,
        "anthropic",
        b"event: error\n"
        + data({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
        "An event named error is one.",
        "ServerError",
        message="Overloaded",
    ),
)


def _finish(said: str, meant: str) -> Case:
    return streamed(
        55,
        f"finish-{said}",
        stream(ROLE, HEL, LO, piece({}, said), DONE),
        answers("A vendor's word for an end is read as what it means.", finish=meant),
    )


def _bad_finish(said: str, kind: str, **more: Any) -> list[Case]:
    sentence = "A vendor's word for a failure is that failure."
    return [
        streamed(
            55,
            f"finish-{said}-first",
            stream(ROLE, piece({}, said), DONE),
            fails(sentence, kind, **more),
        ),
        streamed(
            55,
            f"finish-{said}-in-the-text",
            stream(ROLE, HEL, piece({}, said), DONE),
            fails(sentence, kind, **SHOWN),
        ),
    ]


_FINISHES = (
    *(
        _finish(said, "length")
        for said in ("length", "max_tokens", "model_context_window_exceeded")
    ),
    _finish("end_turn", "stop"),
    _finish("strange_new_end", "strange_new_end"),
    *_bad_finish("sensitive", "ContentFilteredError", fallback=False),
    *_bad_finish("content_filter", "ContentFilteredError", fallback=False),
    *_bad_finish("refusal", "ContentFilteredError", fallback=False),
    *_bad_finish("network_error", "ServerError", **RETRIED),
    *_bad_finish("insufficient_system_resource", "ServerError", **RETRIED),
    *_bad_finish("aborted", "ServerError", **RETRIED),
)


def _used(name: str, row: int, sentence: str, pieces: tuple[bytes, ...], usage: Any) -> Case:
    return streamed(row, name, stream(*pieces, DONE), answers(sentence, usage=usage))


def _counted(prompt: Any, completion: Any) -> dict[str, Any]:
    return {"usage": {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": 5}}


_UNKNOWN = "Usage that is not said is unknown, not 0."
_USAGE = (
    _used("usage-at-the-end", 56, "Usage is counted once.", HELLO[:5], (3, 2)),
    _used(
        "usage-cumulative",
        57,
        "Usage that grows with each event is counted once, the last time.",
        (
            piece({"role": "assistant", "content": ""}, **_counted(10, 0)),
            piece({"content": "hel"}, **_counted(10, 1)),
            piece({"content": "lo"}, **_counted(10, 2)),
            piece({}, "stop", **_counted(10, 3)),
        ),
        (10, 3),
    ),
    _used("usage-absent", 58, _UNKNOWN, HELLO[:4], (0, 0)),
    _used("usage-null", 58, _UNKNOWN, (*HELLO[:4], chunk(choices=[], usage=None)), (0, 0)),
    _used(
        "usage-of-nulls",
        58,
        _UNKNOWN,
        (*HELLO[:4], chunk(choices=[], **_counted(None, None))),
        (0, 0),
    ),
)
_HTML = b"<html><head><title>Portal</title></head><body>Please log in</body></html>"
_UNSTREAMED = (
    streamed(59, "json-answer", HELLO_BODY, answers("An answer that is not streamed is one.")),
    streamed(
        60,
        "json-error",
        body({"error": _BUSY}),
        fails(
            "An error that is not streamed is one, with the server's words.",
            "RateLimitError",
            message="the engine is busy",
            **RETRIED,
        ),
    ),
    streamed(
        61,
        "html",
        body(_HTML, headers={"Content-Type": "text/html"}),
        fails("A page in place of a stream is no answer.", "ResponseError", CUT, **RETRIED),
    ),
    streamed(61, "empty-body", body(b""), EMPTY),
)


def _thought(name: str, *deltas: dict[str, Any]) -> Case:
    return streamed(
        64,
        name,
        stream(ROLE, *map(piece, deltas), STOP, DONE),
        answers("Reasoning is kept, and kept apart from the answer.", reasoning="let me see"),
    )


_REASONING = (
    _thought("reasoning_content", {"reasoning_content": "let me see"}, {"content": "hello"}),
    _thought("reasoning", {"reasoning": "let me see"}, {"content": "hello"}),
    _thought("think-tags", {"content": "<thi"}, {"content": "nk>let me see</think>hello"}),
)
CASES = (*_EVENTS, *_ERRORS, *_FINISHES, *_USAGE, *_UNSTREAMED, *_REASONING)
