"""Which domain a text is of, and whether a weak and a strong model will be right about it.

Two linear models over words, trained by `make train`; see docs/routing-quality.md for what
they were trained on and how far they can be believed. Plain Python: no numpy, no model.
"""

from __future__ import annotations

import functools
import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

from globalapi_core.quality import features

WEIGHTS = "data/quality.bin"
ZERO, STEPS = 128, 127
"""The byte that stands for a weight of 0, and the bytes above and below it. A byte tells a
weight's root: to cut the few largest weights, so that steps can be even, costs guesses."""
_LEVEL = ZERO**2
_VALUES = [(each - ZERO) * abs(each - ZERO) + _LEVEL for each in range(256)]
"""What each byte stands for, in steps of its lane's scale; `_LEVEL` more, so none is below 0."""
_LOW, _HIGH = bytes(each % 256 for each in _VALUES), bytes(each // 256 for each in _VALUES)
"""The two bytes of a value, for `bytes.translate`."""

_ENOUGH = 3.0
"""Known words that make a guess count for half."""


@dataclass(frozen=True, slots=True)
class Guess:
    """What a text's words say of it; none of the text itself."""

    domains: Mapping[str, float]
    """The probability of each domain; they sum to 1."""
    weak: float
    """Probability that a weak model (Mixtral 8x7B, Llama 8B) answers rightly."""
    strong: float
    """The same of a strong one (GPT-4, Claude 3.5 Sonnet)."""
    known: int
    """How many of its words the training has seen, of a Chinese text of those it is read as."""

    @property
    def domain(self) -> str:
        """The likeliest domain."""
        return max(self.domains, key=self.domains.__getitem__)

    @property
    def trust(self) -> float:
        """How much the guess should count, 0 to 1: 0 for a text without a known word."""
        return self.known / (self.known + _ENOUGH)


class _Rows(dict[bytes, int]):
    """A word's weights, one in each lane of 32 bits of one number.

    Python adds such a number in 60 ns, as fast as one float, so a text costs one addition
    for each word and not one for each word and domain. A lane cannot overflow: 15 bits for
    each of at most 4,000 words are under 2**27. Made when a word is first met.
    """

    def __init__(self, tokens: Sequence[bytes], weights: bytes, lanes: int) -> None:
        self._at = dict(zip(tokens, range(0, len(weights), lanes), strict=True))
        self._weights, self._lanes = weights, lanes
        self.words = self._at.keys()

    def __missing__(self, token: bytes) -> int:
        start = self._at[token]
        row = self._weights[start : start + self._lanes]
        lanes = bytearray(4 * self._lanes)
        lanes[0::4], lanes[1::4] = row.translate(_LOW), row.translate(_HIGH)
        return self.setdefault(token, int.from_bytes(lanes, "little"))


class Predictor:
    """Guesses from the words of a text; deterministic, and the same on every machine."""

    def __init__(self, content: bytes) -> None:
        """Read *content*: a line of JSON, a line of tokens, then a row of bytes for each token."""
        head, tokens, weights = content.split(b"\n", 2)
        about = json.loads(head)
        self.domains: tuple[str, ...] = tuple(about["domains"])
        self._scales: tuple[float, ...] = tuple(about["scales"])
        self._biases: tuple[float, ...] = tuple(about["biases"])
        self._mass: float = about["mass"]
        # The domains, then weak, strong, and what a token adds to the squared length.
        self._lanes = len(self.domains) + 3
        self._rows = _Rows(tokens.split(b" "), weights, self._lanes)

    def guess(self, text: str) -> Guess:
        """What the words of *text* say; about 60 us for 1 KB."""
        words, shape = features.read(text)
        known = words & self._rows.words
        tokens = known | (shape & self._rows.words)
        total = sum(map(self._rows.__getitem__, tokens))
        *sums, mass = struct.unpack(f"<{self._lanes}I", total.to_bytes(4 * self._lanes, "little"))
        zero = _LEVEL * len(tokens)
        length = math.sqrt(self._mass * (mass - zero)) or 1.0
        logits = [
            bias + scale * (each - zero) / length
            for each, scale, bias in zip(sums, self._scales, self._biases, strict=True)
        ]
        strong, weak = logits.pop(), logits.pop()
        return Guess(
            domains=dict(zip(self.domains, _softmax(logits), strict=True)),
            weak=1 / (1 + math.exp(-weak)),
            strong=1 / (1 + math.exp(-strong)),
            known=len(known),
        )


def guess(text: str) -> Guess:
    """What the words of *text* say, by the weights shipped with this version."""
    return shipped().guess(text)


@functools.cache
def shipped() -> Predictor:
    """The predictor shipped with this version; reading it takes about 5 ms."""
    return Predictor(resources.files("globalapi_core").joinpath(WEIGHTS).read_bytes())


def _softmax(logits: Sequence[float]) -> list[float]:
    most = max(logits)
    exponentials = [math.exp(each - most) for each in logits]
    total = sum(exponentials)
    return [each / total for each in exponentials]
