"""No call goes where a policy forbids it: over configurations, requests and faults by lot."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from globalapi_core import errors
from globalapi_core.config import Config, parse_config
from globalapi_core.flow import attempts
from globalapi_core.health import Health
from globalapi_core.pricing import Usage
from globalapi_core.records import Attempt, Decision, Outcome
from globalapi_core.router import Router
from globalapi_core.settings import Endpoint
from globalapi_core.signals import Signals
from globalapi_core.wire.request import sent_id
from tests import policies, policy_lots
from tests.policies import World

BLOCKS, CONFIGS = 10, 1_000
CALLS = 4
FAILURES: tuple[type[errors.GatewayError], ...] = (
    errors.RateLimitError, errors.ServerError, errors.ConnectionLostError,
    errors.ContextOverflowError, errors.RejectedAnswerError, errors.ModelNotFoundError,
    errors.IncompleteResponseError, errors.GatewayTimeoutError, errors.ResponseError,
    errors.QuotaExceededError, errors.AuthenticationError, errors.ContentFilteredError,
    errors.GatewayConnectionError, errors.InvalidRequestError,
)  # fmt: skip


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    now: float = 1_000.0

    def __call__(self) -> float:
        """Now."""
        return self.now


@dataclass(frozen=True)
class Asked:
    """One call of somebody's: what is known of it, and what he named."""

    signals: Signals
    route: str | None = None
    model: str | None = None
    single: bool = False
    """Whether it is of a model class, and not of a router."""

    @classmethod
    def drawn(cls, draw: Random, world: World) -> Asked:
        """One by lot."""
        document = world.document
        known = [*document["models"], *document["aliases"], "glm-5", "Moonshot/Kimi_K2.5"]
        signals = policy_lots.call(draw, list(document["models"]))
        how = draw.random()
        if how < 0.6:
            return cls(signals)
        if how < 0.7:
            return cls(signals, route=draw.choice(document["routes"])["name"])
        model = draw.choice([*known, "glm-5:free", "nobody/knows-9", "ga-standard"])
        return cls(signals, model=model, single=how > 0.85)

    def decided(self, router: Router, health: Health) -> Decision:
        """What the router says to it."""
        if self.single and self.model:
            return router.named(router.catalog.get(self.model), self.signals)
        return router.decide(
            self.signals, route=self.route, model=self.model, cooling=health.cooling()
        )

    def considered(self, world: World) -> Iterator[tuple[policies.Facts, Mapping[str, Any]]]:
        """The models that may be asked by the file and are able, each with its parameters."""
        if self.model:
            model = world.model(self.model)
            thinking = world.thinking(model, self.signals.thinking)
            if self.single or not model.known or policies.able(model, self.signals, {}):
                yield thinking, {}
            return
        for route in world.document["routes"]:
            if self.route in (None, route["name"]) and (
                self.route or policies.holds(route.get("when"), self.signals)
            ):
                for name in self.listed(route, world):
                    model = self.moded(world, name, route["params"])
                    if policies.able(model, self.signals, route["params"]):
                        yield model, route["params"]

    def moded(self, world: World, name: str, params: Mapping[str, Any]) -> policies.Facts:
        """A model as this call would have it."""
        said = self.signals.thinking
        thinks = bool(params.get("thinking")) if said is None else said
        return world.thinking(world.model(name), thinks)

    @staticmethod
    def listed(route: policies.Document, world: World) -> list[str]:
        """The candidates of a route: its own, its tier's, those of the tier in force."""
        document = world.document
        tier = document["tiers"][route.get("tier", document["tier"])]
        return list(route.get("candidates", tier))


class Trial:
    """One configuration, asked several times while things go wrong."""

    def __init__(self, seed: int, seen: Counter[str]) -> None:
        self.draw = Random(seed)
        self.seen = seen
        self.world = policy_lots.world(self.draw)
        self.clock = Clock()
        self.config = Config.model_validate(self.world.document)
        self.router = Router(self.config)
        self.health = Health(clock=self.clock, jitter=self.draw.random)
        self.wrong: list[str] = []

    def run(self) -> list[str]:
        """What went wrong, in words."""
        for number in range(CALLS):
            asked = Asked.drawn(self.draw, self.world)
            allowed = self.allowed(asked)
            try:
                decision = asked.decided(self.router, self.health)
            except errors.NoCandidateError as error:
                self.seen["refused"] += isinstance(error, errors.PolicyError)
                if allowed:
                    self.wrong.append(f"{asked}: refused, and {allowed} may take it: {error}")
                continue
            tried = self.drive(decision)
            self.judge(asked, decision, tried)
            if number == 0 and not tried:
                self.wrong.append(f"{asked}: nobody was called")
        return self.wrong

    def allowed(self, asked: Asked) -> list[str]:
        """Who can and may take a call."""
        return [
            model.name
            for model, params in asked.considered(self.world)
            if not self.world.forbids(model, asked.signals, params)
        ]

    def judge(self, asked: Asked, decision: Decision, tried: list[tuple[Attempt, Outcome]]) -> None:
        """Hold a call to what is allowed."""
        allowed = self.allowed(asked)
        params = decision.primary.params if decision.candidates else {}
        for attempt, _ in tried:
            model = attempt.candidate.model
            facts = self.world.models.get(model.name) or self.world.model(model.name)
            if model.name not in allowed:
                self.wrong.append(f"{asked}: {model.name} was called; allowed are {allowed}")
            if sent_id(model, Endpoint("https://global-apis.com/v1")) != facts.sent:
                self.wrong.append(f"{asked}: {model.name} was sent as another model")
        if decision.shadow is not None:
            self.seen["shadows"] += 1
            shadow = asked.moded(self.world, decision.shadow.model.asked, params)
            if self.world.forbids(shadow, asked.signals, params):
                self.wrong.append(f"{asked}: the shadow {shadow.name} is not allowed")
        in_force = self.world.in_force(asked.signals)
        ceilings = [Decimal(each["max_cost"]) for each in in_force if "max_cost" in each]
        if ceilings and self.spent(tried) > min(ceilings):
            self.wrong.append(f"{asked}: spent {self.spent(tried)}, allowed {min(ceilings)}")
        self.seen["fell back"] += len({each.candidate.name for each, _ in tried}) > 1
        self.seen["under a policy"] += bool(in_force)
        self.seen["under a ceiling, failing"] += bool(ceilings) and len(tried) > 1
        self.seen["turned down"] += any(each.policy for each in decision.rejected)

    def drive(self, decision: Decision) -> list[tuple[Attempt, Outcome]]:
        """Make the attempts of a decision, most of which fail."""
        limits = self.config.attempts.model_copy(
            update={"max_retries": self.draw.randint(0, 2), "max_attempts": 12}
        )
        flow = attempts(
            decision, limits, self.health, hook=lambda record: None,
            clock=self.clock, jitter=self.draw.random,
        )  # fmt: skip
        tried: list[tuple[Attempt, Outcome]] = []
        try:
            attempt = next(flow)
            while True:
                outcome = self.outcome(attempt, decision.signals)
                tried.append((attempt, outcome))
                self.clock.now += attempt.wait + self.draw.choice([0.1, 2.0])
                attempt = flow.send(outcome)
        except (StopIteration, errors.GlobalAPIError):
            return tried

    def outcome(self, attempt: Attempt, signals: Signals) -> Outcome:
        """An answer or a failure by lot, and what it is billed for."""
        longest = signals.max_tokens or attempt.candidate.params.get("max_tokens")
        longest = longest or attempt.candidate.model.output_limit
        usage = Usage(signals.input_tokens, self.draw.choice([longest, longest // 4]))
        if self.draw.random() < 0.25:
            return Outcome(usage=usage)
        error = self.draw.choice(FAILURES)("no", retry_after=self.draw.choice([None, 1.0, 90.0]))
        error.shown = self.draw.random() < 0.05
        error.partial_tokens = 0
        return Outcome(error=error, usage=usage if self.draw.random() < 0.7 else None)

    def spent(self, tried: list[tuple[Attempt, Outcome]]) -> Decimal:
        """USD that the attempts said they came to."""
        spent = Decimal(0)
        for attempt, outcome in tried:
            facts = self.world.models.get(attempt.candidate.name)
            if facts and outcome.usage:
                spent += (outcome.usage.input_tokens or 0) * (facts.price("input") or 0)
                spent += (outcome.usage.output_tokens or 0) * (facts.price("output") or 0)
        return spent / 1_000_000


@pytest.mark.parametrize("block", range(BLOCKS))
def test_no_call_is_disallowed(block: int) -> None:
    """Of 10,000 configurations with faults none calls, or shadows with, a model it forbids.

    Nor is a call refused that somebody can and may take, or dearer than its ceiling.
    """
    seen: Counter[str] = Counter()
    wrong = {
        seed: found
        for seed in range(block * CONFIGS, (block + 1) * CONFIGS)
        if (found := Trial(seed, seen).run())
    }

    assert not wrong, f"{len(wrong)} configurations; {next(iter(wrong.items()))}"
    # Were none of these there, the above would be nothing.
    few = {kind: seen[kind] for kind in SEEN if seen[kind] < CONFIGS // 20}
    assert not few, seen


SEEN = (
    *("refused", "shadows", "fell back", "under a policy", "turned down"),
    "under a ceiling, failing",
)


def test_configurations_by_lot_are_sound() -> None:
    """What is drawn is what a file could say: the checks of a file find nothing in it."""
    for seed in range(40):
        parse_config(json.dumps(policy_lots.world(Random(seed)).document))
