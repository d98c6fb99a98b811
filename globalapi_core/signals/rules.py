"""Rules by which a task shows in so many words, and how they are looked for.

A rule has a pattern for each of the two languages, for text in lower case. A pattern of many
alternatives is slow to fail: an English one is tried only where a word announces it, and the
alternatives of a Chinese one begin with a character each, which is looked for fast.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from globalapi_core.signals.question import has


@dataclass(frozen=True, slots=True)
class Text:
    """A text in lower case with its English words, found once for all rules."""

    text: str
    lowered: str = field(init=False)
    words: frozenset[str] = field(init=False)
    ascii: bool = field(init=False)

    def __post_init__(self) -> None:
        lowered = self.text.lower()
        object.__setattr__(self, "lowered", lowered)
        object.__setattr__(self, "words", frozenset(_WORD.findall(lowered)))
        object.__setattr__(self, "ascii", lowered.isascii())


@dataclass(frozen=True, slots=True)
class Rule:
    """What shows a task, in English and in Chinese."""

    name: str
    """Shown as evidence."""
    task: str
    words: frozenset[str]
    """One of them is in every text that the English pattern finds anything in."""
    english: re.Pattern[str]
    chinese: re.Pattern[str] | None

    def start(self, text: Text) -> int | None:
        """Where in *text* it matches first; `None` if nowhere."""
        match = other = None
        if not self.words.isdisjoint(text.words):
            match = self.english.search(text.lowered)
        if self.chinese and not text.ascii:
            other = self.chinese.search(text.lowered)
        if match and other:
            return min(match.start(), other.start())
        found = match or other
        return found.start() if found else None


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules that are looked for together: most texts announce none of them."""

    rules: tuple[Rule, ...]
    words: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        words = frozenset().union(*(each.words for each in self.rules))
        object.__setattr__(self, "words", words)

    def first(self, text: Text) -> Rule | None:
        """The first rule that finds anything in *text*."""
        return next((rule for rule, _ in self._found(text)), None)

    def earliest(self, text: Text) -> Rule | None:
        """The rule that matches first in *text*."""
        return min(self._found(text), key=lambda each: each[1], default=(None, 0))[0]

    def _found(self, text: Text) -> Iterator[tuple[Rule, int]]:
        if text.ascii and self.words.isdisjoint(text.words):
            return
        for each in self.rules:
            start = each.start(text)
            if start is not None:
                yield each, start


_WORD = re.compile(r"[a-z]+")


def rule(name: str, task: str, english: str, words: str, chinese: str = "") -> Rule:
    """A rule; one of *words*, separated by spaces, announces what *english* finds."""
    return Rule(
        name,
        task,
        frozenset(words.split()),
        re.compile(english, re.MULTILINE),
        re.compile(chinese, re.MULTILINE) if chinese else None,
    )


def together(*rules: Rule) -> Rules:
    """*rules*, to be looked for together."""
    return Rules(rules)


# (what program text is called, what is in every such text, pattern)
_PROGRAM = tuple(
    (name, announced, re.compile(pattern, re.MULTILINE))
    for name, announced, pattern in (
        ("a fenced code block", ("```",), r"```"),
        (
            "a stack trace",
            ("Traceback", "\tat ", "  at ", 'File "'),
            r"Traceback \(most recent call last\)|^[ \t]+at [\w.$<>]+\("
            r"|^[ \t]*File \"[^\"]+\", line",
        ),
        (
            "a diff",
            ("diff --git", "@@ -", "+++ ", "--- a/"),
            r"^(?:diff --git|@@ -\d|\+\+\+ |--- a/)",
        ),
        (
            "a program's error",
            ("Error", "Exception"),
            r"\b[A-Z][A-Za-z]*[a-z](?:Error|Exception)\b",
        ),
        (
            "program text",
            (
                *("def ", "func", "fn ", "class ", "import ", "#include", "console.log"),
                *("SELECT", "select ", "return ", "=>"),
            ),
            # The function f(x) of mathematics is none.
            r"\bdef\s+\w+\s*\(|\b(?:func|fn|function)\s+\w+\s*\([^)\n]*\)[^\n]*\{"
            r"|\bclass\s+\w+\s*[:({]|^[ \t]*(?:from[ \t]+[\w.]+[ \t]+)?import[ \t]+\w"
            r"|#include\s*<|\bconsole\.log\(|\b(?:SELECT|select)\b[^\n]{1,120}\b(?:FROM|from)\b"
            r"|\breturn\s+\w+\s*;|=>\s*\{",
        ),
    )
)


def program(text: str) -> str | None:
    """What program text *text* holds, whatever is said about it, or `None`."""
    for name, announced, pattern in _PROGRAM:
        if has(text, announced) and pattern.search(text):
            return name
    return None
