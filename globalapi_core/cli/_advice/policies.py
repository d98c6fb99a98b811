"""Policies that leave a route nobody, or that hold less firmly than they look."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from globalapi_core import conditions, policy
from globalapi_core.cli._advice import Advice, candidates
from globalapi_core.cli._advice.abilities import firing
from globalapi_core.config import Policy, Route, When
from globalapi_core.config.schema import READ_FROM_TEXT
from globalapi_core.errors import NoCandidateError, PolicyError
from globalapi_core.router import Router
from globalapi_core.signals import Signals

_MOST_NAMED = 3
_SPECIAL = frozenset("?[]{}")
"""What is special in other patterns, and not in these."""
_LIMITS = ("origins", "models", "not_models", "max_cost", "max_seconds")


def find(router: Router) -> Iterator[Advice]:
    """Advice on each policy, and on the models that it is about."""
    for number, rule in enumerate(router.config.policies):
        for route in router.config.routes:
            yield from _leaves_nobody(number, rule, route, router)
        yield from _guesses(number, rule, router)
        yield from _empty_patterns(number, rule, router)
    yield from _origins(router)


def _leaves_nobody(number: int, rule: Policy, route: Route, router: Router) -> Iterator[Advice]:
    """Advice where *rule* forbids all that *route* has, in the least demanding call of both."""
    asked = _request(rule, route)
    if asked is None:
        return
    try:
        router.decide(asked, route=route.name)
    except PolicyError as error:
        reasons = [str(each) for each in error.rejected if each.policy == rule.name]
    except NoCandidateError:
        return
    else:
        return
    if not reasons:
        return
    last = route is router.config.routes[-1]
    then = "its calls are refused" if last else "its calls go to the next route that fires"
    text = f"policy {rule.name!r} leaves route {route.name!r} nobody, and {then}: {reasons[0]}"
    allowed = [each.name for each in router.models if _is_allowed(each.name, asked, router)]
    known = ", ".join(allowed[:_MOST_NAMED])
    help_ = f"models of the file that it allows: {known}" if known else "no model of the file may"
    always = rule.when is None and rule.unless is None
    yield Advice("error" if always else "warning", ("policies", number), text, help_)


def _is_allowed(name: str, asked: Signals, router: Router) -> bool:
    try:
        router.decide(asked, model=name)
    except NoCandidateError:
        return False
    return True


def _request(rule: Policy, route: Route) -> Signals | None:
    """A request for which both fire; `None` if there is none, or none that is easy to find."""
    asked = firing(route)[0]
    # Of an empty prompt, even an unknown price would be nothing.
    asked = asked.sized(max(1, asked.input_tokens))
    for when in (route.when, rule.when):
        asked = _meeting(when, asked)
    if any(conditions.unmet(when, asked) is not None for when in (route.when, rule.when)):
        return None
    lifted = rule.unless is not None and conditions.unmet(rule.unless, asked) is None
    return None if lifted else asked


def _meeting(when: When | None, asked: Signals) -> Signals:
    """*asked*, changed as far as *when* says how."""
    facts: dict[str, Any] = {}
    for key, wanted in (when.conditions if when else {}).items():
        if key in ("tags", "keywords", "pii"):
            first = "email" if wanted[0] == "any" else wanted[0]
            facts[key] = getattr(asked, key) | {first}
        elif key == "metadata":
            facts[key] = {name: values[0] for name, values in wanted.items()} | dict(asked.metadata)
        elif key == "language":
            language, _, script = wanted[0].partition("-")
            facts |= {"language": language, "script": script or None}
        elif key == "task":
            facts[key] = wanted[0]
        elif key == "min_difficulty":
            facts["difficulty"] = wanted
        elif key in ("code", "reasoning"):
            facts[key] = wanted
        elif key == "tools":
            facts[key] = int(wanted)
        elif key == "modality":
            facts["modalities"] = asked.modalities | {wanted[0]}
        elif key == "min_tokens":
            asked = asked.sized(max(wanted, asked.input_tokens))
    return replace(asked, **facts)


def _guesses(number: int, rule: Policy, router: Router) -> Iterator[Advice]:
    """Advice on a policy that only a guess puts in force, or lifts."""
    when = set(rule.when.conditions) if rule.when else set()
    firm = any(
        each.when is not None and each.when.tags and _limits(each) == _limits(rule)
        for each in router.config.policies
    )
    if when == {"pii"} and not firm:
        text = f"policy {rule.name!r} holds where personal data is noticed, which is best effort"
        help_ = "tag such calls, and say the same of 'when: {tags: ...}' too: a tag is a contract"
        yield Advice("warning", ("policies", number, "when", "pii"), text, help_)
    lifting = set(rule.unless.conditions) if rule.unless else set()
    if lifting and lifting <= READ_FROM_TEXT:
        text = f"policy {rule.name!r} is lifted by a guess: whoever writes the prompt can lift it"
        help_ = "use tags or metadata in 'unless'"
        yield Advice("warning", ("policies", number, "unless"), text, help_)


def _limits(rule: Policy) -> list[Any]:
    return [getattr(rule, name) for name in _LIMITS]


def _empty_patterns(number: int, rule: Policy, router: Router) -> Iterator[Advice]:
    """Advice on patterns that no model has the name of, or that mean less than they look."""
    help_ = "only * is special in a pattern; `globalapi models` has the names"
    for key in ("models", "not_models"):
        for place, pattern in enumerate(getattr(rule, key) or ()):
            where = ("policies", number, key, place)
            known = (policy.is_one_of(each, [pattern]) for each in router.catalog)
            if not _SPECIAL.isdisjoint(pattern):
                text = f"policy {rule.name!r}: {pattern!r} is read without its punctuation"
                yield Advice("warning", where, text, help_)
            elif "*" in pattern and not any(known):
                text = f"policy {rule.name!r}: no model of the catalog or the file is {pattern!r}"
                yield Advice("warning", where, text, help_)


def _origins(router: Router) -> Iterator[Advice]:
    """Advice on models that policies cannot tell the origin of, or tell wrongly."""
    config = router.config
    rules = [each.name for each in config.policies if each.origins is not None]
    if not rules:
        return
    by = f"polic{'ies' if len(rules) > 1 else 'y'} {', '.join(map(repr, rules))}"
    seen: set[str] = set()
    for number, route in enumerate(config.routes):
        for place, model in candidates(route, router.catalog):
            if model.origin is None and model.name not in seen:
                seen.add(model.name)
                text = (
                    f"{model.name}: origin unknown, so {by} never allow{'s' * (len(rules) == 1)} it"
                )
                help_ = f"state it under models.{model.name}: origin"
                yield Advice("warning", ("routes", number, "candidates", place), text, help_)
    for name, given in config.models.items():
        sent = router.catalog.get(given.id) if given.id else None
        mine = router.catalog.get(name)
        if sent and sent.name != mine.name and sent.origin != mine.origin and sent.known:
            text = (
                f"{mine.name} is sent as {given.id}, whose origin is {sent.origin or 'unknown'}, "
            )
            text += f"and counts as {mine.origin or 'unknown'} for {by}"
            yield Advice("warning", ("models", name, "id"), text, f"state models.{name}: origin")
