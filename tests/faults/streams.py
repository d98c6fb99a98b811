"""Faults of streamed answers: rows 19 to 65."""

from __future__ import annotations

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
    USAGE,
    Case,
    chunk,
    data,
    piece,
    said,
    whole,
)
from tests.faults.promise import ALL, Promise, answers, fails

CUT = "IncompleteResponseError"
RETRIED: dict[str, Any] = {"requests": (ALL, ALL), "fallback": True}
SHOWN: dict[str, Any] = {"shown": "hel", "fallback": False}


def _case(row: int, name: str, script: Answer, promise: Promise, **more: Any) -> Case:
    return Case(row, name, (script,), promise, **{"ways": STREAMED} | more)


def _after(seconds: float) -> Answer:
    """Break the connection off once what was sent has been read."""

    def answer(peer: Peer) -> None:
        time.sleep(seconds)
        peer.reset()

    return answer


def _repeated(data: bytes, every: float, times: int) -> Answer:
    """Send *data* again and again."""

    def answer(peer: Peer) -> None:
        for _ in range(times):
            time.sleep(every)
            peer.chunk(data)

    return answer


def _drip(peer: Peer) -> None:
    for _ in range(80):
        time.sleep(0.05)
        peer.chunk(piece({"content": "x"}))


_cut = {"end": False, "then": Peer.close}
_stalled = fails(
    "A stall after the first word ends the call with the words that came.",
    "GatewayTimeoutError",
    within=2.0,
    **SHOWN,
)
_empty = fails("A stream without an answer is tried again, then elsewhere.", CUT, **RETRIED)
_half = fails(
    "Half an answer is an error that carries what came, and nothing is put after it.", CUT, **SHOWN
)
_none_yet = fails(
    "A stream cut before its first word is tried again, then elsewhere.", CUT, **RETRIED
)
_whole = answers("The answer is whole.")
_same = answers("The answer is the same however its bytes come.", usage=(3, 2), finish="stop")
_ignored = answers("What is no part of the answer is passed over.", finish="stop", usage=(3, 2))


def _timers() -> list[Case]:
    late = "GatewayTimeoutError"
    no_timer = "no timer for the first delta: only the deadline of the whole call ends it"
    return [
        _case(
            19,
            "no-first-byte",
            silence(4),
            fails(
                "Silence ends with the time the call was given.",
                late,
                requests=(1, 2),
                within=2.0,
            ),
            timeout=0.6,
        ),
        _case(
            20,
            "stall-in-the-text",
            stream(ROLE, HEL, end=False, then=silence(4)),
            _stalled,
            timeout=0.6,
        ),
        _case(
            21,
            "only-comments",
            stream(end=False, then=_repeated(b": keep-alive\n\n", 0.05, 80)),
            fails("Keep-alives do not keep a call alive.", late, requests=(1, 2), within=2.0),
            timeout=0.6,
        ),
        _case(
            22,
            "slow-drip",
            stream(end=False, then=_drip),
            fails(
                "An answer that drips for ever ends with the time the call was given.",
                late,
                within=2.0,
            ),
            timeout=0.6,
        ),
    ]
