"""What an answer says: whole, or not an answer.

A body and a stream end in the same place, `Draft.reply`: it returns a `Reply` only when
a finish reason was seen, and raises a typed error for everything else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from globalapi_core.errors import (
    ConnectionLostError,
    ContentFilteredError,
    GatewayError,
    GatewayTimeoutError,
    IncompleteResponseError,
    ResponseError,
    ServerError,
)
from globalapi_core.pricing import Usage
from globalapi_core.signals import size
from globalapi_core.wire import answers, failures, texts
from globalapi_core.wire.request import Payload
from globalapi_core.wire.thoughts import Opening
from globalapi_core.wire.toolcalls import Assembler, InvalidToolCall, ToolCall

_Error = TypeVar("_Error", bound=GatewayError)

# Each vendor's word for the same end (vendors' API pages; research of LiteLLM's map).
_CONTROL = re.compile(rb"[\x00-\x1f]")
_FILTERED = frozenset({"content_filter", "sensitive", "refusal"})
_BROKEN = frozenset({"error", "network_error", "insufficient_system_resource", "aborted"})
_FINISH = {
    "end_turn": "stop",
    "eos": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
}


class Head(Protocol):
    """Status and headers of an answer."""

    status: int
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of an answer, to be shown as it comes."""

    text: str = ""
    reasoning: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer."""

    text: str
    finish_reason: str
    """stop, length, tool_calls, or the server's own word."""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    invalid_tool_calls: tuple[InvalidToolCall, ...] = ()
    usage: Usage | None = None
    """`None` when the server did not say."""
    tokens: int | None = None
    """Estimated tokens of the answer, where the server did not say; else `None`."""
    model: str | None = None
    """The model the server says answered."""
    id: str | None = None
    request_id: str | None = None
    fingerprint: str | None = None
    adaptations: tuple[str, ...] = ()
    logprobs: Any = None


@dataclass(slots=True)
class Draft:
    """An answer being put together."""

    texts: list[str] = field(default_factory=list)
    reasonings: list[str] = field(default_factory=list)
    calls: Assembler = field(default_factory=Assembler)
    opening: Opening = field(default_factory=Opening)
    finish_reason: str | None = None
    usage: Usage | None = None
    model: str | None = None
    id: str | None = None
    fingerprint: str | None = None
    logprobs: Any = None
    stray: str = ""
    """What came beside the stream's events, which may say why they ended."""

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join((*self.texts, self.opening.text))

    def note(self, data: Mapping[str, Any]) -> None:
        """Take what a body and a stream event say of the answer as a whole."""
        self.model = texts.text(data.get("model")) or self.model
        self.id = texts.text(data.get("id")) or self.id
        self.fingerprint = texts.text(data.get("system_fingerprint")) or self.fingerprint
        self.count(data.get("usage"))

    def count(self, data: object) -> None:
        """Take a usage object: cumulative or not, the last is the whole count, never the sum."""
        self.usage = usage(data) or self.usage

    @property
    def tokens(self) -> int:
        """Estimated tokens so far: text, reasoning and tool calls."""
        # Of calls that are cut off all that came is told as it came.
        _, calls = self.calls.calls(answer_id="", cut="not whole yet")
        said = (f"{each.name or ''}{each.arguments}" for each in calls)
        return round(size.of_text("".join((self.text, *self.reasonings, *said))))

    @property
    def is_empty(self) -> bool:
        """Whether nothing of a message has come."""
        return not (self.opening.begun or self.reasonings or self.calls.begun)

    def add(self, piece: Mapping[str, Any]) -> Delta | None:
        """Take a message, or one delta of it; what of it can be shown."""
        text = texts.of_content(piece.get("content")) or texts.text(piece.get("refusal"))
        reasoning = (
            texts.text(piece.get("reasoning_content"))
            or texts.text(piece.get("reasoning"))
            or texts.of_details(piece.get("reasoning_details"))
        )
        self.calls.add(piece.get("tool_calls"))
        if text and not self.opening.over:
            text, thought = self.opening.feed(text)
            reasoning += thought
        return self._shown(text, reasoning)

    def rest(self) -> Delta | None:
        """What was held back until now because more might have come."""
        return None if self.opening.over else self._shown(*self.opening.rest())

    def _shown(self, text: str, reasoning: str) -> Delta | None:
        if text:
            self.texts.append(text)
        if reasoning:
            self.reasonings.append(reasoning)
        return Delta(text, reasoning) if text or reasoning else None

    def finish(self, reason: object) -> None:
        """Take a finish reason; an empty one is none."""
        if isinstance(reason, str) and reason:
            self.finish_reason = _FINISH.get(reason, reason)

    def reply(self, payload: Payload, request_id: str | None) -> Reply:
        """The whole answer.

        Raises:
            IncompleteResponseError: no finish reason was seen.
            ContentFilteredError: a content policy ended it.
            ServerError: the server says it broke off.
            ResponseError: the JSON that was asked for is not there, or not whole.
        """
        self.rest()
        reason = self.finish_reason
        if reason is None:
            raise self.incomplete("the answer ended without a finish reason", request_id)
        if reason in _FILTERED:
            text = f"a content policy ended the answer (finish_reason {reason!r})"
            raise self.failed(ContentFilteredError(text, request_id=request_id))
        if reason in _BROKEN:
            text = f"the model broke off its answer (finish_reason {reason!r})"
            raise self.failed(ServerError(text, request_id=request_id))
        cut = "the answer hit its length limit" if reason == "length" else None
        sound, invalid = self.calls.calls(
            answer_id=self.id or request_id or "0", cut=cut, offered=payload.offered
        )
        text = self.text
        if payload.answer_tool and self.calls.begun:
            answered = answers.by_tool(payload.answer_tool, sound, invalid)
            if answered.problem:
                raise self._unusable(answered.problem, invalid, request_id)
            text = text if answered.text is None else answered.text
            sound, invalid = answered.calls, answered.invalid
            reason = "stop" if answered.text is not None and not sound else reason
        # DeepSeek documents that its JSON mode may answer with nothing.
        if payload.wants_json and reason == "stop" and not (text.strip() or sound or invalid):
            empty = "the answer is empty, and JSON was asked for"
            raise self.failed(ResponseError(empty, request_id=request_id))
        return Reply(
            text=text,
            finish_reason=reason,
            reasoning="".join(self.reasonings),
            tool_calls=sound,
            invalid_tool_calls=invalid,
            usage=self.usage,
            tokens=None if self.usage else self.tokens,
            model=self.model,
            id=self.id,
            request_id=request_id,
            fingerprint=self.fingerprint,
            adaptations=payload.adaptations,
            logprobs=self.logprobs,
        )

    def _unusable(
        self, why: str, invalid: Sequence[InvalidToolCall], request_id: str | None
    ) -> ResponseError:
        """The error of an object that was given by a call which must not be used."""
        # With the same limit the same model would be cut again; another writes less.
        retryable = False if self.finish_reason == "length" else None
        error = ResponseError(
            f"the object that was asked for cannot be used: {why}",
            request_id=request_id,
            partial_text=self.text + "".join(each.arguments for each in invalid),
            retryable=retryable,
        )
        return self.failed(error)

    def incomplete(self, why: str, request_id: str | None) -> IncompleteResponseError:
        """The error of an answer that is not whole."""
        length = len(self.text)
        after = f"after {length:,} characters" if length else "before any text"
        said = f"; the server said: {self.stray}" if self.stray else ""
        text = f"{why}, {after}{said}"
        return self.failed(IncompleteResponseError(text, request_id=request_id))

    def failed(self, error: _Error) -> _Error:
        """*error*, saying what had come of the answer and what it may be billed for."""
        error.partial_text = error.partial_text or self.text
        error.partial_tokens = error.partial_tokens or self.tokens
        error.usage = error.usage or self.usage
        error.begun = error.begun or not self.is_empty or self.finish_reason is not None
        return error


def parse(body: bytes, payload: Payload, head: Head, *, secret: str | None) -> Reply:
    """The answer in the *body* of a 200.

    Raises:
        GatewayError: it holds an error, half an answer, or none.
    """
    data = load(body)
    request_id = failures.request_id(head.headers, secret)
    if not isinstance(data, Mapping):
        raise ResponseError(
            f"the answer is not a JSON object: {failures.excerpt(body, secret)}",
            request_id=request_id,
        )
    choice, draft = _drafted(data)
    if found := failures.in_body(data, head.headers, secret=secret):
        raise draft.failed(found)
    if choice is None:
        text = f"the answer is empty, it has no message: {failures.excerpt(body, secret)}"
        raise draft.failed(ResponseError(text, request_id=request_id))
    draft.finish(choice.get("finish_reason"))
    return draft.reply(payload, request_id)


@contextmanager
def losses(body: bytearray) -> Iterator[None]:
    """Put on an error what had come of the *body* that is being read.

    It is no answer, whatever it says, but the server may bill it. What is given up because
    it is too large is not kept.
    """
    from pydantic_core import from_json

    try:
        yield
    except (ConnectionLostError, GatewayTimeoutError) as error:
        try:
            half = from_json(bytes(body), allow_partial="trailing-strings")
        except ValueError:
            half = None
        _, draft = _drafted(_mapping(half))
        draft.usage = None  # Half of a number is another number.
        raise draft.failed(error) from error.__cause__


def _drafted(data: Mapping[str, Any]) -> tuple[Mapping[str, Any] | None, Draft]:
    """The choice in *data*, if it has a message, and the answer as far as it goes."""
    draft = Draft()
    draft.note(data)
    choices = data.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, Mapping) else None
    if not isinstance(choice, Mapping) or not isinstance(message, Mapping):
        return None, draft
    draft.logprobs = choice.get("logprobs")
    draft.add(message)
    return choice, draft


def load(body: bytes) -> Any:
    """The JSON in *body*; `None` where there is none. Blank lines and a BOM are skipped."""
    from pydantic_core import from_json

    body = body.removeprefix(b"\xef\xbb\xbf").strip()
    try:
        return from_json(body)
    except ValueError:
        return _loosely(body)


def _loosely(body: bytes) -> Any:
    """The JSON in *body* if all that is wrong are halves of surrogates or control characters."""
    if b"\\ud" not in body.lower() and not _CONTROL.search(body):
        return None
    try:
        return json.loads(body, strict=False)
    except (ValueError, RecursionError):
        return None


def usage(data: object) -> Usage | None:
    """The usage object of an answer; `None` if there is none or it counts nothing."""
    if not isinstance(data, Mapping):
        return None
    prompt = _mapping(data.get("prompt_tokens_details"))
    completion = _mapping(data.get("completion_tokens_details"))
    cached = _count(prompt.get("cached_tokens"))
    counts = Usage(
        input_tokens=_count(data.get("prompt_tokens")),
        output_tokens=_count(data.get("completion_tokens")),
        # DeepSeek's own name for it.
        cache_read_tokens=_count(data.get("prompt_cache_hit_tokens")) if cached is None else cached,
        reasoning_tokens=_count(completion.get("reasoning_tokens")),
    )
    return None if counts == Usage() else counts


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
