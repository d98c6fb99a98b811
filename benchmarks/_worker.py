"""The process in which one client is measured; `wire.py` starts it.

The client is named on the command line. Tasks come as lines of JSON on standard input, and
what each cost goes back as a line of JSON. Every answer is compared with what the server
sent: whoever loses text has failed, however fast.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import sys
import time
from typing import Any

from _clients import CLIENTS, Client, Turns
from _server import PIECE, TEXT, raise_file_limit

QUESTION = "How long does a refund take?"


def measure(
    kind: str, client: Client, url: str, urls: list[str], count: int, loop: asyncio.Runner
) -> float:
    """User and system seconds of this process for *count* times *kind* (see `wire.TASKS`)."""
    messages = client.messages(_conversation(1_000 if kind == "history" else 1))
    started = time.process_time()
    if kind == "models":
        texts = [CLIENTS[sys.argv[1]](each).call(messages) for each in urls]
    elif kind == "stream":
        texts = ["".join(client.stream(messages)) for _ in range(count)]
    elif kind in ("call", "history"):
        texts = [client.call(messages) for _ in range(count)]
    else:
        texts = loop.run(_ASYNC[kind](client, messages, count))
    spent = time.process_time() - started
    _check(texts, url if kind in ("stream", "astream", "at once") else None)
    return spent


async def _calls(client: Client, messages: Any, count: int) -> list[str]:
    return [await client.acall(messages) for _ in range(count)]


async def _streams(client: Client, messages: Any, count: int) -> list[str]:
    return [await _stream(client, messages) for _ in range(count)]


async def _at_once(client: Client, messages: Any, count: int) -> list[str]:
    return await asyncio.gather(*(_stream(client, messages) for _ in range(count)))


async def _stream(client: Client, messages: Any) -> str:
    return "".join([piece async for piece in client.astream(messages)])


_ASYNC = {"acall": _calls, "astream": _streams, "at once": _at_once}


def _conversation(number: int) -> Turns:
    turns = [("user" if n % 2 else "assistant", f"{QUESTION} ({n})") for n in range(1, number)]
    return [*turns, ("user", QUESTION)]


def _check(texts: list[str], stream: str | None) -> None:
    """Compare *texts* with what the server sent; the URL of a stream tells how much that was."""
    sent = TEXT if stream is None else PIECE * int(stream.split("/")[3])
    wrong = [text for text in texts if text != sent]
    if wrong:
        raise ValueError(f"{len(wrong)} of {len(texts)} answers are not what was sent")


def main() -> None:
    """Measure what standard input asks for, until it ends."""
    raise_file_limit()
    # What a library prints must not come between our lines.
    out, sys.stdout = sys.stdout, sys.stderr
    make = functools.cache(CLIENTS[sys.argv[1]])
    with asyncio.Runner() as loop:
        for line in sys.stdin:
            task = json.loads(line)
            try:
                spent = measure(client=make(task["url"]), loop=loop, **task)
                answer: dict[str, Any] = {"seconds": spent}
            except ModuleNotFoundError as error:
                answer = {"missing": error.name}
            except Exception as error:
                answer = {"failed": f"{type(error).__name__}: {error}"[:200]}
            print(json.dumps(answer), file=out, flush=True)
    os._exit(0)  # some clients wait for connections nobody will use again


if __name__ == "__main__":
    main()
