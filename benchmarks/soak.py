"""A thousand calls through trouble: one in five refused, one in ten cut short.

The same seeded faults meet each client in a sandbox of its own, which knows the whole
answer and keeps the bill. Counted are whole answers, halves handed out as whole ones,
errors raised, attempts, and what the client says it spent beside the bill. Prints a table.
Peers that are not installed are left out: see README.md in this folder.

    python benchmarks/soak.py                  # 1,000 calls of each client
    python benchmarks/soak.py 200 --uncut      # 200, and nothing is cut short
"""

from __future__ import annotations

import argparse
import contextlib
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from globalapi_core.sandbox import Sandbox, faults

SEED = 7
MODEL, NEXT = "deepseek-v4-flash", "qwen3-32b"
PROMPT = "Refunds take five working days. They go to the card you paid with.\n\nQuestion: refunds?"
LONGEST = 180.0
"""Seconds for all the calls of one client; those it has not made by then are not made."""
ROUTES = f"""
attempts: {{max_attempts: 6}} # as many tries as the peer has with its fallback
routes: [{{name: default, candidates: [{MODEL}, {NEXT}]}}]
"""

Ask = Callable[[], str]


@dataclass
class Claim:
    """What a client says it spent, USD; its records say it, also those on its errors."""

    known: Decimal = Decimal(0)
    estimated: Decimal = Decimal(0)
    records: int = 0

    def add(self, record: Mapping[str, Any]) -> None:
        """Count one call."""
        self.known += Decimal(record["cost"]["at_least"])
        self.estimated += Decimal(record["estimated_cost"]["at_least"])
        self.records += 1

    def clear(self) -> None:
        """Forget the calls so far."""
        self.known = self.estimated = Decimal(0)
        self.records = 0


@dataclass
class Tally:
    """What came of the calls of one client."""

    whole: int = 0
    halves: int = 0
    errors: int = 0
    attempts: int = 0
    seconds: float = 0.0
    bill: Decimal = Decimal(0)
    claim: Claim = field(default_factory=Claim)

    @property
    def calls(self) -> int:
        """How many were made."""
        return self.whole + self.halves + self.errors

    def row(self) -> str:
        """For the table; what a client does not say is a dash."""
        claimed = [f"{amount:.6f}" for amount in (self.claim.known, self.claim.estimated)]
        known, estimated = claimed if self.claim.records else ("-", "-")
        return (
            f"{self.whole / self.calls:8.1%}{self.halves:8}{self.errors:8}"
            f"{self.attempts / self.calls:8.2f}{known:>11}{estimated:>11}{self.bill:11.6f}"
            f"{self.seconds:7.0f}"
        )


def trouble(calls: int, *, cuts: bool) -> list[Any]:
    """What each request meets, more than are needed."""
    draw = random.Random(SEED)
    kinds = [faults.rate_limited(retry_after=0.01), faults.cut(after_chunks=2), faults.delay(0)]
    weights = [20, 10, 70] if cuts else [20, 0, 80]
    return draw.choices(kinds, weights=weights, k=6 * calls)


def langchain(url: str, claim: Claim, *, router: bool, streamed: bool) -> Ask:
    """`ChatGlobalAPI`, or `RouterRunnable` with one more model to fall back to."""
    from globalapi_core.config import parse_config
    from langchain_globalapi import ChatGlobalAPI, RouterRunnable

    settings: dict[str, Any] = {"base_url": url, "max_retries": 2}
    if router:
        model: Any = RouterRunnable(config=parse_config(ROUTES), **settings)
    else:
        model = ChatGlobalAPI(model=MODEL, **settings)

    def ask() -> str:
        message = _asked(model, streamed)
        claim.add(message.response_metadata["globalapi"])
        return str(message.text)

    return ask


def llamaindex(url: str, claim: Claim, *, router: bool, streamed: bool) -> Ask:
    """`GlobalAPI`, or `GlobalAPIRouter` with one more model to fall back to."""
    from globalapi_core.config import parse_config
    from llamaindex_globalapi import GlobalAPI, GlobalAPIRouter

    settings: dict[str, Any] = {"api_base": url, "max_retries": 2}
    if router:
        model: Any = GlobalAPIRouter(config=parse_config(ROUTES), **settings)
    else:
        model = GlobalAPI(model=MODEL, **settings)

    def ask() -> str:
        *_, answer = model.stream_complete(PROMPT) if streamed else [model.complete(PROMPT)]
        claim.add(answer.additional_kwargs["globalapi"])
        return str(answer.text)

    return ask


def chat_openai(url: str, *, fallback: bool, streamed: bool) -> Ask:
    """`ChatOpenAI` with its own retries, or `with_fallbacks` around it too."""
    from langchain_openai import ChatOpenAI

    def made(name: str) -> Any:
        settings: dict[str, Any] = {"base_url": url, "api_key": "none"}
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


def clients(url: str, claim: Claim, streamed: bool) -> Iterator[tuple[str, Callable[[], Ask]]]:
    """Each client with its name, made when it is its turn."""
    yield "ChatGlobalAPI", lambda: langchain(url, claim, router=False, streamed=streamed)
    yield "GlobalAPI", lambda: llamaindex(url, claim, router=False, streamed=streamed)
    yield "ChatOpenAI", lambda: chat_openai(url, fallback=False, streamed=streamed)
    yield "RouterRunnable", lambda: langchain(url, claim, router=True, streamed=streamed)
    yield "GlobalAPIRouter", lambda: llamaindex(url, claim, router=True, streamed=streamed)
    yield "ChatOpenAI.with_fallbacks", lambda: chat_openai(url, fallback=True, streamed=streamed)


def soak(sandbox: Sandbox, ask: Ask, claim: Claim, calls: int, *, cuts: bool) -> Tally:
    """Make all the calls of one client."""
    whole = {ask()}
    sandbox.down(MODEL)
    with contextlib.suppress(Exception):  # a client without a fallback has no other answer
        whole.add(ask())
    sandbox.reset()
    sandbox.up(MODEL)
    claim.clear()
    sandbox.script("*", trouble(calls, cuts=cuts))
    tally = Tally(claim=claim)
    started = time.perf_counter()
    while tally.calls < calls and time.perf_counter() - started < LONGEST:
        try:
            if ask() in whole:
                tally.whole += 1
            else:
                tally.halves += 1
        except Exception as error:
            tally.errors += 1
            record = getattr(error, "record", None)
            if record is not None:
                claim.add(record.as_dict())
    tally.seconds = time.perf_counter() - started
    tally.attempts = len(sandbox.requests)
    tally.bill = sandbox.bill.total.at_least
    return tally


def main() -> None:
    """Soak every client and print what came of it."""
    parser = argparse.ArgumentParser(description="Calls through trouble, and what came of them.")
    parser.add_argument("calls", type=int, nargs="?", default=1_000)
    parser.add_argument("--uncut", action="store_true", help="nothing is cut short")
    given = parser.parse_args()
    cut = "none" if given.uncut else "10 %"
    print(f"{given.calls} calls of each client: 20 % refused with 429, {cut} cut short\n")
    print(
        f"{'':36}{'whole':>8}{'halves':>8}{'errors':>8}{'tries':>8}{'known':>11}{'estimated':>11}"
        f"{'bill':>11}{'s':>7}"
    )
    with Sandbox() as sandbox:
        for streamed in (False, True):
            claim = Claim()
            for name, make in clients(sandbox.base_url, claim, streamed):
                sandbox.reset()
                title = f"{name}, {'streamed' if streamed else 'whole'}"
                try:
                    ask = make()
                except ModuleNotFoundError as error:
                    print(f"{title:36}{error.name} is not installed")
                    continue
                tally = soak(sandbox, ask, claim, given.calls, cuts=not given.uncut)
                print(f"{title:36}{tally.row()}")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
