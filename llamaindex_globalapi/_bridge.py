"""LlamaIndex's messages to the wire's form."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.types import (
    AudioBlock,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)

from globalapi_core.errors import InvalidInputError

RECORD = "globalapi"
"""The key of `ChatResponse.additional_kwargs` that holds the record of the call."""
MODEL = "globalapi_model"
"""The key of `ChatMessage.additional_kwargs` that names the model that wrote the message."""
INVALID_CALLS = "invalid_tool_calls"
"""The key of `ChatMessage.additional_kwargs` that holds tool calls that must not run."""
CALLS = "tool_calls"
"""Where LlamaIndex kept tool calls before it had blocks for them, and partly still looks:
its chat engines and its streamed structured output do."""

_ROLES: Mapping[MessageRole, str] = {
    MessageRole.SYSTEM: "system",
    # Of the vendors behind the gateway only OpenAI knows the role, and it takes either.
    MessageRole.DEVELOPER: "system",
    MessageRole.USER: "user",
    MessageRole.ASSISTANT: "assistant",
    MessageRole.CHATBOT: "assistant",
    MessageRole.MODEL: "assistant",
    MessageRole.TOOL: "tool",
    MessageRole.FUNCTION: "tool",
}


def to_wire(messages: Sequence[ChatMessage], *, reasoning_of: str | None = None) -> list[Any]:
    """*messages* in the wire's form.

    Args:
        messages: the conversation.
        reasoning_of: the family to be asked. Reasoning that led to tool calls goes back to
            the family it came from, which some require, and to no other.

    Raises:
        InvalidInputError: an attachment cannot be read.
    """
    return [_to_wire(message, reasoning_of) for message in messages]


def _to_wire(message: ChatMessage, reasoning_of: str | None) -> dict[str, Any]:
    wire: dict[str, Any] = {"role": _ROLES[message.role], "content": _content(message.blocks)}
    extras = message.additional_kwargs
    if isinstance(extras.get("name"), str) and wire["role"] != "tool":
        wire["name"] = extras["name"]
    if wire["role"] == "tool":
        wire["tool_call_id"] = str(extras.get("tool_call_id", ""))
    elif wire["role"] == "assistant":
        _add_calls(wire, message, reasoning_of)
    return wire


def _add_calls(wire: dict[str, Any], message: ChatMessage, reasoning_of: str | None) -> None:
    blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    calls = [call(each.tool_call_id or "", each.tool_name, each.tool_kwargs) for each in blocks]
    calls = calls or [_plain(each) for each in message.additional_kwargs.get(CALLS) or ()]
    if not calls:
        return
    wire["tool_calls"] = calls
    wire["content"] = wire["content"] or None
    reasoning = "".join(
        block.content or ""
        for block in message.blocks
        if isinstance(block, ThinkingBlock)
        and reasoning_of is not None
        and block.additional_information.get("family") == reasoning_of
    )
    if reasoning:
        wire["reasoning_content"] = reasoning


def call(id_: str, name: str, arguments: Mapping[str, Any] | str) -> dict[str, Any]:
    """A tool call as the wire has it."""
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}


def _plain(kept: Any) -> dict[str, Any]:
    """A tool call as another integration keeps it: a dict, or a model of its SDK."""
    return dict(kept) if isinstance(kept, Mapping) else dict(kept.model_dump(exclude_none=True))


def _content(blocks: Sequence[Any]) -> str | list[dict[str, Any]]:
    """Blocks as the wire has them; plain text where there is nothing else."""
    if len(blocks) == 1 and isinstance(blocks[0], TextBlock):
        return blocks[0].text
    parts = [part for block in blocks for part in _parts(block)]
    if all(part["type"] == "text" for part in parts):
        return "\n".join(part["text"] for part in parts)
    return parts


def _parts(block: Any) -> Iterator[dict[str, Any]]:
    """What the wire has for *block*; nothing for calls and reasoning, which are no content."""
    if isinstance(block, TextBlock):
        yield {"type": "text", "text": block.text}
    elif isinstance(block, CitableBlock):
        for inner in block.content:
            yield from _parts(inner)
    elif isinstance(block, CitationBlock):
        yield from _parts(block.cited_content)
    elif type(block) in _ATTACHMENTS:
        try:
            yield _ATTACHMENTS[type(block)](block)
        except (OSError, ValueError) as error:
            raise InvalidInputError(f"cannot read the {block.block_type}: {error}") from error
    elif not isinstance(block, ThinkingBlock | ToolCallBlock | CachePoint):
        raise InvalidInputError(f"no form on the wire for a {type(block).__name__}")


def _image(block: ImageBlock) -> dict[str, Any]:
    url = _url(block.url) or _data_url(
        block.resolve_image().read(), block.image_mimetype, _image_type
    )
    return {"type": "image_url", "image_url": {"url": url, **_given(detail=block.detail)}}


def _audio(block: AudioBlock) -> dict[str, Any]:
    url = _url(block.url)
    if url is not None:
        return {"type": "audio_url", "audio_url": {"url": url}}
    data = base64.b64encode(block.resolve_audio().read()).decode()
    return {"type": "input_audio", "input_audio": {"data": data, "format": block.format or "wav"}}


def _video(block: VideoBlock) -> dict[str, Any]:
    url = _url(block.url) or _data_url(block.resolve_video().read(), block.video_mimetype)
    return {"type": "video_url", "video_url": {"url": url}}


def _document(block: DocumentBlock) -> dict[str, Any]:
    url = _data_url(block.resolve_document().read(), block.document_mimetype)
    return {"type": "file", "file": {"filename": block.title, "file_data": url}}


_ATTACHMENTS: Mapping[type, Callable[[Any], dict[str, Any]]] = {
    ImageBlock: _image,
    AudioBlock: _audio,
    VideoBlock: _video,
    DocumentBlock: _document,
}


def _url(url: object) -> str | None:
    return None if url is None else str(url)


def _data_url(
    data: bytes, mimetype: str | None, guess: Callable[[bytes], str | None] | None = None
) -> str:
    mimetype = mimetype or (guess(data) if guess else None)
    if mimetype is None:
        raise ValueError("its kind cannot be told; give the block its MIME type")
    return f"data:{mimetype};base64,{base64.b64encode(data).decode()}"


def _image_type(data: bytes) -> str | None:
    return ImageBlock(image=data).image_mimetype


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def previous(messages: Sequence[ChatMessage]) -> str | None:
    """The model that gave the last answer among *messages*; `None`: there is none, or not known."""
    answers = (each for each in reversed(messages) if _ROLES[each.role] == "assistant")
    answer = next(answers, None)
    name = answer.additional_kwargs.get(MODEL) if answer else None
    return name if isinstance(name, str) else None


def answered_by(messages: Sequence[ChatMessage]) -> str | None:
    """The model whose tool calls the last messages answer; `None` outside a tool loop."""
    for number, message in enumerate(reversed(messages)):
        if _ROLES[message.role] != "tool":
            name = message.additional_kwargs.get(MODEL) if number else None
            return name if isinstance(name, str) else None
    return None


def asked(prompt: str) -> list[ChatMessage]:
    """A completion's *prompt* as a conversation."""
    return [ChatMessage(role=MessageRole.USER, content=prompt)]
