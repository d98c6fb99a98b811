"""Which models to try for a request, in which order, and why: `Router.decide`.

A decision is a pure function of the signals, the config, the catalog and what is
cooling down. Explaining, testing and calling all ask it and nothing else.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from globalapi_core import policy, signals
from globalapi_core.catalog import Catalog, ModelInfo
from globalapi_core.circuits import Snapshot
from globalapi_core.config import Config, Route, load_config
from globalapi_core.errors import NoCandidateError, UnknownRouteError
from globalapi_core.records import Candidate, Decision, Rejection
from globalapi_core.signals import Message, Signals, asks_to_think


class Router:
    """Decides by a config file; calls nothing and remembers nothing."""

    def __init__(self, config: Config | str | os.PathLike[str] | None = None) -> None:
        """Use *config*, or the file it names, or the one `load_config` finds.

        Raises:
            ConfigError: the file cannot be used.
        """
        self.config = config if isinstance(config, Config) else load_config(config)
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

    def signals(self, messages: Sequence[Message], **facts: Any) -> Signals:
        """The signals of *messages*; *facts* are the arguments of `signals.read`.

        Raises:
            InvalidInputError: there is no message, or nothing in any of them.
        """
        return signals.read(messages, keywords=self.config.keywords, **facts)

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
            NoCandidateError: no model that was considered can take the call.
            UnknownRouteError: there is no such route.
        """
        if model is not None:
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
        for route in routes:
            condition = None if forced else policy.unmet(route.when, signals)
            if condition is not None:
                passed.append((route.name, condition))
                continue
            fired.append(route.name)
            able, turned_down = self._candidates(route, signals)
            rejected += turned_down
            if able:
                candidates, moved = _cooling_last(able, cooling)
                candidates, kept = _tool_loop_first(candidates, signals.tool_loop)
                reason = "named by the caller" if forced else policy.met(route.when, signals)
                return Decision(
                    route=route.name,
                    reason="; ".join(filter(None, (reason, kept, moved))),
                    candidates=tuple(candidates),
                    signals=signals,
                    rejected=tuple(rejected),
                    choose=route.choose,
                    forced=forced,
                    passed=tuple(passed),
                )
            passed.append((route.name, "no candidate of it can take the call"))
        raise _no_candidate(fired[0] if fired else None, rejected)

    def _candidates(
        self, route: Route, signals: Signals
    ) -> tuple[list[Candidate], list[Rejection]]:
        able, rejected = [], []
        thinking = signals.thinking or asks_to_think(route.params.get("thinking"))
        for name in route.candidates:
            model = self.catalog.in_mode(self.catalog.resolve(name), thinking=thinking)
            reason = policy.unable(model, signals, route.params)
            if reason is None:
                able.append(policy.candidate(model, signals, route.params))
            else:
                rejected.append(Rejection(model.name, reason))
        return policy.ordered(route.choose, able), rejected

    def _forced_model(self, signals: Signals, model: ModelInfo) -> Decision:
        # Of a model nothing is known of, the caller knows more than our assumptions.
        reason = policy.unable(model, signals) if model.known else None
        if reason is not None:
            raise _no_candidate(None, [Rejection(model.name, reason)])
        return named(model, signals, self.catalog)

    def _route(self, name: str) -> Route:
        for route in self.config.routes:
            if route.name == name:
                return route
        known = [route.name for route in self.config.routes]
        raise UnknownRouteError(name, close=difflib.get_close_matches(name, known), known=known)


def named(model: ModelInfo, signals: Signals, catalog: Catalog) -> Decision:
    """The decision of a caller who named *model*."""
    model = catalog.in_mode(model, thinking=signals.thinking)
    return alone(policy.candidate(model, signals, {}), signals)


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


def _cooling_last(
    candidates: Sequence[Candidate], cooling: Snapshot
) -> tuple[list[Candidate], str | None]:
    """Who is cooling down comes last, the soonest to be tried first: better late than never."""
    if not (cooling.models or cooling.shared):
        return list(candidates), None
    failed = {each.name: found for each in candidates if (found := cooling.of(each.name))}
    last = [each for each in candidates if each.name in failed and not failed[each.name].on_trial]
    if not last:
        return list(candidates), None
    ready = [each for each in candidates if each not in last]
    last.sort(key=lambda each: failed[each.name].seconds)
    why = "; ".join(f"{each.name} goes last: {failed[each.name]}" for each in last)
    return ready + last, why


def _tool_loop_first(
    candidates: list[Candidate], model: str | None
) -> tuple[list[Candidate], str | None]:
    """Keep the model that made the tool calls: one model per tool loop."""
    if model is None or model not in [each.name for each in candidates]:
        return candidates, None
    kept = sorted(candidates, key=lambda each: each.name != model)
    return kept, f"{model} made the tool calls"


def _no_candidate(route: str | None, rejected: Sequence[Rejection]) -> NoCandidateError:
    rejected = list({each.name: each for each in rejected}.values())
    where = f"route {route!r} has" if route else "there is"
    reasons = "; ".join(map(str, rejected))
    message = (
        f"{where} no model that can take this call: {reasons}. Shorten the prompt, or add a "
        "model that can to the route's candidates"
    )
    return NoCandidateError(message, route=route, rejected=rejected)
