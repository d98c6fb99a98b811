"""Answers in the shape of OpenAI's chat completions, whole and as stream chunks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from globalapi_core.sandbox import tokens

FINGERPRINT = "sandbox"
_PER_CHUNK = 3
"""Tokens in one content chunk."""
DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a function the request offered."""

    id: str
    name: str
    arguments: str
    """JSON text."""

    def as_dict(self) -> dict[str, Any]:
        """As it stands in a message."""
        function = {"name": self.name, "arguments": self.arguments}
        return {"id": self.id, "type": "function", "function": function}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says, before it is put on the wire."""

    content: str | None = None
    reasoning: str | None = None
    calls: tuple[ToolCall, ...] = ()
    finish_reason: str = "stop"

    @property
    def reasoning_tokens(self) -> int:
        """Tokens of the reasoning alone."""
        return tokens.count(self.reasoning or "")

    @property
    def output_tokens(self) -> int:
        """Tokens of all that is said."""
        called = sum(tokens.count(each.name) + tokens.count(each.arguments) for each in self.calls)
        return self.reasoning_tokens + tokens.count(self.content or "") + called

    def limited(self, most: int | None) -> Answer:
        """The answer cut off after *most* tokens, reasoning included."""
        if most is None or self.output_tokens <= most:
            return self
        reasoning = tokens.split(self.reasoning or "")[:most]
        left = most - len(reasoning)
        content = tokens.split(self.content or "")[:left]
        calls: list[ToolCall] = []
        for call in self.calls:
            left -= tokens.count(call.name)
            if left <= 0:
                break
            pieces = tokens.split(call.arguments)[:left]
            left -= len(pieces)
            calls.append(ToolCall(call.id, call.name, "".join(pieces)))
        return Answer(
            content=None if self.content is None else "".join(content),
            reasoning=None if self.reasoning is None else "".join(reasoning),
            calls=tuple(calls),
            finish_reason="length",
        )

    def halved(self) -> Answer:
        """The answer with half of each call's arguments, which are then no JSON."""
        calls = tuple(
            ToolCall(call.id, call.name, call.arguments[: len(call.arguments) // 2])
            for call in self.calls
        )
        return Answer(self.content, self.reasoning, calls, self.finish_reason)

    def stopped(self, stops: tuple[str, ...]) -> Answer:
        """The answer as far as the first of *stops*, which is not part of it."""
        if self.content is None:
            return self
        found = [at for at in (self.content.find(stop) for stop in stops) if at >= 0]
        content = self.content[: min(found)] if found else self.content
        return Answer(content, self.reasoning, self.calls, self.finish_reason)

    def message(self) -> dict[str, Any]:
        """The assistant message."""
        message: dict[str, Any] = {"role": "assistant", "content": self.content}
        if self.reasoning is not None:
            message["reasoning_content"] = self.reasoning
        if self.calls:
            message["tool_calls"] = [call.as_dict() for call in self.calls]
        return message

    def deltas(self, *, repeating: bool = False) -> Iterator[tuple[dict[str, Any], int]]:
        """What a stream says piece by piece, with the tokens of each piece.

        With *repeating*, each piece of a call names it anew, and a `function_call` says the same.
        """
        for text, size in _pieces(self.reasoning or ""):
            yield {"reasoning_content": text}, size
        for text, size in _pieces(self.content or ""):
            yield {"content": text}, size
        for index, call in enumerate(self.calls):
            head = ToolCall(call.id, call.name, "").as_dict()
            yield _called(index, head, repeating=repeating), tokens.count(call.name)
            for text, size in _pieces(call.arguments):
                named = ToolCall(call.id, call.name, text).as_dict()
                piece = named if repeating else {"function": {"arguments": text}}
                yield _called(index, piece, repeating=repeating), size


def _called(index: int, piece: Mapping[str, Any], *, repeating: bool) -> dict[str, Any]:
    legacy = {"function_call": piece["function"]} if repeating else {}
    return {**legacy, "tool_calls": [{"index": index, **piece}]}


def _pieces(text: str) -> Iterator[tuple[str, int]]:
    cut = tokens.split(text)
    for start in range(0, len(cut), _PER_CHUNK):
        part = cut[start : start + _PER_CHUNK]
        yield "".join(part), len(part)


def usage(answer: Answer, input_tokens: int, cached: int | None) -> dict[str, Any]:
    """The usage block; *cached* is `None` where the sandbox keeps no prompt cache."""
    block: dict[str, Any] = {
        "prompt_tokens": input_tokens,
        "completion_tokens": answer.output_tokens,
        "total_tokens": input_tokens + answer.output_tokens,
    }
    if cached is not None:
        block["prompt_tokens_details"] = {"cached_tokens": cached}
    if answer.reasoning is not None:
        block["completion_tokens_details"] = {"reasoning_tokens": answer.reasoning_tokens}
    return block


def whole(head: Mapping[str, Any], answer: Answer | None, used: Mapping[str, Any]) -> bytes:
    """The body of an answer that is not streamed; no choice in it without *answer*.

    *used* is `{}` or holds the usage.
    """
    choices = []
    if answer is not None:
        choice = {"index": 0, "message": answer.message(), "logprobs": None}
        choices.append({**choice, "finish_reason": answer.finish_reason})
    return dump({**head, "object": "chat.completion", "choices": choices, **used})


def event(head: Mapping[str, Any], choices: list[dict[str, Any]], used: Mapping[str, Any]) -> bytes:
    """One chunk of a stream, as a server-sent event; *used* is `{}` or holds the usage."""
    body = {**head, "object": "chat.completion.chunk", "choices": choices, **used}
    return b"data: " + dump(body) + b"\n\n"


def choice(delta: Mapping[str, Any], finish_reason: str | None = None) -> list[dict[str, Any]]:
    """The choices of a chunk that says *delta*."""
    return [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}]


def dump(body: Mapping[str, Any]) -> bytes:
    """JSON in UTF-8; what UTF-8 cannot say, such as half a surrogate pair, becomes `?`."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")
