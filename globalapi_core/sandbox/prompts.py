"""The parts of a prompt: what it asks, what it tells to draw on, and what it only instructs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from globalapi_core.sandbox import words
from globalapi_core.sandbox.phrases import without_json
from globalapi_core.signals.question import asked, text_of

MARK = "[sandbox] "
"""What every text answer begins with."""
NOTHING = {
    "en": "The sandbox has no knowledge of its own; asked of {model}: {asked}",
    "zh": "沙盒本身没有知识；向 {model} 提的问题是：{asked}",
}
"""What is said where nothing in the prompt answers, by language."""
_KNOWS_NOTHING = tuple(each.partition("{")[0] for each in NOTHING.values())
_LABELLED = re.compile(
    r"^[ \t>*#]*(?:user )?(?:question|query|input|问题|提问|用户问题|查询|問題)"
    r"\**[ \t]*[:：]\**[ \t]*",
    re.IGNORECASE | re.MULTILINE,
)
# Prompts that refine an answer put the question first and the answer there is behind it.
_ORIGINAL = re.compile(r"\boriginal query is as follows:[ \t]*(\S.*)", re.IGNORECASE)
_AN_ANSWER = r"(?:original|existing|new|refined|previous)[ \t]+answer[ \t]*[:：]"
_ANSWERED = re.compile(
    rf"\n[ \t>*#]*(?:{_AN_ANSWER}"
    r"|(?:(?:helpful|final) )?(?:answer|response|回答|答案)\**[ \t]*[:：])",
    re.IGNORECASE,
)
_LABEL = re.compile(
    rf"^(?:{_AN_ANSWER}|we have provided an existing answer:|(?:new[ \t]+)?context[ \t]*[:：])\s*",
    re.IGNORECASE,
)
_ORDER = re.compile(
    r"^(?:\d+[.)]\s*)?[*_]*(?:please\s+)?(?:never|always|do not|don't|when in doubt|if|given|using"
    r"|use|answer|respond|reply|return|repeat|rewrite|refine|rank|rate|choose|select|classify"
    r"|we have|summari[sz]e|provide|output|based on|only)\b.*\b(?:(?:the|this|these|an?|your)"
    r"(?: (?:new|original|existing|given|above|following|provided|user's|support))*"
    r" (?:answers?|query|questions?|context|response|passages?|documents?|choices?|ticket)"
    r"|prior knowledge|json|one of)\b",
    re.IGNORECASE | re.DOTALL,
)
_ROLE = re.compile(r"^(?:you are an? |your task is |act as |你是|你的任务)", re.IGNORECASE)
_ORDER_ZH = re.compile(r"^(?:请|不要|根据|仅|只).*(?:回答|问题|上下文|资料|答案)", re.DOTALL)


def question(messages: Sequence[Mapping[str, Any]]) -> str:
    """What *messages* ask, without the context and the answer there may be already."""
    text = asked(messages)
    original = _ORIGINAL.search(text)
    if original:
        return original[1].strip()
    labels = list(_LABELLED.finditer(text))
    behind = text[labels[-1].end() :] if labels else text
    return _ANSWERED.split(f"\n{behind}")[0].strip() or text


def context(messages: Sequence[Mapping[str, Any]], rest: str) -> Iterator[str]:
    """The sentences that an answer may be drawn from.

    Args:
        messages: the conversation; what the sandbox said itself is left out.
        rest: the last user message without its question.
    """
    last = max((i for i, each in enumerate(messages) if each["role"] == "user"), default=None)
    for i, message in enumerate(messages):
        said = rest if i == last else text_of(message)
        if not (message["role"] == "assistant" and said.startswith(MARK)):
            yield from facts(without_json(said, only_schemas=True))


def facts(text: str) -> Iterator[str]:
    """The sentences of *text* that are neither questions, instructions nor headings."""
    for sentence in words.sentences(text):
        told = _LABEL.sub("", sentence).removeprefix(MARK)
        if told and told[-1] not in "?？" and not _instructs(told):
            yield told


def _instructs(sentence: str) -> bool:
    return sentence.startswith(_KNOWS_NOTHING) or any(
        pattern.search(sentence) for pattern in (_ROLE, _ORDER, _ORDER_ZH)
    )
