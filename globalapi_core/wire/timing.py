"""How long an answer may take, and how large it may grow.

One clock serves a sync and an async call, from before the connection to the last byte.
Silence is counted between deltas, not between bytes: keep-alives are no progress.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from globalapi_core.config import Attempts
from globalapi_core.errors import GatewayTimeoutError, ResponseError

MAX_BODY = 64 * 1024 * 1024
"""Decoded bytes of one answer, at most: a guard against compression bombs."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait at each point of an attempt; its deadline is given with the call."""

    connect: float = 10.0
    first_delta: float = 120.0
    """From sending to the first delta of a stream. A model may think that long unseen."""
    idle: float = 60.0
    """Between two deltas of a stream."""

    @classmethod
    def of(cls, limits: Attempts) -> Timeouts:
        """Those of a config file's `attempts`."""
        return cls(limits.connect, limits.first_delta, limits.idle)


class Clock:
    """Holds an answer to its deadline, its pace and its size."""

    def __init__(self, timeouts: Timeouts, timeout: float | None, *, streamed: bool) -> None:
        """Start: *timeout* seconds for all of it (`None`: no deadline), a pace if *streamed*."""
        now = time.monotonic()
        self._idle = timeouts.idle
        self._timeout = timeout
        self._ends = None if timeout is None else now + timeout
        self._pace = timeouts.first_delta
        self._pace_ends = now + timeouts.first_delta if streamed else None
        self._bytes = 0

    @property
    def left(self) -> float | None:
        """Seconds until one of the timers runs out, not below 0; `None`: none of them runs."""
        ends = [each for each in (self._ends, self._pace_ends) if each is not None]
        return max(0.0, min(ends) - time.monotonic()) if ends else None

    def at_most(self, seconds: float) -> float:
        """*seconds*, or what is left if that is less."""
        left = self.left
        return seconds if left is None else max(0.001, min(seconds, left))

    def progress(self) -> None:
        """Note that a delta has come."""
        if self._pace_ends is not None:
            self._pace = self._idle
            self._pace_ends = time.monotonic() + self._idle

    def hurry(self, seconds: float) -> None:
        """Wait *seconds* more at most: nothing that still may come is needed."""
        self._pace_ends = time.monotonic() + seconds

    def count(self, chunk: bytes) -> bytes:
        """Let *chunk* pass.

        Raises:
            GatewayTimeoutError: a timer has run out.
            ResponseError: the answer is too large.
        """
        self._bytes += len(chunk)
        if self._bytes > MAX_BODY:
            text = f"the answer is larger than {MAX_BODY // 2**20} MiB"
            raise ResponseError(text, retryable=False)
        late = self.late()
        if late is not None:
            raise GatewayTimeoutError(late)
        return chunk

    def late(self) -> str | None:
        """Which timer has run out, in words; `None` if none has."""
        now = time.monotonic()
        if self._ends is not None and now >= self._ends:
            return f"no whole answer within {self._timeout:.1f} s"
        if self._pace_ends is not None and now >= self._pace_ends:
            return f"nothing new of the answer for {self._pace:.1f} s (keep-alives do not count)"
        return None
