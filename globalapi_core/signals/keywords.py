"""Finding a config file's keywords in what is asked."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator


def found(question: str, keywords: Iterable[str]) -> Iterator[str]:
    """Those of *keywords* that *question* contains, whatever their case.

    A keyword of Latin letters is matched as a whole word, "reason" not in "reasonable".
    Chinese has no spaces: such a keyword is matched anywhere.
    """
    folded = question.casefold()
    return (
        each for each in keywords if each.casefold() in folded and _pattern(each).search(question)
    )


@functools.cache
def _pattern(keyword: str) -> re.Pattern[str]:
    start = r"(?<![A-Za-z0-9_])" if keyword[:1].isascii() and keyword[:1].isalnum() else ""
    end = r"(?![A-Za-z0-9_])" if keyword[-1:].isascii() and keyword[-1:].isalnum() else ""
    return re.compile(start + re.escape(keyword) + end, re.IGNORECASE)
