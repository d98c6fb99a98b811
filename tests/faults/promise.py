"""What is promised of a fault, what a caller saw of it, and whether that is the same.

One function judges everybody: this library in the tests, and its peers when
`docs/faults.md` is made.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

KEY = "sk-canary-7f3a91c2d4"
"""The key every call is made with: it must turn up nowhere but in the request's head."""
RETRIES = 2
"""What every caller is told: further tries of the same model."""
ALL = 1 + RETRIES
"""Requests of a call that tried as often as it may."""
AGAIN = (2, ALL)
"""At least once more: what may have been billed need not be tried as often."""


class Verdict(StrEnum):
    """How what was seen compares with what was promised, from best to worst."""

    RIGHT = "right"
    PARTLY = "partly"
    WRONG = "wrong"
    CRASH = "crash"


@dataclass(frozen=True, slots=True)
class Promise:
    """What comes of one fault, whoever calls."""

    sentence: str
    answer: str | None = None
    """The text of the answer; `None`: there is none, one of *errors* is raised."""
    errors: tuple[str, ...] = ()
    """The error, by its name in `globalapi_core.errors`; any of these."""
    requests: tuple[int, int] = (1, 1)
    """How many are sent with `max_retries=2`: at least, at most."""
    shown: str = ""
    """What a stream has handed over before the error."""
    partial: str | None = None
    """What the error carries of the answer; `None`: what was shown."""
    status: int | None = None
    message: str = ""
    """Something the error's text must say."""
    calls: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    """The tool calls that may be run: name and arguments."""
    finish: str | None = None
    """The finish reason; `None`: not looked at."""
    usage: tuple[int, int] | None = None
    """Input and output tokens; (0, 0) where they are unknown; `None`: not looked at."""
    reasoning: str | None = None
    """`None`: not looked at."""
    within: float | None = None
    """Seconds the call may take at most; `None`: not looked at."""
    after: float = 0.0
    """Seconds it takes at least."""
    fallback: bool | None = None
    """Whether a router goes on to its next model; `None`: routers are not asked."""
    private: bool = False
    """Whether the fault is about the key: nothing of what is seen may show it."""


def answers(sentence: str, text: str = "hello", **more: Any) -> Promise:
    """The promise of an answer."""
    return Promise(sentence, answer=text, **more)


def fails(sentence: str, *errors: str, **more: Any) -> Promise:
    """The promise of an error, after one request unless told otherwise."""
    return Promise(sentence, errors=errors, **more)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a caller saw of one call, and the server of its requests."""

    text: str | None = None
    """The text of the answer; `None` where there was none."""
    shown: str = ""
    """What a stream handed over, up to its end or an error."""
    calls: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    finish: str | None = None
    usage: tuple[int, int] | None = None
    reasoning: str = ""
    error: str | None = None
    kinds: tuple[str, ...] = ()
    """The names of the error's classes, its own first."""
    own: bool = True
    """Whether the error is of the caller's own tree: not one of Python or an HTTP library."""
    message: str = ""
    status: int | None = None
    partial: str | None = None
    committed: bool | None = None
    reveals: bool = False
    """Whether the key is in the error, at any depth."""
    requests: int | None = None
    """`None`: there was no server to count them."""
    models: tuple[str, ...] = ()
    """The model of each request."""
    leaked: int = 0
    """Requests that reached another server."""
    prompt_in_head: bool = False
    seconds: float = 0.0

    def told(self) -> str:
        """It in a few words."""
        if self.error is None and self.calls:
            return f"runnable calls: {_listed(self.calls)}"
        if self.error is None:
            return "answers " + (f"{self.text[:20]!r}" if self.text is not None else "nothing")
        return self.error


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, and what was amiss."""

    verdict: Verdict
    why: str = ""


Same = Callable[[tuple[str, ...], Seen], bool]
"""Whether the error seen means the same as one of those named."""


def judge(promise: Promise, seen: Seen, same: Same) -> Judgement:
    """Compare what was seen with what was promised.

    An error that is not of the caller's own tree is a crash. A wrong answer, or an answer
    in place of an error, is wrong. One thing amiss with the right kind of end is partly
    right, two are wrong.
    """
    if seen.error is not None and not seen.own:
        return Judgement(Verdict.CRASH, f"raises {seen.error}")
    grave = list(_grave(promise, seen))
    slight = list(_slight(promise, seen, same))
    if grave or len(slight) > 1:
        return Judgement(Verdict.WRONG, "; ".join((grave or slight)[:2]))
    return Judgement(Verdict.PARTLY, slight[0]) if slight else Judgement(Verdict.RIGHT)


def _grave(promise: Promise, seen: Seen) -> Any:
    if promise.within is not None and seen.seconds > promise.within:
        yield f"took {seen.seconds:.0f} s"
    if seen.leaked:
        yield "followed the redirect with the prompt"
    if promise.private and seen.reveals:
        yield "shows the key"
    if promise.private and seen.prompt_in_head:
        yield "shows the prompt"
    if promise.errors:
        if seen.error is None:
            yield f"{seen.told()}, no error"
        elif seen.shown != promise.shown and seen.shown:
            yield f"showed {seen.shown[:20]!r}"
        return
    if seen.error is not None:
        yield f"raises {seen.error}"
        return
    if seen.text != promise.answer:
        yield f"answers {(seen.text or '')[:20]!r}"
    if seen.calls != promise.calls:
        yield f"runnable calls: {_listed(seen.calls)}"
    if promise.finish is not None and seen.finish != promise.finish:
        yield f"finish reason {seen.finish!r}"
    if promise.usage is not None and seen.usage != (promise.usage if any(promise.usage) else None):
        yield f"usage {seen.usage}"


def _slight(promise: Promise, seen: Seen, same: Same) -> Any:
    least, most = promise.requests
    if seen.requests is not None and not least <= seen.requests <= most:
        yield f"{seen.requests} requests"
    if promise.reasoning is not None and seen.reasoning != promise.reasoning:
        yield f"reasoning {seen.reasoning[:20]!r}"
    if seen.seconds < promise.after:
        yield f"waited {seen.seconds:.1f} s"
    if promise.errors and seen.error is not None:
        if not same(promise.errors, seen):
            yield f"raises {seen.error}"
        if promise.message and promise.message not in seen.message:
            yield f"says {seen.message[:40]!r}"


def _listed(calls: tuple[tuple[str, Mapping[str, Any]], ...]) -> str:
    return ", ".join(f"{name}({arguments})" for name, arguments in calls) or "none"


def reveals(error: BaseException, secret: str = KEY) -> bool:
    """Whether *secret* is in *error*: its text, causes, request or pickle."""
    for each in _chain(error):
        headers = getattr(getattr(each, "request", None), "headers", {})
        texts = [str(each), repr(each), repr(each.__dict__), *headers.values()]
        if any(secret in text for text in texts):
            return True
    try:
        return secret.encode() in pickle.dumps(error)
    except Exception:
        return False


def _chain(error: BaseException | None) -> Any:
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for each in error.exceptions:
                yield from _chain(each)
        error = error.__cause__ or error.__context__
