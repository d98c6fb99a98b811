"""What can be made to go wrong in the sandbox, as frozen values.

Each function makes one fault; `Sandbox.script` queues them for a model. Over HTTP the
same faults are JSON objects whose `kind` is the function's name: see `from_json`.
Some are ways of real servers (docs/real-model.md) that are meant as whole answers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Status:
    """Answer with an error status and body."""

    code: int
    message: str
    type: str
    error_code: str | None = None
    retry_after: float | str | None = None


@dataclass(frozen=True, slots=True)
class Delay:
    """Wait, then answer normally."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Dead:
    """Close the connection without answering."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Stop in the middle of the answer."""

    after_chunks: int = 3
    abrupt: bool = False
    done: bool = False


@dataclass(frozen=True, slots=True)
class Empty:
    """Answer 200 with no choices."""


@dataclass(frozen=True, slots=True)
class Blank:
    """Answer 200 with no body."""


@dataclass(frozen=True, slots=True)
class HalfCall:
    """Cut tool calls short and end them as whole ones are."""


@dataclass(frozen=True, slots=True)
class RepeatedCall:
    """Name a streamed tool call with every piece of it."""


@dataclass(frozen=True, slots=True)
class Pings:
    """Send comments before a stream's first event."""

    count: int = 3
    every: float = 0.0


@dataclass(frozen=True, slots=True)
class Uncounted:
    """Answer without usage."""


Fault = Status | Delay | Dead | Cut | Empty | Blank | HalfCall | RepeatedCall | Pings | Uncounted

_MESSAGES = {
    400: ("The request was not accepted.", "invalid_request_error"),
    401: ("Incorrect API key provided.", "authentication_error"),
    402: ("Insufficient balance.", "insufficient_quota"),
    403: ("This key may not do that.", "permission_error"),
    404: ("The model does not exist.", "invalid_request_error"),
    429: ("Too many requests.", "rate_limit_error"),
    500: ("The server had an error.", "server_error"),
    503: ("The model is overloaded.", "server_error"),
}


def status(
    code: int,
    *,
    retry_after: float | str | None = None,
    message: str | None = None,
    error_code: str | None = None,
) -> Status:
    """An error answer.

    Args:
        code: the HTTP status, 400 to 599.
        retry_after: the `Retry-After` header: seconds, or any text, sent as it is.
        message: what the body says; `None` for what is usual for *code*.
        error_code: the `code` in the body.

    Raises:
        ValueError: *code* is not an error status, or *retry_after* cannot be a header.
    """
    if not _is_error(code):
        raise ValueError(f"status {code!r} is no error; expected 400 to 599")
    if not _is_header(retry_after):
        said = "expected seconds or printable ASCII"
        raise ValueError(f"Retry-After {retry_after!r} cannot be sent; {said}")
    nearest = code if code in _MESSAGES else 500 if code >= 500 else 400
    text, kind = _MESSAGES[nearest]
    return Status(code, message or text, kind, error_code, retry_after)


def _is_error(code: object) -> bool:
    # A script over HTTP can hold anything in its place.
    return isinstance(code, int) and 400 <= code <= 599


def _is_header(value: object) -> bool:
    if isinstance(value, str):
        return value.isascii() and value.isprintable()
    return isinstance(value, int | float | None)


def rate_limited(retry_after: float | str | None = None) -> Status:
    """429, with a `Retry-After` header if *retry_after* is given."""
    return status(429, retry_after=retry_after, error_code="rate_limit_exceeded")


def overloaded() -> Status:
    """503: the model has too much to do."""
    return status(503, error_code="overloaded")


def server_error() -> Status:
    """500."""
    return status(500)


def forbidden_rate_limit() -> Status:
    """403 that is a rate limit, as the gateway's published error table has it."""
    return status(403, message="Rate limit exceeded")


def unauthorized() -> Status:
    """401: the key is not accepted."""
    return status(401, error_code="invalid_api_key")


def quota_exhausted() -> Status:
    """402: the balance is used up."""
    return status(402, error_code="insufficient_quota")


def context_overflow() -> Status:
    """400: the prompt is longer than the context window, whatever its length."""
    return status(
        400,
        message="The prompt is longer than the context window of this model.",
        error_code="context_length_exceeded",
    )


def delay(seconds: float) -> Delay:
    """Wait *seconds*, then answer normally.

    Raises:
        ValueError: *seconds* is negative or not finite.
    """
    return Delay(_seconds(seconds))


def _seconds(seconds: float) -> float:
    if not (math.isfinite(float(seconds)) and seconds >= 0):
        raise ValueError(f"{seconds!r} seconds; expected 0 or more")
    return float(seconds)


def dead() -> Dead:
    """Close the connection without answering."""
    return Dead()


def cut(after_chunks: int = 3, *, abrupt: bool = False, done: bool = False) -> Cut:
    """Stop in the middle of the answer.

    A stream sends *after_chunks* content chunks and no finish reason: the body ends as a
    whole one does, with *done* after a `[DONE]` too, or with *abrupt* the connection closes
    inside it. Without streaming, half of the announced body arrives.

    Raises:
        ValueError: both *abrupt* and *done*.
    """
    if abrupt and done:
        raise ValueError("a cut is abrupt or done, not both: [DONE] is at the end of a body")
    return Cut(int(after_chunks), bool(abrupt), bool(done))


def empty() -> Empty:
    """Answer 200 with `choices: []`."""
    return Empty()


def blank() -> Blank:
    """Answer 200 with no body at all: a stream without an event, or nothing where JSON is due."""
    return Blank()


def half_call() -> HalfCall:
    """Cut the arguments of each tool call in half, with the finish reason `tool_calls`.

    As llama.cpp does at the token limit. An answer without calls is as always.
    """
    return HalfCall()


def repeated_call() -> RepeatedCall:
    """Send id and name with every piece of a streamed call, and a `function_call` beside it.

    As llama.cpp does: a whole call that can be read as one of ten times its name.
    """
    return RepeatedCall()


def pings(count: int = 3, every: float = 0.0) -> Pings:
    """Send *count* comments, `: ping`, before a stream's first event, *every* seconds apart.

    The answer follows whole. Without streaming, the answer is as much later.

    Raises:
        ValueError: *count* or *every* is negative or not finite.
    """
    if int(count) < 0:
        raise ValueError(f"{count!r} comments; expected 0 or more")
    return Pings(int(count), _seconds(every))


def uncounted() -> Uncounted:
    """Answer without usage, though a stream was asked for it."""
    return Uncounted()


_MAKERS: Mapping[str, Callable[..., Fault]] = {
    each.__name__: each
    for each in (
        status,
        rate_limited,
        overloaded,
        server_error,
        forbidden_rate_limit,
        unauthorized,
        quota_exhausted,
        context_overflow,
        delay,
        dead,
        cut,
        empty,
        blank,
        half_call,
        repeated_call,
        pings,
        uncounted,
    )
}


def from_json(data: Any) -> Fault:
    """Read a fault such as `{"kind": "status", "status": 429, "retry_after": 1}`.

    `kind` is the name of a function above and the other keys are its arguments; the
    `code` of `status` is spelled `status`.

    Raises:
        ValueError: the kind is unknown or an argument does not fit; says what would.
    """
    if not isinstance(data, Mapping) or data.get("kind") not in _MAKERS:
        kind = data.get("kind") if isinstance(data, Mapping) else data
        raise ValueError(f"unknown fault {kind!r}; expected kind to be one of {', '.join(_MAKERS)}")
    arguments = {key: value for key, value in data.items() if key != "kind"}
    if "status" in arguments:
        arguments["code"] = arguments.pop("status")
    try:
        return _MAKERS[data["kind"]](**arguments)
    except (TypeError, ValueError) as error:
        raise ValueError(f"fault {data['kind']!r}: {error}") from None


def as_json(fault: Fault) -> dict[str, Any]:
    """*fault* as `from_json` reads it."""
    kind = re.sub(r"(?<!^)(?=[A-Z])", "_", type(fault).__name__).lower()
    facts = {name: value for name, value in asdict(fault).items() if value is not None}
    if isinstance(fault, Status):
        # The type follows from the code.
        facts["status"] = facts.pop("code")
        del facts["type"]
    return {"kind": kind, **facts}
