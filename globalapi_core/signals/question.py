"""What is asked, as against what is pasted around it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

WINDOW = 2_000
"""Characters looked at from either end of a long message: a decision takes the same
time at any size."""

_LABEL = re.compile(
    r"^[ \t>*#]*(?:user )?(?:question|query|input|问题|提问|用户问题|查询|問題)"
    r"\**[ \t]*[:：]\**[ \t]*",
    re.IGNORECASE | re.MULTILINE,
)
_ANSWER = re.compile(
    r"^[ \t>*#]*(?:helpful |final )?(?:answer|response|回答|答案)\**[ \t]*[:：]",
    re.IGNORECASE | re.MULTILINE,
)


def asked(messages: Sequence[Mapping[str, Any]]) -> str:
    """The question of a conversation: the last user message without its context.

    Prompts of retrieval pipelines label it ("Query:", "Question:", "问题："), in both
    frameworks' own templates too; then what follows the last label is the question.
    """
    text = next((text_of(each) for each in reversed(messages) if each.get("role") == "user"), "")
    head, tail = text[:WINDOW], text[-WINDOW:]
    for part in (tail, head):
        labels = list(_LABEL.finditer(part))
        if labels:
            question = part[labels[-1].end() :]
            end = _ANSWER.search(question)
            question = (question[: end.start()] if end else question).strip()
            if question:
                return question
    return text if len(text) <= 2 * WINDOW else f"{head}\n{tail}"


def text_of(message: Mapping[str, Any]) -> str:
    """The text of a message, its parts joined."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = (part.get("text") for part in parts if isinstance(part, Mapping))
    return "\n".join(text for text in texts if isinstance(text, str))
