"""The sandbox's own tokenizer, and the prompt cache.

It is deliberately not the estimate of `globalapi_core.signals.size`: what the sandbox
bills is counted independently of what a client expects.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from globalapi_core.signals.question import text_of

PER_MESSAGE = 4
"""Role and separators, as in OpenAI's cookbook on counting tokens."""
PER_ATTACHMENT = 765
"""A 1024-pixel picture at OpenAI's published rate; assumed for other attachments too."""
CACHE_FROM = 1_024
"""Shortest prefix that is cached, in tokens, as OpenAI documents it."""
CACHE_STEP = 128
"""By how many tokens a cached prefix grows beyond that."""

# A space belongs to the token after it, so that the pieces join to the text again.
_PIECE = re.compile(
    r"\s*(?:[A-Za-z\u00c0-\u024f\u0370-\u1fff]{1,4}|[0-9]{1,3}|[^\s])|\s+",
)


def split(text: str) -> list[str]:
    """Cut *text* into tokens, which join to it again.

    Four letters of a word, three digits, one Han character or one punctuation mark each.
    """
    return _PIECE.findall(text)


def count(text: str) -> int:
    """Tokens of *text*."""
    return len(split(text))


def of_prompt(body: Mapping[str, Any]) -> int:
    """Tokens of a request: its messages, attachments, tools and response schema."""
    total = sum(map(_of_message, body["messages"]))
    for key in ("tools", "response_format"):
        if body.get(key):
            total += count(json.dumps(body[key], ensure_ascii=False))
    return total


def _of_message(message: Mapping[str, Any]) -> int:
    total = PER_MESSAGE + count(text_of(message)) + PER_ATTACHMENT * len(attached(message))
    for call in message.get("tool_calls") or ():
        total += count(call["function"]["name"]) + count(call["function"]["arguments"])
    return total


def attached(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The parts of *message* that are not text."""
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    return [part for part in parts if part.get("type") not in ("text", "refusal")]


class Prefixes:
    """The prompt prefixes a model has been sent before."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def remember(self, model: str, body: Mapping[str, Any]) -> int:
        """Note the prompt of *body*; how many of its first tokens *model* had seen before."""
        pieces = split(json.dumps([body.get("tools"), body["messages"]], ensure_ascii=False))
        digest = hashlib.sha256(model.encode())
        cached, done = 0, 0
        for end in range(CACHE_FROM, len(pieces) + 1, CACHE_STEP):
            digest.update("".join(pieces[done:end]).encode("utf-8", "replace"))
            done = end
            if digest.digest() in self._seen:
                cached = end
            self._seen.add(digest.digest())
        return cached
