"""LangChain's messages to the wire's form, and answers back to messages."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    is_data_content_block,
)
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata
from langchain_core.messages.block_translators.openai import convert_to_openai_data_block
from langchain_core.messages.tool import invalid_tool_call, tool_call, tool_call_chunk

from globalapi_core.client import Answer
from globalapi_core.errors import InvalidInputError
from globalapi_core.pricing import Usage
from globalapi_core.records import CallRecord, Outcome, last_outcome
from globalapi_core.wire import Delta, InvalidToolCall, Reply, ToolCall

Message = TypeVar("Message", bound=AIMessage)

PROVIDER = "globalapi"
RECORD = "globalapi"
"""The key of `response_metadata` that holds the record of the call."""


def to_wire(messages: Sequence[BaseMessage], *, reasoning_of: str | None = None) -> list[Any]:
    """*messages* in the wire's form.

    Args:
        messages: the conversation.
        reasoning_of: the family to be asked. Reasoning that led to tool calls goes back to
            the family it came from, which some require, and to no other.
    """
    answered = {each.tool_call_id for each in messages if isinstance(each, ToolMessage)}
    return [_to_wire(message, answered, reasoning_of) for message in messages]


def _to_wire(
    message: BaseMessage, answered: Container[str | None], reasoning_of: str | None
) -> dict[str, Any]:
    wire: dict[str, Any] = {"role": _role(message), "content": _content(message)}
    if message.name and not isinstance(message, ToolMessage):
        wire["name"] = message.name
    if isinstance(message, ToolMessage):
        wire["tool_call_id"] = message.tool_call_id
    elif isinstance(message, AIMessage):
        _add_calls(wire, message, answered, reasoning_of)
    return wire


def _content(message: BaseMessage) -> str | list[Any]:
    if isinstance(message.content, str):
        return message.content
    # Of what a model wrote in blocks only the text is anybody else's to read.
    return str(message.text) if isinstance(message, AIMessage) else _parts(message.content)


def _role(message: BaseMessage) -> str:
    if isinstance(message, ChatMessage):
        return message.role
    for kind, role in _ROLES:
        if isinstance(message, kind):
            return role
    raise InvalidInputError(f"no role on the wire for a {type(message).__name__}")


_ROLES: tuple[tuple[type[BaseMessage], str], ...] = (
    (HumanMessage, "user"),
    (AIMessage, "assistant"),
    (SystemMessage, "system"),
    (ToolMessage, "tool"),
    (FunctionMessage, "function"),
)


def _add_calls(
    wire: dict[str, Any],
    message: AIMessage,
    answered: Container[str | None],
    reasoning_of: str | None,
) -> None:
    calls = [
        _call(call["id"], call["name"], json.dumps(call["args"], ensure_ascii=False))
        for call in message.tool_calls
    ]
    # A call without a result is refused, and an invalid one is seldom given a result.
    calls += [
        _call(call["id"], call["name"] or "", call["args"] or "")
        for call in message.invalid_tool_calls
        if call["id"] in answered
    ]
    if not calls:
        return
    wire["tool_calls"] = calls
    wire["content"] = wire["content"] or None
    reasoning = message.additional_kwargs.get("reasoning_content")
    if reasoning and reasoning_of and message.response_metadata.get("family") == reasoning_of:
        wire["reasoning_content"] = reasoning


def _call(id_: str | None, name: str, arguments: str) -> dict[str, Any]:
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}


def _parts(blocks: Sequence[str | Mapping[str, Any]]) -> str | list[Any]:
    """Content blocks as the wire has them; plain text where there is nothing else."""
    parts = [_part(block) for block in blocks]
    if all(part["type"] == "text" for part in parts):
        return "".join(part["text"] for part in parts)
    return parts


def _part(block: str | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(block, str):
        return {"type": "text", "text": block}
    try:
        return _known_part(block)
    except (KeyError, ValueError) as error:
        raise InvalidInputError(
            f"a content block of type {block.get('type')!r} cannot be sent: {error}"
        ) from None


def _known_part(block: Mapping[str, Any]) -> dict[str, Any]:
    """A block of LangChain's, old or new, or of Anthropic's; others are the wire's own."""
    kind = block["type"]
    if kind in ("text", "text-plain"):
        return {"type": "text", "text": block["text"]}
    if kind == "image" and isinstance(source := block.get("source"), Mapping):
        return {"type": "image_url", "image_url": {"url": _anthropic_url(source)}}
    if kind == "video":
        url = block.get("url") or f"data:{block['mime_type']};base64,{block['base64']}"
        return {"type": "video_url", "video_url": {"url": url}}
    if is_data_content_block(dict(block)):
        return convert_to_openai_data_block(_titled(block))
    return dict(block)


def _titled(block: Mapping[str, Any]) -> dict[str, Any]:
    """A file with a name: without one LangChain warns, and calls it LC_AUTOGENERATED."""
    holders = [block, block.get("extras") or {}, block.get("metadata") or {}]
    if block["type"] != "file" or any(each.get("filename") for each in holders):
        return dict(block)
    return {**block, "filename": f"file.{str(block.get('mime_type')).rpartition('/')[2]}"}


def _anthropic_url(source: Mapping[str, Any]) -> str:
    if source.get("type") == "url":
        return str(source["url"])
    return f"data:{source['media_type']};base64,{source['data']}"


def previous(messages: Sequence[BaseMessage]) -> str | None:
    """The model that gave the last answer among *messages*; `None`: there is none, or no record."""
    answer = next((each for each in reversed(messages) if isinstance(each, AIMessage)), None)
    record = record_of(answer) if answer else None
    return record.get("model") if record else None


def answered_by(messages: Sequence[BaseMessage]) -> str | None:
    """The model whose tool calls the last messages answer; `None` outside a tool loop."""
    if not messages or not isinstance(messages[-1], ToolMessage):
        return None
    return previous(messages)


def message(answer: Answer) -> AIMessage:
    """A whole answer as a message."""
    reply = answer.reply
    return AIMessage(
        content=reply.text,
        additional_kwargs=_extras(reply.reasoning),
        tool_calls=[
            tool_call(name=each.name, args=dict(each.arguments), id=each.id)
            for each in reply.tool_calls
        ],
        invalid_tool_calls=_invalid(reply),
        usage_metadata=_usage(reply.usage),
        response_metadata=_metadata(answer),
    )


def delta_chunk(delta: Delta) -> AIMessageChunk:
    """A piece of a streamed answer."""
    return AIMessageChunk(content=delta.text, additional_kwargs=_extras(delta.reasoning))


def last_chunk(answer: Answer) -> AIMessageChunk:
    """The end of a streamed answer: its tool calls, usage and record, each said once."""
    reply = answer.reply
    # LangChain closes the brackets of arguments that were cut, and would run the call. As a
    # JSON string they stay what they are, an invalid call.
    calls: Sequence[ToolCall | InvalidToolCall] = (*reply.tool_calls, *reply.invalid_tool_calls)
    return AIMessageChunk(
        content="",
        tool_call_chunks=[
            tool_call_chunk(
                name=each.name,
                args=json.dumps(each.arguments, ensure_ascii=False),
                id=each.id,
                index=number,
            )
            for number, each in enumerate(calls)
        ],
        usage_metadata=_usage(reply.usage),
        response_metadata=_metadata(answer),
        chunk_position="last",
    )


def outcome(message: AIMessage) -> Outcome | None:
    """What a message says of the attempt that made it; `None` if it carries no record."""
    record = record_of(message)
    found = last_outcome(record) if record else None
    if found is None or not is_cached(message):
        return found
    return replace(found, usage=Usage(0, 0), estimate=None)


def record_of(message: BaseMessage) -> dict[str, Any] | None:
    """The record of the call that made *message*: decision, attempts, usage and cost.

    Returns:
        `CallRecord.as_dict()`, for an answer of this package's; `None` for other messages.
    """
    record = message.response_metadata.get(RECORD)
    return record if isinstance(record, dict) else None


def is_cached(message: AIMessage) -> bool:
    """Whether *message* came from LangChain's cache, so that nothing was used for it."""
    # This is LangChain's own mark; what nothing was paid for, we do not price.
    return dict(message.usage_metadata or {}).get("total_cost") == 0


def said(message: AIMessage) -> str:
    """Text and reasoning of a message, or of a piece of one."""
    return f"{message.additional_kwargs.get('reasoning_content', '')}{message.text}"


def recorded(message: Message, call: CallRecord) -> Message:
    """*message*, carrying the record of the whole *call*."""
    message.response_metadata = {**message.response_metadata, RECORD: call.as_dict()}
    return message


def is_visible(chunk: AIMessage) -> bool:
    """Whether a chunk has anything to show."""
    return bool(chunk.content or chunk.additional_kwargs)


def _extras(reasoning: str) -> dict[str, Any]:
    return {"reasoning_content": reasoning} if reasoning else {}


def _invalid(reply: Reply) -> list[Any]:
    return [
        invalid_tool_call(name=each.name, args=each.arguments, id=each.id, error=each.error)
        for each in reply.invalid_tool_calls
    ]


def _metadata(answer: Answer) -> dict[str, Any]:
    reply = answer.reply
    attempt, _ = answer.record.attempts[-1]
    facts = {
        "model_name": reply.model or attempt.candidate.name,
        "model_provider": PROVIDER,
        "family": attempt.candidate.model.family,
        "finish_reason": reply.finish_reason,
        "id": reply.id,
        "request_id": reply.request_id,
        "system_fingerprint": reply.fingerprint,
        "logprobs": reply.logprobs,
        RECORD: answer.record.as_dict(),
    }
    return {name: value for name, value in facts.items() if value is not None}


def _usage(usage: Usage | None) -> UsageMetadata | None:
    """LangChain's counts; `None` unless both sides are known, for it has no unknown."""
    if usage is None or usage.input_tokens is None or usage.output_tokens is None:
        return None
    metadata = UsageMetadata(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        total_tokens=usage.input_tokens + usage.output_tokens,
    )
    if usage.cache_read_tokens is not None:
        metadata["input_token_details"] = InputTokenDetails(cache_read=usage.cache_read_tokens)
    if usage.reasoning_tokens is not None:
        metadata["output_token_details"] = OutputTokenDetails(reasoning=usage.reasoning_tokens)
    return metadata
