"""Keywords that half the language would match."""

from __future__ import annotations

import re
from collections.abc import Iterator

from globalapi_core.cli._advice import Advice
from globalapi_core.router import Router

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_ENGLISH_WORDS = """
a about after all also am an and any are as ask at be because been but by can could did do does for
from get give go had has have help her him his how i if in into is it its just know like make may me
more my need no not now of on one or our out please say see she should so some tell than that the
their them then there these they thing this time to up us use want was we were what when where which
who why will with would yes you your
"""
_CHINESE_WORDS = """
什么 怎么 如何 可以 我们 你们 他们 请问 这个 那个 为什么 一个 没有 不是 就是 还是 因为 所以 如果
但是 现在 知道 需要 应该 谢谢 您好 你好 帮我 告诉 问题 时候 时间 是否 以及 进行 什麼 怎麼 這個
為什麼 請問 沒有 時候 時間 問題 謝謝 應該
"""
_ENGLISH = frozenset(_ENGLISH_WORDS.split())
_CHINESE = frozenset(_CHINESE_WORDS.split())


def find(router: Router) -> Iterator[Advice]:
    """Advice on each keyword that says next to nothing of what is asked."""
    for number, route in enumerate(router.config.routes):
        for place, word in enumerate((route.when and route.when.keywords) or ()):
            if found := _too_common(word):
                location = ("routes", number, "when", "keywords", place)
                text = f"keyword {word!r} of route {route.name!r} {found}"
                yield Advice("warning", location, text, "name the matter in two words or more")


def _too_common(word: str) -> str | None:
    bare = word.strip()
    if len(bare) == 1 and _HAN.match(bare):
        return "is one Chinese character: it is found inside hundreds of other words"
    if bare.casefold() in _ENGLISH:
        return "is in most English text"
    if bare in _CHINESE:
        return "is in most Chinese text"
    if not re.search(r"\w", bare):
        return "is no word: it is found in most text"
    return None
