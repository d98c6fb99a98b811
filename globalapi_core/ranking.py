"""In what order to try a route's candidates: pure functions, each with its reason in words.

`choose` orders them all. What a route says besides moves one of them to the front or to the
end: a target share, a split, a conversation's own model, a cooldown, a tool loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b

from globalapi_core.catalog import Catalog
from globalapi_core.circuits import Snapshot
from globalapi_core.config import Choose, Route
from globalapi_core.estimates import EXPECTED_OUTPUT
from globalapi_core.quality import choose as learned
from globalapi_core.quality.table import Table
from globalapi_core.records import Candidate
from globalapi_core.signals import Signals

Ordered = tuple[list[Candidate], str | None]
"""Candidates in the order to try them, and why it is another than before; `None`: it is not."""


def ordered(choose: Choose, candidates: Sequence[Candidate]) -> list[Candidate]:
    """*candidates* in the order to try them; what is unknown goes last, ties keep theirs."""
    return sorted(candidates, key=_ORDERS[choose])


def by_quality(
    candidates: Sequence[Candidate], signals: Signals, table: Table, cost_weight: float
) -> list[Candidate]:
    """*candidates*, the best expected answer for its cost first, each saying how good it is."""
    costs = [(each.name, _usd(each)) for each in candidates]
    ranked = learned.ranked(costs, signals.guess, table, cost_weight=cost_weight)
    by_name = {each.name: each for each in candidates}
    return [replace(by_name[each.model], quality=each.quality) for each in ranked]


def to_share(
    route: Route, candidates: list[Candidate], signals: Signals, table: Table, catalog: Catalog
) -> Ordered:
    """The dear model of the route's target share first if the call needs it, else behind another.

    The other is the first candidate beside it.
    """
    if not route.target_share:
        return candidates, None
    name, share = next(iter(route.target_share.items()))
    dear = catalog.resolve(name).name
    others = [each for each in candidates if each.name != dear]
    if not others or len(others) == len(candidates):
        return candidates, None
    if route.need_above is None or signals.guess is None:
        return candidates, f"the share of {dear} is not calibrated"
    need = learned.need(signals.guess, table, dear=dear, cheap=others[0].name)
    mine = [each for each in candidates if each.name == dear]
    told = f"need of {dear} {need:+.3f}, a share of {share:.0%} begins above {route.need_above:+g}"
    if need > route.need_above:
        return mine + others, told
    return others[:1] + mine + others[1:], told


def split(route: Route, candidates: list[Candidate], signals: Signals, catalog: Catalog) -> Ordered:
    """The model of the caller's arm first: the same one in every process and every version."""
    by = route.split
    if by is None:
        return candidates, None
    key = signals.metadata.get(by.by)
    whose = by.by if key is not None else "conversation"
    part = place(route.name, whose, str(signals.bucket) if key is None else key)
    arm = catalog.resolve(_arm(by.shares, part)).name
    lacks = f" (without metadata {by.by})" if key is None and by.by != "conversation" else ""
    told = f"split by {whose}{lacks}: {arm}"
    if arm not in [each.name for each in candidates]:
        return candidates, f"{told}, which cannot take the call"
    return sorted(candidates, key=lambda each: each.name != arm), told


def place(route: str, by: str, key: str) -> float:
    """Where *key* falls among the arms of *route*, 0 to 1; evenly over many keys."""
    text = "\0".join((route, by, key)).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest()) / 2**64


def _arm(shares: Mapping[str, float], part: float) -> str:
    left = part * sum(shares.values())
    for model, weight in shares.items():
        left -= weight
        if left < 0:
            return model
    return model


def staying(route: Route, candidates: list[Candidate], signals: Signals) -> Ordered:
    """The conversation's last model first, if what it has cached makes it no dearer."""
    if not route.sticky:
        return candidates, None
    first, model = candidates[0], signals.previous
    mine = next((each for each in candidates if each.name == model), None)
    if mine is None or mine is first:
        return candidates, None
    stay, move = _usd(mine), _usd(first)
    if stay is None or move is None or stay > move:
        return candidates, None
    kept = sorted(candidates, key=lambda each: each is not mine)
    return kept, f"{model} gave the last answer, and costs no more with what it has cached"


def cooling_last(candidates: list[Candidate], cooling: Snapshot) -> Ordered:
    """Who is cooling down comes last, the soonest to be tried first: better late than never."""
    if not (cooling.models or cooling.shared):
        return candidates, None
    failed = {each.name: found for each in candidates if (found := cooling.of(each.name))}
    last = [each for each in candidates if each.name in failed and not failed[each.name].on_trial]
    if not last:
        return candidates, None
    ready = [each for each in candidates if each not in last]
    last.sort(key=lambda each: failed[each.name].seconds)
    why = "; ".join(f"{each.name} goes last: {failed[each.name]}" for each in last)
    return ready + last, why


def tool_loop_first(candidates: list[Candidate], model: str | None) -> Ordered:
    """Keep the model that made the tool calls: one model per tool loop."""
    if model is None or model not in [each.name for each in candidates]:
        return candidates, None
    kept = sorted(candidates, key=lambda each: each.name != model)
    return kept, f"{model} made the tool calls"


def _usd(each: Candidate) -> float | None:
    usd = each.estimate.usd if each.estimate else None
    return None if usd is None else float(usd)


def _cost(each: Candidate) -> float:
    usd = _usd(each)
    return float("inf") if usd is None else usd


def _seconds(each: Candidate) -> float:
    seconds = each.model.seconds(EXPECTED_OUTPUT)
    return float("inf") if seconds is None else seconds


def _both(each: Candidate) -> float:
    # Nothing times unknown is unknown: a free model of unknown speed goes last too.
    cost, seconds = _cost(each), _seconds(each)
    return float("inf") if float("inf") in (cost, seconds) else cost * seconds


_ORDERS: Mapping[Choose, Callable[[Candidate], float]] = {
    "priority": lambda each: 0.0,
    "cheapest": _cost,
    "fastest": _seconds,
    # Twice the price weighs as much as twice the time.
    "balanced": _both,
}
