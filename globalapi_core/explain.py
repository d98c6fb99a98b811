"""A decision as a person would tell it.

`Decision.explain` and `globalapi explain` say the same, word for word. Nothing of the
prompt is in it: it is told from the signals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from globalapi_core.flips import Flip, flips, language_of
from globalapi_core.signals import Signals

if TYPE_CHECKING:
    from globalapi_core.records import Candidate, Decision
    from globalapi_core.router import Router

_ORDERS = {
    "priority": "in the order of the file",
    "cheapest": "the cheapest first",
    "fastest": "the fastest first",
    "balanced": "by cost times seconds",
    "quality": "the best expected answer for its cost first",
}
_MOST_FLIPS = 6


def text(decision: Decision, router: Router | None = None) -> str:
    """*decision* in sentences.

    Args:
        decision: what to explain.
        router: whose routes are searched for what would change it; `None`: nothing is said
            of that.
    """
    parts = [_verdict(decision), _request(decision), _passed(decision)]
    parts += [_candidates(decision), _rejected(decision), _besides(decision)]
    if router is not None and not decision.forced:
        parts.append(_flips(flips(decision, router)))
    return "\n\n".join(filter(None, parts))


def _verdict(decision: Decision) -> str:
    model = decision.primary.name
    if decision.route is None:
        return f"{model} gets this call: {decision.reason}."
    if decision.forced:
        return f"{model} gets this call: route {decision.route!r} was {decision.reason}."
    return f"{model} gets this call: route {decision.route!r} fired, because {decision.reason}."


def _request(decision: Decision) -> str:
    signals = decision.signals
    return " ".join((*_guessed(decision), *_task(signals), *_facts(signals)))


def _guessed(decision: Decision) -> Iterator[str]:
    signals = decision.signals
    if decision.route is None and signals.language == "und" and not signals.evidence:
        # Where the model is named the text counts for policies alone: see `signals_for_one`.
        yield "Nothing was guessed of its text."
        return
    language = language_of(signals.language, signals.script)
    yield f"It is asked in {language}{_because(signals, 'language')};"
    yield f"{'it is' if signals.code else 'it is not'} about code{_because(signals, 'code')},"
    asks = "asks" if signals.reasoning else "does not ask"
    yield f"and {asks} for reasoning{_because(signals, 'reasoning')}."


def _task(signals: Signals) -> Iterator[str]:
    if signals.task != "und":
        task = f"{signals.task}{_because(signals, 'task')}"
        yield f"The task looks like {task}, difficulty {signals.difficulty:g} of 1."
    if signals.guess is not None:
        domain, known = signals.guess.domain.replace("_", " "), signals.guess.known
        said = (
            f"By its words it is {domain} ({known} of them {'is' if known == 1 else 'are'} known)."
        )
        yield said if known else "Its words say nothing of its domain."
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
        return _listed("Only one model is tried:", [_candidate(decision.primary, decision.choose)])
    if decision.moved:
        order += " but for what is said above"
    lines = [
        f"{number}. {_candidate(each, decision.choose)}"
        for number, each in enumerate(decision.candidates, start=1)
    ]
    return _listed(f"Tried {order}, each if the one above fails:", lines)


def _candidate(each: Candidate, choose: str) -> str:
    said = [each.name, f"estimated {each.estimate}" if each.estimate else "cost not estimated"]
    if each.quality is not None:
        said.append(f"expected to be right {each.quality:.0%} of the time")
    elif choose == "quality":
        said.append("of unknown quality: nobody measured it")
    return ", ".join(said)


def _rejected(decision: Decision) -> str:
    if not decision.rejected:
        return "Nobody was turned down." if decision.route else ""
    return _listed("Turned down:", [str(each) for each in decision.rejected])


def _besides(decision: Decision) -> str:
    """What holds for the call besides who is tried."""
    lines = []
    if decision.policies:
        held = f"Policies that hold: {', '.join(decision.policies)}"
        most = decision.max_cost
        limit = "" if most is None else f"; the call may come to ${most:f}"
        lines.append(f"{held}{limit}.")
    if decision.escalate:
        lines.append(f"An answer that fails a check ({', '.join(decision.escalate)}) goes up one.")
    if decision.shadow:
        lines.append(f"After the answer, {decision.shadow.name} may be asked too, unseen.")
    return "\n".join(lines)


def _flips(found: Sequence[Flip]) -> str:
    if not found:
        return "No single change of what some 'when' asks for would take it elsewhere."
    more = len(found) - _MOST_FLIPS
    lines = [str(each) for each in found[:_MOST_FLIPS]] + ([f"and {more} more"] * (more > 0))
    return _listed("One change would take it elsewhere:", lines)


def _listed(head: str, lines: Sequence[str]) -> str:
    return "\n".join((head, *(f"  {line}" for line in lines)))


def _count(amount: int, noun: str) -> str:
    return f"{amount:,} {noun}{'' if amount == 1 else 's'}"
