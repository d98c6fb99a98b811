"""Content words of a text, in Latin script and in Chinese, and its sentences."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

_LATIN = re.compile(r"[a-z0-9]+")
_HAN_RUN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\u3041-\u30ff\uac00-\ud7af]+")
_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+|(?<=[。！？；])|\n+")
_COMMON = (
    "a about after again all also am an and any are as ask asked asking at be because been before "
    "below being between both but by can could did do does doing done each few for from further "
    "get give given go had has have having he her here hers him his how i if in into is it its "
    "just know let like made make many may me might more most much must my need no nor not now of "
    "off on once one only or other our out over own please same say see shall she should show so "
    "some such take tell than that the their them then there these they this those through to too "
    "two under until up us use used using very was we were what when where which while who whom "
    "why will with would you your answer answers based context don following information only "
    "prior provided query question questions reply respond response text"
)
_COMMON_HAN = (
    "什么 怎么 怎样 如何 哪些 哪个 为什 是什 多少 可以 这个 那个 我们 你们 他们 请问 一个 一下 "
    "是否 有没 没有 么是 请回 回答 问题 根据 以下 上下 下文 内容 文本 资料"
)
STOP = frozenset(_COMMON.split())
"""English words that say nothing about a subject, or that prompts are written in."""
_STOP_HAN = frozenset(_COMMON_HAN.split())
_LONGEST = 400


def content(text: str) -> frozenset[str]:
    """The words of *text* that say what it is about, folded.

    Latin words lose case, accents and a plural s; of Chinese, each two characters that
    stand together count as a word.
    """
    return frozenset(_content(text))


def _content(text: str) -> Iterator[str]:
    folded = text.casefold()
    if not folded.isascii():
        for run in _HAN_RUN.findall(folded):
            pairs = (run[i : i + 2] for i in range(len(run) - 1))
            yield from (pair for pair in pairs if pair not in _STOP_HAN)
        folded = "".join(
            each
            for each in unicodedata.normalize("NFKD", folded)
            if not unicodedata.combining(each)
        )
    for word in _LATIN.findall(folded):
        if word not in STOP and (len(word) > 1 or word.isdigit()):
            yield word[:-1] if len(word) > 3 and word.endswith("s") else word


def of_name(name: str) -> frozenset[str]:
    """The content words of an identifier such as `get_weather` or `getWeather`."""
    return content(re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[_.-]+", " ", name))


def sentences(text: str) -> list[str]:
    """The sentences of *text*; a line break ends one too, and a very long one is shortened."""
    found = (each.strip() for each in _END.split(text))
    return [each if len(each) <= _LONGEST else f"{each[:_LONGEST]}..." for each in found if each]


def scores(question: str, texts: Sequence[str]) -> list[float]:
    """How near each of *texts* is to *question*: the words they share, rare ones counting more."""
    wanted = content(question)
    shared = [wanted & content(each) for each in texts]
    rarity = Counter(word for each in shared for word in each)
    return [
        sum(math.log(1 + len(texts) / rarity[word]) for word in sorted(each)) for each in shared
    ]


def join(sentences: Iterable[str]) -> str:
    """*sentences* in a row; Chinese ones without a space between them."""
    joined = ""
    for sentence in sentences:
        joined += sentence if joined[-1:] in ("", *"。！？；") else f" {sentence}"
    return joined


def begin(text: str, characters: int) -> str:
    """The first *characters* of *text*, on one line."""
    flat = " ".join(text.split())
    return flat if len(flat) <= characters else flat[:characters]
