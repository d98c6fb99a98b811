"""A server that answers nobody before everybody has asked, as a process of its own.

`python -m tests.faults.crowd` prints its port. To "item 7 of 500" it says nothing until 500
such requests are open; then it answers all of them, a piece of each in turn, each with its
own words.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ITEM = re.compile(r"item \d+ of (\d+)")
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_SIZE = 3
"""Characters of a piece."""


@contextmanager
def crowd() -> Iterator[str]:
    """The base URL of a running one."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.crowd"],
        cwd=Path(__file__).parent.parent.parent,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


def question(number: int, of: int) -> str:
    """What the server is asked by one of many."""
    return f"What is item {number} of {of}?"


class _Crowd:
    """The requests that are open, by the size of their crowd."""

    def __init__(self) -> None:
        self._open: dict[int, list[tuple[str, asyncio.StreamWriter]]] = defaultdict(list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take the requests of one connection."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"(?i)content-length: (\d+)", head)
                body = await reader.readexactly(int(length[1]) if length else 0)
                await self._asked(json.loads(body)["messages"][-1]["content"], writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _asked(self, text: str, writer: asyncio.StreamWriter) -> None:
        found = _ITEM.search(text)
        assert found is not None
        size = int(found[1])
        self._open[size].append((found[0], writer))
        if len(self._open[size]) == size:
            await _answer(self._open.pop(size))


async def _answer(asked: list[tuple[str, asyncio.StreamWriter]]) -> None:
    """A piece of each answer, then the next piece of each, to the end of the longest."""
    for _, writer in asked:
        writer.write(_HEAD)
    longest = max(len(text) for text, _ in asked)
    for start in range(0, longest, _SIZE):
        for text, writer in asked:
            if piece := text[start : start + _SIZE]:
                writer.write(_chunk({"delta": {"content": piece}}))
        await asyncio.sleep(0)
    for _, writer in asked:
        writer.write(_chunk({"delta": {}, "finish_reason": "stop"}) + b"0\r\n\r\n")


def _chunk(choice: dict[str, object]) -> bytes:
    event = b"data: " + json.dumps({"choices": [{"index": 0, **choice}]}).encode() + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(event), event)


async def _main() -> None:
    server = await asyncio.start_server(_Crowd().serve, "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
