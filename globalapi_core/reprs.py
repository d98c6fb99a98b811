"""What a notebook shows of a decision, a call and a router: HTML tables.

Everything put into them is escaped: error messages and config files are others' text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from globalapi_core.config import Config, Route
    from globalapi_core.pricing import Cost
    from globalapi_core.records import CallRecord, Decision
    from globalapi_core.router import Router

_SHOWN = 0.05
"""Seconds from which a time is worth its place."""


def decision(decision: Decision) -> str:
    """*decision* as HTML: who is tried in which order, who is not, and why."""
    chosen = [
        (str(number), each.name, _estimate(each.estimate), "")
        for number, each in enumerate(decision.candidates, 1)
    ]
    turned_down = [("", each.name, "", f"turned down: {each.reason}") for each in decision.rejected]
    parts = [
        _line(decision.primary.name, _route(decision.route, decision.reason)),
        _table(("", "model", "estimate", ""), [*chosen, *turned_down]),
    ]
    if decision.passed:
        parts.append(_table(("route passed over", "because"), decision.passed))
    return _whole(parts)


def call(record: CallRecord | Mapping[str, Any]) -> str:
    """A call as HTML: what was decided, every attempt, tokens and cost.

    Args:
        record: the record, or the form of it that answers carry: `CallRecord.as_dict()`.
    """
    told = record if isinstance(record, Mapping) else record.as_dict()
    attempts = told["attempts"]
    took = f"{told['seconds']:.1f} s" if told["seconds"] >= _SHOWN else ""
    said = (_cost(told["cost"]), _route(told["route"], told["reason"]), took)
    rows = [_attempt(each) for each in attempts]
    return _whole(
        [
            _line(told["model"] or "no answer", " · ".join(filter(None, said))),
            _table(("", "model", "outcome", "waited", "tokens in", "out", "adapted"), rows),
        ]
    )


def router(router: Router) -> str:
    """*router* as HTML: its routes in the order they are asked."""
    config = router.config
    rows = [
        (each.name, _when(each), each.choose, ", ".join(each.candidates)) for each in config.routes
    ]
    limits = config.attempts
    said = (
        f"at most {limits.max_attempts} attempts and {limits.timeout:g} s a call, "
        f"{limits.max_retries} retries of a model, cooldown {limits.cooldown:g} s"
    )
    return _whole([_line("Router", said), _table(("route", "when", "choose", "candidates"), rows)])


def told_by(config: Config) -> tuple[str, Any]:
    """What a router is told from others by, in a `repr`: its file, else its routes' names."""
    return ("config", config.file) if config.file else ("routes", [r.name for r in config.routes])


def _attempt(attempt: Mapping[str, Any]) -> tuple[str, ...]:
    usage = attempt["usage"] or {}
    wait = f"{attempt['wait']:.1f} s" if attempt["wait"] >= _SHOWN else ""
    outcome = attempt["outcome"]
    if attempt["error"]:
        outcome = f"{outcome}: {attempt['error']}"
    return (
        str(attempt["number"]),
        attempt["model"],
        outcome,
        wait,
        _tokens(usage.get("input_tokens")),
        _tokens(usage.get("output_tokens")),
        "; ".join(attempt["adaptations"]),
    )


def _when(route: Route) -> str:
    if route.when is None:
        return "always"
    return "; ".join(f"{key}: {_value(value)}" for key, value in route.when.conditions.items())


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return ", ".join(f"{key} = {_value(each)}" for key, each in value.items())
    return " or ".join(map(str, value)) if isinstance(value, Sequence | set) else str(value)


def _route(route: str | None, reason: str) -> str:
    return f"route {route}: {reason}" if route else reason


def _estimate(estimate: Cost | None) -> str:
    return _cost(estimate.as_dict()) if estimate else "unknown"


def _cost(cost: Mapping[str, Any]) -> str:
    """An amount; what is not known of it is said, and is never 0."""
    amount = f"${float(cost['at_least']):.6f}"
    if cost["usd"] is not None:
        return amount
    return f"≥ {amount} ({', '.join(cost['unknown'])} unknown)"


def _tokens(count: int | None) -> str:
    return "unknown" if count is None else f"{count:,}"


def _line(name: str, said: str) -> str:
    return f"<p><b>{escape(name)}</b> · {escape(said)}</p>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(each)}</th>" for each in head)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(each)}</td>' for each in row)}</tr>" for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _whole(parts: Iterable[str]) -> str:
    # Two amounts in dollars are no formula between dollar signs.
    return f'<div class="tex2jax_ignore mathjax_ignore">{"".join(parts)}</div>'
