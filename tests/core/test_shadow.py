"""Who has a shadow: drawn by lot, by the route's share, and never without a budget of its own."""

from __future__ import annotations

import random
from collections.abc import Sequence
from decimal import Decimal

import pytest

from globalapi_core import shadow
from globalapi_core.config import parse_config
from globalapi_core.records import Attempt, CallRecord, Outcome
from globalapi_core.reloading import InForce
from globalapi_core.settings import Endpoint
from globalapi_core.shadow import Shadowing, draw, spoken
from globalapi_core.wire import ChatRequest

MESSAGES = [{"role": "user", "content": "How long does a refund take?"}]
ROUTES = """
attempts: {max_retries: 3, max_cost: 0.5}
policies: [{name: house, origins: [cn]}]
routes:
  - name: rest
    candidates: [deepseek-v4-flash]
    escalate: [refusal]
    params: {max_tokens: 40}
    shadow: {model: MODEL, share: 0.1, budget: {usd: 1}}
"""


@pytest.fixture
def now() -> InForce:
    """The config of a shadow."""
    return InForce.of(parse_config(ROUTES.replace("MODEL", "glm-5")))


def drawn(now: InForce, chance: float) -> Shadowing[str] | None:
    """Whether a call has a shadow if this is its lot."""
    router = now.router

    def ask(attempt: Attempt) -> ChatRequest:
        return ChatRequest(MESSAGES)

    def said(items: Sequence[str]) -> str:
        return "".join(items)

    return draw(
        *(now, router.decide(router.signals(MESSAGES))),
        *(Endpoint("http://127.0.0.1:9/v1"), now.config.attempts),
        ask=ask,
        said=said,
        chance=lambda: chance,
    )


@pytest.mark.parametrize(("chance", "has_one"), [(0.0, True), (0.0999, True), (0.1, False)])
def test_share_is_drawn_by_lot(now: InForce, chance: float, has_one: bool) -> None:
    """A lot below the share has a shadow, any other has none."""
    assert (drawn(now, chance) is not None) is has_one


def test_share_over_many_calls(now: InForce) -> None:
    """Of 2,000 calls a share of a tenth have a shadow: 200, give or take what chance does."""
    lot = random.Random(7)

    found = sum(drawn(now, lot.random()) is not None for _ in range(2_000))

    assert 160 <= found <= 240


def test_shadow_has_a_decision_of_its_own(now: InForce) -> None:
    """It keeps route, signals, policies and the route's params; checks and fallbacks are none."""
    found = drawn(now, 0.0)

    assert found is not None
    decision = found.decision
    assert [each.name for each in decision.candidates] == ["glm-5"]
    assert (decision.route, decision.policies) == ("rest", ("house",))
    assert decision.primary.params == {"max_tokens": 40}
    assert (decision.escalate, decision.shadow) == ((), None)
    assert decision.reason == "shadow of route 'rest'"


def test_policy_takes_the_shadow() -> None:
    """A model that a policy forbids is no shadow."""
    now = InForce.of(parse_config(ROUTES.replace("MODEL", "gpt-4o-mini")))

    assert drawn(now, 0.0) is None


def test_pot_is_that_of_the_file_followed() -> None:
    """A file that is read again under another name, as behind a link, has the pots it had."""
    before, after = (
        InForce.of(parse_config(ROUTES.replace("MODEL", model)), file="/followed.yaml")
        for model in ("glm-5", "kimi-k2.5")
    )
    reservation = before.shadows["rest"].reserve(Decimal("0.25"))
    assert reservation is not None
    reservation.settle(Decimal("0.25"))

    assert after.shadows["rest"].settled == Decimal("0.25")


def test_no_shadow_without_its_budget(now: InForce) -> None:
    """Where its budget is not known, nothing is asked: a shadow is never without a cap."""
    assert drawn(InForce(now.router, now.budget), 0.0) is None


def test_model_is_not_compared_with_itself(now: InForce, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that the shadow's model answered has no shadow."""
    jobs: list[object] = []
    monkeypatch.setattr(shadow._beside, "put", jobs.append)
    found = drawn(now, 0.0)
    assert found is not None
    other = now.router.decide(now.router.signals(MESSAGES)).primary
    for candidate in (found.decision.primary, other):
        record = CallRecord(found.decision, ((Attempt(1, candidate), Outcome()),))
        found.cast(record, ["Five ", "days."])

    assert len(jobs) == 1


@pytest.mark.parametrize(
    ("text", "calls", "said"),
    [
        ("Five days.", [], "Five days."),
        ("", [], ""),
        ("", [("f", {"b": 1, "a": "退款"})], 'f({"a": "退款", "b": 1})'),
        ("So:", [("f", {}), ("g", "{half")], "So:\nf({})\ng({half)"),
    ],
)
def test_answer_as_one_text(text: str, calls: list[tuple[str, object]], said: str) -> None:
    """An answer's text and its calls are one text, the same for equal arguments in any order."""
    assert spoken(text, calls) == said
