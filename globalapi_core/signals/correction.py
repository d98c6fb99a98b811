"""Learning from returned usage: how far a family's estimates have been off.

A value, so that a decision stays a function of what it is given; whoever sees usage keeps the
last one, per process. It knows counts only, no text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from globalapi_core.signals.size import Estimate

_MEMORY = 50
"""Calls after which an old one has lost most of its weight."""
_PRIOR = 10
"""Calls that the shipped rates count as: one odd prompt changes little."""
_LEAST = 50
"""Tokens below which roles and separators blur the ratio."""
_BOUNDS = (0.5, 2.0)
"""A ratio past these is a cache, a cut or a claim, no tokenizer."""


@dataclass(frozen=True, slots=True)
class Correction:
    """By what to multiply estimates, learned from (estimated, actual) pairs of a family."""

    calls: Mapping[str, float] = field(default_factory=dict)
    """Of each family: how many were seen, an old one for less than one."""
    ratios: Mapping[str, float] = field(default_factory=dict)
    """Of each family: actual over estimated tokens, summed over those calls."""

    def after(self, family: str, estimated: int, actual: int | None) -> Correction:
        """What is known after one more call; pairs that cannot be true are left out.

        Args:
            family: whose tokenizer counted.
            estimated: input tokens as estimated by `Size.estimate(family)`.
            actual: input tokens as the gateway claims them, `None` if it did not.
        """
        if actual is None or estimated < _LEAST:
            return self
        low, high = _BOUNDS
        if not low <= actual / estimated <= high:
            return self
        keep = 1 - 1 / _MEMORY
        calls = self.calls.get(family, 0.0) * keep + 1
        # Each call weighs the same, a long one no more than a short one.
        ratio = self.ratios.get(family, 0.0) * keep + actual / estimated
        return Correction({**self.calls, family: calls}, {**self.ratios, family: ratio})

    def factor(self, family: str | None) -> float:
        """By what to multiply an estimate for *family*; 1 as long as nothing is known."""
        if not self.calls:
            return 1.0
        calls = self.calls.get(family or "", 0.0)
        return (self.ratios.get(family or "", 0.0) + _PRIOR) / (calls + _PRIOR)

    def applied(self, estimate: Estimate, family: str | None) -> Estimate:
        """*estimate*, corrected, and its bounds by the same factor."""
        factor = self.factor(family)
        return Estimate(
            *(round(each * factor) for each in (estimate.tokens, estimate.low, estimate.high))
        )
