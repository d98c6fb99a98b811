"""Ports of this machine: one for a server that is about to start, one for none."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager

_BELOW = range(20_000, 32_000)
"""Ports that systems give nobody who asks for any: a free one stays free."""


def free_port() -> int:
    """A port for a server that cannot choose one itself."""
    for port in random.SystemRandom().sample(_BELOW, 100):
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
    raise AssertionError(f"none of 100 ports from {_BELOW.start} to {_BELOW.stop} is free")


@contextmanager
def deaf_port() -> Iterator[int]:
    """A port on which nobody listens, nor will: it is taken."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]
