"""What `when` asks for, and in which words it is told that it holds or not."""

from __future__ import annotations

from typing import Any

import pytest

from globalapi_core import conditions
from globalapi_core.config import When
from globalapi_core.signals import Signals


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
        ({"metadata": {"team": "a"}}, Signals(), "metadata is without team, not team a"),
        ({"metadata": {"a": "1", "b": ["2", "3"]}}, Signals(metadata={"a": "1"}),
         "metadata is without b, not a 1, b 2 or 3"),
        ({"metadata": {"user": "mine"}}, Signals(metadata={"user": "someone"}),
         "metadata is another user, not user mine"),
        ({"language": "zh"}, Signals(language="zh", script="Hant"), None),
        ({"language": "zh-Hant"}, Signals(language="zh", script="Hant"), None),
        ({"language": "zh-Hant"}, Signals(language="zh"), None),
        ({"language": "zh-Hant"}, Signals(language="zh", script="Hans"),
         "language is zh-Hans, not zh-Hant"),
        ({"language": "zh-Hans"}, Signals(language="mixed", script="Hans"),
         "language is mixed, not zh-Hans"),
        ({"task": ["math", "code"]}, Signals(task="math"), None),
        ({"task": "math"}, Signals(task="chat"), "task is chat, not math"),
        ({"min_difficulty": 0.5}, Signals(difficulty=0.5), None),
        ({"min_difficulty": 0.5}, Signals(difficulty=0.45), "min_difficulty is 0.45, not 0.5"),
        ({"max_difficulty": 0.5}, Signals(difficulty=0.51), "max_difficulty is 0.51, not 0.5"),
        ({"pii": "any"}, Signals(pii=frozenset({"iban"})), None),
        ({"pii": "any"}, Signals(), "pii is none, not any"),
        ({"pii": ["email", "phone"]}, Signals(pii=frozenset({"phone"})), None),
        ({"pii": "email"}, Signals(pii=frozenset({"phone"})), "pii is phone, not email"),
    ],
)  # fmt: skip
def test_condition(when: dict[str, Any], signals: Signals, reason: str | None) -> None:
    """A condition that does not hold is named with what was found and what was wanted."""
    assert conditions.unmet(When.model_validate(when), signals) == reason


def test_all_conditions_must_hold() -> None:
    """A route fires when every key holds; the first that does not is named."""
    when = When.model_validate({"tools": True, "code": True})

    assert conditions.unmet(when, Signals(tools=1, code=True)) is None
    assert conditions.unmet(when, Signals(tools=1)) == "code is false, not true"
    assert conditions.unmet(None, Signals()) is None


def test_reason_names_its_evidence() -> None:
    """A route that fired says why, with what in the text showed it."""
    when = When.model_validate({"language": ["zh", "mixed"], "tools": True})
    signals = Signals(language="zh", tools=1, evidence={"language": "90% Chinese"})

    assert conditions.met(when, signals) == "tools: true; language: zh (90% Chinese)"
    assert conditions.met(None, signals) == "no other route fired"


def test_reason_names_what_was_found_alone() -> None:
    """Of a list of keywords, tags or tasks the reason has those the request has."""
    when = When.model_validate(
        {"keywords": ["a", "b", "c"], "task": ["math", "code"], "pii": "any"}
    )
    signals = Signals(keywords=frozenset("b"), task="code", pii=frozenset({"email"}))

    assert conditions.met(when, signals) == "task: code; pii: email; keywords: b"


def test_reason_of_difficulty_has_no_evidence_of_another() -> None:
    """A bound is told as it stands in the file."""
    when = When.model_validate({"min_difficulty": 0.5})

    assert conditions.met(when, Signals(difficulty=0.7)) == "min_difficulty: 0.5"
