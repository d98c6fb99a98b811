"""A thousand calls through trouble: one in five refused, one in ten cut short.

The same seeded faults meet each client in a sandbox of its own, which knows the whole
answer and keeps the bill. Counted are whole answers, halves handed out as whole ones,
errors raised, attempts, and what the client says it spent beside the bill. Prints a table.
Peers that are not installed are left out: see README.md in this folder.
"""

from __future__ import annotations

import contextlib
import random
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from globalapi_core.sandbox import Sandbox, faults

CALLS = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
SEED = 7
MODEL, NEXT = "deepseek-v4-flash", "qwen3-32b"
PROMPT = "Refunds take five working days. They go to the card you paid with.\n\nQuestion: refunds?"

Ask = Callable[[], str]


def trouble() -> list[Any]:
    """What each request meets, more than are needed."""
    draw = random.Random(SEED)
    kinds = [faults.rate_limited(retry_after=0.01), faults.cut(after_chunks=2), faults.delay(0)]
    return draw.choices(kinds, weights=[20, 10, 70], k=6 * CALLS)


def ours(sandbox: Sandbox, spent: list[Decimal], *, router: bool, streamed: bool) -> Ask:
    """`ChatGlobalAPI`, or `RouterRunnable` with one more model to fall back to."""
    from globalapi_core.config import parse_config
    from langchain_globalapi import ChatGlobalAPI, RouterRunnable

    # As many tries as the peer has with its fallback.
    routes = "attempts: {max_attempts: 6}\n"
    routes += f"routes: [{{name: default, candidates: [{MODEL}, {NEXT}]}}]"
    settings: dict[str, Any] = {"base_url": sandbox.base_url, "max_retries": 2}
    if router:
        model: Any = RouterRunnable(config=parse_config(routes), **settings)
    else:
        model = ChatGlobalAPI(model=MODEL, **settings)

    def ask() -> str:
        message = _asked(model, streamed)
        spent.append(Decimal(message.response_metadata["globalapi"]["cost"]["at_least"]))
        return str(message.text)

    return ask


def chat_openai(sandbox: Sandbox, *, fallback: bool, streamed: bool) -> Ask:
    """`ChatOpenAI` with its own retries, or `with_fallbacks` around it too."""
    from langchain_openai import ChatOpenAI

    def made(name: str) -> Any:
        settings: dict[str, Any] = {"base_url": sandbox.base_url, "api_key": "none"}
        return ChatOpenAI(model=name, max_retries=2, stream_usage=True, **settings)

    model = made(MODEL).with_fallbacks([made(NEXT)]) if fallback else made(MODEL)
    return lambda: str(_asked(model, streamed).text)


def _asked(model: Any, streamed: bool) -> Any:
    if not streamed:
        return model.invoke(PROMPT)
    whole = None
    for chunk in model.stream(PROMPT):
        whole = chunk if whole is None else whole + chunk
    return whole


def clients(sandbox: Sandbox, spent: list[Decimal]) -> Iterator[tuple[str, Callable[[], Ask]]]:
    """Each client with its name, made when it is its turn."""
    for streamed in (False, True):
        way = "stream" if streamed else "invoke"
        for router in (False, True):
            name = "RouterRunnable" if router else "ChatGlobalAPI"
            yield (
                f"{name}, {way}",
                lambda r=router, s=streamed: ours(sandbox, spent, router=r, streamed=s),
            )
        for fallback in (False, True):
            name = "ChatOpenAI.with_fallbacks" if fallback else "ChatOpenAI"
            yield (
                f"{name}, {way}",
                lambda f=fallback, s=streamed: chat_openai(sandbox, fallback=f, streamed=s),
            )


def soak(sandbox: Sandbox, ask: Ask, spent: list[Decimal]) -> dict[str, Any]:
    """Run all the calls of one client."""
    whole = {ask()}
    sandbox.down(MODEL)
    with contextlib.suppress(Exception):  # a client without a fallback has no other answer
        whole.add(ask())
    sandbox.reset()
    sandbox.up(MODEL)
    spent.clear()
    sandbox.script("*", trouble())
    counts = {"whole": 0, "halves": 0, "errors": 0}
    started = time.perf_counter()
    for _ in range(CALLS):
        try:
            kind = "whole" if ask() in whole else "halves"
        except Exception:
            kind = "errors"
        counts[kind] += 1
    return {
        **counts,
        "attempts": len(sandbox.requests) / CALLS,
        "seconds": time.perf_counter() - started,
        "spent": sum(spent, Decimal(0)),
        "bill": sandbox.bill.total.at_least,
    }


def main() -> None:
    """Soak every client and print what came of it."""
    print(f"{CALLS} calls: 20 % refused with 429, 10 % cut short\n")
    print(
        f"{'':36}{'whole':>7}{'halves':>8}{'errors':>8}{'tries/call':>12}{'claimed':>12}{'bill':>12}"
    )
    with Sandbox() as sandbox:
        spent: list[Decimal] = []
        for name, make in clients(sandbox, spent):
            sandbox.reset()
            try:
                ask = make()
            except ModuleNotFoundError as error:
                print(f"{name:36}{error.name} is not installed")
                continue
            done = soak(sandbox, ask, spent)
            claimed = f"{done['spent']:.6f}" if spent else "-"
            print(
                f"{name:36}{done['whole']:7}{done['halves']:8}{done['errors']:8}"
                f"{done['attempts']:12.2f}{claimed:>12}{done['bill']:12.6f}"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
