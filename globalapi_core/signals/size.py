"""How large a request is, in tokens, and what it holds beside text.

An estimate is a sum of rates over kinds of characters. The rates were fitted to tokenizers
that can be had offline (see `RATES`), on prompts, prose, program text and JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import mul
from types import MappingProxyType
from typing import Any

from globalapi_core.signals import tokenizers
from globalapi_core.signals.question import text_of
from globalapi_core.signals.tokenizers import Counter

TOKENS_PER_MESSAGE = 4
"""Role and separators; what OpenAI's cookbook counts for its chat models."""
TOKENS_PER_ATTACHMENT = 1_000
"""Assumed for a picture, a recording or a file: near what a 1024-pixel picture costs."""

_SLICES, _SLICE = 8, 512
"""A longer text is counted in so many slices of so many characters, evenly spaced: a
decision takes the same time at any size."""
_FIRST_BYTES = {
    "spaces": b" ",
    "lines": b"\n\r\t",
    "digits": b"0123456789",
    "punctuation": bytes(b for b in range(33, 127) if not chr(b).isalnum()),
    "han": bytes(range(0xE4, 0xEA)),
    "kana": b"\xe3",
    "hangul": bytes(range(0xEA, 0xEE)),
    "fullwidth": b"\xef",
    "accented": bytes(range(0xC2, 0xE0)),
    "rare": bytes(range(0xE0, 0xE3)),
    "emoji": bytes(range(0xF0, 0xF5)),
}
"""For each kind, the first bytes of its characters in UTF-8."""
KINDS = ("letters", *_FIRST_BYTES)
_CONTINUED = bytes(range(0x80, 0xC0))
"""Bytes of UTF-8 that begin no character."""
_KIND_OF = bytes(
    next((kind for kind, first in enumerate(_FIRST_BYTES.values(), 1) if byte in first), 0)
    for byte in range(256)
)
"""For each first byte, the place of its kind in `KINDS`."""
_IN_ASCII = 5

RATES: Mapping[str | None, tuple[float, ...]] = MappingProxyType(
    {
        # letters spaces lines digits punctuation | han kana hangul fullwidth accented rare emoji
        None: (0.216, 0.123, 0.952, 1.208, 0.513, 0.667, 0.565, 0.747, 0.242, 0.394, 0.483, 1.5),
        "gpt": (0.216, 0.042, 1.048, 0.983, 0.525, 0.779, 0.673, 0.737, 0.38, 0.367, 0.398, 1.5),
        "deepseek": (
            0.253,
            0.02,
            0.927,
            0.886,
            0.508,
            0.603,
            0.649,
            0.814,
            0.304,
            0.458,
            0.589,
            1.5,
        ),
        "qwen": (0.2, 0.114, 1.326, 1.442, 0.55, 0.581, 0.472, 0.614, 0.46, 0.359, 0.322, 1.5),
        "claude": (0.27, 0.0, 0.758, 0.71, 0.532, 1.053, 0.879, 1.4, 0.855, 0.761, 1.45, 1.5),
    }
)
"""Tokens a character of each kind, by family: fitted to o200k_base (gpt), DeepSeek V4's, Qwen
3.5's and Anthropic's last published tokenizer (claude); `None`, for the families whose
tokenizer cannot be had (kimi, glm, gemini), is fitted to the mean of the first three."""
BANDS: Mapping[str | None, tuple[float, float]] = MappingProxyType(
    {
        None: (0.75, 1.6),
        "gpt": (0.87, 1.31),
        "deepseek": (0.83, 1.33),
        "qwen": (0.9, 1.27),
        "claude": (0.82, 1.6),
    }
)
"""Actual over estimated tokens, between which 9 of 10 texts lie that were not fitted to. The
ones for `None` and claude are assumed: nothing of today's was there to measure."""

_PARTS = {
    "image_url": "image",
    "input_audio": "audio",
    "audio_url": "audio",
    "video_url": "video",
    "file": "file",
}


@dataclass(frozen=True, slots=True)
class Estimate:
    """Tokens, and between which bounds nine of ten requests are."""

    tokens: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Size:
    """The characters of a prompt by kind, from which any family's tokens are estimated."""

    characters: tuple[float, ...] = (0.0,) * len(KINDS)
    """How many of each of `KINDS`."""
    others: int = 0
    """Tokens for roles, separators and attachments."""
    counted: Mapping[str, int] = field(default_factory=dict)
    """Tokens of the text for families whose own tokenizer counted them."""

    def tokens(self, family: str | None = None) -> int:
        """Input tokens for a model of *family*; of an unknown one for any of them."""
        if family is not None and family in self.counted:
            return self.counted[family] + self.others
        rates = RATES[family if family in RATES else None]
        return round(float(sum(map(mul, self.characters, rates)))) + self.others

    def estimate(self, family: str | None = None) -> Estimate:
        """`tokens`, and their bounds."""
        tokens = self.tokens(family)
        if family is not None and family in self.counted:
            return Estimate(tokens, tokens, tokens)
        of_text = tokens - self.others
        low, high = BANDS[family if family in BANDS else None]
        return Estimate(
            tokens, round(of_text * low) + self.others, round(of_text * high) + self.others
        )


def of(
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]] = (),
    counters: Mapping[str, Counter] = MappingProxyType({}),
) -> Size:
    """The size of *messages* and the definitions of *tools*; exact where *counters* count."""
    texts = [text_of(message) for message in messages]
    calls = [call for message in messages for call in message.get("tool_calls") or ()]
    texts += [json.dumps(each, ensure_ascii=False, default=str) for each in (*calls, *tools)]
    characters = tuple(map(sum, zip(*map(_counted, texts), strict=True))) if texts else ()
    attachments = len(_attachments(messages))
    return Size(
        characters or Size().characters,
        TOKENS_PER_MESSAGE * len(messages) + TOKENS_PER_ATTACHMENT * attachments,
        {family: _exactly(texts, family, counter) for family, counter in counters.items()},
    )


def _exactly(texts: Iterable[str], family: str, counter: Counter) -> int:
    return sum(
        counter(text) if len(text) <= tokenizers.LONGEST else round(of_text(text, family))
        for text in texts
    )


def tokens(
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]] = (),
    family: str | None = None,
) -> int:
    """Estimated input tokens of *messages* and the definitions of *tools*."""
    return of(messages, tools).tokens(family)


def of_text(text: str, family: str | None = None) -> float:
    """Estimated tokens of *text*."""
    rates = RATES[family if family in RATES else None]
    return float(sum(map(mul, _counted(text), rates)))


def _counted(text: str) -> tuple[float, ...]:
    """How many characters of each kind *text* has; in a long text, by its slices."""
    length = len(text)
    if length <= _SLICES * _SLICE:
        return _count(text)
    step = (length - _SLICE) // (_SLICES - 1)
    sample = "".join(text[at : at + _SLICE] for at in range(0, step * _SLICES, step))
    scale = length / len(sample)
    return tuple(each * scale for each in _count(sample))


def _count(text: str) -> tuple[int, ...]:
    data = text.encode("utf-8", "replace")
    kinds = data.translate(_KIND_OF, _CONTINUED)
    looked_for = _IN_ASCII if len(data) == len(text) else len(KINDS)
    counts = [kinds.count(kind) for kind in range(1, looked_for)]
    return (len(kinds) - sum(counts), *counts, *[0] * (len(KINDS) - looked_for))


def modalities(messages: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """What *messages* hold: always text, and what is attached."""
    return frozenset({"text", *_attachments(messages)})


def _attachments(messages: Sequence[Mapping[str, Any]]) -> list[str]:
    lists = (each.get("content") for each in messages if isinstance(each.get("content"), list))
    kinds = (_PARTS.get(part.get("type", "")) for content in lists for part in content or ())
    return [kind for kind in kinds if kind]
