"""Faults of streamed answers: rows 19 to 65."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.core.wire.server import STREAM_HEAD, Answer, Peer, body, silence, stream
from tests.faults.case import (
    COUNT,
    DONE,
    HEL,
    HELLO,
    HELLO_BODY,
    LO,
    ROLE,
    STOP,
    STREAMED,
    Case,
    chunk,
    data,
    piece,
)
from tests.faults.promise import AGAIN, ALL, Promise, answers, fails

CUT = "IncompleteResponseError"
LATE = "GatewayTimeoutError"
SHORT = 0.6
"""Seconds a call is given where time runs out."""
RETRIED: dict[str, Any] = {"requests": (ALL, ALL), "fallback": True}
ONCE_MORE: dict[str, Any] = {"requests": AGAIN, "fallback": True}
SHOWN: dict[str, Any] = {"shown": "hel", "fallback": False}


def _case(row: int, name: str, script: Answer, promise: Promise, **more: Any) -> Case:
    return Case(row, name, (script,), promise, **{"ways": STREAMED} | more)


def _reset(peer: Peer) -> None:
    time.sleep(0.05)  # until what was sent has been read
    peer.reset()


def _repeated(piece: bytes, head: bytes = b"") -> Answer:
    """Send *head*, then *piece* every twentieth of a second, for four seconds."""

    def answer(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        for number in range(80):
            peer.chunk(head + piece if not number else piece)
            time.sleep(0.05)

    return answer


def _cut(*pieces: bytes) -> Answer:
    return stream(*pieces, end=False, then=Peer.close)


def _bytewise(data: bytes) -> Answer:
    return stream(*(data[n : n + 1] for n in range(len(data))))


def _slices(event: bytes) -> list[bytes]:
    return [event[n : n + 4096] for n in range(0, len(event), 4096)]


def _unescaped(event: bytes) -> bytes:
    """*event* with its characters as they are, not as JSON escapes."""
    return b"data: " + json.dumps(json.loads(event[6:]), ensure_ascii=False).encode() + b"\n\n"


_EMPTY = fails("A stream without an answer is tried again, then elsewhere.", CUT, **RETRIED)
_HALF = fails(
    "Half an answer is an error that carries what came; nothing is put after it.", CUT, **SHOWN
)
_BROKEN = fails(
    "A stream that breaks before its first word is tried again, then elsewhere.",
    "ConnectionLostError",
    CUT,
    **ONCE_MORE,
)
_WHOLE = answers("The answer is whole: its finish reason has come.", finish="stop")
_SAME = answers("The answer is the same however its bytes come.", finish="stop", usage=(3, 2))
_PASSED_OVER = answers("What is no part of the answer is passed over.", finish="stop")

_TIMERS = (
    _case(
        19,
        "silence",
        silence(4),
        fails("Silence ends with the time the call has.", LATE, requests=(1, 2), within=2.0),
        timeout=SHORT,
    ),
    _case(
        20,
        "stall-in-the-text",
        stream(ROLE, HEL, end=False, then=silence(4)),
        fails("A stall ends the call, with the words that came.", LATE, within=2.0, **SHOWN),
        timeout=SHORT,
    ),
    _case(
        21,
        "only-comments",
        _repeated(b": keep-alive\n\n"),
        fails("Keep-alives do not keep a call alive.", LATE, requests=(1, 2), within=2.0),
        timeout=SHORT,
    ),
    _case(
        22,
        "slow-drip",
        _repeated(b"x", ROLE + HEL + b'data: {"choices": [{"delta": {"content": "'),
        fails("A drip ends with the time the call has.", LATE, within=2.0, **SHOWN),
        timeout=SHORT,
    ),
)
_TIMED: dict[str, Any] = {"limits": {"first_delta": 0.3, "idle": 0.3}}
_PACED = (
    _case(
        19,
        "silence-then-retried",
        silence(4),
        fails("No first delta in its time: tried again, then elsewhere.", LATE, within=3.0, **ONCE_MORE),
        **_TIMED,
    ),
    _case(
        20,
        "stall-before-the-text",
        stream(ROLE, end=False, then=silence(4)),
        fails("A stall before the first word is tried again, then elsewhere.", LATE, within=3.0, **ONCE_MORE),
        **_TIMED,
    ),
    _case(
        20,
        "idle-in-the-text",
        stream(ROLE, HEL, end=False, then=silence(4)),
        fails("A stall ends the call, with the words that came.", LATE, within=2.0, **SHOWN),
        **_TIMED,
    ),
    _case(
        21,
        "only-comments-then-retried",
        _repeated(b": keep-alive\n\n"),
        fails("Keep-alives are no delta: tried again, then elsewhere.", LATE, within=3.0, **ONCE_MORE),
        **_TIMED,
    ),
    _case(
        21,
        "comments-in-the-text",
        _repeated(b": keep-alive\n\n", ROLE + HEL),
        fails("Keep-alives are no delta.", LATE, within=2.0, **SHOWN),
        **_TIMED,
    ),
)
_CUTS = (
    _case(23, "close-after-the-head", _cut(), _BROKEN),
    _case(23, "reset-after-the-head", stream(end=False, then=_reset), _BROKEN),
    _case(24, "no-event", stream(), _EMPTY),
    _case(25, "done-only", stream(DONE), _EMPTY),
    _case(26, "closed-in-the-text", _cut(ROLE, HEL), _HALF),
    _case(26, "reset-in-the-text", stream(ROLE, HEL, end=False, then=_reset), _HALF),
    _case(27, "ended-in-the-text", stream(ROLE, HEL), _HALF),
    _case(27, "ended-before-the-text", stream(ROLE), _EMPTY),
    _case(28, "done-in-the-text", stream(ROLE, HEL, DONE), _HALF),
    _case(28, "done-before-the-text", stream(ROLE, DONE), _EMPTY),
    _case(29, "ended-in-an-event", stream(ROLE, HEL, LO[:-9]), _HALF),
    _case(
        30,
        "ended-in-a-character",
        stream(ROLE, HEL, b'data: {"choices": [{"delta": {"content": "\xe4\xbd'),
        _HALF,
    ),
    _case(31, "closed-after-the-finish", _cut(ROLE, HEL, LO, STOP), _WHOLE),
    _case(31, "reset-after-the-finish", stream(*HELLO[:4], end=False, then=_reset), _WHOLE),
    _case(32, "no-done", stream(ROLE, HEL, LO, STOP, COUNT), _SAME),
    _case(33, "no-last-blank-line", stream(ROLE, HEL, LO, STOP[:-1]), _WHOLE),
    _case(33, "no-last-line-end", stream(ROLE, HEL, LO, STOP[:-2]), _WHOLE),
)
_COMMENTS = b": keep-alive\n\n: PING\n\n:\n\n: OPENROUTER PROCESSING\n\n"
_ALL = b"".join(HELLO)
_CHINESE = "你好\u2028\u0085é"
_FORMS = (
    _case(34, "comments", stream(_COMMENTS, ROLE, _COMMENTS, *HELLO[1:], _COMMENTS), _SAME),
    _case(35, "crlf", stream(_ALL.replace(b"\n", b"\r\n")), _SAME),
    _case(35, "cr", stream(_ALL.replace(b"\n", b"\r")), _SAME),
    _case(35, "byte-by-byte", _bytewise(_ALL), _SAME),
    _case(35, "crlf-byte-by-byte", _bytewise(_ALL.replace(b"\n", b"\r\n")), _SAME),
    _case(
        36,
        "characters-split",
        _bytewise(ROLE + _unescaped(piece({"content": _CHINESE})) + STOP + DONE),
        answers("Characters come whole however their bytes are split.", _CHINESE),
    ),
    _case(37, "no-space-after-data", stream(_ALL.replace(b"data: ", b"data:")), _SAME),
    _case(
        37,
        "other-fields",
        stream(_ALL.replace(b"data: {", b"event: message\nid: 7\nretry: 9\ndata: {")),
        _SAME,
    ),
    _case(37, "data-on-two-lines", stream(_ALL.replace(b'"choices"', b'\ndata: "choices"')), _SAME),
    _case(38, "byte-order-mark", stream(b"\xef\xbb\xbf" + HEL, LO, STOP, COUNT, DONE), _SAME),
)
_JUNK = b'data: {"choices": [{"del\n\n'
_REASON = "upstream connect error"
_PLAIN = f"data: {_REASON} or disconnect\n\n".encode()
_EVENTS = (
    _case(
        39,
        "malformed-first",
        stream(_JUNK, *HELLO),
        fails(
            "A broken event before the first word is tried again, then elsewhere.",
            "ResponseError",
            **RETRIED,
        ),
    ),
    _case(
        39,
        "malformed-in-the-text",
        stream(ROLE, HEL, _JUNK, LO, STOP, DONE),
        fails("A broken event in the text is an error with what came.", "ResponseError", **SHOWN),
    ),
    _case(40, "plain-line", stream(ROLE, HEL, _PLAIN, LO, STOP, DONE), _PASSED_OVER),
    _case(
        40,
        "plain-line-is-the-reason",
        stream(ROLE, HEL, _PLAIN),
        fails("A plain line is the reason where the end lacks.", CUT, message=_REASON, **SHOWN),
    ),
    _case(49, "choices-empty", stream(ROLE, HEL, chunk(choices=[]), LO, STOP, DONE), _PASSED_OVER),
    _case(50, "choices-null", stream(ROLE, HEL, chunk(choices=None), LO, STOP, DONE), _PASSED_OVER),
    _case(
        51,
        "delta-null",
        stream(ROLE, HEL, LO, chunk(choices=[{"index": 0, "delta": None, "finish_reason": "stop"}])),
        _WHOLE,
    ),
    _case(
        51,
        "delta-missing",
        stream(ROLE, HEL, LO, chunk(choices=[{"index": 0, "finish_reason": "stop"}])),
        _WHOLE,
    ),
    _case(
        52,
        "content-null",
        stream(piece({"role": "assistant", "content": None}), HEL, LO, piece({"content": None}, "stop")),
        _WHOLE,
    ),
    _case(53, "finish-twice", stream(ROLE, HEL, LO, STOP, STOP, DONE), _WHOLE),
    _case(
        54,
        "finish-empty",
        stream(*(piece({"content": each}, "") for each in ("hel", "lo")), STOP, DONE),
        _WHOLE,
    ),
    _case(
        54,
        "finish-empty-to-the-end",
        stream(piece({"content": "hel"}, ""), DONE),
        fails("An empty finish reason is none.", CUT, **SHOWN),
    ),
    _case(
        62,
        "event-twice",
        stream(ROLE, HEL, HEL, LO, STOP, DONE),
        answers("A repeated event cannot be told from a repeated word: it passes.", "helhello"),
    ),
    _case(
        63,
        "id-and-model-change",
        stream(ROLE, HEL, piece({"content": "lo"}, id="c2", model="other"), STOP, DONE),
        _WHOLE,
    ),
    _case(
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
        _case(row, name, stream(first, DONE), fails(promise, kind, **retried)),
        _case(
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
    return _case(
        55,
        f"finish-{said}",
        stream(ROLE, HEL, LO, piece({}, said), DONE),
        answers("A vendor's word for an end is read as what it means.", finish=meant),
    )


def _bad_finish(said: str, kind: str, **more: Any) -> list[Case]:
    sentence = "A vendor's word for a failure is that failure."
    return [
        _case(
            55,
            f"finish-{said}-first",
            stream(ROLE, piece({}, said), DONE),
            fails(sentence, kind, **more),
        ),
        _case(
            55,
            f"finish-{said}-in-the-text",
            stream(ROLE, HEL, piece({}, said), DONE),
            fails(sentence, kind, **SHOWN),
        ),
    ]


_FINISHES = (
    *(_finish(said, "length") for said in ("length", "max_tokens", "model_context_window_exceeded")),
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
    return _case(row, name, stream(*pieces, DONE), answers(sentence, usage=usage))


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
    _case(59, "json-answer", HELLO_BODY, answers("An answer that is not streamed is one.")),
    _case(
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
    _case(
        61,
        "html",
        body(_HTML, headers={"Content-Type": "text/html"}),
        fails("A page in place of a stream is no answer.", "ResponseError", CUT, **RETRIED),
    ),
    _case(61, "empty-body", body(b""), _EMPTY),
)


def _thought(name: str, *deltas: dict[str, Any]) -> Case:
    return _case(
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
CASES = (
    *_TIMERS,
    *_PACED,
    *_CUTS,
    *_FORMS,
    *_EVENTS,
    *_ERRORS,
    *_FINISHES,
    *_USAGE,
    *_UNSTREAMED,
    *_REASONING,
)
