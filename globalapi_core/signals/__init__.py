"""What a policy may know about a request: facts and first guesses, never its text.

`read` reduces a conversation, in the wire's own form, to a frozen `Signals`. Both
frameworks and the command line go through it, so that one file gives one decision.
Nothing of the prompt is kept: signals travel on records and errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from globalapi_core.errors import InvalidInputError
from globalapi_core.signals import head, language, pii, size, task
from globalapi_core.signals import keywords as keywords_
from globalapi_core.signals.correction import Correction
from globalapi_core.signals.question import asked, before, text_of
from globalapi_core.signals.size import Estimate, Size
from globalapi_core.signals.tokenizers import Counter

if TYPE_CHECKING:
    from globalapi_core.quality.predict import Guess

Message = Mapping[str, Any]
"""A message as the wire has it: `{"role": ..., "content": text or parts, ...}`."""

BUCKETS = 10_000
_UNTAUGHT = Correction()
_ESTIMATED: Mapping[str, Counter] = MappingProxyType({})
_KEYED_BY = 2_000
"""Characters from either end of a message that its bucket is drawn from."""


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
    """0 to 1, by the task and by cues that count alike in Chinese and in English."""
    code: bool = False
    """Whether it is about program text."""
    reasoning: bool = False
    """Whether it asks for a proof, a derivation, a puzzle's or an equation's solution, or
    arithmetic in several steps."""
    evidence: Mapping[str, str] = field(default_factory=dict)
    """For each guess above, what in the text led to it: a pattern's name, not the text."""
    modalities: frozenset[str] = frozenset({"text"})
    """What the prompt holds: text, image, audio, video, file."""
    tools: int = 0
    """Tools bound to the call."""
    tool_loop: str | None = None
    """The model whose tool calls the conversation is answering; `None` outside a tool loop."""
    previous: str | None = None
    """The model that gave the conversation's last answer; `None`: there is none, or it is
    not known."""
    cached_tokens: int = 0
    """Estimated tokens up to that answer, tools included, which that model's cache may hold."""
    bucket: int = 0
    """Where the conversation falls when traffic is split, 0 to 9,999: by its first user
    message, so that all its turns fall alike. Too coarse to tell what was asked."""
    response_format: str | None = None
    """json_object or json_schema, when the answer must be JSON."""
    input_tokens: int = 0
    """Estimated tokens of the prompt."""
    max_tokens: int | None = None
    """Tokens of answer the caller allows; `None` if not said."""
    thinking: bool | None = None
    """Whether the caller asks the model to think first, for which some charge more; `None`: he
    does not say."""
    turns: int = 0
    """User messages in the conversation."""
    pii: frozenset[str] = frozenset()
    """Kinds of personal data noticed, best effort: email, phone, card, cn_id, iban, key."""
    size: Size | None = field(default=None, repr=False)
    """Characters by kind, from which `estimate` is made; `None`: only `input_tokens` is known."""
    correction: Correction = field(default=Correction(), repr=False)
    """What returned usage has shown of each family's tokenizer."""
    guess: Guess | None = field(default=None, repr=False)
    """Of which domain it is, as far as its words tell; `None`: nobody asked."""
    keywords: frozenset[str] = frozenset()
    """Which of the config file's keywords what is asked contains."""
    tags: frozenset[str] = frozenset()
    metadata: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The caller's, as text: it may name people, and is neither shown nor recorded."""

    def tokens(self, family: str | None = None) -> int:
        """Estimated tokens of the prompt for a model of *family*."""
        if self.size is None:
            return self.input_tokens
        counted = self.size.tokens(family)
        if family in self.size.counted:
            return counted
        return round(counted * self.correction.factor(family))

    def estimate(self, family: str | None = None) -> Estimate:
        """`tokens`, and the bounds between which nine of ten prompts are."""
        if self.size is None:
            return Estimate(*(self.input_tokens,) * 3)
        found = self.size.estimate(family)
        return found if family in self.size.counted else self.correction.applied(found, family)

    def sized(self, input_tokens: int) -> Signals:
        """The same request with a prompt of *input_tokens*, whoever reads it."""
        return replace(self, input_tokens=input_tokens, size=None)

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
            "previous": self.previous,
            "cached_tokens": self.cached_tokens,
            "response_format": self.response_format,
            "input_tokens": self.input_tokens,
            "max_tokens": self.max_tokens,
            "thinking": self.thinking,
            "turns": self.turns,
            "bucket": self.bucket,
            "guess": self.guess and self.guess.domain,
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
    previous: str | None = None,
    tags: Iterable[str] = (),
    metadata: Mapping[str, Any] | None = None,
    keywords: Iterable[str] = (),
    correction: Correction = _UNTAUGHT,
    counters: Mapping[str, Counter] = _ESTIMATED,
    guess: bool = True,
    learned: Callable[[str], Guess] | None = None,
) -> Signals:
    """Reduce a conversation to its signals.

    Args:
        messages: the conversation as the wire has it.
        tools: the tools bound, as the wire has them.
        response_format: the wire's `response_format`.
        max_tokens: tokens of answer the caller allows.
        thinking: the caller's `thinking`, in any of its forms.
        tool_loop: the model whose tool calls the last messages answer.
        previous: the model that gave the last answer in the conversation.
        tags: the caller's tags.
        metadata: the caller's metadata; values are compared as text, and `None` is not given.
        keywords: words to look for in what is asked.
        correction: what returned usage has shown of each family's tokenizer.
        counters: what counts the tokens of a family's models; see `tokenizers`. Others'
            are estimated.
        guess: whether to look into what is asked: language, task, difficulty, keywords, PII.
            A call of a model that was named goes by none of them, and they take most of
            the time.
        learned: what tells the domain of what is asked, such as `quality.predict.guess`;
            `None`: nobody needs to know it.

    Raises:
        InvalidInputError: there is no message, or nothing in any of them.
    """
    if not any(map(_says_something, messages)):
        raise InvalidInputError("the prompt is empty: there is no message with any content")
    whole = size.of(messages, tools, counters)
    return Signals(
        **(_guesses(messages, keywords, learned) if guess else {}),
        modalities=size.modalities(messages),
        tools=len(tools),
        tool_loop=tool_loop,
        previous=previous,
        cached_tokens=_answered(messages, whole) if previous else 0,
        response_format=_json(response_format),
        input_tokens=whole.tokens(),
        # What no server takes is the server's to refuse.
        max_tokens=max_tokens if isinstance(max_tokens, int) and max_tokens > 0 else None,
        thinking=None if thinking is None else asks_to_think(thinking),
        turns=sum(message.get("role") == "user" for message in messages),
        size=whole,
        correction=correction,
        tags=frozenset(map(str, tags)),
        metadata={key: _told(each) for key, each in (metadata or {}).items() if each is not None},
    )


def _told(value: object) -> str:
    """A value of the metadata as a config file writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _answered(messages: Sequence[Message], whole: Size) -> int:
    """Estimated tokens up to the last answer, those of the tools included."""
    for end in range(len(messages), 0, -1):
        if messages[end - 1].get("role") == "assistant":
            # What follows is short, as a rule, where the conversation is long.
            return whole.tokens() - size.tokens(messages[end:])
    return 0


def _bucket(messages: Sequence[Message]) -> int:
    first = next((each for each in messages if each.get("role") == "user"), messages[0])
    text = text_of(first)
    # Both ends: what a pipeline puts before every question is the same in all of them.
    key = f"{len(text)} {text[:_KEYED_BY]}{text[-_KEYED_BY:]}".encode("utf-8", "replace")
    return int.from_bytes(blake2b(key, digest_size=8).digest()) % BUCKETS


def _guesses(
    messages: Sequence[Message],
    keywords: Iterable[str],
    learned: Callable[[str], Guess] | None,
) -> dict[str, Any]:
    """What the text suggests, by the names of the signals."""
    question = asked(messages)
    earlier = before(messages, question)
    spoken = language.told(question)
    if spoken.language == "und" and earlier:
        spoken = language.told(earlier)
    likely = task.of(question, earlier)
    evidence = {
        "language": spoken.evidence,
        "task": likely.evidence,
        "code": likely.code,
        "reasoning": likely.reasoning,
    }
    return {
        "language": spoken.language,
        "script": spoken.script,
        "task": likely.task,
        "difficulty": likely.difficulty,
        "code": likely.code is not None,
        "reasoning": likely.reasoning is not None,
        "evidence": {name: text for name, text in evidence.items() if text is not None},
        "pii": pii.of(messages),
        "keywords": frozenset(keywords_.found(question, keywords)),
        "bucket": _bucket(messages),
        "guess": learned(question) if learned else None,
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
