"""Who can and who may take a call, and in whose words."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from globalapi_core import policy
from globalapi_core.config import Attempts, Policy
from globalapi_core.errors import AllModelsFailedError, BudgetExceededError, ServerError
from globalapi_core.flow import attempts
from globalapi_core.pricing import Usage
from globalapi_core.records import Candidate, Decision, Outcome, Rejection
from globalapi_core.signals import Signals

from .helpers import model

TEXT = Signals(input_tokens=1_000)


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


GLM = model("glm-5", origin="cn", price=1, tokens_per_second=50, aliases=("zhipu-5",))


def against(rule: dict[str, Any], facts: Any = GLM, signals: Signals = TEXT) -> str | None:
    """Why a policy of these limits does not allow a model."""
    policies = [Policy.model_validate({"name": "rule", **rule})]
    found = policy.forbidden(Candidate(facts), signals, policies)
    return found and found.reason


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"origins": "cn"}, None),
        ({"origins": ["us"]}, "its origin is cn, not us"),
        ({"models": ["glm-*"]}, None),
        ({"models": ["GLM-5"]}, None),
        ({"models": ["ZhipuAI/glm-*"]}, None),
        ({"models": ["zhipu*"]}, None),
        ({"models": ["gpt-*", "claude*"]}, "it is not gpt-* or claude*"),
        ({"not_models": ["gpt-*"]}, None),
        ({"not_models": ["*5"]}, "it is one of *5"),
        ({"not_models": ["zhipu-5"]}, "it is one of zhipu-5"),
        ({"not_models": ["glm-*.*"]}, "it is one of glm-*.*"),
        ({"not_models": ["*-*"]}, "it is one of *-*"),
        ({"not_models": ["*"]}, "it is one of *"),
        ({"models": ["*"]}, None),
        ({"max_cost": 1}, None),
        ({"max_cost": "0.0001"}, "it may cost $0.005096, more than $0.0001"),
        ({"max_seconds": 10}, None),
        ({"max_seconds": 9.9}, "it takes 10.0 s, longer than 9.9 s"),
    ],
)
def test_forbidden(rule: dict[str, Any], reason: str | None) -> None:
    """A model that a policy does not allow is turned down with the reason."""
    assert against(rule) == reason


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"origins": ["us", "cn"]}, "its origin is unknown, not us or cn"),
        ({"max_cost": 1_000}, "its price is not known"),
        ({"max_seconds": 1_000}, "its speed is not known"),
    ],
)
def test_unknown_is_not_allowed(rule: dict[str, Any], reason: str) -> None:
    """What no source says of a model counts against it."""
    assert against(rule, model("m")) == reason


def test_mode_of_a_model_is_that_model() -> None:
    """A thinking mode that is priced apart is no way around a policy for its model."""
    mode = model("glm-5-deep", variant_of="glm-5")

    assert against({"not_models": ["glm-5"]}, mode) == "it is one of glm-5"


@pytest.mark.parametrize("name", ["glm-5:free", "zai-org/GLM-5:thinking", "glm_5:latest"])
def test_tag_is_no_way_around(name: str) -> None:
    """A model with a tag may be the model without: it is not allowed, and not let in for it."""
    tagged = model(name)

    assert against({"not_models": ["glm-5"]}, tagged) == "it is one of glm-5"
    assert against({"not_models": ["glm-*"]}, tagged) == "it is one of glm-*"
    assert against({"models": ["glm-5"]}, tagged) == "it is not glm-5"
    assert against({"not_models": ["gpt-*"]}, tagged) is None


def test_first_policy_is_named() -> None:
    """The policy that forbids is told by its name."""
    policies = [
        Policy.model_validate({"name": "a", "origins": "cn"}),
        Policy.model_validate({"name": "b", "origins": "us"}),
    ]

    found = policy.forbidden(Candidate(GLM), TEXT, policies)

    assert found == Rejection("glm-5", "its origin is cn, not us", policy="b")


@pytest.mark.parametrize(
    ("tags", "holds"),
    [({"pii"}, True), (set(), False), ({"pii", "consent"}, False), ({"consent"}, False)],
)
def test_policy_holds_when_and_not_unless(tags: set[str], holds: bool) -> None:
    """A policy holds for the calls its `when` names, but for those its `unless` names."""
    rule = {"name": "a", "when": {"tags": "pii"}, "unless": {"tags": "consent"}, "origins": "us"}

    found = policy.in_force([Policy.model_validate(rule)], Signals(tags=frozenset(tags)))

    assert bool(found) is holds


def test_lowest_ceiling_holds() -> None:
    """Of several ceilings the lowest is the call's; without any there is none."""
    rules = [{"name": "a", "max_cost": 2}, {"name": "b", "max_cost": "0.5"}, {"name": "c"}]
    policies = [Policy.model_validate(each) for each in rules]

    assert policy.ceiling(policies) == Decimal("0.5")
    assert policy.ceiling(policies[2:]) is None


def failing(own: str | None, ruled: str | None) -> tuple[list[str], Exception]:
    """The models called while each costs half a dollar and its answer is lost, and the error."""
    infos = [model(name, price=50_000, max_output=10) for name in ("a", "b", "c")]
    decision = Decision(
        "r", "because", tuple(map(Candidate, infos)), Signals(),
        policies=("cap", "us"), max_cost=None if ruled is None else Decimal(ruled),
    )  # fmt: skip
    limits = Attempts(max_retries=0, max_cost=None if own is None else Decimal(own))
    flow, called = attempts(decision, limits, hook=lambda record: None), []
    try:
        attempt = next(flow)
        while True:
            called.append(attempt.candidate.name)
            attempt = flow.send(Outcome(error=ServerError("no"), usage=Usage(0, 10)))
    except (AllModelsFailedError, BudgetExceededError) as error:
        return called, error


@pytest.mark.parametrize(
    ("own", "ruled", "calls", "key"),
    [
        (None, None, 3, None),
        (None, "1.2", 2, "max_cost of policy 'cap' or 'us', $1.2, $1 is spent"),
        ("0.7", "1.2", 1, "attempts.max_cost, $0.7, $0.5 is spent"),
        ("1.2", "0.7", 1, "max_cost of policy 'cap' or 'us', $0.7, $0.5 is spent"),
        ("1.2", "1.2", 2, "attempts.max_cost, $1.2, $1 is spent"),
        (None, "0.4", 0, "max_cost of policy 'cap' or 'us', $0.4, nothing is spent"),
    ],
)
def test_ceiling_holds_the_whole_call(
    own: str | None, ruled: str | None, calls: int, key: str | None
) -> None:
    """All attempts together stay below the lower of the two ceilings, which the error names."""
    called, error = failing(own, ruled)

    assert called == ["a", "b", "c"][:calls]
    assert key is None or f"of {key}" in str(error)
    assert isinstance(error, AllModelsFailedError if key is None else BudgetExceededError)
