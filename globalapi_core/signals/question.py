"""What is asked, as against what is pasted around it.

Prompts of retrieval pipelines label the question, in both frameworks' own templates (rag-prompt
and ReAct of LangChain's hub, text_qa, refine and condense of LlamaIndex) and in the Chinese ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

WINDOW = 2_000
"""Characters looked at from either end of a long message: a decision takes the same
time at any size."""
_FOLLOW_UP = 60
"""Characters up to which a question may rest on the one before it."""

_LABEL = re.compile(
    r"^[ \t>*#【\[<]*(?:(?:user|follow[ -]?up) (?:input|message)|"
    r"(?:(?:user|follow[ -]?up|new|my|original) )?(?:question|query)"
    r"|(?:问题|問題|提问|用户问题|用户提问|用户输入|查询|查詢|提問))"
    r"[\]】>*]*[ \t]*(?:[:：]|(?<=[>】])|\Z|(?=\n))\**[ \t]*"
    r"|(?:the original query is as follows|问题是|問題是|用户的问题为|原始问题如下)"
    r"[ \t]*[:：][ \t]*",
    re.IGNORECASE | re.MULTILINE,
)
_END = re.compile(
    r"^[ \t>*#【\[<]*/?(?:(?:helpful|final|refined|new|original|existing|your) )?"
    r"(?:answer|response|thought|standalone question|retrieved context|context|chat history"
    r"|question|we have provided an existing answer|回答|答案|解答|上下文|参考资料"
    r"|已知信息|背景资料)"
    r"[\]】>*]*[ \t]*(?:[:：>】]|$)",
    re.IGNORECASE | re.MULTILINE,
)
_CONTEXT = re.compile(
    r"^[ \t>*#【\[<]*(?:(?:new|retrieved|relevant) )?(?:context(?: information)?|documents?"
    r"|passages?|已知信息|上下文|参考资料|背景资料|參考資料|资料)"
    r"[\]】>*]*[ \t]*(?:[:：>】]|(?:from multiple sources )?(?:is|are) below)",
    re.IGNORECASE | re.MULTILINE,
)
_PIPELINE = (
    *("ontext", "assage", "ocument", "etriev", "hat history", "hat History", "onversation"),
    *("as best you can", "query is as follows"),
)
"""What a retrieval pipeline's prompt says somewhere; an exam's "Question:" has none of it."""
_PIPELINE_IN_CHINESE = re.compile(r"[上已资資参參背对對](?:(?<=上)下文|(?<=已)知|[料考景话話])")
_LABELS = ("uestion", "uery", "QUESTION", "QUERY", "nput", "INPUT", "ollow")
_LABELS_IN_CHINESE = re.compile(r"[问問提输输查](?:[题題]|[问問]|入|[询詢])")
"""Parts of the labels that a question may have: without any, nothing need be looked for."""
_RULE = re.compile(r"\n[ \t]*(?:-{3,}|={3,}|\n)[ \t\n]*")


def asked(messages: Sequence[Mapping[str, Any]]) -> str:
    """The question of a conversation: the last user message without its context."""
    return in_message(next(users(messages), ""))


def before(messages: Sequence[Mapping[str, Any]], question: str) -> str:
    """What a short *question* rests on ("and in Java?", 继续): the one before it, or nothing."""
    if len(question) > _FOLLOW_UP:
        return ""
    earlier = users(messages)
    next(earlier, None)
    return in_message(next(earlier, ""))


def in_message(text: str) -> str:
    """The question in one message; a message that no pipeline made is all question."""
    head, tail = text[:WINDOW], text[-WINDOW:]
    ends = text if len(text) <= 2 * WINDOW else f"{head}\n{tail}"
    if not _made_by_a_pipeline(ends) and (ends is text or not _labelled(ends)):
        return ends
    # A question put before its context: what looks like a label further on is the context's.
    first = _LABEL.search(head)
    context = _CONTEXT.search(head)
    led = first and context and first.start() < context.start()
    if first and led and (question := _until_end(head[first.end() :])):
        return question
    for part in (tail, head):
        for label in reversed(list(_LABEL.finditer(part))):
            if question := _until_end(part[label.end() :]):
                return question
    if context and not text[: context.start()].strip():
        question = _RULE.split(tail)[-1].strip()
        if question and len(question) < len(text) and _END.match(question) is None:
            return question
    return ends


def _made_by_a_pipeline(text: str) -> bool:
    return has(text, _PIPELINE) or (
        not text.isascii() and _PIPELINE_IN_CHINESE.search(text) is not None
    )


def _labelled(text: str) -> bool:
    return has(text, _LABELS) or (
        not text.isascii() and _LABELS_IN_CHINESE.search(text) is not None
    )


def _until_end(text: str) -> str:
    end = _END.search(text)
    return (text[: end.start()] if end else text).strip()


def has(text: str, parts: Iterable[str]) -> bool:
    """Whether *text* has any of *parts*, each looked for where its first character occurs.

    To look for one character takes a tenth of the time.
    """
    return any(each[0] in text and each in text for each in parts)


def users(messages: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What the user said, the last first."""
    return (text_of(each) for each in reversed(messages) if each.get("role") == "user")


def text_of(message: Mapping[str, Any]) -> str:
    """The text of a message, its parts joined."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = (part.get("text") for part in parts if isinstance(part, Mapping))
    return "\n".join(text for text in texts if isinstance(text, str))
