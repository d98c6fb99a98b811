"""Which model a text is worth: expected quality less what it costs, for one price of quality.

Pure functions of a guess, a table and costs. `ranked` orders a route's candidates;
`threshold` sends a wanted share of a user's own prompts to the dear one of two.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from globalapi_core.quality.predict import Guess
from globalapi_core.quality.table import Table

RESIDUAL = 0.5
"""What the weak and strong heads count for beside the table, when two models are compared."""
MARGIN = 0.02
"""By how much a model must be better than the one chosen of a text that says nothing.

Smaller differences are noise, and would let a text's wording decide.
"""


@dataclass(frozen=True, slots=True)
class Ranked:
    """One candidate, and what was expected of it."""

    model: str
    quality: float | None
    """Expected share of right answers, 0 to 1; `None`: nobody measured the model."""
    usd: float | None
    """Expected cost of the call; `None`: the price is unknown."""
    utility: float
    """Quality less cost times `cost_weight`, and `MARGIN` more for the model that would be chosen
    by the means; minus infinity where quality or cost is unknown."""


def ranked(
    candidates: Iterable[tuple[str, float | None]],
    guess: Guess | None,
    table: Table,
    *,
    cost_weight: float = 0.0,
) -> list[Ranked]:
    """*candidates*, the best first; what is unknown goes last, ties keep their order.

    Args:
        candidates: names of models, each with the expected cost of the call in USD.
        guess: what was guessed of the text; `None`: nothing, which chooses by the means.
        table: how good the models are.
        cost_weight: the share of right answers that one USD per call is worth: at 10, a
            model that costs a cent more must be right on 10 more prompts of 100. At 0 cost
            does not count, nor does an unknown price.
    """
    known = [(model, usd, table.get(model)) for model, usd in candidates]
    usual = [
        _utility(usd, profile.mean if profile else None, cost_weight) for _, usd, profile in known
    ]
    found = []
    for at, (model, usd, profile) in enumerate(known):
        quality = profile.expected(guess) if profile else None
        utility = _utility(usd, quality, cost_weight)
        if at == usual.index(max(usual)):
            utility += MARGIN
        found.append(Ranked(model, quality, usd, utility))
    return sorted(found, key=lambda each: -each.utility)


def _utility(usd: float | None, quality: float | None, cost_weight: float) -> float:
    if quality is None or (usd is None and cost_weight):
        return -math.inf
    return quality - cost_weight * (usd or 0.0)


def need(guess: Guess, table: Table, *, dear: str, cheap: str) -> float:
    """How much better *dear* is expected to answer than *cheap*, -1 to 1.

    Of models that the table lacks, the general weak and strong model stand in.
    """
    apart = guess.strong - guess.weak
    one, other = table.get(dear), table.get(cheap)
    if one is None or other is None:
        return apart
    return one.expected(guess) - other.expected(guess) + RESIDUAL * apart


def threshold(needs: Sequence[float], share: float) -> float:
    """The need above which a prompt goes to the dear model, so that *share* of them do.

    Args:
        needs: of a sample of the user's own prompts. With 2,000, a fifth of unseen
            ones stays within 2 points 19 times of 20; see docs/routing-quality.md.
        share: 0 to 1.

    Raises:
        ValueError: the sample is empty, or *share* is no share.
    """
    if not needs:
        raise ValueError("needs is empty: give the needs of a sample of your prompts")
    if not 0 <= share <= 1:
        raise ValueError(f"share is {share!r}, not between 0 and 1")
    falling = sorted(needs, reverse=True)
    sent = round(share * len(falling))
    if sent == 0:
        return math.inf
    if sent == len(falling):
        return -math.inf
    return (falling[sent - 1] + falling[sent]) / 2
