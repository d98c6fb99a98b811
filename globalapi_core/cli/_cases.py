"""Running the tests of a config file: each is a decision, held to what is expected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from globalapi_core.config import Case, Expect
from globalapi_core.config.keys import masked
from globalapi_core.errors import InvalidInputError, NoCandidateError
from globalapi_core.records import Decision
from globalapi_core.router import Router
from globalapi_core.signals import Message, Signals
from globalapi_core.signals.question import asked

_SHOWN = 60
"""Characters of a prompt that name its test."""
_PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}
_TOOL = {"type": "function", "function": {"name": "tool", "parameters": {"type": "object"}}}


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one test."""

    number: int
    """Its place among the tests of the file, from 0."""
    name: str
    """The beginning of what it asks."""
    decision: Decision | None
    """`None` when no model can take the request."""
    wrong: tuple[str, ...] = ()
    """What was expected in vain."""
    why: tuple[str, ...] = ()
    """What led to it: the route that fired, and why the expected one did not."""

    @property
    def passed(self) -> bool:
        """Whether the decision is as expected."""
        return not self.wrong

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "input": self.name,
            "passed": self.passed,
            "route": self.decision and self.decision.route,
            "model": self.decision and self.decision.primary.name,
            "reason": self.decision and self.decision.reason,
            "wrong": list(self.wrong),
            "why": list(self.why),
        }


def run(router: Router) -> Iterator[Result]:
    """The result of each test in the router's file, in its order; calls nothing."""
    for number, case in enumerate(router.config.tests):
        try:
            decision = router.decide(_signals(case, router))
        except (InvalidInputError, NoCandidateError) as error:
            yield Result(number, _name(case), None, (str(error),))
            continue
        wrong = tuple(_wrong(case.expect, decision, router))
        why = tuple(_why(case.expect, decision, router)) if wrong else ()
        yield Result(number, _name(case), decision, wrong, why)


def _signals(case: Case, router: Router) -> Signals:
    signals = router.signals(
        _messages(case),
        tools=[_TOOL] if case.tools else (),
        response_format={"type": "json_object"} if case.wants_json else None,
        max_tokens=case.max_tokens,
        tags=case.tags,
        metadata=case.metadata,
    )
    return signals.sized(case.tokens) if case.tokens else signals


def _messages(case: Case) -> Sequence[Message]:
    if not case.image:
        return case.input
    *before, last = case.input
    content = last.get("content") or []
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return [*before, {**last, "content": [*parts, _PICTURE]}]


def _name(case: Case) -> str:
    text = " ".join(asked(case.input).split())
    return masked(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")


def _wrong(expect: Expect, decision: Decision, router: Router) -> Iterator[str]:
    model = decision.primary.name
    if expect.route and decision.route not in expect.route:
        yield f"took route {decision.route!r}, expected {_either(expect.route)}"
    if expect.model and model not in _resolved(expect.model, router):
        yield f"went to {model}, expected {' or '.join(_resolved(expect.model, router))}"
    if expect.not_model and model in _resolved(expect.not_model, router):
        yield f"went to {model}, expected any other model"


def _why(expect: Expect, decision: Decision, router: Router) -> Iterator[str]:
    yield f"route {decision.route!r} fired: {decision.reason}"
    passed: Mapping[str, str] = dict(decision.passed)
    fired = decision.route
    for route in router.config.routes:
        wanted = route.name in (expect.route or ()) or not {
            router.catalog.resolve(each).name for each in route.candidates
        }.isdisjoint(_resolved(expect.model or (), router))
        if wanted and route.name in passed:
            yield f"route {route.name!r} did not: {passed[route.name]}"
        elif wanted and route.name != fired:
            yield f"route {route.name!r} was not asked: {fired!r} stands before it"
    for each in decision.rejected:
        if each.name in _resolved(expect.model or (), router):
            yield f"{each.name} was turned down: {each.reason}"


def _resolved(names: Sequence[str], router: Router) -> list[str]:
    return [router.catalog.resolve(each).name for each in names]


def _either(names: Sequence[str]) -> str:
    return " or ".join(map(repr, names))
