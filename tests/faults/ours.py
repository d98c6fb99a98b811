"""This library's four classes, as callers of a case."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from globalapi_core.config import Config, parse_config
from globalapi_core.errors import AllModelsFailedError, GatewayError, GlobalAPIError
from langchain_globalapi import ChatGlobalAPI, RouterRunnable
from llamaindex_globalapi import GlobalAPI, GlobalAPIRouter
from tests.faults import reading
from tests.faults.case import FIRST, Case
from tests.faults.promise import KEY, RETRIES, Judgement, Promise, Seen, judge

# The second model takes longer prompts: an overflow may go there.
ROUTES = """
attempts: {max_retries: 2, max_attempts: 6}
models:
  model-a: {context_window: 32000, tools: true, json_mode: true}
  model-b: {context_window: 128000, tools: true, json_mode: true}
routes:
  - {name: all, candidates: [model-a, model-b]}
"""


def _config(case: Case) -> Config:
    return _timed(tuple(case.limits.items()))


@functools.cache
def _timed(limits: tuple[tuple[str, float], ...]) -> Config:
    timers = "".join(f", {name}: {seconds}" for name, seconds in limits)
    return parse_config(ROUTES.replace("max_attempts: 6", f"max_attempts: 6{timers}"))


def _chat(url: str, case: Case) -> Any:
    settings: dict[str, Any] = {"base_url": url, "api_key": KEY, "timeout": case.timeout}
    return ChatGlobalAPI(model=FIRST, max_retries=RETRIES, config=_config(case), **settings)


def _llm(url: str, case: Case) -> Any:
    settings: dict[str, Any] = {"api_base": url, "api_key": KEY, "timeout": case.timeout}
    return GlobalAPI(model=FIRST, max_retries=RETRIES, config=_config(case), **settings)


def _chat_router(url: str, case: Case) -> Any:
    return RouterRunnable(config=_config(case), base_url=url, api_key=KEY, timeout=case.timeout)


def _llm_router(url: str, case: Case) -> Any:
    return GlobalAPIRouter(config=_config(case), api_base=url, api_key=KEY, timeout=case.timeout)


Made = tuple[Callable[[str, Case], Any], reading.Reader]
SINGLE: dict[str, Made] = {
    "langchain": (_chat, reading.langchain),
    "llamaindex": (_llm, reading.llamaindex),
}
ROUTERS: dict[str, Made] = {
    "langchain-router": (_chat_router, reading.langchain),
    "llamaindex-router": (_llm_router, reading.llamaindex),
}


def callers(case: Case) -> list[str]:
    """Who is asked: a router only where the promise says whether it falls back."""
    return [*SINGLE, *(ROUTERS if case.promise.fallback is not None else ())]


def see(case: Case, caller: str, way: str) -> Seen:
    """What *caller*, asked in *way*, makes of *case*."""
    make, read = (SINGLE | ROUTERS)[caller]
    return reading.see(case, way, make, read, _failed)


def _failed(error: Exception) -> Seen:
    last = error.exceptions[-1] if isinstance(error, AllModelsFailedError) else error
    facts = Seen(
        error=type(error).__name__,
        kinds=tuple(each.__name__ for each in type(error).__mro__),
        own=isinstance(error, GlobalAPIError),
        message=str(error),
    )
    if not isinstance(last, GatewayError):
        return facts
    tried = last.record.attempts if last.record else ()
    return Seen(
        error=facts.error,
        kinds=facts.kinds,
        own=facts.own,
        message=facts.message,
        status=last.status,
        partial=last.partial_text,
        committed=last.shown,
        requests=len(tried),
        models=tuple(attempt.candidate.name for attempt, _ in tried),
    )


def same(wanted: tuple[str, ...], seen: Seen) -> bool:
    """Whether the error seen is one of those wanted, and no other kind."""
    return seen.error in wanted


def judged(promise: Promise, seen: Seen) -> Judgement:
    """The verdict on one of this library's classes."""
    return judge(promise, seen, same)
