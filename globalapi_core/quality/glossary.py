"""Chinese read word by word as English, so that what was learned of English counts for it.

No labels of right and wrong answers exist in Chinese. A Chinese question is about the same
things as its English twin, so its terms are looked up in `data/quality_zh.txt`, the longest
first, in simplified and in traditional characters.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

FILE = "data/quality_zh.txt"

_HAN = re.compile("[\u3400-\u9fff]+")
_MARKS = tuple(zip("，。、？！：；（）《》“”＝％", ',.,?!:;()""""=%', strict=True))

_TOLD = 200


@dataclass(frozen=True, slots=True)
class Glossary:
    """Terms in simplified characters, and the characters of the traditional script."""

    english: Mapping[str, str]
    longer: Mapping[str, tuple[int, ...]]
    """How long the terms of three characters and more are, by the first two; falling."""
    simplified: Mapping[int, str]
    """For `str.translate`: a traditional character, and the simplified one."""
    traditional: frozenset[str]

    def read(self, text: str) -> str:
        """*text* with English words in the place of Chinese ones; what is unknown is left out."""
        for mark, plain in _MARKS:
            text = text.replace(mark, plain)
        # Which script a text is in, its first characters tell.
        if not self.traditional.isdisjoint(text[:_TOLD]):
            text = text.translate(self.simplified)
        return _HAN.sub(self._run, text)

    def _run(self, match: re.Match[str]) -> str:
        run = match[0]
        english, longer = self.english.get, self.longer.get
        found, at, end = [""], 0, len(run)
        while at < end:
            two = run[at : at + 2]
            for size in longer(two, ()):
                if words := english(run[at : at + size]):
                    at += size
                    break
            else:
                if words := english(two):
                    at += 2
                else:
                    words = english(two[0])
                    at += 1
            if words:
                found.append(words)
        found.append("")
        return " ".join(found)


def is_chinese(text: str) -> bool:
    """Whether there is anything to look up in *text*: it has one Chinese character or more."""
    return not text.isascii() and _HAN.search(text) is not None


def read(text: str) -> str:
    """*text* read as English by the glossary shipped with this version."""
    return shipped().read(text)


@functools.cache
def shipped() -> Glossary:
    """The glossary shipped with this version; reading it takes about 5 ms, once."""
    return parsed(resources.files("globalapi_core").joinpath(FILE).read_text("utf-8"))


def parsed(content: str) -> Glossary:
    """The glossary that *content* writes: `english words: 中文 中文` a line, `=` and characters."""
    english: dict[str, str] = {}
    sizes: dict[str, set[int]] = {}
    simplified: dict[int, str] = {}
    for line in content.splitlines():
        if line.startswith("= "):
            simplified.update(zip(map(ord, line[2::2]), line[3::2], strict=True))
        elif line and not line.startswith("#"):
            words, _, terms = line.partition(": ")
            for term in terms.split():
                english[term] = words
                if len(term) > 2:
                    sizes.setdefault(term[:2], set()).add(len(term))
    return Glossary(
        english,
        {two: tuple(sorted(each, reverse=True)) for two, each in sizes.items()},
        simplified,
        frozenset(map(chr, simplified)),
    )
