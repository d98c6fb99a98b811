"""What `globalapi check` says of policies."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Run

ROUTES = """
routes:
  - {name: desk, when: {metadata: {app: zh-desk}}, candidates: [glm-5, kimi-k2.5]}
  - {name: rest, candidates: [gpt-4o, deepseek-v4-flash]}
"""


@pytest.fixture
def advice(run: Run, config: Callable[[str], str]) -> Callable[..., list[dict[str, Any]]]:
    """What is found in a file of these policies, but for what no source states of models."""

    def find(policies: str, more: str = ROUTES) -> list[dict[str, Any]]:
        result = run("check", config(f"policies:\n{policies}\n{more}"), "--json")
        findings: list[dict[str, Any]] = json.loads(result.stdout)["findings"]
        return [each for each in findings if "polic" in each["message"]]

    return find


Find = Callable[..., list[dict[str, Any]]]


@pytest.mark.parametrize(
    "policy",
    [
        "  - {name: home, when: {tags: pii}, not_models: [claude*]}",
        "  - {name: desk, unless: {metadata: {app: zh-desk}}, not_models: [glm-*, kimi-*]}",
        "  - {name: web, when: {metadata: {app: web}}, origins: us}",
        "  - {name: cap, max_cost: 0.5}",
    ],
)
def test_policy_that_leaves_somebody_is_sound(advice: Find, policy: str) -> None:
    """Nothing is said where each route has a model left, or is not what the policy is about."""
    assert [each for each in advice(policy) if "nobody" in each["message"]] == []


def test_policy_that_leaves_a_route_nobody(advice: Find) -> None:
    """A route that a policy takes every model from is told, with what happens to its calls."""
    found = advice("  - {name: home, when: {tags: pii}, origins: us}")

    assert [(each["severity"], each["key"]) for each in found] == [("warning", "policies[0]")]
    assert (
        "leaves route 'desk' nobody, and its calls go to the next route that fires: glm-5"
        in (found[0]["message"])
    )
    assert found[0]["help"] == "models of the file that it allows: gpt-4o"


def test_policy_that_holds_always_and_leaves_a_route_nobody(advice: Find) -> None:
    """Where no call of a route is ever allowed it is an error; of the last, all are refused."""
    found = advice("  - {name: none, models: [claude*]}")

    assert [each["severity"] for each in found] == ["error", "error"]
    assert "leaves route 'rest' nobody, and its calls are refused: gpt-4o" in found[1]["message"]
    assert found[1]["help"] == "no model of the file may"


def test_price_that_leaves_a_route_nobody(advice: Find) -> None:
    """A ceiling below the longest answer of every candidate is told by what it may cost."""
    found = advice("  - {name: cap, max_cost: 0.000001}")

    assert all("it may cost $" in each["message"] for each in found)
    assert len(found) == 2


@pytest.mark.parametrize(
    ("policies", "warned"),
    [
        ("  - {name: a, when: {pii: any}, not_models: [glm-5]}", True),
        ("  - {name: a, when: {pii: any, tags: x}, not_models: [glm-5]}", False),
        (
            "  - {name: a, when: {pii: any}, not_models: [glm-5]}\n"
            "  - {name: b, when: {tags: pii}, not_models: [glm-5]}",
            False,
        ),
        (
            "  - {name: a, when: {pii: any}, not_models: [glm-5]}\n"
            "  - {name: b, when: {tags: pii}, not_models: [gpt-4o]}",
            True,
        ),
    ],
)
def test_policy_by_detection_alone(advice: Find, policies: str, warned: bool) -> None:
    """Where only a guess puts a policy in force, the same by a tag is asked for."""
    found = [each for each in advice(policies) if "best effort" in each["message"]]

    assert bool(found) is warned
    assert not warned or "a tag is a contract" in found[0]["help"]


@pytest.mark.parametrize(
    ("unless", "warned"),
    [("{language: en}", True), ("{tags: ok}", False), ("{language: en, tags: ok}", False)],
)
def test_policy_that_a_guess_lifts(advice: Find, unless: str, warned: bool) -> None:
    """What the writer of a prompt can talk his way out of is told."""
    found = advice(f"  - {{name: a, unless: {unless}, not_models: [glm-5]}}")

    assert any("whoever writes the prompt can lift it" in each["message"] for each in found) is (
        warned
    )


def test_origin_that_nobody_states(advice: Find) -> None:
    """A candidate of unknown origin under an origin policy is told once, and how to mend it."""
    routes = """
models: {house-7b: {context_window: 8000}}
routes:
  - {name: a, when: {tags: a}, candidates: [house-7b, gpt-4o]}
  - {name: b, candidates: [house-7b, gpt-4o]}
"""
    found = advice("  - {name: home, origins: [us, cn]}", routes)

    assert [each["message"] for each in found] == [
        "house-7b: origin unknown, so policy 'home' never allows it"
    ]
    assert found[0]["help"] == "state it under models.house-7b: origin"


def test_model_that_is_sent_as_another(advice: Find) -> None:
    """A model that counts as American and is sent as a Chinese one is told."""
    routes = """
models: {gpt-4o: {id: deepseek-v4-flash}}
routes: [{name: a, candidates: [gpt-4o]}]
"""
    found = advice("  - {name: home, origins: us}", routes)

    assert [each["message"] for each in found] == [
        "gpt-4o is sent as deepseek-v4-flash, whose origin is cn, "
        "and counts as us for policy 'home'"
    ]


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("glm-9*x", "no model of the catalog or the file is 'glm-9*x'"),
        ("glm-[45]*", "'glm-[45]*' is read without its punctuation"),
        ("glm-*", None),
    ],
)
def test_pattern_of_no_model(advice: Find, pattern: str, said: str | None) -> None:
    """A pattern that no model has the name of forbids nothing, which is told."""
    found = advice(f"  - {{name: a, not_models: ['{pattern}']}}")

    told = [each["message"] for each in found if "nobody" not in each["message"]]
    assert told == ([f"policy 'a': {said}"] if said else [])
