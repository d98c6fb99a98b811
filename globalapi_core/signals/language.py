"""Which language is asked in, by script and by whose grammar holds the sentence."""

from __future__ import annotations

import re

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_KANA = re.compile(r"[\u3041-\u30ff]")
_HANGUL = re.compile(r"[\uac00-\ud7af]")
_LATIN_WORD = re.compile(r"[A-Za-zÀ-ɏ][A-Za-zÀ-ɏ'’]*")
_OTHER_SCRIPT = re.compile(r"[\u0370-\u1cff]")
_QUOTED = re.compile(
    r"```.*?```|`[^`\n]*`|“[^”]*”|「[^」]*」|『[^』]*』|《[^》]*》|\"[^\"\n]*\"", re.DOTALL
)
_CODE_LINE = re.compile(r"^(?: {4,}|\t|[+@-]{1,3} |[ \t]*File \").*$", re.MULTILINE)
# Words that carry English grammar: with none of them, Latin words are names in a
# sentence of another language ("iPhone 15 Pro Max 256GB 报价").
_ENGLISH = frozenset(
    [
        "a",
        "an",
        "the",
        "is",
        "are",
        "was",
        "be",
        "do",
        "does",
        "did",
        "can",
        "could",
        "should",
        "would",
        "will",
        "how",
        "what",
        "why",
        "when",
        "where",
        "which",
        "who",
        "into",
        "to",
        "of",
        "in",
        "on",
        "for",
        "from",
        "with",
        "by",
        "it",
        "this",
        "that",
        "these",
        "my",
        "your",
        "i",
        "we",
        "you",
        "and",
        "or",
        "not",
        "please",
        "translate",
        "explain",
        "write",
        "give",
        "show",
        "tell",
        "make",
        "find",
        "fix",
        "summarize",
        "use",
    ]
)
_HAN_PER_WORD = 1.5
"""Han characters that weigh as much as one Latin word."""


def of(question: str) -> tuple[str, str | None]:
    """The language of *question* and what showed it.

    Quoted text and code are left out unless nothing else is there: "Translate 你好 into
    English" asks in English.
    """
    spoken = _CODE_LINE.sub(" ", _QUOTED.sub(" ", question))
    if not (_HAN.search(spoken) or _LATIN_WORD.search(spoken)):
        spoken = question
    han = len(_HAN.findall(spoken))
    kana, hangul = len(_KANA.findall(spoken)), len(_HANGUL.findall(spoken))
    if hangul > han:
        return "ko", "Hangul"
    if kana * 10 > han + kana:
        return "ja", "kana"
    if not han:
        return _without_han(spoken)
    return _with_han(spoken, han)


def _without_han(spoken: str) -> tuple[str, str | None]:
    words = _LATIN_WORD.findall(spoken)
    if len(_OTHER_SCRIPT.findall(spoken)) > sum(map(len, words)):
        return "other", "another script"
    return ("en", "Latin script") if words else ("und", None)


def _with_han(spoken: str, han: int) -> tuple[str, str]:
    words = [word.lower() for word in _LATIN_WORD.findall(spoken)]
    grammar = sum(word in _ENGLISH for word in words)
    share = (han / _HAN_PER_WORD) / (han / _HAN_PER_WORD + len(words))
    if share >= 0.5 or not grammar:
        return "zh", f"{share:.0%} Chinese" if share >= 0.5 else "Chinese around Latin names"
    if share >= 0.35:
        return "mixed", f"{share:.0%} Chinese in English grammar"
    return "en", "English grammar around Chinese words"
