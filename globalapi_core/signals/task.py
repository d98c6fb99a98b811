"""What a question asks for: by hard facts, by what is requested, by a learned guess.

Each rule pairs a name, which is shown as evidence, with a pattern in English and Chinese.
Words are matched whole, so that "a reasonable price" is no reasoning; what is negated or
quoted ("不要运行测试", 这句话是：运行测试) does not count.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from globalapi_core.signals import difficulty, head
from globalapi_core.signals.question import has
from globalapi_core.signals.requests import CODE, FACT, REASONING, REQUESTS
from globalapi_core.signals.rules import Rule, Text, program

_LOOKED_AT = 400
"""Characters looked at from either end of what is asked: requests come first or last."""
_PASTED = 1_000
"""The same for program text, which may be pasted between."""
# Patterns begin with characters, and look back from them: those are looked for fast.
_NEGATED = re.compile(
    r"[DNWdnw不请无禁别](?:"
    r"(?<!\w.)(?i:(?<=d)o(?: not|n't)|(?<=n)(?:ever|o need (?:to|for))|(?<=w)ithout)\b"
    r"[^,.;:!?，。；：！？\n]{0,60}"
    r"|(?:(?<=不)(?:要|用|必|需要)|(?<=请)勿|(?<=无)需|(?<=禁)止|(?<=别)(?<![特区级分].)(?![的人]))"
    r"[^,.;:!?，。；：！？\n的]{0,60})"
)
_QUOTED = re.compile(
    r"“[^”\n]{0,200}”|「[^」\n]{0,200}」|\"[^\"\n]{0,200}\"|《[^》\n]{0,60}》"
    r"|'(?<!\w')[^'\n]{1,200}'(?!\w)|：(?<=这句话是：)[^\n]*"
    r"|:(?:(?<=这句话是:)|(?<=sentence is:))[^\n]*"
)
_CLEAR = 0.5
"""How likely a learned guess must be to count as a yes for `reasoning`."""
_REQUEST = 200
"""Characters from either end in which a request in so many words is looked for."""
_CERTAIN = 0.8
"""How likely mathematics or a puzzle must be for some program text in it to be no matter."""
_HARD = 0.5
"""How difficult mathematics must be to count as reasoning: several steps, not one sum."""
_SENTENCE = 300
"""Characters that a question of one sentence has at most."""
_REQUESTED = 40.0
"""By what a request in so many words raises a task's odds."""
_ODDS = {
    "a fenced code block": 40.0,
    "a stack trace": 400.0,
    "a diff": 400.0,
    "a program's error": 40.0,
    "program text": 40.0,
    "a tool of programmers": 20.0,
}
"""By what program text, or the mere name of a tool of programmers, raises the odds of code."""
_FACT = 4.0
"""By what a question of one sentence for a name, a place or a time raises those of knowledge."""


@dataclass(frozen=True, slots=True)
class Guess:
    """What a question asks for."""

    task: str
    """One of `head.TASKS`; what has no words is chat."""
    code: str | None
    """What shows that it is about program text, or `None`."""
    reasoning: str | None
    """What shows that it asks for several steps of reasoning, or `None`."""
    difficulty: float
    """0 to 1: how much a wrong step would spoil the answer."""
    evidence: str | None
    """What led to the task: a rule's name, or how sure the learned guess is."""


def of(question: str, before: str = "") -> Guess:
    """What *question* asks for; *before* is the question that a short one follows up."""
    text = _ends(question, _LOOKED_AT)
    words = _plain(text)
    requested = REQUESTS.earliest(words)
    if before and not requested:
        text = f"{_ends(before, _LOOKED_AT)}\n{text}"
        words = _plain(text)
        requested = REQUESTS.earliest(words)
    code = _code(_ends(f"{before}\n{question}", _PASTED), words)
    reasoning = REASONING.first(words)
    # Of a short text, what is not negated or quoted; of a long one, more than where requests are.
    told = words.text if len(text) <= 2 * _REQUEST and len(words.text) * 6 > len(text) else text
    task, sure, evidence = _guessed(told, requested, code)
    shown = reasoning.name if reasoning else None
    if task == "chat" and requested:
        code = shown = None
    elif task in ("math", "reasoning") and sure >= _CERTAIN:
        code = None
    hard = difficulty.of(words, task)
    # To ask about programming, or to name a tool, is not yet to ask about program text.
    code = None if code == "a tool of programmers" else code
    if shown is None and sure >= _CLEAR and task in ("reasoning", "math"):
        shown = evidence if task == "reasoning" or hard >= _HARD else None
    return Guess(task, code, shown, hard, evidence)


def _plain(text: str) -> Text:
    """*text* without what is negated or quoted, unless that is all of it."""
    text = plain = _ends(text, _REQUEST)
    if has(text, _NEGATIONS):
        plain = _NEGATED.sub(" ", text)
        plain = plain if any(map(str.isalnum, plain)) else text
    return Text(_QUOTED.sub(" ", plain) if has(plain, _QUOTES) else plain)


_NEGATIONS = (
    *("o not", "on't", "ever ", "ithout", "o need"),
    *("不要", "勿", "不用", "无需", "不必", "不需", "禁止", "别"),
)
_QUOTES = ('"', "“", "「", "《", "是：", "is:", " '")
_WHO = re.compile(
    r"\bwho(?:m|se)?\b(?! (?:can|could)\b)[^.?!\n]*|谁(?![能可会])[^。？！\n]*", re.IGNORECASE
)
"""A question for a person: "Who should review my code?" asks for no review."""


def _code(text: str, words: Text) -> str | None:
    """What shows that it is about program text: what looks like it, or what is said."""
    if found := program(text):
        return found
    if "谁" in words.text or not words.words.isdisjoint(("who", "whom", "whose")):
        words = Text(_WHO.sub(" ", words.text))
    said = CODE.first(words)
    return said.name if said else None


def _guessed(text: str, requested: Rule | None, code: str | None) -> tuple[str, float, str | None]:
    if not any(map(str.isalnum, text)):
        return "chat", 0.0, None
    odds = {task: max(p, 1e-6) for task, p in head.default().probabilities(text).items()}
    if requested:
        odds[requested.task] *= _REQUESTED
    if code:
        odds["code"] *= _ODDS.get(code, _REQUESTED)
    elif not requested and len(text) < _SENTENCE and FACT.search(text.lower()):
        odds["knowledge"] *= _FACT
    task = max(odds, key=lambda each: odds[each])
    sure = odds[task] / sum(odds.values())
    if requested and task == requested.task:
        return task, sure, requested.name
    return task, sure, code if code and task == "code" else f"wording, {sure:.0%} sure"


def _ends(text: str, part: int) -> str:
    """*text*, or so many characters from either end of it."""
    return text if len(text) <= 2 * part else f"{text[:part]}\n{text[-part:]}"
