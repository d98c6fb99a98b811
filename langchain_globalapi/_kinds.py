"""What LangChain's ways of calling a model give: messages, their pieces, results, chunks.

An answer, or a piece of one, becomes what the way gives; and what it gives says its message.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from globalapi_core.client import Answer, rejected
from globalapi_core.errors import RejectedAnswerError
from globalapi_core.records import CallRecord, Outcome
from globalapi_core.wire import Delta
from langchain_globalapi import _bridge
from langchain_globalapi._errors import UnusableAnswerError


def result(answer: Answer) -> ChatResult:
    """A whole answer, as `_generate` gives it."""
    return ChatResult(generations=[ChatGeneration(message=_bridge.message(answer))])


def chunk(item: Delta | Answer) -> ChatGenerationChunk:
    """A piece of a streamed answer, as `_stream` gives it."""
    if isinstance(item, Delta):
        return ChatGenerationChunk(message=_bridge.delta_chunk(item))
    return ChatGenerationChunk(message=_bridge.last_chunk(item))


@dataclass(frozen=True, slots=True)
class Kind:
    """How to find the message in what an attempt gives."""

    message: Callable[[Any], AIMessage]
    made: Callable[[Sequence[Delta | Answer]], list[Any]]
    """What an attempt gives for an answer, of which these are the pieces."""

    def handed(self, error: RejectedAnswerError) -> list[Any]:
        """What an attempt gave that was rejected with *error*."""
        if isinstance(error, UnusableAnswerError):
            return [error.answer]
        return self.made(rejected(error))

    def outcome(self, item: Any) -> Outcome | None:
        """What *item* says of its attempt."""
        return _bridge.outcome(self.message(item))

    def recorded(self, item: Any, record: CallRecord) -> Any:
        """*item*, carrying the record of the call."""
        _bridge.recorded(self.message(item), record)
        return item

    def text(self, item: Any) -> str:
        """What *item* brings of the answer, reasoning included."""
        return _bridge.said(self.message(item))

    def visible(self, item: Any) -> bool:
        """Whether *item* has anything to show."""
        return _bridge.is_visible(self.message(item))

    def has_text(self, item: Any) -> bool:
        """Whether *item* has a piece of an object to show."""
        return bool(self.message(item).text)


def _whole(pieces: Sequence[Delta | Answer]) -> ChatResult:
    """The answer that comes last in *pieces*."""
    return next(result(each) for each in reversed(pieces) if isinstance(each, Answer))


MESSAGE = Kind(lambda message: message, lambda pieces: [_whole(pieces).generations[0].message])
"""What `invoke` gives."""
PIECE = Kind(lambda message: message, lambda pieces: [chunk(each).message for each in pieces])
"""What `stream` gives."""
RESULT = Kind(lambda result: result.generations[0].message, lambda pieces: [_whole(pieces)])
"""What `_generate` gives."""
CHUNK = Kind(lambda chunk: chunk.message, lambda pieces: [chunk(each) for each in pieces])
"""What `_stream` gives."""
