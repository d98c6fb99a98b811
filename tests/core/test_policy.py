"""Who is considered for a call, in what order, and in whose words."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from globalapi_core import policy
from globalapi_core.config import Choose, When
from globalapi_core.pricing import Price
from globalapi_core.signals import Signals

from .helpers import model

TEXT = Signals(input_tokens=1_000)


@pytest.mark.parametrize(
    ("when", "signals", "reason"),
    [
        ({}, Signals(), None),
        ({"modality": "image"}, Signals(), "modality is text, not image"),
        ({"modality": "image"}, Signals(modalities=frozenset({"text", "image"})), None),
        ({"tools": True}, Signals(), "tools is false, not true"),
        ({"tools": True}, Signals(tools=2), None),
        ({"tools": False}, Signals(tools=2), "tools is true, not false"),
        ({"json_output": True}, Signals(response_format="json_object"), None),
        ({"json_output": True}, Signals(), "json_output is false, not true"),
        ({"language": ["zh", "mixed"]}, Signals(language="en"), "language is en, not zh or mixed"),
        ({"language": "zh"}, Signals(language="zh"), None),
        ({"code": True}, Signals(code=True), None),
        ({"reasoning": True}, Signals(), "reasoning is false, not true"),
        ({"min_tokens": 1_000}, Signals(input_tokens=1_000), None),
        ({"min_tokens": 1_001}, Signals(input_tokens=1_000), "min_tokens is 1,000, not 1,001"),
        ({"max_tokens": 1_000}, Signals(input_tokens=1_000), None),
        ({"max_tokens": 999}, Signals(input_tokens=1_000), "max_tokens is 1,000, not 999"),
        ({"keywords": ["a", "b"]}, Signals(keywords=frozenset({"b"})), None),
        ({"keywords": ["a"]}, Signals(), "keywords is none, not a"),
        ({"tags": ["vip"]}, Signals(tags=frozenset({"vip", "x"})), None),
        ({"tags": ["vip"]}, Signals(tags=frozenset({"x"})), "tags is x, not vip"),
        ({"metadata": {"team": ["a", "b"]}}, Signals(metadata={"team": "b", "x": "y"}), None),
        ({"metadata": {"team": "a"}}, Signals(), "metadata is {'team': None}, not {'team': ['a']}"),
        ({"metadata": {"a": "1", "b": "2"}}, Signals(metadata={"a": "1"}),
         "metadata is {'a': '1', 'b': None}, not {'a': ['1'], 'b': ['2']}"),
    ],
)  # fmt: skip
def test_condition(when: dict[str, Any], signals: Signals, reason: str | None) -> None:
    """A condition that does not hold is named with what was found and what was wanted."""
    assert policy.unmet(When.model_validate(when), signals) == reason


def test_all_conditions_must_hold() -> None:
    """A route fires when every key holds; the first that does not is named."""
    when = When.model_validate({"tools": True, "code": True})

    assert policy.unmet(when, Signals(tools=1, code=True)) is None
    assert policy.unmet(when, Signals(tools=1)) == "code is false, not true"
    assert policy.unmet(None, Signals()) is None


def test_reason_names_its_evidence() -> None:
    """A route that fired says why, with what in the text showed it."""
    when = When.model_validate({"language": ["zh", "mixed"], "tools": True})
    signals = Signals(language="zh", tools=1, evidence={"language": "90% Chinese"})

    assert policy.met(when, signals) == "tools: true; language: zh or mixed (90% Chinese)"
    assert policy.met(None, signals) == "no other route fired"


@pytest.mark.parametrize(
    ("facts", "signals", "reason"),
    [
        ({}, TEXT, None),
        ({"tools": True}, Signals(tools=1), None),
        ({"tools": False}, Signals(tools=1), "cannot call tools"),
        ({}, Signals(tools=1), "not known to call tools"),
        ({}, Signals(modalities=frozenset({"text", "image"})), "takes no image"),
        (
            {"modalities": frozenset({"text", "image"})},
            Signals(modalities=frozenset({"text", "image", "audio", "video"})),
            "takes no audio or video",
        ),
        ({"json_mode": True}, Signals(response_format="json_object"), None),
        ({"json_schema": True}, Signals(response_format="json_object"), None),
        ({"json_mode": False}, Signals(response_format="json_object"), "has no JSON mode"),
        ({}, Signals(response_format="json_object"), "not known to have a JSON mode"),
        ({}, Signals(response_format="json_schema"), "not known to have a JSON mode or tools"),
        ({"tools": True}, Signals(response_format="json_schema"), None),
        (
            {"tools": True, "json_mode": False},
            Signals(response_format="json_object"),
            "has no JSON mode",
        ),
        (
            {"tools": False, "json_mode": False},
            Signals(response_format="json_schema"),
            "has no JSON mode, and no tools to give an object by",
        ),
        ({"context_window": 1_000}, TEXT, None),
        ({"context_window": 999}, TEXT, "1,000 tokens > 999 of context"),
        (
            {"context_window": 1_200},
            Signals(input_tokens=1_000, max_tokens=300),
            "1,000 tokens + 300 of answer > 1,200 of context",
        ),
        ({}, Signals(input_tokens=32_001), "32,001 tokens > 32,000 of context"),
    ],
)
def test_unable(facts: dict[str, Any], signals: Signals, reason: str | None) -> None:
    """A model that cannot take the call is turned down with the reason; unknown counts as no."""
    assert policy.unable(model("m", **facts), signals) == reason


MODELS = [
    model("dear-fast", price=10, tokens_per_second=100),
    model("cheap-slow", price=1, tokens_per_second=5),
    model("unknown"),
    model("middle", price=3, tokens_per_second=50),
    model("free-unknown", price=0),
]


@pytest.mark.parametrize(
    ("choose", "names"),
    [
        ("priority", ["dear-fast", "cheap-slow", "unknown", "middle", "free-unknown"]),
        ("cheapest", ["free-unknown", "cheap-slow", "middle", "dear-fast", "unknown"]),
        ("fastest", ["dear-fast", "middle", "cheap-slow", "unknown", "free-unknown"]),
        ("balanced", ["middle", "dear-fast", "cheap-slow", "unknown", "free-unknown"]),
    ],
)
def test_order(choose: Choose, names: list[str]) -> None:
    """Candidates are in the order asked for; what is unknown goes last, ties keep theirs."""
    candidates = [policy.candidate(each, TEXT, {}) for each in MODELS]

    assert [each.name for each in policy.ordered(choose, candidates)] == names


def test_order_does_not_depend_on_the_list() -> None:
    """A model that is free and of unknown speed goes last wherever it stands."""
    for turn in range(len(MODELS)):
        turned = [policy.candidate(each, TEXT, {}) for each in MODELS[turn:] + MODELS[:turn]]

        names = [each.name for each in policy.ordered("balanced", turned)]

        assert names[:3] == ["middle", "dear-fast", "cheap-slow"]


@pytest.mark.parametrize(
    ("signals", "params", "output"),
    [
        (TEXT, {}, policy.EXPECTED_OUTPUT),
        (TEXT, {"max_tokens": 100}, 100),
        (Signals(input_tokens=1_000, max_tokens=50), {"max_tokens": 100}, 50),
        (TEXT, {"max_tokens": None}, policy.EXPECTED_OUTPUT),
        (TEXT, {"max_tokens": "many"}, policy.EXPECTED_OUTPUT),
        (TEXT, {"max_tokens": -1}, policy.EXPECTED_OUTPUT),
    ],
)
def test_estimate(signals: Signals, params: dict[str, Any], output: int) -> None:
    """The estimate counts the answer the caller allows, else the route, else the usual one."""
    priced = model("m")
    priced = type(priced)(name="m", id="m", price=Price(Decimal(1), Decimal(1_000_000)))

    estimate = policy.candidate(priced, signals, params).estimate

    assert estimate is not None
    assert estimate.usd == output + Decimal("0.001")
