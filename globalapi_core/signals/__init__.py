"""What a policy may know about a request: facts and first guesses, never its text.

`read` reduces a conversation, in the wire's own form, to a frozen `Signals`. Both
frameworks and the command line go through it, so that one file gives one decision.
Nothing of the prompt is kept: signals travel on records and errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from globalapi_core.errors import InvalidInputError
from globalapi_core.signals import keywords as keywords_
from globalapi_core.signals import language, size, task
from globalapi_core.signals.question import asked, text_of

Message = Mapping[str, Any]
"""A message as the wire has it: `{"role": ..., "content": text or parts, ...}`."""


@dataclass(frozen=True, slots=True)
class Signals:
    """What is known of one request."""

    language: str = "und"
    """Of what is asked: en, zh, ja, ko, mixed (English and Chinese), other, or und."""
    code: bool = False
    """Whether it is about program text."""
    reasoning: bool = False
    """Whether it asks for a proof, a derivation or arithmetic in several steps."""
    evidence: Mapping[str, str] = field(default_factory=dict)
    """For each guess above, what in the text led to it: a pattern's name, not the text."""
    modalities: frozenset[str] = frozenset({"text"})
    """What the prompt holds: text, image, audio, video, file."""
    tools: int = 0
    """Tools bound to the call."""
    tool_loop: str | None = None
    """The model whose tool calls the conversation is answering; `None` outside a tool loop."""
    response_format: str | None = None
    """json_object or json_schema, when the answer must be JSON."""
    input_tokens: int = 0
    """Estimated tokens of the prompt."""
    max_tokens: int | None = None
    """Tokens of answer the caller allows; `None` if not said."""
    thinking: bool = False
    """Whether the caller asks the model to think first; some models charge more for it."""
    turns: int = 0
    """User messages in the conversation."""
    keywords: frozenset[str] = frozenset()
    """Which of the config file's keywords what is asked contains."""
    tags: frozenset[str] = frozenset()
    metadata: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "language": self.language,
            "code": self.code,
            "reasoning": self.reasoning,
            "evidence": dict(self.evidence),
            "modalities": sorted(self.modalities),
            "tools": self.tools,
            "tool_loop": self.tool_loop,
            "response_format": self.response_format,
            "input_tokens": self.input_tokens,
            "max_tokens": self.max_tokens,
            "thinking": self.thinking,
            "turns": self.turns,
            "keywords": sorted(self.keywords),
            "tags": sorted(self.tags),
        }


def read(
    messages: Sequence[Message],
    *,
    tools: Sequence[Mapping[str, Any]] = (),
    response_format: Mapping[str, Any] | None = None,
    max_tokens: int | None = None,
    thinking: object = None,
    tool_loop: str | None = None,
    tags: Iterable[str] = (),
    metadata: Mapping[str, Any] | None = None,
    keywords: Iterable[str] = (),
) -> Signals:
    """Reduce a conversation to its signals.

    Args:
        messages: the conversation as the wire has it.
        tools: the tools bound, as the wire has them.
        response_format: the wire's `response_format`.
        max_tokens: tokens of answer the caller allows.
        thinking: the caller's `thinking`, in any of its forms.
        tool_loop: the model whose tool calls the last messages answer.
        tags: the caller's tags.
        metadata: the caller's metadata; values are compared as text.
        keywords: words to look for in what is asked.

    Raises:
        InvalidInputError: there is no message, or nothing in any of them.
    """
    if not any(map(_says_something, messages)):
        raise InvalidInputError("the prompt is empty: there is no message with any content")
    question = asked(messages)
    spoken, language_evidence = language.of(question)
    code_evidence = task.code(question)
    reasoning_evidence = task.reasoning(question)
    evidence = {
        "language": language_evidence,
        "code": code_evidence,
        "reasoning": reasoning_evidence,
    }
    return Signals(
        language=spoken,
        code=code_evidence is not None,
        reasoning=reasoning_evidence is not None,
        evidence={name: text for name, text in evidence.items() if text is not None},
        modalities=size.modalities(messages),
        tools=len(tools),
        tool_loop=tool_loop,
        response_format=_json(response_format),
        input_tokens=size.tokens(messages, tools),
        max_tokens=max_tokens,
        thinking=asks_to_think(thinking),
        turns=sum(message.get("role") == "user" for message in messages),
        keywords=frozenset(keywords_.found(question, keywords)),
        tags=frozenset(tags),
        metadata={key: str(value) for key, value in (metadata or {}).items()},
    )


def _says_something(message: Message) -> bool:
    if text_of(message).strip() or message.get("tool_calls"):
        return True
    return len(size.modalities([message])) > 1


def asks_to_think(thinking: object) -> bool:
    """Whether a `thinking` parameter, a word, a flag or the vendors' mapping, switches it on."""
    if isinstance(thinking, Mapping):
        return thinking.get("type") == "enabled"
    return bool(thinking)


def _json(response_format: Mapping[str, Any] | None) -> str | None:
    kind = (response_format or {}).get("type")
    return kind if kind in ("json_object", "json_schema") else None
