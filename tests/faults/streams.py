"""Faults of a stream's time, end and form: rows 19 to 38."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.core.wire.server import STREAM_HEAD, Answer, Peer, silence, stream
from tests.faults.case import (
    COUNT,
    DONE,
    HANGS,
    HEL,
    HELLO,
    LO,
    ROLE,
    STOP,
    STREAMED,
    Case,
    piece,
)
from tests.faults.promise import AGAIN, ALL, Promise, answers, fails

CUT = "IncompleteResponseError"
LATE = "GatewayTimeoutError"
SHORT = 1.0
"""Seconds a call is given where time runs out."""
RETRIED: dict[str, Any] = {"requests": (ALL, ALL), "fallback": True}
ONCE_MORE: dict[str, Any] = {"requests": AGAIN, "fallback": True}
SHOWN: dict[str, Any] = {"shown": "hel", "fallback": False}


def streamed(row: int, name: str, script: Answer, promise: Promise, **more: Any) -> Case:
    """A fault of a streamed answer."""
    return Case(row, name, (script,), promise, **{"ways": STREAMED} | more)


def _reset(peer: Peer) -> None:
    time.sleep(0.05)  # until what was sent has been read
    peer.reset()


def _repeated(piece: bytes, head: bytes = b"") -> Answer:
    """Send *head*, then *piece* every twentieth of a second, as long as the client is there."""

    def answer(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        for number in range(int(HANGS / 0.05)):
            peer.chunk(head + piece if not number else piece)
            time.sleep(0.05)

    return answer


def _cut(*pieces: bytes) -> Answer:
    return stream(*pieces, end=False, then=Peer.close)


def _bytewise(data: bytes) -> Answer:
    return stream(*(data[n : n + 1] for n in range(len(data))))


def _unescaped(event: bytes) -> bytes:
    """*event* with its characters as they are, not as JSON escapes."""
    return b"data: " + json.dumps(json.loads(event[6:]), ensure_ascii=False).encode() + b"\n\n"


EMPTY = fails("A stream without an answer is tried again, then elsewhere.", CUT, **RETRIED)
_HALF = fails(
    "Half an answer is an error that carries what came; nothing is put after it.", CUT, **SHOWN
)
_BROKEN = fails(
    "A stream that breaks before its first word is tried again, then elsewhere.",
    "ConnectionLostError",
    CUT,
    **ONCE_MORE,
)
SOUND = answers("The answer is whole: its finish reason has come.", finish="stop")
_SAME = answers("The answer is the same however its bytes come.", finish="stop", usage=(3, 2))

_TIMERS = (
    streamed(
        19,
        "silence",
        silence(HANGS),
        fails("Silence ends with the time the call has.", LATE, requests=(1, ALL), within=6.0),
        timeout=SHORT,
    ),
    streamed(
        20,
        "stall-in-the-text",
        stream(ROLE, HEL, end=False, then=silence(HANGS)),
        fails("A stall ends the call, with the words that came.", LATE, within=3.0, **SHOWN),
        timeout=SHORT,
    ),
    streamed(
        21,
        "only-comments",
        _repeated(b": keep-alive\n\n"),
        fails("Keep-alives do not keep a call alive.", LATE, requests=(1, 2), within=3.0),
        timeout=SHORT,
    ),
    streamed(
        22,
        "slow-drip",
        _repeated(b"x", ROLE + HEL + b'data: {"choices": [{"delta": {"content": "'),
        fails("A drip ends with the time the call has.", LATE, within=3.0, **SHOWN),
        timeout=SHORT,
    ),
)
_TIMED: dict[str, Any] = {"limits": {"first_delta": 0.8, "idle": 0.8}}
_PACED = (
    streamed(
        19,
        "silence-then-retried",
        silence(HANGS),
        fails(
            "No first delta in its time: tried again, then elsewhere.",
            LATE,
            within=6.0,
            **ONCE_MORE,
        ),
        **_TIMED,
    ),
    streamed(
        20,
        "stall-before-the-text",
        stream(ROLE, end=False, then=silence(HANGS)),
        fails(
            "A stall before the first word is tried again, then elsewhere.",
            LATE,
            within=6.0,
            **ONCE_MORE,
        ),
        **_TIMED,
    ),
    streamed(
        20,
        "idle-in-the-text",
        stream(ROLE, HEL, end=False, then=silence(HANGS)),
        fails("A stall ends the call, with the words that came.", LATE, within=3.0, **SHOWN),
        **_TIMED,
    ),
    streamed(
        21,
        "only-comments-then-retried",
        _repeated(b": keep-alive\n\n"),
        fails(
            "Keep-alives are no delta: tried again, then elsewhere.", LATE, within=6.0, **ONCE_MORE
        ),
        **_TIMED,
    ),
    streamed(
        21,
        "comments-in-the-text",
        _repeated(b": keep-alive\n\n", ROLE + HEL),
        fails("Keep-alives are no delta.", LATE, within=3.0, **SHOWN),
        **_TIMED,
    ),
)
_CUTS = (
    streamed(23, "close-after-the-head", _cut(), _BROKEN),
    streamed(23, "reset-after-the-head", stream(end=False, then=_reset), _BROKEN),
    streamed(24, "no-event", stream(), EMPTY),
    streamed(25, "done-only", stream(DONE), EMPTY),
    streamed(26, "closed-in-the-text", _cut(ROLE, HEL), _HALF),
    streamed(26, "reset-in-the-text", stream(ROLE, HEL, end=False, then=_reset), _HALF),
    streamed(27, "ended-in-the-text", stream(ROLE, HEL), _HALF),
    streamed(27, "ended-before-the-text", stream(ROLE), EMPTY),
    streamed(28, "done-in-the-text", stream(ROLE, HEL, DONE), _HALF),
    streamed(28, "done-before-the-text", stream(ROLE, DONE), EMPTY),
    streamed(29, "ended-in-an-event", stream(ROLE, HEL, LO[:-9]), _HALF),
    streamed(
        30,
        "ended-in-a-character",
        stream(ROLE, HEL, b'data: {"choices": [{"delta": {"content": "\xe4\xbd'),
        _HALF,
    ),
    streamed(31, "closed-after-the-finish", _cut(ROLE, HEL, LO, STOP), SOUND),
    streamed(31, "reset-after-the-finish", stream(*HELLO[:4], end=False, then=_reset), SOUND),
    streamed(32, "no-done", stream(ROLE, HEL, LO, STOP, COUNT), _SAME),
    streamed(33, "no-last-blank-line", stream(ROLE, HEL, LO, STOP[:-1]), SOUND),
    streamed(33, "no-last-line-end", stream(ROLE, HEL, LO, STOP[:-2]), SOUND),
)
_COMMENTS = b": keep-alive\n\n: PING\n\n:\n\n: OPENROUTER PROCESSING\n\n"
_ALL = b"".join(HELLO)
_CHINESE = "你好\u2028\u0085é"
_FORMS = (
    streamed(34, "comments", stream(_COMMENTS, ROLE, _COMMENTS, *HELLO[1:], _COMMENTS), _SAME),
    streamed(35, "crlf", stream(_ALL.replace(b"\n", b"\r\n")), _SAME),
    streamed(35, "cr", stream(_ALL.replace(b"\n", b"\r")), _SAME),
    streamed(35, "byte-by-byte", _bytewise(_ALL), _SAME),
    streamed(35, "crlf-byte-by-byte", _bytewise(_ALL.replace(b"\n", b"\r\n")), _SAME),
    streamed(
        36,
        "characters-split",
        _bytewise(ROLE + _unescaped(piece({"content": _CHINESE})) + STOP + DONE),
        answers("Characters come whole however their bytes are split.", _CHINESE),
    ),
    streamed(37, "no-space-after-data", stream(_ALL.replace(b"data: ", b"data:")), _SAME),
    streamed(
        37,
        "other-fields",
        stream(_ALL.replace(b"data: {", b"event: message\nid: 7\nretry: 9\ndata: {")),
        _SAME,
    ),
    streamed(
        37, "data-on-two-lines", stream(_ALL.replace(b'"choices"', b'\ndata: "choices"')), _SAME
    ),
    streamed(38, "byte-order-mark", stream(b"\xef\xbb\xbf" + HEL, LO, STOP, COUNT, DONE), _SAME),
)
CASES = (*_TIMERS, *_PACED, *_CUTS, *_FORMS)
