"""What a call may come to, before it is made: pure functions of a model and the signals."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from globalapi_core.catalog import ModelInfo
from globalapi_core.pricing import Usage, cost
from globalapi_core.records import Candidate
from globalapi_core.signals import Signals

EXPECTED_OUTPUT = 500
"""Tokens of answer assumed for estimates when the caller sets no limit: the articles'
retrieval answers run 200 to 1,000."""


def candidate(model: ModelInfo, signals: Signals, params: Mapping[str, Any]) -> Candidate:
    """*model* as a candidate, with what the call is expected to cost.

    What the conversation's last model has read before costs it what a cache does, where the
    price of that is known. That it has it still is assumed: caches are kept for minutes to
    hours.
    """
    # What two families make of one text differs: each is asked for its own count.
    prompt = signals.tokens(model.family)
    mine = signals.previous in (model.name, model.base)
    cached = min(signals.cached_tokens, prompt) if mine else None
    usage = Usage(prompt, expected_output(params, signals), cache_read_tokens=cached)
    return Candidate(model, params=params, estimate=cost(usage, model.price))


def expected_output(params: Mapping[str, Any], signals: Signals) -> int:
    """Tokens that an answer is expected to have; *params* are the route's."""
    return answer_limit(signals, params) or EXPECTED_OUTPUT


def most(candidate: Candidate, signals: Signals) -> Decimal | None:
    """The most an attempt may cost, USD; `None` if the model has no known price.

    The prompt counts as long as nine of ten are, for its estimate; the answer as it may get.
    """
    model = candidate.model
    usage = Usage(signals.estimate(model.family).high, longest_answer(candidate, signals))
    return cost(usage, model.price).usd


def longest_answer(candidate: Candidate, signals: Signals) -> int:
    """Tokens an answer may have, thinking included.

    `max_tokens` of the call or of the route, the larger if both are set: where they were set
    decides which is sent. Else the model's `output_limit`. Thinking is part of it, but for
    Qwen, whose limit is one of the answer alone: another `output_limit` is added for its
    thinking (docs.siliconflow.com/en/userguide/capabilities/reasoning).
    """
    model = candidate.model
    limits = (
        signals.max_tokens,
        *(candidate.params.get(name) for name in ("max_tokens", "max_completion_tokens")),
    )
    answer = max(
        (each for each in limits if isinstance(each, int) and each > 0), default=model.output_limit
    )
    thinks_apart = model.family == "qwen" and model.thinking in ("optional", "always")
    return answer + (model.output_limit if thinks_apart else 0)


def answer_limit(signals: Signals, params: Mapping[str, Any]) -> int | None:
    """Tokens of answer that the call allows, or else a route's *params*; `None`: nobody said."""
    limit = params.get("max_tokens")
    return signals.max_tokens or (limit if isinstance(limit, int) and limit > 0 else None)
