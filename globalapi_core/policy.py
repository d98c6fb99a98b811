"""Who may take a call: what a model can do, and what the file's policies allow. Pure functions."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from globalapi_core.catalog import ModelInfo, fold
from globalapi_core.conditions import unmet
from globalapi_core.config import Policy
from globalapi_core.estimates import answer_limit, expected_output, most
from globalapi_core.pricing import usd
from globalapi_core.records import Candidate, Rejection
from globalapi_core.signals import Signals


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
    answer = answer_limit(signals, params) or 0
    if model.max_output and answer > model.max_output:
        return f"answers of {answer:,} tokens > {model.max_output:,}"
    prompt = signals.tokens(model.family)
    if prompt + answer > model.window:
        needed = f"{prompt:,} tokens" + (f" + {answer:,} of answer" if answer else "")
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


def in_force(policies: Iterable[Policy], signals: Signals) -> list[Policy]:
    """Those of *policies* that hold for the call."""
    return [
        each
        for each in policies
        if unmet(each.when, signals) is None
        and (each.unless is None or unmet(each.unless, signals) is not None)
    ]


def forbidden(
    candidate: Candidate, signals: Signals, policies: Sequence[Policy]
) -> Rejection | None:
    """*candidate* turned down by the first of *policies* that does not allow it; `None`: all do.

    What is not known of a model counts against it.
    """
    for policy in policies:
        reason = _against(policy, candidate, signals)
        if reason is not None:
            return Rejection(candidate.name, reason, policy=policy.name)
    return None


def _against(policy: Policy, candidate: Candidate, signals: Signals) -> str | None:
    model = candidate.model
    if policy.origins is not None and model.origin not in policy.origins:
        return f"its origin is {model.origin or 'unknown'}, not {' or '.join(policy.origins)}"
    if policy.models is not None and not is_one_of(model, policy.models):
        return f"it is not {' or '.join(policy.models)}"
    if policy.not_models is not None and _may_be_one_of(model, policy.not_models):
        return f"it is one of {', '.join(policy.not_models)}"
    if policy.max_cost is not None:
        price = most(candidate, signals)
        if price is None:
            return "its price is not known"
        if price > policy.max_cost:
            return f"it may cost {usd(price)}, more than {usd(policy.max_cost)}"
    if policy.max_seconds is not None:
        seconds = model.seconds(expected_output(candidate.params, signals))
        if seconds is None:
            return "its speed is not known"
        if seconds > policy.max_seconds:
            return f"it takes {seconds:.1f} s, longer than {policy.max_seconds:g} s"
    return None


def is_one_of(model: ModelInfo, patterns: Sequence[str]) -> bool:
    """Whether one of *patterns*, such as `glm-*`, is a spelling of *model* or of what it varies."""
    return _spelled((model.name, model.variant_of or "", model.id, *model.aliases), patterns)


def _may_be_one_of(model: ModelInfo, patterns: Sequence[str]) -> bool:
    """`is_one_of`, where a doubt counts against *model*: a server may take `glm-5:free` for it."""
    known = (model.name, model.id, model.asked, model.alias_of)
    untagged = (each.partition(":")[0] for each in known)
    return is_one_of(model, patterns) or _spelled((*known, *untagged), patterns)


def _spelled(spellings: Iterable[str], patterns: Sequence[str]) -> bool:
    folded = [fold(each) for each in spellings if each]
    return any(_pattern(each).fullmatch(name) for each in patterns for name in folded)


def is_spelled(spelling: str, pattern: str) -> bool:
    """Whether *spelling* is what *pattern*, such as `glm-*`, describes."""
    return _spelled([spelling], [pattern])


@functools.cache
def _pattern(text: str) -> re.Pattern[str]:
    # Beside a letter, so that a piece of mere punctuation folds to nothing, as it does in names.
    pieces = (fold(f"x{each}")[1:] for each in text.rpartition("/")[2].strip().split("*"))
    return re.compile(".*".join(map(re.escape, pieces)))


def ceiling(policies: Iterable[Policy]) -> Decimal | None:
    """USD that a whole call may come to by *policies*; `None`: they set no limit."""
    return min((each.max_cost for each in policies if each.max_cost is not None), default=None)
