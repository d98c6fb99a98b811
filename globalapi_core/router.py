"""Which models to try for a request, in which order, and why: `Router.decide`.

A decision is a pure function of the signals, the config, the catalog and what is
cooling down. Explaining, testing and calling all ask it and nothing else.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from globalapi_core import conditions, policy, ranking, signals
from globalapi_core.catalog import Catalog, ModelInfo
from globalapi_core.circuits import Snapshot
from globalapi_core.config import Config, Policy, Route, load_config
from globalapi_core.errors import (
    ConfigError,
    InvalidInputError,
    NoCandidateError,
    PolicyError,
    UnknownRouteError,
)
from globalapi_core.estimates import candidate
from globalapi_core.quality import predict, results
from globalapi_core.quality.table import Table
from globalapi_core.records import Candidate, Decision, Rejection
from globalapi_core.signals import Message, Signals, asks_to_think, tokenizers


class Router:
    """Decides by a config file; calls nothing and remembers nothing."""

    def __init__(self, config: Config | str | os.PathLike[str] | None = None) -> None:
        """Use *config*, or the file it names, or the one `load_config` finds.

        Raises:
            ConfigError: the file, or the results it names, cannot be used.
        """
        self.config = config if isinstance(config, Config) else load_config(config)
        self._policies = tuple(_resolved(each, self.config) for each in self.config.policies)
        self._policies_read = any(each.reads_text for each in self._policies)
        self.table = self._measured() if self.config.is_learned else Table()
        """How good the models are in each domain; empty if no route goes by it."""
        # An event loop should not have to wait for what is read here.
        self._counters = self._counting()
        signals.prepare()

    @property
    def catalog(self) -> Catalog:
        """The shipped catalog with the file's corrections."""
        return self.config.catalog

    @property
    def models(self) -> tuple[ModelInfo, ...]:
        """Every model some route may use, once, in the order of the file."""
        names = (name for route in self.config.routes for name in route.candidates)
        return tuple({model.name: model for model in map(self.catalog.resolve, names)}.values())

    def _repr_html_(self) -> str:
        from globalapi_core import reprs

        return reprs.router(self)

    def _counting(self) -> Mapping[str, tokenizers.Counter]:
        try:
            return tokenizers.counters(self.config.tokenizers)
        except ModuleNotFoundError as error:
            raise ConfigError(str(error), file=self.config.file, key="tokenizers") from None

    def _measured(self) -> Table:
        predict.shipped()
        config = self.config
        return results.table(config.results, beside=config.file, catalog=self.catalog)

    def signals(self, messages: Sequence[Message], **facts: Any) -> Signals:
        """The signals of *messages*; *facts* are the arguments of `signals.read`.

        Raises:
            InvalidInputError: there is no message, or nothing in any of them.
        """
        learned = predict.guess if self.config.is_learned else None
        return self._read(messages, learned=learned, **facts)

    def signals_for_one(self, messages: Sequence[Message], **facts: Any) -> Signals:
        """The signals of a call whose model is named: the text counts for policies alone.

        Raises:
            InvalidInputError: there is no message, or nothing in any of them.
        """
        return self._read(messages, guess=self._policies_read, **facts)

    def _read(
        self, messages: Sequence[Message], *, previous: str | None = None, **facts: Any
    ) -> Signals:
        if previous is not None:
            # What it has cached it has in every mode.
            previous = self.catalog.get(previous).base
        keywords, counters = self.config.keywords, self._counters
        return signals.read(
            messages, previous=previous, keywords=keywords, counters=counters, **facts
        )

    def decide(
        self,
        signals: Signals,
        *,
        route: str | None = None,
        model: str | None = None,
        cooling: Snapshot | None = None,
    ) -> Decision:
        """Decide which models to try.

        Args:
            signals: what is known of the request.
            route: force this route, whatever its conditions.
            model: force this model, whatever the routes.
            cooling: who just failed: a snapshot of `health`; `None`: nobody did.

        Raises:
            InvalidInputError: *model* is an empty name.
            NoCandidateError: no model that was considered can take the call.
            PolicyError: some could, and a policy forbids it.
            UnknownRouteError: there is no such route.
        """
        if model is not None:
            if not model.strip():
                raise InvalidInputError("expected a model's name, got nothing")
            return self._forced_model(signals, self.catalog.get(model))
        cooling = cooling or Snapshot()
        if route is not None:
            return self._along([self._route(route)], signals, cooling, forced=True)
        return self._along(self.config.routes, signals, cooling, forced=False)

    def _along(
        self,
        routes: Iterable[Route],
        signals: Signals,
        cooling: Snapshot,
        *,
        forced: bool,
    ) -> Decision:
        """Take the first of *routes* that fires and has a candidate able to take the call."""
        passed: list[tuple[str, str]] = []
        rejected: list[Rejection] = []
        fired: list[str] = []
        policies = policy.in_force(self._policies, signals)
        for route in routes:
            condition = None if forced else conditions.unmet(route.when, signals)
            if condition is not None:
                passed.append((route.name, condition))
                continue
            fired.append(route.name)
            able, turned_down = self._candidates(route, signals, policies)
            rejected += turned_down
            if able:
                candidates, moves, moved = self._ordered(route, able, signals, cooling)
                reason = "named by the caller" if forced else _why(route, signals, fired[:-1])
                return Decision(
                    route=route.name,
                    reason="; ".join((reason, *moves)),
                    candidates=tuple(candidates),
                    signals=signals,
                    rejected=tuple(dict.fromkeys(rejected)),
                    choose=route.choose,
                    moved=moved,
                    forced=forced,
                    passed=tuple(passed),
                    policies=tuple(each.name for each in policies),
                    max_cost=policy.ceiling(policies),
                    escalate=tuple(route.escalate),
                    shadow=self._shadow(route, signals, policies),
                )
            may = "may" if any(each.policy for each in turned_down) else "can"
            passed.append((route.name, f"no candidate of it {may} take the call"))
        raise _no_candidate(fired[0] if fired else None, rejected)

    def _candidates(
        self, route: Route, signals: Signals, policies: Sequence[Policy]
    ) -> tuple[list[Candidate], list[Rejection]]:
        """The candidates of *route* that can and may take the call, and the others."""
        found: dict[str, Candidate | Rejection] = {}
        for name in route.candidates:
            # A model and its thinking mode are one where both are asked to think.
            each = self._considered(name, route, signals, policies)
            found.setdefault(each.name, each)
        able = [each for each in found.values() if isinstance(each, Candidate)]
        return able, [each for each in found.values() if isinstance(each, Rejection)]

    def _considered(
        self, name: str, route: Route, signals: Signals, policies: Sequence[Policy]
    ) -> Candidate | Rejection:
        thinking = signals.thinking
        if thinking is None:
            thinking = asks_to_think(route.params.get("thinking"))
        model = self.catalog.in_mode(self.catalog.resolve(name), thinking=thinking)
        reason = policy.unable(model, signals, route.params)
        if reason is not None:
            return Rejection(model.name, reason)
        found = candidate(model, signals, route.params)
        return policy.forbidden(found, signals, policies) or found

    def _ordered(
        self, route: Route, able: list[Candidate], signals: Signals, cooling: Snapshot
    ) -> tuple[list[Candidate], list[str], bool]:
        """*able* in the order to try them, what had a say beside `choose`, and if it changed it."""
        if route.choose == "quality":
            chosen = ranking.by_quality(able, signals, self.table, route.cost_weight)
        else:
            chosen = ranking.ordered(route.choose, able)
        candidates, shared = ranking.to_share(route, chosen, signals, self.table, self.catalog)
        candidates, split = ranking.split(route, candidates, signals, self.catalog)
        candidates, stays = ranking.staying(route, candidates, signals, self.catalog)
        in_loop = ranking.found(candidates, signals.tool_loop, self.catalog)
        candidates, failed = ranking.cooling_last(candidates, cooling, in_loop)
        candidates, kept = ranking.tool_loop_first(candidates, in_loop)
        moves = [why for why in (shared, split, stays, failed, kept) if why]
        return candidates, moves, candidates != chosen

    def _shadow(
        self, route: Route, signals: Signals, policies: Sequence[Policy]
    ) -> Candidate | None:
        """The route's shadow, if it can and may take the call."""
        if route.shadow is None:
            return None
        found = self._considered(route.shadow.model, route, signals, policies)
        return found if isinstance(found, Candidate) else None

    def _forced_model(self, signals: Signals, model: ModelInfo) -> Decision:
        # Of a model nothing is known of, the caller knows more than our assumptions.
        reason = policy.unable(model, signals) if model.known else None
        if reason is not None:
            raise _no_candidate(None, [Rejection(model.name, reason)])
        return self.named(model, signals)

    def named(self, model: ModelInfo, signals: Signals) -> Decision:
        """The decision of a caller who named *model*, whatever it can do.

        Raises:
            PolicyError: a policy forbids it.
        """
        model = self.catalog.in_mode(model, thinking=bool(signals.thinking))
        found = candidate(model, signals, {})
        policies = policy.in_force(self._policies, signals)
        rejection = policy.forbidden(found, signals, policies)
        if rejection is not None:
            raise _no_candidate(None, [rejection])
        decision = alone(found, signals)
        if not policies:
            return decision
        names = tuple(each.name for each in policies)
        return replace(decision, policies=names, max_cost=policy.ceiling(policies))

    def _route(self, name: str) -> Route:
        route = self.config.route(name)
        if route is not None:
            return route
        known = [each.name for each in self.config.routes]
        raise UnknownRouteError(name, close=difflib.get_close_matches(name, known), known=known)


def _why(route: Route, signals: Signals, before: Sequence[str]) -> str:
    """Why *route* takes the call; *before* fired too, and could not."""
    if before and not (route.when and route.when.conditions):
        return f"{' and '.join(map(repr, before))} fired before, without a candidate for the call"
    return conditions.met(route.when, signals)


def alone(candidate: Candidate, signals: Signals) -> Decision:
    """The decision for a call of *candidate* and nobody else.

    A router's members get it for each attempt; what the route sets is among the arguments
    of the call by then.
    """
    return Decision(
        route=None,
        reason="model named by the caller",
        candidates=(replace(candidate, params={}),),
        signals=signals,
        forced=True,
    )


def _resolved(each: Policy, config: Config) -> Policy:
    """A policy whose models have their names in the catalog: an alias must not slip through."""
    named = {
        key: [name for text in names for name in _named(text, config)]
        for key in ("models", "not_models")
        if (names := getattr(each, key)) is not None
    }
    return each.model_copy(update=named) if named else each


def _named(text: str, config: Config) -> list[str]:
    """The name that *text* spells; of a pattern, itself and the models of the file's aliases."""
    catalog = config.catalog
    if "*" not in text:
        return [catalog.get(text).name]
    nicknamed = (each for each in config.aliases if policy.is_spelled(each, text))
    return [text, *(catalog.get(each).name for each in nicknamed)]


def _no_candidate(route: str | None, rejected: Sequence[Rejection]) -> NoCandidateError:
    rejected = list({each.name: each for each in rejected}.values())
    where = f"route {route!r} has" if route else "there is"
    reasons = "; ".join(map(str, rejected))
    if any(each.policy for each in rejected):
        message = (
            f"{where} no model that may take this call: {reasons}. Add a model that the policy "
            "allows to the route's candidates"
        )
        return PolicyError(message, route=route, rejected=rejected)
    message = (
        f"{where} no model that can take this call: {reasons}. Shorten the prompt, or add a "
        "model that can to the route's candidates"
    )
    return NoCandidateError(message, route=route, rejected=rejected)
