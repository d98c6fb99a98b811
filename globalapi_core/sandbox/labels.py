"""Choosing a label for a text: by what the text says, by what the prompt says of each label."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from globalapi_core.sandbox import words
from globalapi_core.sandbox.phrases import mentions, without_json

_NOTHING_SAID = (
    "other others unknown none neutral general unclear unsure undecided misc n/a "
    "其他 其它 未知 不确定 不明 中性 无"
)
_NONE = frozenset(_NOTHING_SAID.split())
"""Names of labels for what is none of the rest."""
_LINK = r"[\"'`*]*\s*(?:[:：=(（—–]|-\s|是指)"


def choose(options: Sequence[Any], text: str, told: str) -> Any | None:
    """The option that *text* names, else the one it shares most words with.

    Args:
        options: the labels.
        text: what is to be labelled; sentences that list the labels do not count.
        told: what may describe the labels, as in `billing: charges and refunds`.

    Returns:
        `None` if nothing speaks for any, or no more for one than for all.
    """
    names = [each for each in options if isinstance(each, str)]
    meanings = [
        words.of_name(each) | words.content(_described(each, names, told)) for each in names
    ]
    subject = " ".join(each for each in words.sentences(text) if not _lists(each, names))
    wanted = words.content(subject)
    evidence = (
        [mentions(subject, each) for each in names],
        [len(wanted & each) for each in meanings],
        [mentions(text, each) for each in names],
    )
    for counts in evidence:
        most = max(counts, default=0)
        if most and counts.count(most) < max(len(names), 2):
            return names[counts.index(most)]
    return None


def default(options: Sequence[Any]) -> Any:
    """The option for what cannot be told: null, one such as `other`, else the first."""
    if None in options:
        return None
    plain = (each for each in options if isinstance(each, str) and each.casefold() in _NONE)
    return next(plain, options[0])


def _described(name: str, names: Sequence[str], told: str) -> str:
    """What *told* says behind *name*, as far as the next name or the end of the sentence."""
    edge = "(?<![A-Za-z0-9_])"
    found = re.search(rf"{edge}{re.escape(name)}{_LINK}\s*([^\n;；。)）]+)", without_json(told))
    if found is None:
        return ""
    ends = [rf"{edge}{re.escape(each)}{_LINK}" for each in names if each != name]
    return re.split("|".join([*ends, r"\.\s"]), found[1])[0]


def _lists(sentence: str, names: Sequence[str]) -> bool:
    """Whether *sentence* is about the labels: it names several, or begins by describing one."""
    named = [each for each in names if mentions(sentence, each)]
    return len(named) > 1 or any(
        re.match(rf"[\W\d]*{re.escape(each)}{_LINK}", sentence) for each in named
    )
