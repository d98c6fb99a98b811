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
from globalapi_core.signals import head, language, pii, size, task
from globalapi_core.signals import keywords as keywords_
from globalapi_core.signals.question import asked, before, text_of

Message = Mapping[str, Any]
"""A message as the wire has it: `{"role": ..., "content": text or parts, ...}`."""


@dataclass(frozen=True, slots=True)
class Signals:
    """What is known of one request."""

    language: str = "und"
    """Of what is asked: en, zh, ja, ko, mixed (English and Chinese), other, or und."""
    script: str | None = None
    """Of the Chinese in what is asked: Hans or Hant; `None` without any, or if it fits both."""
    task: str = "und"
    """What is asked for: chat, code, knowledge, math, reasoning, translation, summarising,
    extraction, or und."""
    difficulty: float = 0.0
    """0 to 1, the same in Chinese and in English: how much a wrong step would spoil the answer."""
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
    pii: frozenset[str] = frozenset()
    """Kinds of personal data noticed, best effort: email, phone, card, cn_id, iban, key."""
    size: size.Size = field(default=size.Size(), repr=False)
    """Characters by kind, from which `size.estimate(family)` estimates any family's tokens."""
    keywords: frozenset[str] = frozenset()
    """Which of the config file's keywords what is asked contains."""
    tags: frozenset[str] = frozenset()
    metadata: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "language": self.language,
            "script": self.script,
            "task": self.task,
            "difficulty": self.difficulty,
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
            "pii": sorted(self.pii),
            "keywords": sorted(self.keywords),
            "tags": sorted(self.tags),
        }


def prepare() -> None:
    """Load what `read` stands on, a file: an event loop should not have to wait for it."""
    head.default()


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
    guess: bool = True,
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
        guess: whether to look into what is asked: language, task, difficulty, keywords, PII.
            A call of a model that was named goes by none of them, and they take most of
            the time.

    Raises:
        InvalidInputError: there is no message, or nothing in any of them.
    """
    if not any(map(_says_something, messages)):
        raise InvalidInputError("the prompt is empty: there is no message with any content")
    whole = size.of(messages, tools)
    return Signals(
        **(_guesses(messages, keywords) if guess else {}),
        modalities=size.modalities(messages),
        tools=len(tools),
        tool_loop=tool_loop,
        response_format=_json(response_format),
        input_tokens=whole.estimate().tokens,
        max_tokens=max_tokens,
        thinking=asks_to_think(thinking),
        turns=sum(message.get("role") == "user" for message in messages),
        size=whole,
        tags=frozenset(tags),
        metadata={key: str(value) for key, value in (metadata or {}).items()},
    )


def _guesses(messages: Sequence[Message], keywords: Iterable[str]) -> dict[str, Any]:
    """What the text suggests, by the names of the signals."""
    question = asked(messages)
    earlier = before(messages, question)
    spoken = language.told(question)
    if spoken.language == "und" and earlier:
        spoken = language.told(earlier)
    guess = task.of(question, earlier)
    evidence = {
        "language": spoken.evidence,
        "task": guess.evidence,
        "code": guess.code,
        "reasoning": guess.reasoning,
    }
    return {
        "language": spoken.language,
        "script": spoken.script,
        "task": guess.task,
        "difficulty": guess.difficulty,
        "code": guess.code is not None,
        "reasoning": guess.reasoning is not None,
        "evidence": {name: text for name, text in evidence.items() if text is not None},
        "pii": pii.of(messages),
        "keywords": frozenset(keywords_.found(question, keywords)),
    }


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
