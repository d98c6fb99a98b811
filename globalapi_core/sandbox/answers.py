"""What the sandbox answers in text: what the prompt itself says, and never more.

An answer is drawn from the context in the prompt, from the tool results or from the
attachments; without any of them it says so. The same request gets the same text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from globalapi_core.sandbox import choices, media, prompts, tokens, words
from globalapi_core.sandbox.chat import ChatRequest
from globalapi_core.sandbox.prompts import MARK
from globalapi_core.signals import language
from globalapi_core.signals.question import text_of

_SENTENCES = 3
_NEAR = 0.6
"""Share of the best sentence's score that a further one must reach."""
_UNLABELLED = 200
"""Characters from which text around an unlabelled question counts as its context."""
_RESULT = 200
_QUESTION = 60


def text(request: ChatRequest) -> str:
    """The answer to *request*."""
    chinese = language.of(request.question)[0] == "zh"
    if request.results:
        return MARK + _of_results(request.messages, request.results, chinese)
    chosen = choices.answer(request)
    if chosen is not None:
        return chosen
    seen = _of_attachments(request, chinese)
    said = extract(request)
    if said is None and not seen:
        asked = words.begin(_question(request)[0], _QUESTION)
        said = prompts.NOTHING["zh" if chinese else "en"].format(model=request.model, asked=asked)
    return MARK + words.join(each for each in (seen, said) if each)


def extract(request: ChatRequest) -> str | None:
    """The one to three sentences of the context nearest to the question, as they stand.

    `None` if there is no context or none of it shares a content word with the question.
    """
    question, rest = _question(request)
    sentences = list(prompts.context(request.messages, rest))
    scores = words.scores(question, sentences)
    best = max(scores, default=0.0)
    if not best:
        return None
    order = sorted(range(len(sentences)), key=lambda i: (-scores[i], i))
    chosen: list[int] = []
    for i in order:
        fresh = sentences[i] not in (sentences[j] for j in chosen)
        if scores[i] >= _NEAR * best and fresh and len(chosen) < _SENTENCES:
            chosen.append(i)
    return words.join(sentences[i] for i in sorted(chosen))


def _question(request: ChatRequest) -> tuple[str, str]:
    """The question, and what else the last user message holds."""
    whole, question = request.user_text, request.question
    if question in whole and question != whole.strip():
        return question, whole.replace(question, "\n", 1)
    sentences = words.sentences(whole)
    asking = [each for each in sentences if each[-1] in "?？"]
    if len(sentences) < 2 or len(whole) < _UNLABELLED:
        return whole, ""
    question = asking[-1] if asking else sentences[0]
    return question, whole.replace(question, "\n", 1)


def _of_results(
    messages: Sequence[Mapping[str, Any]], results: Sequence[Mapping[str, Any]], chinese: bool
) -> str:
    names = {
        call["id"]: call["function"]["name"]
        for message in messages
        for call in message.get("tool_calls") or ()
    }
    said = "{}的结果：{}" if chinese else "{} answered: {}"
    return ("；" if chinese else "; ").join(
        said.format(names[each["tool_call_id"]], _result(each)) for each in results
    )


def _result(message: Mapping[str, Any]) -> str:
    attached = (str(media.read(part)) for part in tokens.attached(message))
    return " ".join(filter(None, (words.begin(text_of(message), _RESULT), *attached)))


def _of_attachments(request: ChatRequest, chinese: bool) -> str:
    users = [each for each in request.messages if each["role"] == "user"]
    seen = [str(media.read(part)) for part in tokens.attached(users[-1])] if users else []
    if not seen:
        return ""
    listed = "; ".join(seen)
    return f"收到附件：{listed}。" if chinese else f"Received {listed}."
