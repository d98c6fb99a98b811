"""What might have been: the one change of a request that would make its decision another."""

from __future__ import annotations

from collections.abc import Iterator
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
_SCRIPTS = {"Hans": "simplified", "Hant": "traditional"}


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


def flips(decision: Decision, router: Router) -> tuple[Flip, ...]:
    """The single changes that would send the request to another model or along another route.

    The least first: a guess that was wrong, then what the caller says, then what the request
    holds, then its size. Only what some `when` asks for is changed, and nobody is cooling down.
    """
    # Where it would go now: who has recovered since is no change of the request's.
    here = {(decision.route, decision.primary.name), _goes(decision.signals, router)}
    found: dict[tuple[str | None, str], Flip] = {}
    for change, signals in _changes(decision, router):
        where = _goes(signals, router)
        if where is not None and where not in here:
            found.setdefault(where, Flip(change, *where))
    return tuple(found.values())


def _goes(signals: Signals, router: Router) -> tuple[str | None, str] | None:
    """Route and model of a request; `None` if no model can take it."""
    try:
        decision = router.decide(signals)
    except NoCandidateError:
        return None
    return decision.route, decision.primary.name


def language_of(language: str, script: str | None = None) -> str:
    """A language of the signals, for people: `traditional Chinese`."""
    return " ".join(filter(None, (_SCRIPTS.get(script or ""), _LANGUAGES.get(language, language))))


def _changes(decision: Decision, router: Router) -> Iterator[tuple[str, Signals]]:
    """The request with one signal changed, in all ways some route asks for; the least first."""
    signals = decision.signals
    asked: dict[str, list[Any]] = {}
    for when in router.config.conditions:
        for key, wanted in when.conditions.items():
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
        language, _, script = each.partition("-")
        if (language, script or None) not in (
            (signals.language, None),
            (signals.language, signals.script),
        ):
            change = f"if it were asked in {language_of(language, script)}"
            yield change, replace(signals, language=language, script=script or None)
    for each in _each(asked.get("task")):
        if each != signals.task:
            yield f"if the task were {each}", replace(signals, task=each)
    yield from _difficulties(signals, asked)
    for each in _each(asked.get("pii")):
        kind = "email" if each == "any" else each
        if signals.pii:
            yield "without personal data", replace(signals, pii=frozenset())
        else:
            yield f"with personal data ({each})", replace(signals, pii=frozenset({kind}))


def _difficulties(signals: Signals, asked: dict[str, list[Any]]) -> Iterator[tuple[str, Signals]]:
    now = signals.difficulty
    bounds = {bound if now < bound else bound - 0.01 for bound in asked.get("min_difficulty", ())}
    bounds |= {bound if now > bound else bound + 0.01 for bound in asked.get("max_difficulty", ())}
    bounds = {round(bound, 4) for bound in bounds}
    for each in sorted((each for each in bounds if 0 <= each <= 1), key=lambda b: abs(b - now)):
        yield f"with a difficulty of {each:g}", replace(signals, difficulty=each)


def _said(signals: Signals, asked: dict[str, list[Any]]) -> Iterator[tuple[str, Signals]]:
    for each in _unlike(asked.get("tags"), signals.tags):
        change = f"{'without' if each in signals.tags else 'with'} tag {each}"
        yield change, replace(signals, tags=signals.tags ^ {each})
    for each in _unlike(asked.get("keywords"), signals.keywords):
        change = f"{'without' if each in signals.keywords else 'with'} keyword {each}"
        yield change, replace(signals, keywords=signals.keywords ^ {each})
    for key in _each(asked.get("metadata")):
        other = {name: value for name, value in signals.metadata.items() if name != key}
        if key in signals.metadata:
            yield f"without metadata {key}", replace(signals, metadata=other)
        for value in _unlike([each[key] for each in asked["metadata"] if key in each]):
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


def _unlike(lists: list[Any] | None, held: frozenset[str] = frozenset()) -> Iterator[str]:
    """`_each`, but of values that always stand together, and are not *held*, the first."""
    where: dict[str, list[int]] = {}
    for number, values in enumerate(lists or ()):
        for value in values:
            where.setdefault(value, []).append(number)
    seen: set[tuple[int, ...]] = set()
    for value, numbers in where.items():
        if value in held:
            yield value
        elif tuple(numbers) not in seen:
            seen.add(tuple(numbers))
            yield value
