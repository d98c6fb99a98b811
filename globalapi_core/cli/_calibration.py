"""The need above which a route's prompts go to its dear model, from a sample of them.

Pure functions of a router, a route and prompts. Nothing of a prompt is kept but its need.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from globalapi_core.config import Route
from globalapi_core.errors import InvalidInputError, NoCandidateError
from globalapi_core.quality import choose
from globalapi_core.router import Router
from globalapi_core.signals import Message

ENOUGH = 2_000
"""Prompts with which the share of unseen ones is within 2 points 19 times of 20, for a share
of a fifth (docs/routing-quality.md)."""
SPLITS = 200
"""Ways in which the sample is halved to see what the share would be."""
_TIED = 0.01
"""By how much the sample's own share may miss the one wanted before it is said."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What a sample of prompts says of one route."""

    needs: tuple[float, ...]
    """How much better the dear model is expected to be, for each prompt it may get."""
    unknown: int
    """Of those, the prompts without a word that the training has seen: their needs are one."""
    elsewhere: int
    """Prompts that take another route."""
    without_choice: int
    """Prompts of the route that only the dear model, only others, or nobody can take."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A threshold, and how far it can be trusted."""

    route: str
    model: str
    """The dear model."""
    wanted: float
    """The share it should get, 0 to 1."""
    need_above: float
    share: float
    """The share of the sample above it."""
    validated: float
    """The mean share of one half of the sample above a threshold set on the other."""
    interval: tuple[float, float]
    """Where the share of unseen prompts of the kind lies, 19 times of 20."""
    sample: Sample

    @property
    def is_small(self) -> bool:
        """Whether the sample is too small for a share within 2 points."""
        return len(self.sample.needs) < ENOUGH

    @property
    def is_tied(self) -> bool:
        """Whether no threshold gives the share, since too many prompts have one need."""
        return abs(self.share - self.wanted) > _TIED

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "route": self.route,
            "model": self.model,
            "target_share": self.wanted,
            "need_above": self.need_above,
            "share": self.share,
            "validated": self.validated,
            "interval": list(self.interval),
            "prompts": len(self.sample.needs),
            "unknown": self.sample.unknown,
            "elsewhere": self.sample.elsewhere,
            "without_choice": self.sample.without_choice,
            "enough": not self.is_small,
        }


def plain(route: Route) -> Route:
    """*route* as its candidates are ordered before anything moves one of them."""
    return route.model_copy(
        update={"need_above": None, "split": None, "shadow": None, "sticky": False}
    )


def sample(
    router: Router, route: Route, prompts: Iterable[Sequence[Message]], *, forced: bool
) -> Sample:
    """The needs of *prompts* along *route*.

    Args:
        router: of a config in which the route is `plain`.
        route: the route with a target share.
        prompts: conversations, as the wire has them.
        forced: whether each takes the route, whatever its conditions.
    """
    dear = router.catalog.resolve(next(iter(route.target_share or {}))).name
    needs: list[float] = []
    unknown = elsewhere = without_choice = 0
    for messages in prompts:
        signals = router.signals(messages)
        try:
            decision = router.decide(signals, route=route.name if forced else None)
        except NoCandidateError:
            without_choice += 1
            continue
        if decision.route != route.name:
            elsewhere += 1
            continue
        names = [each.name for each in decision.candidates]
        others = [name for name in names if name != dear]
        if dear not in names or not others or signals.guess is None:
            without_choice += 1
            continue
        needs.append(choose.need(signals.guess, router.table, dear=dear, cheap=others[0]))
        unknown += not signals.guess.known
    return Sample(tuple(needs), unknown, elsewhere, without_choice)


def calibrated(route: Route, found: Sample) -> Calibration:
    """The threshold for *route* by the sample *found*.

    Raises:
        InvalidInputError: there are too few prompts for the share that is wanted.
    """
    model, wanted = next(iter((route.target_share or {}).items()))
    above = _threshold(found.needs, wanted)
    if above is None:
        raise InvalidInputError(
            f"route {route.name!r} wants {100 * wanted:.4g}% of its calls for {model}, which "
            f"{len(found.needs)} prompts cannot tell{_where(found, route)}"
        )
    validated, interval = _validated(found.needs, wanted)
    share = _share(found.needs, above)
    return Calibration(route.name, model, wanted, above, share, validated, interval, found)


def _where(found: Sample, route: Route) -> str:
    """Where the prompts went that do not count."""
    if found.elsewhere:
        return f": {found.elsewhere:,} take other routes; with --route {route.name} all count"
    if found.without_choice:
        return f": for {found.without_choice:,} there is no choice of models"
    return ": give more of them"


def _threshold(needs: Sequence[float], wanted: float) -> float | None:
    """The threshold with no more digits than it needs; `None`: there is none."""
    exact = choose.threshold(needs, wanted) if needs else math.inf
    if not math.isfinite(exact):
        return None
    short = float(f"{exact:.5g}")
    return short if _share(needs, short) == _share(needs, exact) else exact


def _share(needs: Sequence[float], above: float) -> float:
    return sum(need > above for need in needs) / len(needs)


def _validated(needs: Sequence[float], wanted: float) -> tuple[float, tuple[float, float]]:
    """The mean share by half-sample cross-validation, and the interval for unseen prompts.

    A threshold of n prompts misses by a variance of p(1 - p)/n. From half of them it is twice
    that, and the half it is told on adds as much again: four times in all, so that what the
    halves miss by is drawn in by half.
    """
    drawn = random.Random(len(needs))
    shuffled, half = list(needs), len(needs) // 2
    shares = []
    for _ in range(SPLITS):
        drawn.shuffle(shuffled)
        above = choose.threshold(shuffled[:half], wanted) if half else math.inf
        shares.append(_share(shuffled[half:], above))
    shares.sort()
    least, most = shares[SPLITS // 40], shares[-1 - SPLITS // 40]
    mean = fmean(shares)
    return mean, (mean + (least - mean) / 2, mean + (most - mean) / 2)
