"""Choosing, judging and ranking where a prompt asks for that in words, by its own words.

Retrieval engines ask a model to pick from a numbered list, to say YES or NO, or to put
documents in order. What shares most words with the question comes first: no more is
claimed, and the form is the one asked for.
"""

from __future__ import annotations

import json
import re

from globalapi_core.sandbox import words
from globalapi_core.sandbox.chat import ChatRequest
from globalapi_core.sandbox.prompts import MARK, facts
from globalapi_core.signals.question import text_of

_NEAR = 0.6
"""Share of the best choice's score that a further one must reach."""
_SUPPORTED = 0.5
"""Share of a statement's words that its context must have."""
_NUMBERED = re.compile(r"^\((\d+)\)[ \t]*(.+?)(?=\n\(\d+\)|\n-{3,}|\Z)", re.MULTILINE | re.DOTALL)
_DOCUMENT = re.compile(
    r"^Document (\d+):\n(.+?)(?=\nDocument \d+:|\nQuestion:|\n-{3,}|\Z)", re.MULTILINE | re.DOTALL
)
_PASSAGE = re.compile(r"^\[(\d+)\][ \t]*(.+?)(?=\n\[\d+\]|\Z)", re.MULTILINE | re.DOTALL)
_QUERY = re.compile(
    r"\b(?:search query:|(?:relevan(?:t|ce)|related) to (?:the )?(?:question|query):)[ \t]*"
    r"['\"]?(.+?)['\"]?\.?[ \t]*(?:\n|\Z)",
    re.IGNORECASE,
)
_MOST = re.compile(r"no more than (\d+)", re.IGNORECASE)
_CHOOSE = re.compile(
    r"\b(?:return|choose|select|pick|generate)\b[^.\n]{0,60}\b(?:choice|selection)s?\b",
    re.IGNORECASE,
)
_YES_NO = re.compile(
    r"\bYES\b\s*(?:or|/)\s*\bNO\b|(?i:\b(?:answer|respond|reply|say)\b[^.\n]{0,40}"
    r"\byes\b\s*(?:or|/)\s*no\b)|回答[^。\n]{0,10}是\S?\s*(?:还是|或)\s*\S?否"
)
# Of several, the last: those before it are examples.
_CLAIM = re.compile(
    r".*(?:^Information:|^Query and Response:)\s*(.+?)\nContext:\s*(.+?)(?:\nAnswer:|\Z)",
    re.DOTALL | re.MULTILINE,
)
_REFINED = re.compile(
    r"context information:\s*(.+?)\nWe have provided an existing YES/NO answer:\s*(.*?)\n"
    r".*?\n-{3,}\n(.*?)\n-{3,}",
    re.DOTALL,
)

Items = list[tuple[int, str]]
"""Numbers and texts of what is listed."""


def answer(request: ChatRequest) -> str | None:
    """The choice, verdict or order that *request* asks for, with its mark; `None` if for none."""
    said = [text_of(each) for each in request.messages if each["role"] == "user"]
    asked = said[-1] if said else ""
    if "[] > []" in asked:
        passages = "\n".join(said[:-1]) or asked
        return _ranking(_items(_PASSAGE, passages), _query(request, asked))
    if re.search(r"\bDoc: \d+, Relevance: \d+", asked):
        _, _, task = asked.rpartition("Let's try this now:")
        return _relevance(_items(_DOCUMENT, task), _query(request, asked))
    if listed := chosen(request):
        return _choice(listed, asked)
    return _verdict(request, asked) if _YES_NO.search(asked) else None


def _items(pattern: re.Pattern[str], text: str) -> Items:
    return [(int(number), told.strip()) for number, told in pattern.findall(text)]


def _query(request: ChatRequest, asked: str) -> str:
    found = _QUERY.findall(asked)
    return str(found[-1]) if found else request.question


def _ranked(items: Items, query: str) -> list[tuple[float, int]]:
    """Score and number of each, the nearest to the query first."""
    scores = words.scores(query, [text for _, text in items])
    return sorted(
        ((score, number) for score, (number, _) in zip(scores, items, strict=True)),
        key=lambda pair: (-pair[0], pair[1]),
    )


def _ranking(items: Items, query: str) -> str | None:
    order = " > ".join(f"[{number}]" for _, number in _ranked(items, query))
    return MARK + order if order else None


def _relevance(items: Items, query: str) -> str:
    texts, wanted = dict(items), words.content(query)
    lines = [
        f"Doc: {number}, Relevance: {max(1, round(10 * _share(wanted, texts[number])))}"
        for score, number in _ranked(items, query)
        if score
    ]
    if not lines:
        return f"{MARK}No document shares a word with the question."
    return "\n".join([MARK.strip(), *lines])


def chosen(request: ChatRequest) -> list[tuple[int, str]]:
    """The numbers to choose from a numbered list, the best first, and why; empty without one."""
    asked = request.user_text
    items = _items(_NUMBERED, asked) if _CHOOSE.search(asked) else []
    if not items:
        return []
    query, texts, limit = _query(request, asked), dict(items), _MOST.search(asked)
    ranked = _ranked(items, query)
    best = ranked[0][0]
    near = [number for score, number in ranked if best and score >= _NEAR * best]
    numbers = (near or [ranked[0][1]])[: int(limit[1]) if limit else 1]
    return [(number, _reason(texts[number], query)) for number in numbers]


def _choice(listed: list[tuple[int, str]], asked: str) -> str:
    if re.search(r"\bchoice\W*:", asked):
        told = [{"choice": number, "reason": reason} for number, reason in listed]
        return json.dumps(told, ensure_ascii=False)
    named = ", ".join(str(number) for number, _ in listed)
    return f"{MARK}ANSWER: {named}" if "ANSWER:" in asked else f"{MARK}{named}"


def _reason(text: str, query: str) -> str:
    shared = sorted(words.content(text) & words.content(query))
    if not shared:
        return f"{MARK}no choice shares a word with the question: the first one is taken"
    return f"{MARK}shares with the question: {', '.join(shared)}"


def _verdict(request: ChatRequest, asked: str) -> str | None:
    """YES where the context has most words of what is said; `None` where there is no context."""
    chinese = _YES_NO.search(asked)
    yes, no = ("是", "否") if chinese and "是" in chinese[0] else ("YES", "NO")
    if refined := _REFINED.search(asked):
        claim, before, context = refined.groups()
        return MARK + (yes if "YES" in before.upper() or _supports(context, claim) else no)
    if stated := _CLAIM.match(asked):
        return MARK + (yes if _supports(stated[2], stated[1]) else no)
    question = request.question
    rest = list(facts(asked.replace(question, "\n", 1))) if question != asked else []
    told = [each for each in rest if not _YES_NO.search(each)]
    if not told:
        return None
    return MARK + (yes if any(_supports(each, question) for each in told) else no)


def _supports(context: str, claim: str) -> bool:
    return _share(words.content(claim.replace(MARK, "")), context) >= _SUPPORTED


def _share(wanted: frozenset[str], text: str) -> float:
    return len(wanted & words.content(text)) / len(wanted) if wanted else 0.0
