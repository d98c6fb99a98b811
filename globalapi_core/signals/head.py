"""The learned part of a task guess: a linear head over words and pairs of characters.

The weights are integers, trained by scripts/train_task.py and read at the first guess. A
prompt's score is the sum of its features' weights, so that a decision is a few hundred
look-ups; no array library is needed.
"""

from __future__ import annotations

import functools
import json
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import pairwise
from math import exp, sqrt
from operator import add

TASKS = (
    "chat",
    "code",
    "knowledge",
    "math",
    "reasoning",
    "translation",
    "summarising",
    "extraction",
)
SCALE = 64
"""Steps of a weight: what is stored is its value times this, rounded."""
_LOOKED_AT = 350
"""Characters looked at from either end of what is asked."""
_LOOKED_AT_IN_CHINESE = 120
"""The same where a character says as much as half a word."""
_NO_HAN = re.compile(r"[^\u3400-\u4dbf\u4e00-\u9fff]+")
# What starts with a set of characters, as r"\d+" does not, is looked for fast.
_NUMBER = re.compile(r"\d\d*")
_PIECE = re.compile(r"[a-z]+(?:'[a-z]+|)|[^\sa-z\u3400-\u4dbf\u4e00-\u9fff]")
# Patterns begin with the character that is rare, and look back from it: that is looked for fast.
_OPTIONS = re.compile(r"A(?<![^\s(]A)[.)、．].{1,400}?[\s(]B[.)、．]", re.DOTALL)
_TEX = re.compile(r"\$[^$\n]{1,200}\$|\\[a-z]{3,}")
_PROGRAM = re.compile(
    r"[(=!<>;{:_-](?:(?<=\w\()\w*\)|(?:(?<=[\w\])][=!<>])|(?<=[\w\])] [=!<>]))= ?\w"
    r"|(?<=[;{])\n|(?<=-)>|(?<=:):|(?<=\w_)\w|(?<=<)/\w)"
)
_SIZES = (5, 12, 30, 80, 200)
_NUMBERS = (0, 1, 3, 8)


def features(text: str) -> list[str]:
    """The names of *text*'s features, some of them more than once."""
    part = _LOOKED_AT if text.isascii() else _LOOKED_AT_IN_CHINESE
    if len(text) > 2 * part:
        text = f"{text[:part]}\n{text[-part:]}"
    lowered = text.lower()
    pieces = _PIECE.findall(_NUMBER.sub("#", lowered))
    found = [*pieces, *map(" ".join, pairwise(pieces))]
    han = 0
    if not text.isascii():
        runs = list(_NO_HAN.sub(" ", text))
        han = len(runs) - runs.count(" ")
        pairs = list(map(add, runs, runs[1:]))
        found += (*runs, *pairs, *map(add, pairs, runs[2:]))
    if pieces:
        found.append(f"^{pieces[0]}")
    found += _shape(text, len(pieces) + han, pieces.count("#"))
    return found


def _shape(text: str, size: int, numbers: int) -> list[str]:
    """Features of the form: length, numbers, options to choose from, formulas, program text."""
    found = [f"~size{bisect_left(_SIZES, size)}", f"~numbers{bisect_left(_NUMBERS, numbers)}"]
    if _OPTIONS.search(text):
        found.append("~options")
    if ("$" in text or "\\" in text) and _TEX.search(text):
        found.append("~tex")
    programs = len(_PROGRAM.findall(text))
    if programs:
        found.append("~program" + ("s" if programs > 2 else ""))
    if text.rstrip().endswith(("?", "？")):
        found.append("~asks")
    return found


_LANE = 32
_OFFSET = 1 << (_LANE - 1)
_OFFSETS = sum(_OFFSET << (_LANE * lane) for lane in range(len(TASKS)))
_LANES = tuple(_LANE * lane for lane in range(len(TASKS)))


def packed(row: Sequence[int]) -> int:
    """The numbers of *row* as lanes of one integer: adding two adds all of their numbers."""
    return sum(each << lane for each, lane in zip(row, _LANES, strict=True))


def unpacked(total: int) -> list[int]:
    """The numbers of a sum of packed rows."""
    total += _OFFSETS
    return [((total >> lane) & (2 * _OFFSET - 1)) - _OFFSET for lane in _LANES]


@dataclass(frozen=True, slots=True)
class Head:
    """A weight for each feature and task."""

    bias: tuple[int, ...]
    weights: Mapping[str, int]
    """A packed row for each feature."""

    def probabilities(self, text: str) -> dict[str, float]:
        """How likely each task is, for *text*."""
        known = self.weights.keys() & features(text)
        scale = SCALE * sqrt(max(len(known), 1))
        sums = unpacked(sum(map(self.weights.__getitem__, known)))
        logits = [s / scale + b / SCALE for s, b in zip(sums, self.bias, strict=True)]
        most = max(logits)
        weights = [exp(each - most) for each in logits]
        total = sum(weights)
        return {task: each / total for task, each in zip(TASKS, weights, strict=True)}


@functools.cache
def default() -> Head:
    """The head that is shipped."""
    file = resources.files("globalapi_core") / "data" / "task_weights.json"
    raw = json.loads(file.read_text("utf-8"))
    return Head(tuple(raw["bias"]), {name: packed(row) for name, row in raw["weights"].items()})
