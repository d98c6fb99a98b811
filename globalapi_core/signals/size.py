"""How large a request is, in tokens, and what it holds beside text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from globalapi_core.signals.question import text_of

TOKENS_PER_CHARACTER = 0.3
"""DeepSeek's published rule for English text (api-docs.deepseek.com/quick_start/token_usage)."""
TOKENS_PER_HAN = 0.6
"""The same page's rule for Chinese characters."""
TOKENS_PER_MESSAGE = 4
"""Role and separators; what OpenAI's cookbook counts for its chat models."""
TOKENS_PER_ATTACHMENT = 1_000
"""Assumed for a picture, a recording or a file: near what a 1024-pixel picture costs."""

_PARTS = {
    "image_url": "image",
    "input_audio": "audio",
    "audio_url": "audio",
    "video_url": "video",
    "file": "file",
}


def tokens(messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] = ()) -> int:
    """Estimated input tokens of *messages* and the definitions of *tools*."""
    count = sum(of_text(text_of(message)) + TOKENS_PER_MESSAGE for message in messages)
    calls = [call for message in messages for call in message.get("tool_calls") or ()]
    for structure in (*calls, *tools):
        count += of_text(json.dumps(structure, ensure_ascii=False, default=str))
    return round(count + TOKENS_PER_ATTACHMENT * sum(1 for _ in _attachments(messages)))


def of_text(text: str) -> float:
    """Estimated tokens of *text*."""
    if text.isascii():
        return len(text) * TOKENS_PER_CHARACTER
    # A Han character takes three bytes in UTF-8: two more than it has characters.
    han = (len(text.encode("utf-8", "replace")) - len(text)) / 2
    return (len(text) - han) * TOKENS_PER_CHARACTER + han * TOKENS_PER_HAN


def modalities(messages: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """What *messages* hold: always text, and what is attached."""
    return frozenset({"text", *_attachments(messages)})


def _attachments(messages: Sequence[Mapping[str, Any]]) -> list[str]:
    lists = (each.get("content") for each in messages if isinstance(each.get("content"), list))
    kinds = (_PARTS.get(part.get("type", "")) for content in lists for part in content or ())
    return [kind for kind in kinds if kind]
