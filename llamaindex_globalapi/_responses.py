"""Answers as LlamaIndex's responses."""

from __future__ import annotations

from contextlib import aclosing, closing
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from globalapi_core.client import Answer, rejected
from globalapi_core.errors import RejectedAnswerError
from globalapi_core.pricing import Usage
from globalapi_core.records import CallRecord, Outcome, last_outcome
from globalapi_core.wire import Delta, Reply, ToolCall
from llamaindex_globalapi._bridge import CALLS, INVALID_CALLS, MODEL, RECORD, call


class Unfolding:
    """A streamed answer so far: LlamaIndex wants all of it with each delta."""

    def __init__(self, family: str) -> None:
        self._family = family
        self._text = ""
        self._reasoning = ""

    def add(self, item: Delta | Answer) -> ChatResponse:
        """The response that *item* makes: a partial one, or the whole one last."""
        if isinstance(item, Answer):
            return response(item, delta="")
        self._text += item.text
        self._reasoning += item.reasoning
        blocks = _text_blocks(self._text, self._reasoning, self._family)
        return ChatResponse(
            message=ChatMessage(role=MessageRole.ASSISTANT, blocks=blocks),
            delta=item.text,
            additional_kwargs={"thinking_delta": item.reasoning} if item.reasoning else {},
        )


def response(answer: Answer, *, delta: str | None = None) -> ChatResponse:
    """A whole answer."""
    reply = answer.reply
    usage = _usage(reply.usage)
    counts = ("prompt_tokens", "completion_tokens", "total_tokens")
    return ChatResponse(
        message=_message(answer),
        raw=_raw(reply, usage),
        delta=delta,
        additional_kwargs={
            **{name: usage[name] for name in counts if usage and name in usage},
            RECORD: answer.record.as_dict(),
        },
    )


def whole_again(error: RejectedAnswerError) -> list[ChatResponse]:
    """The answer that was rejected with *error*."""
    return [response(each) for each in rejected(error) if isinstance(each, Answer)]


def streamed_again(error: RejectedAnswerError) -> list[ChatResponse]:
    """The answer that was rejected with *error*, as a stream of it comes."""
    pieces = rejected(error)
    whole = next(each for each in reversed(pieces) if isinstance(each, Answer))
    so_far = Unfolding(whole.record.attempts[-1][0].candidate.model.family)
    return [so_far.add(each) for each in pieces]


def completion(response: ChatResponse) -> CompletionResponse:
    """*response* as that of a completion."""
    return CompletionResponse(
        text=response.message.content or "",
        additional_kwargs={**response.message.additional_kwargs, **response.additional_kwargs},
        raw=response.raw,
        delta=response.delta,
    )


def completions(responses: ChatResponseGen) -> CompletionResponseGen:
    """A stream of *responses* as that of a completion."""
    with closing(responses):
        for response in responses:
            yield completion(response)


async def acompletions(responses: ChatResponseAsyncGen) -> CompletionResponseAsyncGen:
    """`completions`, asynchronously."""
    async with aclosing(responses):
        async for response in responses:
            yield completion(response)


def record_of(response: ChatResponse | CompletionResponse) -> dict[str, Any] | None:
    """The record of the call that made *response*: decision, attempts, usage and cost.

    An engine's answer carries none: `globalapi_core.recorded_calls` has those of its calls.

    Returns:
        `CallRecord.as_dict()`; `None` for the response of another package, and for a part of
        a stream before its last.
    """
    record = response.additional_kwargs.get(RECORD)
    return record if isinstance(record, dict) else None


def outcome(response: ChatResponse) -> Outcome | None:
    """What a response says of the attempt that made it; `None` if it carries no record."""
    record = record_of(response)
    return None if record is None else last_outcome(record)


def brought(response: ChatResponse) -> str:
    """What a streamed response brings of the answer, reasoning included."""
    return f"{response.additional_kwargs.get('thinking_delta', '')}{response.delta or ''}"


def recorded(response: ChatResponse, record: CallRecord) -> ChatResponse:
    """*response* with the *record* of the whole call."""
    extras = {**response.additional_kwargs, RECORD: record.as_dict()}
    return response.model_copy(update={"additional_kwargs": extras})


def is_visible(response: ChatResponse) -> bool:
    """Whether a streamed response brings anything to show."""
    return bool(response.delta or response.additional_kwargs.get("thinking_delta"))


def only_first_call(response: ChatResponse) -> ChatResponse:
    """*response* without the tool calls after its first."""
    calls = [block for block in response.message.blocks if isinstance(block, ToolCallBlock)]
    if len(calls) < 2:
        return response
    message = response.message
    further = {id(block) for block in calls[1:]}
    kept = ChatMessage(
        role=message.role,
        blocks=[block for block in message.blocks if id(block) not in further],
        additional_kwargs={
            **message.additional_kwargs,
            CALLS: message.additional_kwargs[CALLS][:1],
        },
    )
    return response.model_copy(update={"message": kept})


def _message(answer: Answer) -> ChatMessage:
    reply = answer.reply
    attempt, _ = answer.record.attempts[-1]
    blocks = _text_blocks(reply.text, reply.reasoning, attempt.candidate.model.family)
    blocks += [_call_block(each) for each in reply.tool_calls]
    extras: dict[str, Any] = {MODEL: attempt.candidate.name}
    if reply.tool_calls:
        extras[CALLS] = [call(each.id, each.name, each.arguments) for each in reply.tool_calls]
    if reply.invalid_tool_calls:
        extras[INVALID_CALLS] = [
            {"id": each.id, "name": each.name, "arguments": each.arguments, "error": each.error}
            for each in reply.invalid_tool_calls
        ]
    return ChatMessage(role=MessageRole.ASSISTANT, blocks=blocks, additional_kwargs=extras)


def _text_blocks(text: str, reasoning: str, family: str) -> list[Any]:
    blocks: list[Any] = [TextBlock(text=text)] if text else []
    if reasoning:
        thought = ThinkingBlock(content=reasoning, additional_information={"family": family})
        blocks.insert(0, thought)
    return blocks


def _call_block(found: ToolCall) -> ToolCallBlock:
    arguments = dict(found.arguments)
    return ToolCallBlock(tool_call_id=found.id, tool_name=found.name, tool_kwargs=arguments)


def _raw(reply: Reply, usage: dict[str, Any] | None) -> dict[str, Any]:
    """What the server said beside the message, by its own names."""
    return {
        "id": reply.id,
        "model": reply.model,
        "finish_reason": reply.finish_reason,
        "request_id": reply.request_id,
        "system_fingerprint": reply.fingerprint,
        "logprobs": reply.logprobs,
        # LlamaIndex's token counter looks here first.
        "usage": usage,
    }


def _usage(usage: Usage | None) -> dict[str, Any] | None:
    if usage is None:
        return None
    known = {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
    }
    counts: dict[str, Any] = {name: n for name, n in known.items() if n is not None}
    if usage.cache_read_tokens is not None:
        counts["prompt_tokens_details"] = {"cached_tokens": usage.cache_read_tokens}
    if usage.reasoning_tokens is not None:
        counts["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning_tokens}
    return counts
