"""A decision as a person would tell it, and the one change that would make it another.

`Decision.explain` and `globalapi explain` say the same, word for word. Nothing of the
prompt is in it: it is told from the signals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from globalapi_core.errors import NoCandidateError
from globalapi_core.signals import Signals

if TYPE_CHECKING:
    from globalapi_core.records import Candidate, Decision
    from globalapi_core.router import Router

_LANGUAGES = {
    "en": "English", "zh": "Chinese", "ja": "Japanese", "ko": "Korean",
    "mixed": "Chinese and English", "other": "another language", "und": "no known language",
}  # fmt: skip
_ORDERS = {
    "priority": "in the order of the file",
    "cheapest": "the cheapest first",
    "fastest": "the fastest first",
    "balanced": "by cost times seconds",
}
_MOST_FLIPS = 6


@dataclass(frozen=True, slots=True)
class Flip:
    """One change of one signal that takes a request elsewhere."""

    change: str
    route: str | None
    model: str

    def __str__(self) -> str:
        by = f", by route {self.route!r}" if self.route else ""
        return f"{self.change}: {self.model}{by}"

    def as_dict(self) -> dict[str, str | None]:
        """For JSON."""
        return {"change": self.change, "route": self.route, "model": self.model}


def text(decision: Decision, router: Router | None = None) -> str:
    """*decision* in sentences.

    Args:
        decision: what to explain.
        router: whose routes are searched for what would change it; `None`: nothing is said
            of that.
    """
    parts = [_verdict(decision), _request(decision.signals), _passed(decision)]
    parts += [_candidates(decision), _rejected(decision)]
    if router is not None and not decision.forced:
        parts.append(_flips(flips(decision, router)))
    return "\n\n".join(filter(None, parts))


def flips(decision: Decision, router: Router) -> tuple[Flip, ...]:
    """The single changes that would send the request to another model or along another route.

    The least first: a guess that was wrong, then what the caller says, then what the request
    holds, then its size.
    """
    found: dict[tuple[str | None, str], Flip] = {}
    for change, signals in _changes(decision, router):
        try:
            other = router.decide(signals)
        except NoCandidateError:
            continue
        where = (other.route, other.primary.name)
        if where != (decision.route, decision.primary.name):
            found.setdefault(where, Flip(change, *where))
    return tuple(found.values())


# --- what is said -----------------------------------------------------------------------


def _verdict(decision: Decision) -> str:
    model = decision.primary.name
    if decision.route is None:
        return f"{model} gets this call: {decision.reason}."
    if decision.forced:
        return f"{model} gets this call: route {decision.route!r} was {decision.reason}."
    return f"{model} gets this call: route {decision.route!r} fired, because {decision.reason}."


def _request(signals: Signals) -> str:
    language = _LANGUAGES.get(signals.language, signals.language)
    return " ".join(
        (
            f"It is asked in {language}{_because(signals, 'language')};",
            f"{'it is' if signals.code else 'it is not'} about code{_because(signals, 'code')},",
            f"and {'asks' if signals.reasoning else 'does not ask'} for reasoning"
            f"{_because(signals, 'reasoning')}.",
            *_task(signals),
            *_facts(signals),
        )
    )


def _task(signals: Signals) -> Iterator[str]:
    if signals.task != "und":
        task = f"{signals.task}{_because(signals, 'task')}"
        yield f"The task looks like {task}, difficulty {signals.difficulty:g} of 1."
    if signals.pii:
        yield f"It may hold personal data, as far as one can see: {', '.join(sorted(signals.pii))}."


def _because(signals: Signals, name: str) -> str:
    evidence = signals.evidence.get(name)
    return f" ({evidence})" if evidence else ""


def _facts(signals: Signals) -> Iterator[str]:
    yield f"About {_count(signals.input_tokens, 'token')}"
    yield f"in {_count(signals.turns, 'turn')};" if signals.turns > 1 else "of prompt;"
    attached = sorted(signals.modalities - {"text"})
    yield f"{' and '.join(attached)} attached;" if attached else "nothing attached;"
    yield (
        f"{_count(signals.tools, 'tool') if signals.tools else 'no tools'} bound"
        + (f"; the answer must be {signals.response_format}" if signals.response_format else "")
        + (f"; at most {signals.max_tokens:,} tokens of answer" if signals.max_tokens else "")
        + ("; asked to think first" if signals.thinking else "")
        + "."
    )
    # Metadata is not listed: callers put names and ids of people into it.
    if signals.tags:
        yield f"Tagged {', '.join(sorted(signals.tags))}."
    if signals.keywords:
        yield f"Keywords found: {', '.join(sorted(signals.keywords))}."


def _passed(decision: Decision) -> str:
    if not decision.passed:
        return ""
    return _listed("These routes were asked before:", [f"{n}: {why}" for n, why in decision.passed])


def _candidates(decision: Decision) -> str:
    order = _ORDERS.get(decision.choose, f"by {decision.choose}")
    if len(decision.candidates) == 1:
        return _listed("Only one model is tried:", [_candidate(decision.primary)])
    lines = [
        f"{number}. {_candidate(each)}" for number, each in enumerate(decision.candidates, start=1)
    ]
    return _listed(f"Tried {order}, each if the one above fails:", lines)


def _candidate(each: Candidate) -> str:
    cost = f"estimated {each.estimate}" if each.estimate else "cost not estimated"
    return f"{each.name}, {cost}"


def _rejected(decision: Decision) -> str:
    if not decision.rejected:
        return "Nobody was turned down." if decision.route else ""
    return _listed("Turned down:", [str(each) for each in decision.rejected])


def _flips(found: Sequence[Flip]) -> str:
    if not found:
        return "No single change of a signal would take it elsewhere."
    more = len(found) - _MOST_FLIPS
    lines = [str(each) for each in found[:_MOST_FLIPS]] + ([f"and {more} more"] * (more > 0))
    return _listed("One change would take it elsewhere:", lines)


def _listed(head: str, lines: Sequence[str]) -> str:
    return "\n".join((head, *(f"  {line}" for line in lines)))


def _count(amount: int, noun: str) -> str:
    return f"{amount:,} {noun}{'' if amount == 1 else 's'}"


# --- what might have been ---------------------------------------------------------------


def _changes(decision: Decision, router: Router) -> Iterator[tuple[str, Signals]]:
    """The request with one signal changed, in all ways some route asks for; the least first."""
    signals = decision.signals
    asked: dict[str, list[Any]] = {}
    for route in router.config.routes:
        for key, wanted in (route.when.conditions if route.when else {}).items():
            asked.setdefault(key, []).append(wanted)
    yield from _guesses(signals, asked)
    yield from _said(signals, asked)
    yield from _held(signals, asked)
    yield from _sizes(decision, asked)


def _guesses(signals: Signals, asked: dict[str, list[Any]]) -> Iterator[tuple[str, Signals]]:
    if "code" in asked:
        change = f"if it were {'not ' if signals.code else ''}about code"
        yield change, replace(signals, code=not signals.code)
    if "reasoning" in asked:
        change = f"if it asked for {'no ' if signals.reasoning else ''}reasoning"
        yield change, replace(signals, reasoning=not signals.reasoning)
    for each in _each(asked.get("language")) + ["en"] * ("language" in asked):
        if each != signals.language:
            change = f"if it were asked in {_LANGUAGES.get(each, each)}"
            yield change, replace(signals, language=each)


def _said(signals: Signals, asked: dict[str, list[Any]]) -> Iterator[tuple[str, Signals]]:
    for each in _each(asked.get("tags")):
        change = f"{'without' if each in signals.tags else 'with'} tag {each}"
        yield change, replace(signals, tags=signals.tags ^ {each})
    for each in _each(asked.get("keywords")):
        change = f"{'without' if each in signals.keywords else 'with'} keyword {each}"
        yield change, replace(signals, keywords=signals.keywords ^ {each})
    for wanted in asked.get("metadata", ()):
        for key, values in wanted.items():
            other = {name: value for name, value in signals.metadata.items() if name != key}
            if key in signals.metadata:
                yield f"without metadata {key}", replace(signals, metadata=other)
            for value in values:
                changed = replace(signals, metadata={**other, key: value})
                yield f"with metadata {key} = {value}", changed


def _held(signals: Signals, asked: dict[str, list[Any]]) -> Iterator[tuple[str, Signals]]:
    if "tools" in asked:
        change = "with no tools bound" if signals.tools else "with tools bound"
        yield change, replace(signals, tools=0 if signals.tools else 1)
    if "json_output" in asked:
        has = signals.response_format
        change = "if the answer need not be JSON" if has else "if the answer must be JSON"
        yield change, replace(signals, response_format=None if has else "json_object")
    for each in _each(asked.get("modality")):
        if each != "text":
            change = f"{'without' if each in signals.modalities else 'with'} {each} attached"
            yield change, replace(signals, modalities=signals.modalities ^ {each})


def _sizes(decision: Decision, asked: dict[str, list[Any]]) -> Iterator[tuple[str, Signals]]:
    signals, now = decision.signals, decision.signals.input_tokens
    bounds = {bound if now < bound else bound - 1 for bound in asked.get("min_tokens", ())}
    bounds |= {bound if now > bound else bound + 1 for bound in asked.get("max_tokens", ())}
    bounds.add(_beyond(decision.primary, signals))
    for size in sorted((each for each in bounds if each > 0), key=lambda each: abs(each - now)):
        yield f"with a prompt of {size:,} tokens", signals.sized(size)


def _beyond(candidate: Candidate, signals: Signals) -> int:
    """The least prompt, in tokens, that *candidate* has no room for."""
    answer = signals.max_tokens or candidate.params.get("max_tokens") or 0
    return candidate.model.window - (answer if isinstance(answer, int) else 0) + 1


def _each(lists: list[Any] | None) -> list[str]:
    """All values of conditions that are lists, once, in the order of the file."""
    return list(dict.fromkeys(value for values in lists or () for value in values))
