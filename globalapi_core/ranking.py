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
    dear = found(candidates, name, catalog)
    others = [each for each in candidates if each is not dear]
    if dear is None or not others:
        return candidates, None
    cheap_first = [others[0], dear, *others[1:]]
    if route.need_above is None or signals.guess is None:
        return cheap_first, f"the share of {dear.name} is not calibrated"
    need = learned.need(signals.guess, table, dear=dear.name, cheap=others[0].name)
    begins = f"a share of {share:.0%} begins above {route.need_above:+g}"
    told = f"need of {dear.name} {need:+.3f}, {begins}"
    if need > route.need_above:
        return [dear, *others], told
    return cheap_first, told


def split(route: Route, candidates: list[Candidate], signals: Signals, catalog: Catalog) -> Ordered:
    """The model of the caller's arm first: the same one in every process and every version."""
    by = route.split
    if by is None:
        return candidates, None
    key = signals.metadata.get(by.by)
    whose = by.by if key is not None else "conversation"
    part = place(route.name, whose, str(signals.bucket) if key is None else key)
    name = _arm(by.shares, part)
    lacks = f" (without metadata {by.by})" if key is None and by.by != "conversation" else ""
    told = f"split by {whose}{lacks}"
    arm = found(candidates, name, catalog)
    if arm is None:
        return candidates, f"{told}: {catalog.resolve(name).name}, which is turned down"
    return _first(arm, candidates), f"{told}: {arm.name}"


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


def staying(
    route: Route, candidates: list[Candidate], signals: Signals, catalog: Catalog
) -> Ordered:
    """The conversation's last model first, if what it has cached makes it no dearer.

    Where a route goes by quality, that decides: its estimates count the cache already.
    """
    if not route.sticky or route.choose == "quality" or route.target_share:
        return candidates, None
    first, mine = candidates[0], found(candidates, signals.previous, catalog)
    if mine is None or mine is first:
        return candidates, None
    stay, move = _usd(mine), _usd(first)
    if stay is None or move is None or stay > move:
        return candidates, None
    told = f"{mine.name} gave the last answer, and costs no more with what it has cached"
    return _first(mine, candidates), told


def cooling_last(
    candidates: list[Candidate], cooling: Snapshot, in_loop: Candidate | None
) -> Ordered:
    """Who is cooling down comes last, the soonest to be tried first: better late than never.

    But for *in_loop*, who made the tool calls and goes on with them.
    """
    if not (cooling.models or cooling.shared):
        return candidates, None
    others = [each for each in candidates if each is not in_loop]
    failed = {each.name: rest for each in others if (rest := cooling.of(each.name))}
    last = [each for each in others if each.name in failed and not failed[each.name].on_trial]
    if not last:
        return candidates, None
    ready = [each for each in candidates if each not in last]
    last.sort(key=lambda each: failed[each.name].seconds)
    why = "; ".join(f"{each.name} goes last: {failed[each.name]}" for each in last)
    return ready + last, why


def tool_loop_first(candidates: list[Candidate], in_loop: Candidate | None) -> Ordered:
    """Keep the model that made the tool calls, *in_loop*: one model per tool loop."""
    if in_loop is None:
        return candidates, None
    return _first(in_loop, candidates), f"{in_loop.name} made the tool calls"


def found(candidates: Sequence[Candidate], name: str | None, catalog: Catalog) -> Candidate | None:
    """The one of *candidates* that *name* spells, or that is another mode of it.

    A model that is asked to think may have a name and a price of its own.
    """
    if name is None:
        return None
    model = catalog.get(name)
    exact = (each for each in candidates if each.name == model.name)
    modes = (each for each in candidates if each.model.base == model.base)
    return next(exact, None) or next(modes, None)


def _first(one: Candidate, candidates: Sequence[Candidate]) -> list[Candidate]:
    return sorted(candidates, key=lambda each: each is not one)


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
