"""Who is considered for a call, and in what order: pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from globalapi_core.catalog import ModelInfo
from globalapi_core.config import Choose, When
from globalapi_core.pricing import Usage, cost
from globalapi_core.records import Candidate
from globalapi_core.signals import Signals

EXPECTED_OUTPUT = 500
"""Tokens of answer assumed for estimates when the caller sets no limit: the articles'
retrieval answers run 200 to 1,000."""


def unmet(when: When | None, signals: Signals) -> str | None:
    """The first condition of *when* that does not hold, in words; `None` if all hold."""
    for name, wanted in (when.conditions if when else {}).items():
        actual = _CONDITIONS[name](signals, wanted)
        if actual is not None:
            return f"{name} is {actual}, not {_words(wanted)}"
    return None


def met(when: When | None, signals: Signals) -> str:
    """Why a route fired, in words, with what in the text showed it."""
    reasons = []
    for name, wanted in (when.conditions if when else {}).items():
        evidence = signals.evidence.get(name)
        reasons.append(f"{name}: {_words(wanted)}" + (f" ({evidence})" if evidence else ""))
    return "; ".join(reasons) or "no other route fired"


def unable(
    model: ModelInfo, signals: Signals, params: Mapping[str, Any] = MappingProxyType({})
) -> str | None:
    """Why *model* cannot take the call with a route's *params*, or `None` if it can.

    A capability that no source states counts as missing: a call must not fail where
    another model would have answered.
    """
    missing = signals.modalities - (model.modalities or {"text"})
    if missing:
        return f"takes no {' or '.join(sorted(missing))}"
    if signals.tools and not model.tools:
        return "cannot call tools" if model.tools is False else "not known to call tools"
    no_json = _no_json(model, signals)
    if no_json:
        return no_json
    answer = signals.max_tokens or _limit(params) or 0
    if model.max_output and answer > model.max_output:
        return f"answers of {answer:,} tokens > {model.max_output:,}"
    if signals.input_tokens + answer > model.window:
        needed = f"{signals.input_tokens:,} tokens" + (f" + {answer:,} of answer" if answer else "")
        return f"{needed} > {model.window:,} of context"
    return None


def _no_json(model: ModelInfo, signals: Signals) -> str | None:
    """Why *model* cannot give the JSON that is asked for; what has tools gives an object by one."""
    if not signals.response_format or model.json_mode or model.json_schema:
        return None
    by_tool = signals.response_format == "json_schema"
    if by_tool and model.tools:
        return None
    if model.json_mode is None or (by_tool and model.tools is None):
        return "not known to have a JSON mode" + (" or tools" if by_tool else "")
    return "has no JSON mode" + (", and no tools to give an object by" if by_tool else "")


def candidate(model: ModelInfo, signals: Signals, params: Mapping[str, Any]) -> Candidate:
    """*model* as a candidate, with what the call is expected to cost."""
    output = signals.max_tokens or _limit(params) or EXPECTED_OUTPUT
    usage = Usage(input_tokens=signals.input_tokens, output_tokens=output)
    return Candidate(model, params=params, estimate=cost(usage, model.price))


def _limit(params: Mapping[str, Any]) -> int | None:
    limit = params.get("max_tokens")
    return limit if isinstance(limit, int) and limit > 0 else None


def ordered(choose: Choose, candidates: Sequence[Candidate]) -> list[Candidate]:
    """*candidates* in the order to try them; what is unknown goes last, ties keep theirs."""
    return sorted(candidates, key=_ORDERS[choose])


def _unlike(actual: str, holds: bool) -> str | None:
    return None if holds else actual


def _flag(name: str) -> Callable[[Signals, bool], str | None]:
    def check(signals: Signals, wanted: bool) -> str | None:
        actual = bool(getattr(signals, name))
        return _unlike(str(actual).lower(), actual == wanted)

    return check


def _any_of(name: str) -> Callable[[Signals, list[str]], str | None]:
    def check(signals: Signals, wanted: list[str]) -> str | None:
        actual: frozenset[str] = getattr(signals, name)
        return _unlike(", ".join(sorted(actual)) or "none", not actual.isdisjoint(wanted))

    return check


def _metadata(signals: Signals, wanted: Mapping[str, list[str]]) -> str | None:
    holds = all(signals.metadata.get(key) in values for key, values in wanted.items())
    return _unlike(str({key: signals.metadata.get(key) for key in wanted}), holds)


_CONDITIONS: Mapping[str, Callable[[Signals, Any], str | None]] = {
    "modality": _any_of("modalities"),
    "tools": _flag("tools"),
    "json_output": _flag("response_format"),
    "language": lambda signals, wanted: _unlike(signals.language, signals.language in wanted),
    "code": _flag("code"),
    "reasoning": _flag("reasoning"),
    "min_tokens": lambda signals, least: _unlike(
        f"{signals.input_tokens:,}", signals.input_tokens >= least
    ),
    "max_tokens": lambda signals, most: _unlike(
        f"{signals.input_tokens:,}", signals.input_tokens <= most
    ),
    "keywords": _any_of("keywords"),
    "tags": _any_of("tags"),
    "metadata": _metadata,
}


def _words(wanted: object) -> str:
    if isinstance(wanted, list):
        return " or ".join(map(str, wanted))
    if isinstance(wanted, bool):
        return str(wanted).lower()
    return f"{wanted:,}" if isinstance(wanted, int) else str(wanted)


def _cost(each: Candidate) -> float:
    usd = each.estimate.usd if each.estimate else None
    return float("inf") if usd is None else float(usd)


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
