"""Faults of connections and of secrets: rows 1 to 18 and 119 to 122."""

from __future__ import annotations

import functools
import gzip
import json
from typing import Any

from tests.core.wire.server import Answer, Peer, Server, body, head, silence
from tests.faults.case import EACH_ONCE, HANGS, WHOLE, Case, said, sound, whole
from tests.faults.promise import AGAIN, ALL, KEY, answers, fails

LOST: dict[str, Any] = {"requests": AGAIN, "fallback": True}
_UNREACHED: dict[str, Any] = {"requests": (ALL, ALL), "fallback": False}


def _raw(data: bytes) -> Answer:
    def answer(peer: Peer) -> None:
        peer.send(data)
        peer.close()

    return answer


def _then_close(answer: Answer) -> Answer:
    """Answer, and close the connection without having said so."""

    def closing(peer: Peer) -> None:
        answer(peer)
        peer.close()

    return closing


@functools.cache
def _much() -> bytes:
    """A sound answer of 65 MiB."""
    return json.dumps(whole(said("x" * 65 * 2**20))).encode()


@functools.cache
def _little() -> bytes:
    """The same, compressed to some 300 kB."""
    return gzip.compress(_much(), 1)


def _flood(peer: Peer) -> None:
    body(_much())(peer)


def _bomb(peer: Peer) -> None:
    body(_little(), headers={"Content-Encoding": "gzip"})(peer)


def _redirect(status: int) -> Any:
    def script(other: Server) -> tuple[Answer, ...]:
        there = {"Location": f"{other.url}/chat/completions"}
        return (body(b"", status, there),)

    return script


_FOUND = "The connection was lost before an answer: tried again, then elsewhere."
_CLEAR = "A redirect is not followed: neither key nor prompt leaves."
_CONNECTIONS = (
    Case(
        1,
        "refused",
        (),
        fails(
            "A server that is not there is tried again; its other models are not.",
            "GatewayConnectionError",
            message="127.0.0.1",
            **_UNREACHED,
        ),
        place="refused",
    ),
    Case(
        2,
        "no-such-host",
        (),
        fails(
            "A host that is not known is named.",
            "GatewayConnectionError",
            message="gateway.",
            **_UNREACHED,
        ),
        place="nowhere",
    ),
    Case(
        3,
        "certificate-of-nobody",
        (sound,),
        fails(
            "A certificate that nobody vouches for is not tried again.",
            "GatewayConnectionError",
            message="certificate",
            fallback=False,
        ),
        place="tls",
    ),
    Case(
        3,
        "no-tls",
        (sound,),
        fails(
            "A server that speaks no TLS is not tried again.",
            "GatewayConnectionError",
            fallback=False,
        ),
        place="not tls",
    ),
    Case(
        4,
        "black-hole",
        (),
        fails(
            "A server that takes no connection ends the call in its time.",
            "GatewayConnectionError",
            "GatewayTimeoutError",
            within=6.0,
        ),
        timeout=1.0,
        ways=EACH_ONCE,
        place="black hole",
    ),
    Case(
        4,
        "black-hole-then-retried",
        (),
        fails(
            "Connecting has a timer of its own, shorter than the call's.",
            "GatewayConnectionError",
            requests=(2, ALL),
            within=6.0,
        ),
        limits={"connect": 0.2},
        ways=EACH_ONCE,
        place="black hole",
    ),
    Case(5, "reset", (Peer.reset,), fails(_FOUND, "ConnectionLostError", **LOST)),
    Case(5, "closed", (Peer.close,), fails(_FOUND, "ConnectionLostError", **LOST)),
    Case(
        6,
        "closed-while-idle",
        (_then_close(sound),),
        answers(
            "A connection that was closed while idle is replaced without a word.", requests=(2, 2)
        ),
        calls=2,
    ),
    Case(
        6,
        "closed-on-the-next-request",
        (sound, Peer.close, sound),
        answers("A connection that closes as it is used again is replaced.", requests=(3, 3)),
        calls=2,
    ),
    Case(
        7,
        "cut-in-the-head",
        (_raw(b"HTTP/1.1 200 OK\r\nContent-Ty"),),
        fails(_FOUND, "ConnectionLostError", "ResponseError", "IncompleteResponseError", **LOST),
    ),
    Case(
        8,
        "not-http",
        (_raw(b"SSH-2.0-OpenSSH_9.2\r\n"),),
        fails(
            "What is not HTTP is no answer, and is said to be none.",
            "ConnectionLostError",
            "ResponseError",
            message="HTTP",
            requests=(1, ALL),
            fallback=True,
        ),
    ),
    Case(
        9,
        "header-of-200-kB",
        (_raw(head(headers={"X-Much": "x" * 200_000})),),
        fails(
            "A head without end is no answer.",
            "ConnectionLostError",
            "ResponseError",
            requests=(1, ALL),
            fallback=True,
        ),
    ),
    Case(
        10,
        "shorter-than-announced",
        (body(b'{"id": "c1", "choices": [', length=5_000),),
        fails(
            "An answer that broke off may have been billed: tried once more at most.",
            "ConnectionLostError",
            "IncompleteResponseError",
            requests=(1, 2),
            fallback=True,
        ),
        ways=WHOLE,
    ),
    Case(
        11,
        "silence",
        (silence(HANGS),),
        fails(
            "Silence ends with the time the call has.",
            "GatewayTimeoutError",
            requests=(1, 2),
            within=6.0,
        ),
        ways=WHOLE,
        timeout=1.0,
    ),
    *(
        Case(
            row,
            str(status),
            _redirect(status),
            fails(_CLEAR, "InvalidRequestError", status=status, fallback=False),
        )
        for row, status in ((15, 307), (15, 308), (16, 301), (16, 302), (16, 303))
    ),
    Case(
        17,
        "65-MiB",
        (_flood,),
        fails("An answer has an end to its size.", "ResponseError", message="larger"),
        ways=WHOLE,
        timeout=30.0,
    ),
    Case(
        18,
        "65-MiB-compressed",
        (_bomb,),
        fails("An answer has an end to its size, uncompressed.", "ResponseError", message="larger"),
        ways=WHOLE,
        timeout=30.0,
    ),
)
_ECHO = {"error": {"message": f"Incorrect API key provided: {KEY}", "code": "invalid_api_key"}}
_SECRETS = (
    Case(
        118,
        "refused-key",
        (body({"error": {"message": "no such key", "code": "invalid_api_key"}}, 401),),
        fails(
            "The key is in no error: text, cause, request or pickle.",
            "AuthenticationError",
            private=True,
        ),
    ),
    Case(
        118,
        "lost-connection",
        (Peer.reset,),
        fails(
            "The key is in no error: text, cause, request or pickle.",
            "ConnectionLostError",
            requests=AGAIN,
            private=True,
        ),
    ),
    Case(
        119,
        "echoed-key",
        (body(_ECHO, 401),),
        fails(
            "A key that the server echoes is masked.",
            "AuthenticationError",
            message="Incorrect",
            private=True,
        ),
    ),
    Case(
        122,
        "prompt-in-the-head",
        (sound,),
        answers("What a user wrote is in no address and no header.", private=True),
    ),
)
CASES = (*_CONNECTIONS, *_SECRETS)
