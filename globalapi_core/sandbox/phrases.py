"""What a prompt offers to fill a structure with: numbers, quotations, names."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from globalapi_core.sandbox import schemas, words

_NUMBER = re.compile(r"(?<![A-Za-z0-9_.])-?\d+(?:,\d{3})*(?:\.\d+)?")
_QUOTED = re.compile(
    r"(?<!\w)'([^'\n]{1,200})'(?!\w)|\"([^\"\n]{1,200})\"|“([^”]{1,200})”|‘([^’]{1,200})’"
    r"|「([^」]{1,200})」|『([^』]{1,200})』|《([^》]{1,200})》|`([^`\n]{1,200})`"
)
_CAPITAL = re.compile(r"[A-Z][\w'&-]*(?:(?:,? | of )[A-Z][\w'&-]*)*", re.ASCII)
_TYPES = r"str|string|int|integer|number|float|bool|boolean|array|list|object"
_NO_NAMES = frozenset({"I", "JSON", "API", "OK", "A"})
_OPENING = (
    "add analyze book calculate classify compute convert create define describe determine explain "
    "extract fill find generate hello help hey hi identify label list look multiply output parse "
    "rate read return review search send set start summarize thanks translate write"
)
_OPENERS = frozenset(_OPENING.split())
"""Words that prompts begin with, in capitals but no names."""
_WHOLE = ("input", "message", "prompt", "query", "question", "request", "search", "text")
"""Properties that want the question as it is."""
# What stands between the nouns of a Chinese question.
_HAN_LINKS = re.compile(
    r"请问|请|帮我|帮忙|告诉我|我想|我要|查询|查找|查一下|查|搜索|一下|今天|明天|昨天|现在|今年|去年|"
    r"怎么样|怎么|什么|如何|多少|几|哪里|哪个|哪些|会|吗|呢|吧|的|了|在|是|有|和|与|把|给|从|到"
)
_SPAN = 60


class Phrases:
    """The phrases of one prompt; each is handed out once, in the order they stand.

    Args:
        text: the prompt.
        question: what it asks, whose phrases come first.
        names: names that are quoted as such, not as values: property names.
    """

    def __init__(self, text: str, question: str, names: Iterable[str]) -> None:
        plain = without_json(text)
        asked = without_json(question)
        self._question = asked.strip() or plain.strip()
        self._text = f"{asked}\n{plain.replace(asked, ' ', 1)}" if asked in plain else plain
        self._names = frozenset(names)
        self._numbers = [each.replace(",", "") for each in _NUMBER.findall(self._text)]
        self._quotations = list(self._find_quotations())
        self._capitals = list(self._find_capitals())

    def number(self, name: str, fits: Callable[[float], bool]) -> int | float | None:
        """The number said of *name*, else the next one that fits; `None` without one."""
        said = self.said(name)
        leading = _NUMBER.match(said) if said else None
        ahead = [leading[0].replace(",", "")] if leading else []
        for text in (*ahead, *self._numbers):
            value = float(text) if "." in text else int(text)
            if fits(value):
                if text in self._numbers:
                    self._numbers.remove(text)
                return value
        return None

    def said(self, name: str) -> str | None:
        """What the prompt says of *name*, as in `name: value` or `the name is value`."""
        parts = re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])|[^\x00-\x7f]+", name)
        if not parts:
            return None
        spelled = r"[ _-]?".join(map(re.escape, parts))
        link = r"[\"'`]?\s*(?:[:=：]|\bis\b|\bof\b|\bnamed\b|\bcalled\b|为|是)\s*"
        for found in re.finditer(rf"(?<![A-Za-z]){spelled}{link}(.+)", self._text, re.IGNORECASE):
            value = _value(found[1])
            if value and not re.fullmatch(_TYPES, value, re.IGNORECASE):
                return value
        return None

    def mentioned(self, options: Iterable[Any]) -> Any | None:
        """The option the prompt mentions most, the first of equals; `None` if it mentions none."""
        counts = [(each, mentions(self._text, each)) for each in options]
        best, most = max(counts, key=lambda pair: pair[1], default=(None, 0))
        return best if most else None

    def word(self, pattern: str) -> str | None:
        """The first word of the prompt that *pattern* matches."""
        candidates = (*self._quotations, *re.findall(r"[^\s,;!?，。；！？()]+", self._text))
        try:
            return next((each for each in candidates if re.search(pattern, each)), None)
        except re.error:
            return None

    def text(self, name: str) -> str:
        """Words for *name*: what is said of it, a quotation, a proper name, or the question."""
        said = self.said(name)
        if said:
            self._quotations = [each for each in self._quotations if each != said]
            return said
        if self._quotations:
            return self._quotations.pop(0)
        if self._capitals and name.lower() not in _WHOLE:
            return self._capitals.pop(0)
        return self._span(name)

    def _span(self, name: str) -> str:
        """A short piece of the question; of a Chinese one its first noun, if that can be told."""
        line = re.split(r"[\n。！？]", self._question)[0]
        nouns = [
            each for each in _HAN_LINKS.split(line) if re.fullmatch(r"[\u4e00-\u9fff]{2,8}", each)
        ]
        if nouns and name.lower() not in _WHOLE:
            return nouns[0]
        return words.begin(line, _SPAN)

    def _find_quotations(self) -> Iterator[str]:
        for groups in _QUOTED.findall(self._text):
            value = "".join(groups).strip()
            if value and value not in self._names:
                yield value

    def _find_capitals(self) -> Iterator[str]:
        """Capitalised words; those that begin a sentence come last, for they may be no names."""
        opening: list[str] = []
        for sentence in words.sentences(self._text):
            for found in _CAPITAL.finditer(sentence):
                name, first = found[0], found.start() == 0
                if first and name.split()[0].lower() in words.STOP | _OPENERS:
                    name, first = name.partition(" ")[2], False
                if name and "'" not in name and name not in _NO_NAMES | self._names:
                    if first:
                        opening.append(name)
                    else:
                        yield name
        yield from opening


def _value(rest: str) -> str:
    quoted = _QUOTED.match(rest)
    if quoted:
        return "".join(filter(None, quoted.groups())).strip()
    return re.split(r"[,;\n，。；、]|\.(?:\s|$)|\s(?:and|with|for)\s", rest)[0].strip(
        " \"'`?!？！"
    )[:_SPAN]


def mentions(text: str, option: Any) -> int:
    """How often *text* mentions *option*, an underscore in it spelled anyhow."""
    if not isinstance(option, str):
        return 0
    plain = re.escape(option).replace("_", "[ _-]")
    edges = rf"(?<![A-Za-z0-9]){plain}(?![A-Za-z0-9])" if option.isascii() else plain
    return len(re.findall(edges, text, re.IGNORECASE))


def _found_json(text: str) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """The JSON objects that stand in *text*: where each begins and ends, and what it is."""
    decoder, at = json.JSONDecoder(), text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            at = text.find("{", at + 1)
            continue
        yield at, end, value
        at = text.find("{", end)


def json_objects(text: str) -> list[dict[str, Any]]:
    """The JSON objects that stand in *text* and are not empty, the last one first."""
    return [value for _, _, value in _found_json(text) if value][::-1]


def is_schema(value: Mapping[str, Any]) -> bool:
    """Whether *value* is a JSON Schema of an object."""
    return isinstance(value.get("properties"), dict) and not any(schemas.problems(value, "schema"))


def without_json(text: str, *, only_schemas: bool = False) -> str:
    """*text* without the JSON objects in it, or without the JSON Schemas."""
    for start, end, value in reversed(list(_found_json(text))):
        if not only_schemas or is_schema(value):
            text = f"{text[:start]} {text[end:]}"
    return text
